//! A consumer that follows the change stream, where the platform does not push it.

use std::future::Future;
use std::sync::Arc;

use application::error::Error;
use domain::time::Millis;
use platform::changes::{Change, Changes, Consumer, ShardId};
use tokio_util::sync::CancellationToken;

use crate::record::{Verdict, handle};

/// Changes per batch.
const BATCH: usize = 500;
/// The pause when there is nothing new.
const IDLE: Millis = Millis::new(20);
/// The pause after a failed batch, which then comes again.
const FAILED: Millis = Millis::new(500);

/// Follows the stream until `stop`. A batch is checkpointed once it is handled, whole.
pub async fn follow<H, F>(changes: Arc<dyn Changes>, consumer: Consumer, stop: CancellationToken, handler: H)
where
    H: Fn(ShardId, Vec<Change>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    while !stop.is_cancelled() {
        let pause = match round(changes.as_ref(), consumer, &handler).await {
            Ok(Verdict::Done) => Millis::ZERO,
            Ok(Verdict::Again) => IDLE,
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

/// One round over all shards: `Done` when there may be more, `Again` when nothing was new.
async fn round<H, F>(changes: &dyn Changes, consumer: Consumer, handler: &H) -> Result<Verdict, ()>
where
    H: Fn(ShardId, Vec<Change>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    let mut verdict = Verdict::Again;
    let failed =
        |error| tracing::warn!(%error, consumer = consumer.name(), "the change stream does not answer");
    for shard in changes.shards().await.map_err(failed)? {
        let batch = changes.read(consumer, &shard, BATCH).await.map_err(failed)?;
        let Some(last) = batch.last().map(|change| change.sequence.clone()) else {
            continue;
        };
        if handle(consumer.name(), handler(shard.clone(), batch)).await == Verdict::Again {
            return Err(());
        }
        changes
            .checkpoint(consumer, &shard, &last)
            .await
            .map_err(failed)?;
        verdict = Verdict::Done;
    }
    Ok(verdict)
}
