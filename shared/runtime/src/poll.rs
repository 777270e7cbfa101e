//! A worker that polls its queue: many messages at once, bounded, and a drain at the end.

use std::future::Future;
use std::sync::Arc;

use application::error::Error;
use domain::time::Millis;
use platform::queues::{MAX_RECEIVE, QueueName, Queues};
use tokio_util::sync::CancellationToken;

use crate::record::{Verdict, handle};

/// How long a received message is hidden from others. Longer than any handler may take.
pub const VISIBILITY: Millis = Millis::seconds(120);
/// The pause after a queue that does not answer.
const PAUSE: Millis = Millis::seconds(1);

/// Polls a queue with `pollers` loops, each handling up to ten messages at once, until `stop`. What
/// is in hand then is finished first.
pub async fn queue<H, F>(
    queues: Arc<dyn Queues>,
    name: QueueName,
    pollers: usize,
    stop: CancellationToken,
    handler: H,
) where
    H: Fn(String) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let loops = (0..pollers).map(|_| {
        tokio::spawn(poll(queues.clone(), name, stop.clone(), handler.clone()))
    });
    for result in futures::future::join_all(loops).await {
        if let Err(error) = result {
            tracing::error!(%error, queue = ?name, "a poller ended");
        }
    }
}

async fn poll<H, F>(queues: Arc<dyn Queues>, name: QueueName, stop: CancellationToken, handler: H)
where
    H: Fn(String) -> F,
    F: Future<Output = Result<(), Error>>,
{
    while !stop.is_cancelled() {
        let received = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            received = queues.receive(name, MAX_RECEIVE, VISIBILITY) => received,
        };
        let messages = match received {
            Ok(messages) => messages,
            Err(error) => {
                tracing::warn!(%error, queue = ?name, "the queue does not answer");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(PAUSE.duration()) => {}
                }
                continue;
            }
        };
        let handled = messages.into_iter().map(|message| async {
            let verdict = handle("message", handler(message.body)).await;
            (message.receipt, verdict)
        });
        let done: Vec<String> = futures::future::join_all(handled)
            .await
            .into_iter()
            .filter(|(_, verdict)| *verdict == Verdict::Done)
            .map(|(receipt, _)| receipt)
            .collect();
        if !done.is_empty()
            && let Err(error) = queues.delete(name, done).await
        {
            tracing::warn!(%error, queue = ?name, "messages not deleted; they come again");
        }
    }
}
