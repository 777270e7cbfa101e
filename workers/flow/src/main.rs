//! The flow worker as a Lambda function, or with `--poll` as a process of its own.

use std::process::ExitCode;

use domain::time::Millis;
use platform::queues::QueueName;
use runtime::program::{self, Worker};
use runtime::wiring::Ports;

/// A page of a job writes up to 500 items.
const WORKER: Worker = Worker {
    queues: &[QueueName::Flow],
    at_once: 16,
    longest: Millis::seconds(20),
    ports: Ports::TABLE.queues().blobs(),
};

#[tokio::main]
async fn main() -> ExitCode {
    program::worker(WORKER, |context, message| async move {
        flow::handle(&context, &message).await
    })
    .await
}
