//! A Lambda service for one process and one invocation: the runtime API, and when it was answered.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// When the invocation must be over, in milliseconds: in the year 2100. Nobody is cut short.
const DEADLINE: &str = "4102444800000";

/// What the process said to its one invocation.
#[derive(Debug)]
pub(crate) struct Answer {
    /// When.
    pub(crate) at: Instant,
    /// What, if it did not fail.
    pub(crate) body: Result<String, String>,
}

/// The service's state: an event to give out, and who waits for the answer.
struct Invocation {
    event: Mutex<Option<String>>,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
}

/// Opens the service for one process. The receiver gets the answer to the event.
pub(crate) async fn open(event: String) -> std::io::Result<(SocketAddr, oneshot::Receiver<Answer>)> {
    let (sender, receiver) = oneshot::channel();
    let invocation = Arc::new(Invocation {
        event: Mutex::new(Some(event)),
        answer: Mutex::new(Some(sender)),
    });
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(answered))
        .route("/2018-06-01/runtime/init/error", post(not_started))
        .route("/2020-01-01/extension/register", post(register))
        .route("/2020-01-01/extension/event/next", get(never))
        .with_state(invocation);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((address, receiver))
}

async fn next(State(invocation): State<Arc<Invocation>>) -> impl IntoResponse {
    let event = take(&invocation.event);
    let Some(event) = event else {
        std::future::pending().await
    };
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        ),
        ("lambda-runtime-deadline-ms", DEADLINE.to_owned()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-2:123456789012:function:measured".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    let headers: HeaderMap = headers
        .into_iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
        })
        .collect();
    (headers, event)
}

async fn answered(
    State(invocation): State<Arc<Invocation>>,
    Path((_, outcome)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let text = String::from_utf8_lossy(&body).into_owned();
    tell(
        &invocation,
        if outcome == "response" {
            Ok(text)
        } else {
            Err(text)
        },
    );
    StatusCode::ACCEPTED
}

async fn not_started(State(invocation): State<Arc<Invocation>>, body: Bytes) -> StatusCode {
    tell(&invocation, Err(String::from_utf8_lossy(&body).into_owned()));
    StatusCode::ACCEPTED
}

async fn register() -> impl IntoResponse {
    let answer = r#"{"functionName":"measured","functionVersion":"1","handler":"bootstrap"}"#;
    (
        [(
            "lambda-extension-identifier",
            "2e8a8e2c-2a3c-4a4c-9d8f-0f6b8e8f7a11",
        )],
        answer,
    )
}

async fn never() -> StatusCode {
    std::future::pending().await
}

fn tell(invocation: &Invocation, body: Result<String, String>) {
    if let Some(waiting) = take(&invocation.answer) {
        // Nobody waits any longer once the time is up.
        drop(waiting.send(Answer {
            at: Instant::now(),
            body,
        }));
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}
