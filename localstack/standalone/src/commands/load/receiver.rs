//! The webhook's endpoint: takes every call and counts the different events.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::desk::{LOOK, STUCK};
use super::report::Counts;
use super::told;
use crate::failure::Failure;

#[derive(Default)]
struct Taken {
    /// By their ids: what is told again does not count again.
    events: HashSet<String>,
    by_type: Counts,
    again: u64,
    last: Option<Instant>,
}

/// An endpoint that listens.
pub(super) struct Receiver {
    pub(super) url: String,
    taken: Arc<Mutex<Taken>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(told)?;
        let url = format!("http://{}/events", listener.local_addr().map_err(told)?);
        let taken = Arc::<Mutex<Taken>>::default();
        let router = Router::new()
            .route("/events", post(take))
            .with_state(taken.clone());
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the webhook's endpoint ended: {error}");
            }
        });
        Ok(Self { url, taken, serving })
    }

    /// Different events so far, by type.
    pub(super) fn by_type(&self) -> Counts {
        lock(&self.taken).by_type.clone()
    }

    /// Waits until as many different events have come; tells when the last one did.
    pub(super) async fn wait_for(&self, expected: &Counts) -> Result<Instant, Failure> {
        let (mut last, mut changed) = (Counts::new(), Instant::now());
        loop {
            let counts = self.by_type();
            if counts == *expected {
                return Ok(lock(&self.taken).last.unwrap_or_else(Instant::now));
            }
            if counts != last {
                (last, changed) = (counts, Instant::now());
            }
            if changed.elapsed() > STUCK {
                return Err(told(format!("the webhook was told {last:?}, not {expected:?}")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Calls that told an event again.
    pub(super) fn again(&self) -> u64 {
        lock(&self.taken).again
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
}

async fn take(State(taken): State<Arc<Mutex<Taken>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    let (Some(id), Ok(event)) = (id, serde_json::from_slice::<Event>(&body)) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut taken = lock(&taken);
    if taken.events.insert(id.to_owned()) {
        *taken.by_type.entry(event.kind).or_default() += 1;
        taken.last = Some(Instant::now());
    } else {
        taken.again += 1;
    }
    StatusCode::NO_CONTENT
}
