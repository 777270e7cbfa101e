//! The webhooks function: changes of the stream become deliveries to webhooks, callbacks and the CX
//! Activities sink, and events on the bus.

use application::context::Context;
use application::error::Error;
use domain::time::Timestamp;
use platform::changes::{Change, ShardId};

/// Handles a batch of changes of one shard, in order.
pub async fn handle(context: &Context, shard: &ShardId, changes: &[Change]) -> Result<(), Error> {
    application::webhooks::consume(context, shard, changes).await
}

/// Handles a part of a batch that began at `began`.
pub async fn handle_of_batch(
    context: &Context,
    shard: &ShardId,
    changes: &[Change],
    began: Timestamp,
) -> Result<(), Error> {
    application::webhooks::consume_of_batch(context, shard, changes, began).await
}
