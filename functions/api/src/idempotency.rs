//! `Idempotency-Key`: a write that is repeated under its key is done once and answered the same.
//!
//! Ids of what a request creates are derived from the tenant, the route, the key and a place within
//! the request, so that a repetition of a half-done batch completes it. A request without a key gets
//! a random one that nobody else knows.

use application::idempotency::{self, Answer, Begun, MAX_KEY};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::id::{TenantId, hash_bits};
use domain::time::Timestamp;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::auth::Caller;
use crate::extract;
use crate::problem::Problem;
use crate::state::ApiState;

/// The header that carries the key.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that marks an answer given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Headers that belong to an answer.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// A write, and the names of what it creates.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    tenant: TenantId,
    route: String,
    key: String,
    since: Timestamp,
}

impl WriteRequest {
    /// The id of the thing in this place of the request: the same on every repetition.
    pub fn id<T>(&self, derive: impl Fn(Timestamp, &[&str]) -> T, place: usize) -> T {
        derive(
            self.since,
            &[self.tenant.as_str(), &self.route, &self.key, &place.to_string()],
        )
    }

    /// Names the request, so that what it created is told from what others did.
    pub fn origin(&self) -> String {
        format!("{:032x}", hash_bits(&[&self.route, &self.key]))
    }
}

impl<S: Sync> FromRequestParts<S> for WriteRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Problem::internal("a write without its layer"))
    }
}

/// What is to be kept of an answer instead of its body: an answer that holds a secret is given once,
/// and its repetition tells all but the secret.
#[derive(Clone, Debug)]
pub(crate) struct KeptBody(pub(crate) String);

/// The layer of all writes.
pub(crate) async fn once(
    State(state): State<ApiState>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(next.run(request).await);
    }
    let given = key(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let body = extract::collect(&parts.headers, body).await?;
    let route = format!("{} {}", parts.method, parts.uri.path());
    let tenant = caller.tenant;
    let Some(key) = given else {
        let (key, since) = (state.context.token(), state.context.now());
        parts.extensions.insert(WriteRequest {
            tenant,
            route,
            key,
            since,
        });
        return Ok(next.run(Request::from_parts(parts, Body::from(body))).await);
    };
    let fingerprint = fingerprint(&parts, &body);
    let since = match idempotency::begin(&state.context, &tenant, &route, &key, &fingerprint).await? {
        Begun::Do { since } => since,
        Begun::Done(answer) => return Ok(replay(answer)),
    };
    parts.extensions.insert(WriteRequest {
        tenant: tenant.clone(),
        route: route.clone(),
        key: key.clone(),
        since,
    });
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(Problem::internal)?;
    let answer = Answer {
        status: parts.status.as_u16(),
        headers: kept_headers(&parts.headers),
        body: match parts.extensions.get::<KeptBody>() {
            Some(KeptBody(instead)) => instead.clone(),
            None => String::from_utf8_lossy(&body).into_owned(),
        },
    };
    if let Err(error) = idempotency::finish(&state.context, &tenant, &route, &key, answer).await {
        // The work is done. A repetition finds it under the derived ids and makes the answer again.
        tracing::warn!(%error, "an answer could not be kept under its idempotency key");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(&KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Problem::parameter("Idempotency-Key", "stands there twice"));
    }
    let fits =
        |text: &&str| (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    match value.to_str().ok().filter(fits) {
        Some(key) => Ok(Some(key.to_owned())),
        None => {
            let detail = format!("must have 1 to {MAX_KEY} visible ASCII characters");
            Err(Problem::parameter("Idempotency-Key", detail))
        }
    }
}

/// Everything that makes a request this request, beside its route.
fn fingerprint(parts: &Parts, body: &[u8]) -> String {
    let if_match = parts
        .headers
        .get(header::IF_MATCH)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let bits = hash_bits(&[
        &String::from_utf8_lossy(body),
        &String::from_utf8_lossy(if_match),
        query,
    ]);
    format!("{bits:032x}")
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &HeaderName| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned()));
    KEPT_HEADERS.iter().filter_map(text).collect()
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
