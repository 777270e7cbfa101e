//! The webhooks function as a Lambda function.

use std::process::ExitCode;

use platform::changes::Consumer;
use runtime::program;

#[tokio::main]
async fn main() -> ExitCode {
    program::consumer(Consumer::Webhooks, |context, shard, changes| async move {
        webhooks::handle(&context, &shard, &changes).await
    })
    .await
}
