//! The customer's own system: a web server that takes webhooks, checks their signatures as Standard
//! Webhooks asks of every receiver, and counts.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::time::{Millis, Timestamp};
use domain::webhook::signature::SigningKey;
use hdrhistogram::Histogram;
use platform::world::Clock;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How old a call may be.
const TOLERANCE: Millis = Millis::minutes(5);

/// What came so far.
#[derive(Clone, Default)]
pub(super) struct Received {
    /// Events by type, each once.
    pub(super) kinds: BTreeMap<String, usize>,
    /// How often each event came.
    times: HashMap<String, u32>,
    /// Calls whose signature, time or form is wrong.
    pub(super) bad: usize,
}

impl Received {
    /// Different events.
    pub(super) fn events(&self) -> usize {
        self.times.len()
    }

    /// Calls that told an event again.
    pub(super) fn repeated(&self) -> u64 {
        self.times.values().map(|times| u64::from(times - 1)).sum()
    }
}

struct Desk {
    clock: Arc<dyn Clock>,
    key: OnceLock<SigningKey>,
    received: Mutex<Received>,
    lateness: Mutex<Histogram<u64>>,
}

/// A receiver that runs.
pub(super) struct Receiver {
    address: SocketAddr,
    desk: Arc<Desk>,
    task: JoinHandle<io::Result<()>>,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    due_at: Option<Timestamp>,
    #[serde(default)]
    attempt: u32,
}

impl Receiver {
    pub(super) async fn start(listen: SocketAddr, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let lateness = Histogram::new(3).map_err(io::Error::other)?;
        let desk = Arc::new(Desk {
            clock,
            key: OnceLock::new(),
            received: Mutex::default(),
            lateness: Mutex::new(lateness),
        });
        let router = Router::new()
            .route("/events", post(take))
            .with_state(Arc::clone(&desk));
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, desk, task })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Sets what signs the calls. Calls before that are bad.
    pub(super) fn trust(&self, key: SigningKey) {
        // It is set once, at the start.
        let _ = self.desk.key.set(key);
    }

    /// What came so far.
    pub(super) fn received(&self) -> Received {
        lock(&self.desk.received).clone()
    }

    /// How many events of each type came so far.
    pub(super) fn kinds(&self) -> BTreeMap<String, usize> {
        lock(&self.desk.received).kinds.clone()
    }

    /// How many different events came so far.
    pub(super) fn events(&self) -> usize {
        lock(&self.desk.received).events()
    }

    /// How late messages were sent, at the median and at the 95th percentile, in milliseconds.
    pub(super) fn lateness(&self) -> (u64, u64) {
        let histogram = lock(&self.desk.lateness);
        (
            histogram.value_at_quantile(0.5),
            histogram.value_at_quantile(0.95),
        )
    }

    pub(super) fn stop(self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(event) = desk.checked(&headers, &body) else {
        lock(&desk.received).bad += 1;
        return StatusCode::UNAUTHORIZED;
    };
    if event.kind == "activity.sent"
        && event.data.attempt == 1
        && let Some(due) = event.data.due_at
    {
        lock(&desk.lateness).saturating_record(event.timestamp.since(due).get());
    }
    let mut received = lock(&desk.received);
    let times = received.times.entry(event.id).or_default();
    *times += 1;
    if *times == 1 {
        *received.kinds.entry(event.kind).or_default() += 1;
    }
    StatusCode::NO_CONTENT
}

impl Desk {
    /// The event, if its call is signed, of now, and readable.
    fn checked(&self, headers: &HeaderMap, body: &[u8]) -> Option<Event> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let (id, body) = (header("webhook-id")?, std::str::from_utf8(body).ok()?);
        let seconds: i64 = header("webhook-timestamp")?.parse().ok()?;
        let expected = self.key.get()?.sign(id, seconds, body);
        let signed = header("webhook-signature")?
            .split(' ')
            .any(|signature| signature == expected);
        let (at, now) = (
            Timestamp::from_millis(seconds.checked_mul(1_000)?),
            self.clock.now(),
        );
        let is_of_now = now.since(at) <= TOLERANCE && at.since(now) <= TOLERANCE;
        let event: Event = serde_json::from_str(body).ok()?;
        (signed && is_of_now && event.id == id).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::webhook::signature;

    struct At(i64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0)
        }
    }

    const BODY: &str =
        r#"{"id":"evt_1","type":"activity.sent","timestamp":"2026-11-23T12:00:00Z","data":{}}"#;

    fn accepts(id: &str, sent: i64, now: i64, signing: &SigningKey, body: &str) -> bool {
        let desk = Desk {
            clock: Arc::new(At(now)),
            key: SigningKey::generate([1, 2]).into(),
            received: Mutex::default(),
            lateness: Mutex::new(Histogram::new(3).unwrap()),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in signature::headers([signing], id, Timestamp::from_millis(sent), BODY) {
            let name: axum::http::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        desk.checked(&headers, body.as_bytes()).is_some()
    }

    #[test]
    fn only_what_is_signed_and_of_now_is_taken() {
        let (key, other) = (SigningKey::generate([1, 2]), SigningKey::generate([1, 3]));
        assert!(accepts("evt_1", 1_000_000, 1_001_000, &key, BODY));
        assert!(!accepts("evt_1", 1_000_000, 1_001_000, &other, BODY));
        assert!(!accepts("evt_2", 1_000_000, 1_001_000, &key, BODY));
        assert!(!accepts("evt_1", 1_000_000, 1_400_000, &key, BODY));
        assert!(!accepts(
            "evt_1",
            1_000_000,
            1_001_000,
            &key,
            &BODY.replace("sent", "read")
        ));
    }
}
