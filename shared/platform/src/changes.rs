//! The change stream: announced writes, for the two consumers `history` and `webhooks`.

use async_trait::async_trait;
use std::fmt;

use crate::table::{Item, Key, TableError};

/// A shard of the stream. Changes of one item stay in one shard, in order. Shards come and go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub String);

/// A place in a shard: a decimal number of up to 40 digits, ordered as a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sequence(pub String);

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (a, b) = (self.0.trim_start_matches('0'), other.0.trim_start_matches('0'));
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One announced write. Delivered at least once.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it stands in its shard.
    pub sequence: Sequence,
    /// Which item.
    pub key: Key,
    /// Which write of it.
    pub version: u64,
    /// The item at that version or a later one; absent if it was deleted since.
    pub item: Option<Item>,
}

/// Who reads the stream. There are two, ever: DynamoDB allows no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Consumer {
    /// Writes customer history and progress counters.
    History,
    /// Tells webhooks, the CX Activities sink and the event bus.
    Webhooks,
}

impl Consumer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::History, Self::Webhooks];

    /// The name in keys and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Webhooks => "webhooks",
        }
    }
}

/// Reading the stream, where the platform does not push it (Lambda does).
#[async_trait]
pub trait Changes: Send + Sync {
    /// The shards there are now.
    async fn shards(&self) -> Result<Vec<ShardId>, TableError>;

    /// Up to `limit` changes behind the consumer's checkpoint, in order.
    async fn read(
        &self,
        consumer: Consumer,
        shard: &ShardId,
        limit: usize,
    ) -> Result<Vec<Change>, TableError>;

    /// Moves the consumer's checkpoint: what stands at or before `sequence` need not come again.
    async fn checkpoint(
        &self,
        consumer: Consumer,
        shard: &ShardId,
        sequence: &Sequence,
    ) -> Result<(), TableError>;
}
