//! The administration function as a Lambda function.

use std::process::ExitCode;

use administration::{Action, handle};
use runtime::lambda::{Invocation, serve};
use runtime::program;
use runtime::wiring::{Ports, Wired};

#[tokio::main]
async fn main() -> ExitCode {
    program::run(Box::pin(async {
        let Wired {
            context, measures, ..
        } = Wired::from_env(Ports::TABLE).await?;
        let clock = context.clock.clone();
        serve(clock, measures, async |action: Action, _: Invocation| {
            handle(&context, action).await
        })
        .await
    }))
    .await
}
