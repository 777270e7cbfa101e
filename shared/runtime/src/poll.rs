//! A worker that polls its queue: many messages at once, bounded, and a drain at the end.

use std::future::Future;
use std::sync::Arc;

use application::error::Error;
use domain::time::Millis;
use platform::queues::{MAX_RECEIVE, QueueName, Queues};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::record::{Verdict, handle};

/// How long a received message is hidden from others. Longer than any handler may take.
pub const VISIBILITY: Millis = Millis::seconds(120);
/// The pause after a queue that does not answer.
const PAUSE: Millis = Millis::seconds(1);

/// Polls a queue until `stop` and handles up to `at_once` messages at once: a slow one holds up
/// nobody but itself. What is in hand at the end is finished first.
pub async fn queue<H, F>(
    queues: Arc<dyn Queues>,
    name: QueueName,
    at_once: u32,
    stop: CancellationToken,
    handler: H,
) where
    H: Fn(String) -> F,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(usize::try_from(at_once).unwrap_or(1)));
    while let Some(mut places) = places(&room, &stop).await {
        let received = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            received = queues.receive(name, places.num_permits(), VISIBILITY) => received,
        };
        let messages = match received {
            Ok(messages) => messages,
            Err(error) => {
                tracing::warn!(%error, queue = ?name, "the queue does not answer");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(PAUSE.duration()) => continue,
                }
            }
        };
        for message in messages {
            let (queues, handling, place) = (queues.clone(), handler(message.body), places.split(1));
            tokio::spawn(async move {
                let _place = place;
                if handle("message", handling).await == Verdict::Done
                    && let Err(error) = queues.delete(name, vec![message.receipt]).await
                {
                    tracing::warn!(%error, queue = ?name, "a message was not deleted; it comes again");
                }
            });
        }
    }
    // All places are free once everything in hand is done.
    if room.acquire_many(at_once).await.is_err() {
        tracing::error!(queue = ?name, "the worker's room was closed");
    }
}

/// Waits for free places: at least one, at most as many as one receive takes.
async fn places(room: &Arc<Semaphore>, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    let mut places = tokio::select! {
        biased;
        () = stop.cancelled() => return None,
        place = room.clone().acquire_owned() => place.ok()?,
    };
    while places.num_permits() < MAX_RECEIVE
        && let Ok(place) = room.clone().try_acquire_owned()
    {
        places.merge(place);
    }
    Some(places)
}
