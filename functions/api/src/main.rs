//! The API as a Lambda function.

use std::process::ExitCode;
use std::sync::Arc;

use api::lambda::{Event, answer};
use api::{ApiState, router};
use authorizer::Tokens;
use authorizer::settings::Issuer;
use runtime::lambda::{Invocation, serve};
use runtime::program::{self, Failure};
use runtime::wiring::{Ports, Wired, http_client};
use url::Url;

/// What the API works with.
const PORTS: Ports = Ports::TABLE.queues().blobs().secrets().connectors();
/// Where the API is reached from outside.
const PUBLIC_URL: &str = "PUBLIC_URL";

#[tokio::main]
async fn main() -> ExitCode {
    program::run(Box::pin(async {
        let Wired {
            context, measures, ..
        } = Wired::from_env(PORTS).await?;
        let state = ApiState {
            context,
            public_url: public_url()?,
            tokens: tokens()?,
        };
        let (clock, router) = (state.context.clock.clone(), router(state));
        serve(
            clock,
            measures,
            async |event: Event, Invocation { trace, .. }: Invocation| {
                answer(router.clone(), event, trace.as_ref()).await
            },
        )
        .await
    }))
    .await
}

fn public_url() -> Result<Option<Url>, Failure> {
    let read =
        |text: String| Url::parse(&text).map_err(|error| format!("{PUBLIC_URL} is no address: {error}"));
    Ok(std::env::var(PUBLIC_URL).ok().map(read).transpose()?)
}

/// The tokens that are taken where no authorizer was asked before.
fn tokens() -> Result<Option<Arc<Tokens>>, Failure> {
    match Issuer::read(|name| std::env::var(name).ok())? {
        Some(issuer) => Ok(Some(Arc::new(Tokens::new(issuer, http_client()?)))),
        None => Ok(None),
    }
}
