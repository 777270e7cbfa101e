//! A worker that polls its queue: many messages at once, bounded, and a drain at the end.

use std::future::Future;
use std::sync::Arc;

use application::error::Error;
use async_trait::async_trait;
use domain::time::Millis;
use platform::queues::{MAX_RECEIVE, QueueError, QueueName, Queues};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::record::{Message, Verdict, handle, span};

/// How long a received message is hidden from others. Longer than any handler may take, and anew with
/// every sign of life where the platform takes them.
pub const VISIBILITY: Millis = Millis::seconds(120);
/// Time between signs of life: two may be lost.
pub const SIGN_OF_LIFE: Millis = Millis::seconds(40);
/// The longest that a queue hides a message in all, from its receipt on (SQS's bound). What takes longer is guarded
/// by its own lease in the table: whoever receives its message again finds it owned.
pub const LONGEST_HELD: Millis = Millis::hours(12);
/// The pause after a queue that does not answer.
const PAUSE: Millis = Millis::seconds(1);

/// A queue that takes signs of life: a message in hand stays hidden from others for longer.
#[async_trait]
pub trait Hold: Send + Sync {
    /// Hides a received message for `visibility` from now on.
    async fn hold(&self, queue: QueueName, receipt: &str, visibility: Millis) -> Result<(), QueueError>;
}

/// Polls a queue until `stop` and handles up to `at_once` messages at once: a slow one holds up
/// nobody but itself. What is in hand at the end is finished first.
pub async fn queue<H, F>(
    queues: Arc<dyn Queues>,
    name: QueueName,
    at_once: u32,
    stop: CancellationToken,
    handler: H,
) where
    H: Fn(Message) -> F,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    held(queues, None, name, at_once, stop, handler).await;
}

/// The same; what is in hand is held by signs of life, where the queue takes them.
pub async fn held<H, F>(
    queues: Arc<dyn Queues>,
    hold: Option<Arc<dyn Hold>>,
    name: QueueName,
    at_once: u32,
    stop: CancellationToken,
    handler: H,
) where
    H: Fn(Message) -> F,
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
            let (queues, hold) = (queues.clone(), hold.clone());
            let span = span(message.receive_count, message.trace.as_ref());
            let work = Message {
                body: message.body,
                trace: message.trace,
            };
            let handling = handle("message", handler(work)).instrument(span);
            let place = places.split(1);
            tokio::spawn(async move {
                let _place = place;
                let verdict = match hold {
                    Some(hold) => alive(hold.as_ref(), name, &message.receipt, handling).await,
                    None => handling.await,
                };
                if verdict == Verdict::Done
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

/// Gives signs of life for a message while it is handled, for as long as the queue takes them.
async fn alive(
    hold: &dyn Hold,
    name: QueueName,
    receipt: &str,
    handling: impl Future<Output = Verdict>,
) -> Verdict {
    let signs = async {
        let mut held = SIGN_OF_LIFE;
        while held + VISIBILITY < LONGEST_HELD {
            tokio::time::sleep(SIGN_OF_LIFE.duration()).await;
            if let Err(error) = hold.hold(name, receipt, VISIBILITY).await {
                tracing::warn!(%error, queue = ?name, "a message in hand may come to another worker, too");
            }
            held = held + SIGN_OF_LIFE;
        }
        tracing::info!(queue = ?name, "a message was in hand for as long as it can be hidden, and may come again");
        std::future::pending().await
    };
    tokio::select! {
        verdict = handling => verdict,
        never = signs => never,
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
