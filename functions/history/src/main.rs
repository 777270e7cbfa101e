//! The history function as a Lambda function.

use std::process::ExitCode;

use platform::changes::Consumer;
use runtime::program;
use runtime::wiring::Ports;

#[tokio::main]
async fn main() -> ExitCode {
    program::consumer(
        Consumer::History,
        Ports::TABLE,
        |context, shard, changes, _| async move { history::handle(&context, &shard, &changes).await },
    )
    .await
}
