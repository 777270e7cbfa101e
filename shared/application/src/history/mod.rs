//! The `history` consumer of the change stream: customer history, lists of a campaign's activities,
//! and progress counters. Never inline: it reads what use cases announced.

mod progress;
mod rebuild;
mod record;

pub(crate) use record::Pointer;

pub use progress::{Counts, progress};
pub use rebuild::{Rebuilt, rebuild};
pub use record::{HistoryEntry, customer_history};

use std::sync::Arc;

use platform::changes::{Change, Consumer, ShardId};

use crate::context::Context;
use crate::error::Error;
use crate::events::{self, Told};

/// A change and the item that it shows.
pub(crate) struct Seen<'a> {
    pub(crate) change: &'a Change,
    pub(crate) told: Arc<Told>,
}

/// Takes in a batch of changes of one shard, in order. Repeating it, or any part of it, does no harm.
pub async fn consume(context: &Context, shard: &ShardId, changes: &[Change]) -> Result<(), Error> {
    let mut seen = Vec::with_capacity(changes.len());
    for change in changes {
        if let Some(told) = events::told_once(context, Consumer::History, change) {
            seen.push(Seen { change, told });
        }
    }
    record::record(context, &seen).await?;
    progress::count(context, shard, &seen).await
}
