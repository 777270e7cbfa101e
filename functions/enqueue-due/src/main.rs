//! The sweep as a Lambda function, invoked every minute by a schedule, for all shards or for a portion.

use std::process::ExitCode;

use application::sweep::From;
use enqueue_due::{Portion, handle_portion};
use runtime::lambda::{Invocation, serve};
use runtime::program;
use runtime::wiring::{Ports, Wired};

#[tokio::main]
async fn main() -> ExitCode {
    program::run(Box::pin(async {
        let wired = Wired::from_env(Ports::TABLE.queues()).await?;
        let context = &wired.context;
        serve(
            context.clock.clone(),
            wired.measures,
            async |portion: Portion, Invocation { trace, .. }: Invocation| {
                let context = context.traced(trace);
                handle_portion(&context, portion, From::Cursor).await.map(drop)
            },
        )
        .await
    }))
    .await
}
