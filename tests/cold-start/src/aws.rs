//! AWS, as far as a first request needs it: every call is answered as if there were nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use tokio::net::TcpListener;

/// The stub, and how many requests it has answered.
pub(crate) struct Aws {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Aws {
    /// Opens it on loopback.
    pub(crate) async fn open() -> std::io::Result<Self> {
        let requests = Arc::new(AtomicUsize::new(0));
        let router = Router::new().fallback(answer).with_state(requests.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, requests })
    }

    /// Requests answered so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn answer(State(requests): State<Arc<AtomicUsize>>, headers: HeaderMap) -> impl IntoResponse {
    requests.fetch_add(1, Ordering::Relaxed);
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let body = match operation {
        "Query" => r#"{"Items":[],"Count":0,"ScannedCount":0}"#,
        "BatchGetItem" => r#"{"Responses":{},"UnprocessedKeys":{}}"#,
        "PutEvents" => r#"{"FailedEntryCount":0,"Entries":[]}"#,
        "SendMessageBatch" | "DeleteMessageBatch" => r#"{"Successful":[],"Failed":[]}"#,
        _ => "{}",
    };
    ([("content-type", "application/x-amz-json-1.0")], body)
}
