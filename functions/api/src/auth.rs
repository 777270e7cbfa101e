//! Who calls: the tenant and the role come from the API key.

use application::api_keys::{self, Role};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::id::TenantId;
use http::request::Parts;
use http::{HeaderMap, Method, header};

use crate::problem::Problem;
use crate::state::ApiState;

/// The one path that connectors may post to.
pub(crate) const CONNECTORS_DOOR: &str = "/v1/cim-messages";

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose key it is: whose data are read and written.
    pub tenant: TenantId,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Problem::internal("a route without authentication"))
    }
}

/// Lets pass who has a key that allows the request.
pub(crate) async fn check(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let text = bearer(request.headers())?;
    let Some(key) = api_keys::authenticate(&state.context, text).await? else {
        return Err(Problem::unauthenticated(
            "The API key is unknown or has been revoked.",
        ));
    };
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if !allows(key.role, request.method(), route.unwrap_or_default()) {
        let detail = match key.role {
            Role::Connector => "A connector's key may only POST to cim-messages.",
            Role::Admin | Role::Reader => "A reader's key may only read.",
        };
        return Err(Problem::forbidden(detail));
    }
    tracing::Span::current().record("tenant", key.tenant.as_str());
    request.extensions_mut().insert(Caller { tenant: key.tenant });
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::unauthenticated(
            "Send `Authorization: Bearer <API key>`.",
        ));
    };
    let parts = value.to_str().ok().and_then(|text| text.split_once(' '));
    match parts {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
        _ => Err(Problem::unauthenticated(
            "The header must read `Authorization: Bearer <API key>`.",
        )),
    }
}

fn allows(role: Role, method: &Method, route: &str) -> bool {
    match role {
        Role::Admin => true,
        Role::Reader => matches!(*method, Method::GET | Method::HEAD),
        Role::Connector => *method == Method::POST && route == CONNECTORS_DOOR,
    }
}
