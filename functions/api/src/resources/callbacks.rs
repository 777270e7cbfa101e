//! Providers' callbacks. They come without API key: the connector checks the provider's signature.

use std::collections::BTreeMap;

use application::error::Error;
use application::{connectors, receipts};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::id::{ConnectorId, TenantId};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use platform::connector::{Callback, CallbackError, CallbackOutcome};

use crate::extract::{Ids, collect};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// Answer a provider's verification
#[utoipa::path(
    get, path = "/v1/callbacks/{tenant}/{connector}", operation_id = "verifyCallback", tag = "callbacks",
    security(()), params(("tenant" = schema::Id, Path), ("connector" = schema::Id, Path)),
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub(crate) async fn verify(
    state: State<ApiState>,
    ids: Ids<(TenantId, ConnectorId)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    called(state, ids, Method::GET, uri, headers, Body::empty()).await
}

/// Take a provider's report
///
/// In the provider's own format, with its signature.
#[utoipa::path(
    post, path = "/v1/callbacks/{tenant}/{connector}", operation_id = "takeCallback", tag = "callbacks",
    security(()), params(("tenant" = schema::Id, Path), ("connector" = schema::Id, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 204))
)]
pub(crate) async fn take(
    state: State<ApiState>,
    ids: Ids<(TenantId, ConnectorId)>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    called(state, ids, Method::POST, uri, headers, body).await
}

async fn called(
    State(state): State<ApiState>,
    Ids((tenant, connector)): Ids<(TenantId, ConnectorId)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    tracing::Span::current().record("tenant", tenant.as_str());
    let body = collect(&headers, body).await?;
    let ready = connectors::by_id(&state.context, &tenant, &connector).await?;
    let callback = Callback {
        url: full_url(&state, &uri, &headers),
        method: method.to_string(),
        headers: texts(&headers),
        body,
    };
    let events = match ready.connector.read_callback(&callback).await {
        Ok(CallbackOutcome::Challenge(text)) => return Ok(text.into_response()),
        Ok(CallbackOutcome::Events(events)) => events,
        Err(CallbackError::Signature) => {
            return Err(Problem::unauthenticated(
                "The callback's signature is missing or wrong.",
            ));
        }
        Err(CallbackError::Malformed(detail)) => return Err(Problem::malformed(detail)),
        Err(CallbackError::Unsupported) => return Err(Problem::no_such_path()),
        Err(CallbackError::Unavailable(cause)) => return Err(Problem::unavailable(cause)),
    };
    for event in events {
        match receipts::take_in_callback(&state.context, &tenant, &connector, event).await {
            Ok(_) => {}
            // It always would be wrong: refusing it would only bring it, and all others, again.
            Err(Error::Invalid(fields)) => tracing::warn!(?fields, "an event of a callback was passed over"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The URL that the provider called, as far as that can be told: some signatures cover it.
fn full_url(state: &ApiState, uri: &Uri, headers: &HeaderMap) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    match (
        &state.public_url,
        headers.get(header::HOST).and_then(|host| host.to_str().ok()),
    ) {
        (None, Some(host)) => format!("http://{host}{path}"),
        _ => state.address(path),
    }
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}
