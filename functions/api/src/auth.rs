//! Who calls: the tenant and the role come from the API key or token.

use application::api_keys::Role;
use application::context::Context;
use authorizer::{Identity, Verdict, bearer, identify};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::id::TenantId;
use domain::trace::{TRACE_HEADER, TraceId};
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
    /// The trace of the request.
    trace: Option<TraceId>,
}

impl Caller {
    /// The context of use cases that create something: what follows from it bears the request's trace.
    pub(crate) fn traced(&self, context: &Context) -> Context {
        context.traced(self.trace.clone())
    }
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
    let verdict = request.extensions().get::<Verdict>().cloned();
    let caller = identity(&state, verdict, request.headers()).await?;
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if !allows(caller.role, request.method(), route.unwrap_or_default()) {
        let detail = match caller.role {
            Role::Connector => "A connector's key may only POST to cim-messages.",
            Role::Admin | Role::Reader => "A reader's key may only read.",
        };
        return Err(Problem::forbidden(detail));
    }
    tracing::Span::current().record("tenant", caller.tenant.as_str());
    let trace = trace(request.headers());
    request.extensions_mut().insert(Caller {
        tenant: caller.tenant,
        trace,
    });
    Ok(next.run(request).await)
}

/// Who calls: as the authorizer in front of this function found, else as we find ourselves. Only the
/// platform's own event leaves a verdict with a request; no header does.
async fn identity(
    state: &ApiState,
    verdict: Option<Verdict>,
    headers: &HeaderMap,
) -> Result<Identity, Problem> {
    let credential = credential(headers)?;
    let verdict = match verdict {
        Some(verdict) => verdict,
        None => identify(&state.context, state.tokens.as_deref(), credential).await?,
    };
    match verdict {
        Verdict::Known(identity) => Ok(identity),
        Verdict::Unknown => {
            let detail = "The API key or token is unknown, has ended or has been revoked.";
            Err(Problem::unauthenticated(detail))
        }
    }
}

/// The trace that a request belongs to.
pub(crate) fn trace(headers: &HeaderMap) -> Option<TraceId> {
    headers
        .get(TRACE_HEADER)?
        .to_str()
        .ok()
        .and_then(TraceId::of_header)
}

fn credential(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::unauthenticated(
            "Send `Authorization: Bearer <API key>`.",
        ));
    };
    let credential = value.to_str().ok().and_then(bearer);
    credential
        .ok_or_else(|| Problem::unauthenticated("The header must read `Authorization: Bearer <API key>`."))
}

fn allows(role: Role, method: &Method, route: &str) -> bool {
    match role {
        Role::Admin => true,
        Role::Reader => matches!(*method, Method::GET | Method::HEAD),
        Role::Connector => *method == Method::POST && route == CONNECTORS_DOOR,
    }
}
