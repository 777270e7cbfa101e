//! The pacing worker as a Lambda function, or with `--poll` as a process of its own.

use std::process::ExitCode;

use domain::time::Millis;
use platform::queues::QueueName;
use runtime::program::{self, Worker};
use runtime::wiring::Ports;

/// A function paces a group for so long, then hands it over to the next. Each process owns as many groups as it
/// finds, up to this number.
const WORKER: Worker = Worker {
    queues: &[QueueName::Pacing],
    at_once: 200,
    longest: Millis::seconds(45),
    ports: Ports::TABLE.queues(),
};

#[tokio::main]
async fn main() -> ExitCode {
    program::owner(WORKER, |context, message, stop| async move {
        pacing_owner::handle(&context, &message, &stop).await
    })
    .await
}
