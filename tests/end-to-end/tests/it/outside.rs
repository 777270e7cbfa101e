//! The world around the program: the providers, and an endpoint for webhooks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use connectors::simulator::{Script, Simulator, SimulatorConfig, Targets};
use domain::channel::Channel;
use domain::time::Millis;
use domain::webhook::signature::SigningKey;
use platform::secrets::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::api::Api;

/// A provider whose channels play these scripts.
pub(crate) async fn provider(scripts: &[(Channel, Script)]) -> Simulator {
    let config = SimulatorConfig {
        scripts: scripts.iter().cloned().collect(),
        remembered_requests: 100_000,
        ..SimulatorConfig::default()
    };
    Simulator::start("127.0.0.1:0".parse().unwrap(), config)
        .await
        .unwrap()
}

/// A provider's channel that puts everything off for a second.
pub(crate) fn busy() -> Script {
    Script {
        defer: 1.0,
        retry_after: Millis::seconds(1),
        ..Script::default()
    }
}

/// Connects a server and a provider.
pub(crate) async fn connect(
    api: &Api,
    provider: &Simulator,
    channels: &[Channel],
    settings: &[(&str, &str)],
) {
    provider.report_to(Targets {
        cim_messages: Some(api.url("/v1/cim-messages").parse().unwrap()),
        api: Some(api.url("").parse().unwrap()),
        api_key: Some(Secret::new(api.key())),
        ..Targets::default()
    });
    for channel in channels {
        let mut connector = json!({
            "name": channel.name(), "kind": "ccm", "channels": [channel],
            "settings": {"webhookUrl": provider.ccm_url(*channel)},
            "ratePerSecond": 1_000, "concurrency": 50,
        });
        for (name, value) in settings {
            connector["settings"][name] = json!(value);
        }
        api.post("/v1/connectors", &connector).await.ok();
    }
}

/// A call of a webhook.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    id: String,
    timestamp: String,
    signatures: String,
    text: String,
    pub(crate) event: Value,
}

impl Call {
    /// Whether the secret has signed it, as Standard Webhooks has it.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let expected =
            SigningKey::parse(secret)
                .unwrap()
                .sign(&self.id, self.timestamp.parse().unwrap(), &self.text);
        self.event["id"] == self.id.as_str()
            && self.signatures.split(' ').any(|signature| signature == expected)
    }
}

/// An endpoint that takes every call, but for the first few that it may refuse.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    desk: Arc<Mutex<Desk>>,
}

#[derive(Default)]
struct Desk {
    refusals: VecDeque<Refusal>,
    calls: Vec<Call>,
}

/// A call that is not taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) retry_after_seconds: Option<u64>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        Self::refusing([]).await
    }

    pub(crate) async fn refusing(refusals: impl IntoIterator<Item = Refusal>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let desk = Arc::new(Mutex::new(Desk {
            refusals: refusals.into_iter().collect(),
            calls: Vec::new(),
        }));
        let router = Router::new()
            .route("/events", post(take))
            .with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, desk }
    }

    /// The calls that were taken.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.desk.lock().unwrap().calls.clone()
    }

    /// How often it will still refuse.
    pub(crate) fn refusals_left(&self) -> usize {
        self.desk.lock().unwrap().refusals.len()
    }

    /// The types of the events that it was told, each event once, in no order.
    pub(crate) fn types(&self) -> Vec<String> {
        let mut told: Vec<(String, String)> = self
            .calls()
            .iter()
            .map(|call| (call.event["type"].as_str().unwrap().to_owned(), call.id.clone()))
            .collect();
        told.sort();
        told.dedup();
        told.into_iter().map(|(kind, _)| kind).collect()
    }
}

async fn take(State(desk): State<Arc<Mutex<Desk>>>, headers: HeaderMap, text: String) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let call = Call {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signatures: header("webhook-signature"),
        event: serde_json::from_str(&text).unwrap(),
        text,
    };
    let mut desk = desk.lock().unwrap();
    let Some(refusal) = desk.refusals.pop_front() else {
        desk.calls.push(call);
        return StatusCode::NO_CONTENT.into_response();
    };
    let mut response = refusal.status.into_response();
    if let Some(seconds) = refusal.retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
