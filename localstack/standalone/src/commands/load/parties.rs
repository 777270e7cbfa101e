//! The other processes: the server and the simulator, both this very program.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::http::Api;
use super::simulator::KEY;
use super::told;
use super::usage::Usage;
use crate::failure::Failure;

/// How long a process may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process. It is killed when this is dropped.
struct Party {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Party {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(told)?;
        let output = child
            .stdout
            .take()
            .ok_or_else(|| told("a child process has no output"))?;
        Ok(Self {
            child,
            lines: BufReader::new(output).lines(),
        })
    }

    /// The rest of the first line that has this beginning, up to a blank.
    async fn told_behind(&mut self, beginning: &str) -> Result<String, Failure> {
        let read = async {
            while let Some(line) = self.lines.next_line().await.map_err(told)? {
                if let Some(rest) = line.trim_start().strip_prefix(beginning) {
                    return Ok(rest.split_whitespace().next().unwrap_or_default().to_owned());
                }
            }
            Err(told(format!(
                "a child process ended before it said {beginning:?}"
            )))
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .map_err(|_| told("a child process does not start"))?
    }

    fn id(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Asks it to end, and waits until it did.
    async fn end(&mut self) -> Result<(), Failure> {
        terminate(self.id());
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .map_err(|_| told("a child process does not end"))?
            .map_err(told)?;
        Ok(())
    }
}

#[cfg(unix)]
fn terminate(process: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    // It may have ended by itself.
    let _ = process.map(|process| kill_process(process, Signal::TERM));
}

/// Without signals, it is killed when it is dropped.
#[cfg(not(unix))]
fn terminate(_: u32) {}

fn this_program() -> Result<Command, Failure> {
    Ok(Command::new(std::env::current_exe().map_err(told)?))
}

/// What the server's log tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// How long each sweep took, in microseconds.
    pub(super) sweeps: Vec<u64>,
    /// What the database did, once it is closed.
    pub(super) database: Option<Database>,
}

/// What the database did.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Database {
    pub(super) synchronous: String,
    pub(super) commits: u64,
    pub(super) transactions: u64,
}

#[derive(Deserialize)]
struct LogLine {
    level: String,
    message: String,
    #[serde(default)]
    micros: u64,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// The server, on a data directory of its own that goes away behind it.
pub(super) struct Server {
    party: Party,
    log: Arc<Mutex<Log>>,
    reading: JoinHandle<()>,
    pub(super) api: Api,
    _directory: TempDir,
}

impl Server {
    pub(super) async fn start(data: &Path) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new()
            .prefix("campaigns-load-")
            .tempdir_in(data)
            .map_err(told)?;
        let mut command = this_program()?;
        command.arg("serve").arg("--data").arg(directory.path());
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--allow-network",
            "127.0.0.0/8",
            "--json-logs",
        ]);
        command
            .env("RUST_LOG", "warn,campaigns=debug")
            .stderr(Stdio::piped());
        let mut party = Party::start(&mut command)?;
        let errors = party
            .child
            .stderr
            .take()
            .ok_or_else(|| told("the server has no log"))?;
        let log = Arc::<Mutex<Log>>::default();
        let reading = tokio::spawn(follow(BufReader::new(errors).lines(), log.clone()));
        let key = party.told_behind("oc_").await?;
        let authority = party.told_behind("Listening on http://").await?;
        let api = Api::new(authority, Some(format!("oc_{key}")));
        Ok(Self {
            party,
            log,
            reading,
            api,
            _directory: directory,
        })
    }

    /// Its process.
    pub(super) fn process(&self) -> u32 {
        self.party.id()
    }

    /// What its log has told so far.
    pub(super) fn log(&self) -> Log {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it; tells what its database did.
    pub(super) async fn end(mut self) -> Result<Database, Failure> {
        self.party.end().await?;
        // The log ends with the process.
        let _ = (&mut self.reading).await;
        self.log()
            .database
            .ok_or_else(|| told("the server did not close its database"))
    }
}

async fn follow<R: tokio::io::AsyncBufRead + Unpin>(mut lines: Lines<R>, log: Arc<Mutex<Log>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(read) = serde_json::from_str::<LogLine>(&line) else {
            eprintln!("server: {line}");
            continue;
        };
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        match read.message.as_str() {
            "swept" => log.sweeps.push(read.micros),
            "the database is closed" => {
                log.database = serde_json::from_value(serde_json::Value::Object(read.rest)).ok();
            }
            _ if matches!(read.level.as_str(), "WARN" | "ERROR") => eprintln!("server: {line}"),
            _ => {}
        }
    }
}

/// The provider simulator.
pub(super) struct Providers {
    party: Party,
    pub(super) api: Api,
}

impl Providers {
    /// Starts it. Of all messages this share is delivered and read.
    pub(super) async fn start(server: &Api, share: f64, remember: u32) -> Result<Self, Failure> {
        let mut command = this_program()?;
        command.arg("simulator");
        command
            .arg("--report-to")
            .arg(format!("http://{}/v1/cim-messages", server.authority()));
        for (name, value) in [
            ("--delivered", share.to_string()),
            ("--read", share.to_string()),
            ("--remember", remember.to_string()),
        ] {
            command.arg(name).arg(value);
        }
        if let Some(key) = server.key() {
            command.env(KEY, key);
        }
        let mut party = Party::start(&mut command)?;
        let authority = party.told_behind("Listening on http://").await?;
        Ok(Self {
            party,
            api: Api::new(authority, None),
        })
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Usage {
        Usage::of(self.party.id())
    }

    /// Ends it.
    pub(super) async fn end(mut self) -> Result<(), Failure> {
        self.party.end().await
    }
}
