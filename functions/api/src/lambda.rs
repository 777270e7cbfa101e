//! The API as a Lambda function behind an HTTP API of API Gateway.

use std::sync::Arc;

use authorizer::Verdict;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::{Router, middleware};
use lambda_http::Context;
use lambda_http::request::RequestContext;
use runtime::lambda::{Invocations, Measures, between_invocations};
use tracing::{Instrument, Span};

/// The router as it answers invocations: an invocation's log lines bear its name, and what it measured
/// is written at its end.
pub fn answering(router: Router, measures: Measures) -> Router {
    let invocations = Arc::new(Invocations::default());
    let around = middleware::from_fn_with_state((invocations, measures), around);
    authorized(router).layer(around)
}

/// The router behind an authorizer: a request carries the verdict that its event bears.
pub fn authorized(router: Router) -> Router {
    router.layer(middleware::from_fn(async |mut request: Request, next: Next| {
        if let Some(verdict) = request.extensions().get::<RequestContext>().and_then(verdict) {
            request.extensions_mut().insert(verdict);
        }
        next.run(request).await
    }))
}

/// What the authorizer found; nothing where there is none in front of the route.
fn verdict(context: &RequestContext) -> Option<Verdict> {
    let RequestContext::ApiGatewayV2(context) = context else {
        return None;
    };
    let fields = &context.authorizer.as_ref()?.fields;
    Verdict::of_context(|name| fields.get(name))
}

async fn around(
    State((invocations, measures)): State<(Arc<Invocations>, Measures)>,
    request: Request,
    next: Next,
) -> Response {
    let context = request.extensions().get::<Context>();
    let span = context.map_or_else(Span::none, |context| invocations.span(context));
    let response = next.run(request).instrument(span).await;
    between_invocations(measures).await;
    response
}
