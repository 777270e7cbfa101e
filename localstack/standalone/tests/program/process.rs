//! The program as a child process, and calls of its API.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use connectors::simulator::{Simulator, Targets};
use domain::channel::Channel;
use platform::secrets::Secret;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout};
use url::Url;

/// How long the program may take to say something, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `campaigns serve`.
pub(crate) struct Program {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    /// Where it listens.
    pub(crate) base: Url,
    /// The key that it printed, on its first start.
    pub(crate) key: Option<String>,
}

impl Program {
    /// Starts it on a data directory.
    pub(crate) async fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_campaigns"))
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-network", "127.0.0.0/8", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut key = None;
        loop {
            let line = timeout(PATIENCE, output.next_line()).await.expect("it says something").unwrap();
            let line = line.expect("it does not stop before it listens");
            if line.trim().starts_with("oc_") {
                key = Some(line.trim().to_owned());
            }
            if let Some(address) = line.strip_prefix("Listening on ") {
                let base = Url::parse(address.split_whitespace().next().unwrap()).unwrap();
                return Self { child, output, base, key };
            }
        }
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM; tells how long it took to stop.
    pub(crate) async fn terminate(mut self) -> Duration {
        let id = self.child.id().unwrap().to_string();
        let begun = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(sent.success());
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it stops").unwrap();
        assert!(status.success(), "{status}");
        while let Ok(Some(_)) = self.output.next_line().await {}
        begun.elapsed()
    }
}

/// Calls of the API.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    pub(crate) base: Url,
    pub(crate) key: String,
}

impl Api {
    pub(crate) fn new(base: Url, key: String) -> Self {
        Self { client: connectors::http_client().unwrap(), base, key }
    }

    /// One call; the idempotency key may be empty.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: &str,
    ) -> Result<(StatusCode, Value), reqwest::Error> {
        let mut request = self.client.request(method, self.base.join(path).unwrap()).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        if !idempotency_key.is_empty() {
            request = request.header("Idempotency-Key", idempotency_key);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// A call that has to succeed.
    pub(crate) async fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.call(method.clone(), path, body, "").await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// Asks again and again until an answer will do.
    pub(crate) async fn until(&self, path: &str, within: Duration, enough: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + within;
        loop {
            let answer = self.must(Method::GET, path, None).await;
            if enough(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} did not come to it: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Configures a CIM connector to the simulator.
    pub(crate) async fn connector(&self, simulator: &Simulator, channel: Channel, honours_key: bool) {
        let body = json!({
            "name": channel.name(), "kind": "ccm", "channels": [channel.name()],
            "ratePerSecond": 5_000, "concurrency": 40,
            "settings": {
                "webhookUrl": simulator.ccm_url(channel),
                "honoursIdempotencyKey": honours_key.to_string(),
            },
        });
        self.must(Method::PUT, &format!("/v1/connectors/{}", channel.name()), Some(&body)).await;
    }

    /// Lets the simulator report to this program.
    pub(crate) fn reports(&self, simulator: &Simulator) {
        simulator.report_to(Targets {
            cim_messages: Some(self.base.join("/v1/cim-messages").unwrap()),
            api_key: Some(Secret::new(self.key.clone())),
            ..Targets::default()
        });
    }
}
