//! What surrounds every request: its id, its line in the log, and an end to panics and to requests
//! that take too long.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::trace::TraceId;
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tracing::Instrument;
use tracing::field::Empty;

use crate::auth;
use crate::problem::{MEDIA_TYPE, Problem};
use crate::state::ApiState;

/// The header that names a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Below the 30 s after which the platform gives the caller up.
const TIME_LIMIT: Duration = Duration::from_secs(28);
/// For the upload of a large file, where the platform has no such limit.
const UPLOAD_TIME_LIMIT: Duration = Duration::from_secs(15 * 60);

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being worked on.
pub fn request_id() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// The caller's request id, if it is fit for logs; else one of our own.
fn name(state: &ApiState, headers: &HeaderMap) -> String {
    let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let sane = |text: &&str| {
        (1..=100).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'='))
    };
    given
        .filter(sane)
        .map_or_else(|| state.context.token(), str::to_owned)
}

/// The outermost layer.
pub(crate) async fn around(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let id = name(&state, request.headers());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("-", MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let limit = if route.ends_with("/file") {
        UPLOAD_TIME_LIMIT
    } else {
        TIME_LIMIT
    };
    let trace = auth::trace(request.headers());
    let trace = trace.as_ref().map(TraceId::as_str);
    let span = tracing::info_span!("request", %method, route, request_id = id, trace, tenant = Empty);
    let began = state.context.now();
    let work = CURRENT.scope(id.clone(), async {
        let answer = tokio::time::timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
        let response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => Problem::internal(words(panic.as_ref())).into_response(),
            Err(_) => Problem::unavailable("it took too long").into_response(),
        };
        let mut response = described(response);
        let status = response.status().as_u16();
        tracing::info!(
            status,
            latency_ms = state.context.now().since(began).get(),
            "answered"
        );
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    });
    work.instrument(span).await
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_default())
}

/// Refusals that the router makes by itself become problems like all others.
fn described(response: Response) -> Response {
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|of| of == MEDIA_TYPE);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut problem = Problem::of_status(status).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}
