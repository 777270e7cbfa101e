//! The authorizer of an HTTP API (payload format 2.0, simple response).

use application::context::Context;
use application::error::Error;
use aws_lambda_events::apigw::{
    ApiGatewayV2CustomAuthorizerSimpleResponse, ApiGatewayV2CustomAuthorizerV2Request,
};
use serde_json::{Map, Value};

use crate::{Tokens, Verdict, bearer, identify};

/// What API Gateway is answered: to let pass, with the verdict.
pub type Answer = ApiGatewayV2CustomAuthorizerSimpleResponse<Map<String, Value>>;

/// Says who calls. See [`Verdict`] for why nothing is refused here.
///
/// # Errors
/// Those of reading keys; API Gateway then answers 500.
pub async fn handle(
    context: &Context,
    tokens: Option<&Tokens>,
    request: &ApiGatewayV2CustomAuthorizerV2Request,
) -> Result<Answer, Error> {
    let header = request.headers.get("authorization");
    let verdict = match header.and_then(|value| value.to_str().ok()).and_then(bearer) {
        Some(credential) => identify(context, tokens, credential).await?,
        None => Verdict::Unknown,
    };
    if let Verdict::Known(identity) = &verdict {
        tracing::info!(
            tenant = identity.tenant.as_str(),
            subject = identity.subject,
            "known"
        );
    }
    let mut answer = Answer::default();
    answer.is_authorized = true;
    answer.context = verdict.to_context();
    Ok(answer)
}
