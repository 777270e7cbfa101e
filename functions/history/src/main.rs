//! The history function as a Lambda function.

use std::process::ExitCode;

use platform::changes::Consumer;
use runtime::program;

#[tokio::main]
async fn main() -> ExitCode {
    program::consumer(Consumer::History, |context, shard, changes| async move {
        history::handle(&context, &shard, &changes).await
    })
    .await
}
