//! The authorizer as a Lambda function.

use std::process::ExitCode;

use authorizer::settings::Issuer;
use authorizer::{Tokens, gateway};
use aws_lambda_events::apigw::ApiGatewayV2CustomAuthorizerV2Request;
use runtime::lambda::{Invocation, serve};
use runtime::program;
use runtime::wiring::{Ports, Wired, http_client};

#[tokio::main]
async fn main() -> ExitCode {
    program::run(Box::pin(async {
        let Wired {
            context, measures, ..
        } = Wired::from_env(Ports::TABLE).await?;
        let issuer = Issuer::read(|name| std::env::var(name).ok())?;
        let tokens = match issuer {
            Some(issuer) => Some(Tokens::new(issuer, http_client()?)),
            None => None,
        };
        let clock = context.clock.clone();
        serve(
            clock,
            measures,
            async |request: ApiGatewayV2CustomAuthorizerV2Request, _: Invocation| {
                gateway::handle(&context, tokens.as_ref(), &request).await
            },
        )
        .await
    }))
    .await
}
