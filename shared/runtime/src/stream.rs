//! A consumer that follows the change stream, where the platform does not push it.

use std::future::Future;
use std::sync::Arc;

use application::error::Error;
use domain::time::Millis;
use platform::changes::{Change, Changes, Consumer, ShardId};
use tokio_util::sync::CancellationToken;

use crate::part;

/// Changes per batch.
const BATCH: usize = 500;
/// A batch of so many is large: the next one need not gather.
const LARGE: usize = BATCH / 2;
/// The pause behind a batch that was not large, so that the next one gathers: what a batch costs besides its
/// changes (reads, commits, counters, checkpoints) is worth a moment's wait.
const GATHER: Millis = Millis::new(20);
/// The pause after a failed batch, which then comes again.
const FAILED: Millis = Millis::new(500);

/// Follows the stream until `stop`. A batch is checkpointed once it is handled, as far as it is.
pub async fn follow<H, F>(changes: Arc<dyn Changes>, consumer: Consumer, stop: CancellationToken, handler: H)
where
    H: Fn(ShardId, Vec<Change>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    while !stop.is_cancelled() {
        let pause = match round(changes.as_ref(), consumer, &handler).await {
            Ok(Found::Much) => Millis::ZERO,
            Ok(Found::Little) => GATHER,
            Err(()) => FAILED,
        };
        if pause > Millis::ZERO {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause.duration()) => {}
            }
        }
    }
}

/// What a round over all shards found.
enum Found {
    /// Little: what comes now may gather.
    Little,
    /// A large batch: there may be more.
    Much,
}

/// One round over all shards.
async fn round<H, F>(changes: &dyn Changes, consumer: Consumer, handler: &H) -> Result<Found, ()>
where
    H: Fn(ShardId, Vec<Change>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    let mut found = Found::Little;
    let failed =
        |error| tracing::warn!(%error, consumer = consumer.name(), "the change stream does not answer");
    for shard in changes.shards().await.map_err(failed)? {
        let batch = changes.read(consumer, &shard, BATCH).await.map_err(failed)?;
        if batch.is_empty() {
            continue;
        }
        let is_large = batch.len() >= LARGE;
        let stopped_at = part::take_in(consumer, &shard, &batch, || true, handler).await;
        let done = stopped_at.unwrap_or(batch.len()).checked_sub(1);
        if let Some(last) = done.and_then(|last| batch.get(last)) {
            changes
                .checkpoint(consumer, &shard, &last.sequence)
                .await
                .map_err(failed)?;
        }
        if stopped_at.is_some() {
            return Err(());
        }
        if is_large {
            found = Found::Much;
        }
    }
    Ok(found)
}
