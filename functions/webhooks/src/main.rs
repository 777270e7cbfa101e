//! The webhooks function as a Lambda function.

use std::process::ExitCode;

use platform::changes::Consumer;
use runtime::program;
use runtime::wiring::Ports;

/// What the function works with: it makes first calls itself.
const PORTS: Ports = Ports::TABLE.queues().bus().secrets().web();

#[tokio::main]
async fn main() -> ExitCode {
    program::consumer(
        Consumer::Webhooks,
        PORTS,
        |context, shard, changes, began| async move {
            webhooks::handle_of_batch(&context, &shard, &changes, began).await
        },
    )
    .await
}
