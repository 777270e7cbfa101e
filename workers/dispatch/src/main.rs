//! The dispatch worker as a Lambda function, or with `--poll` as a process of its own.

use std::process::ExitCode;

use domain::time::Millis;
use platform::queues::QueueName;
use runtime::program::{self, Worker};
use runtime::wiring::Ports;

/// A connector's request takes up to 20 s with its wait for a turn; the rest is for the commits around it.
const WORKER: Worker = Worker {
    queues: &[QueueName::DispatchUrgent, QueueName::Dispatch],
    at_once: 32,
    longest: Millis::seconds(25),
    ports: Ports::TABLE.queues().secrets().connectors(),
};

#[tokio::main]
async fn main() -> ExitCode {
    program::worker(WORKER, |context, message| async move {
        dispatch::handle(&context, &message).await
    })
    .await
}
