//! The history function: changes of the stream become customer history and progress counters.

use application::context::Context;
use application::error::Error;
use platform::changes::{Change, ShardId};

/// Handles a batch of changes of one shard, in order.
pub async fn handle(context: &Context, shard: &ShardId, changes: &[Change]) -> Result<(), Error> {
    application::history::consume(context, shard, changes).await
}
