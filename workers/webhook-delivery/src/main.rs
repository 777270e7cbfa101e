//! The webhook delivery worker as a Lambda function, or with `--poll` as a process of its own.

use std::process::ExitCode;

use application::webhooks::WORKER_AT_ONCE;
use domain::time::Millis;
use platform::queues::QueueName;
use runtime::program::{self, Worker};
use runtime::wiring::Ports;

/// A call takes up to 15 s; the rest is for the commit behind it.
const WORKER: Worker = Worker {
    queues: &[QueueName::WebhookDelivery],
    at_once: WORKER_AT_ONCE,
    longest: Millis::seconds(20),
    ports: Ports::TABLE.queues().secrets().web(),
};

#[tokio::main]
async fn main() -> ExitCode {
    program::worker(WORKER, |context, message| async move {
        webhook_delivery::handle(&context, &message).await
    })
    .await
}
