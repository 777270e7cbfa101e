//! The table: items found by key, changed by conditional transactions, with a due index beside it.

use async_trait::async_trait;
use domain::time::Timestamp;
use domain::timer::Timer;

/// Most writes in one transaction (DynamoDB's bound).
pub const MAX_TRANSACTION: usize = 100;
/// Largest item, all of it, in bytes (DynamoDB's bound).
pub const MAX_ITEM_BYTES: usize = 400 * 1024;
/// Largest page of a query, in bytes of items (DynamoDB's bound).
pub const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// Where an item stands. Items of one partition are sorted by `sort`, bytewise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition key, 1 to 2048 bytes.
    pub partition: String,
    /// The sort key, 1 to 1024 bytes.
    pub sort: String,
}

impl Key {
    /// A key of these two parts.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self {
            partition: partition.into(),
            sort: sort.into(),
        }
    }
}

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Where it stands.
    pub key: Key,
    /// Counts its writes; the first is 1. The writer sets it, conditions compare it.
    pub version: u64,
    /// Its entry in the due index. The shard is `domain::timer::due_shard(partition)`.
    pub due: Option<Timer>,
    /// When the platform may delete it. Deletion can lag by days: readers check for themselves.
    pub expires: Option<Timestamp>,
    /// Whether consumers of the change stream are to see this write.
    pub announced: bool,
    /// A JSON object.
    pub body: String,
}

impl Item {
    /// Bytes that count against [`MAX_ITEM_BYTES`], with room for attribute names.
    pub fn size(&self) -> usize {
        self.key.partition.len() + self.key.sort.len() + self.body.len() + 128
    }
}

/// What must hold for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    None,
    /// No item stands at the key.
    Absent,
    /// The item stands at the key in this version.
    Version(u64),
}

/// One write of a transaction. A transaction names no key twice.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Puts the item, whole.
    Put {
        /// The new item.
        item: Item,
        /// What must hold before.
        condition: Condition,
    },
    /// Deletes the item, if there is one.
    Delete {
        /// Which.
        key: Key,
        /// What must hold before.
        condition: Condition,
    },
    /// Changes nothing, but must hold.
    Check {
        /// Which.
        key: Key,
        /// What must hold.
        condition: Condition,
    },
}

impl Write {
    /// The key it touches.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { item, .. } => &item.key,
            Self::Delete { key, .. } | Self::Check { key, .. } => key,
        }
    }

    /// Its condition.
    pub fn condition(&self) -> Condition {
        match self {
            Self::Put { condition, .. } | Self::Delete { condition, .. } | Self::Check { condition, .. } => {
                *condition
            }
        }
    }
}

/// Why the table did not do it. Chosen by what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A condition did not hold; nothing was written. Reload and decide again.
    #[error("a condition did not hold at {0:?}")]
    ConditionFailed(Vec<Key>),
    /// Another transaction was in the way; nothing was written. Try again.
    #[error("another transaction was in the way")]
    Conflict,
    /// Too fast for the platform; nothing was written. Slow down and try again.
    #[error("the table asks to slow down")]
    Throttled,
    /// No answer: it may or may not have been written. Reload before going on.
    #[error("the table did not answer: {0}")]
    Unavailable(String),
    /// The item is larger than [`MAX_ITEM_BYTES`]; nothing was written.
    #[error("the item {key:?} would have {bytes} bytes; {MAX_ITEM_BYTES} are allowed")]
    TooLarge {
        /// Which item.
        key: Key,
        /// How large it would be.
        bytes: usize,
    },
    /// The call itself was wrong (empty or too long a key, more than [`MAX_TRANSACTION`] writes, a
    /// key twice): a defect of the caller.
    #[error("the table refused the call: {0}")]
    Invalid(String),
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Sees every write that was answered before the read began.
    Strong,
    /// May be a moment old.
    Eventual,
}

/// Which sort keys of a partition a query visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortRange {
    /// All.
    All,
    /// Those that start with this text.
    Prefix(String),
    /// From the first to the second, both included.
    Between(String, String),
}

/// In which order a query visits sort keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Lowest first.
    Ascending,
    /// Highest first.
    Descending,
}

/// A walk over one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The partition.
    pub partition: String,
    /// Which sort keys.
    pub range: SortRange,
    /// Goes on behind this sort key, in the query's order.
    pub after: Option<String>,
    /// In which order.
    pub order: Order,
    /// Most items in the page, at least 1. A page may hold fewer and still have a `next`.
    pub limit: usize,
    /// How fresh.
    pub consistency: Consistency,
}

/// One page of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The items, in the query's order.
    pub items: Vec<Item>,
    /// The sort key behind which the next page begins, if there may be more.
    pub next: Option<String>,
}

/// An entry of the due index. It holds keys only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueEntry {
    /// When, what for, in which generation.
    pub timer: Timer,
    /// Whose.
    pub key: Key,
}

/// The table.
#[async_trait]
pub trait Table: Send + Sync {
    /// One item.
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError>;

    /// Several items, in the order of the keys. No snapshot: each is read on its own.
    async fn get_many(&self, keys: &[Key], consistency: Consistency)
    -> Result<Vec<Option<Item>>, TableError>;

    /// One page of a partition.
    async fn query(&self, query: &Query) -> Result<Page, TableError>;

    /// All of the writes or none, at most [`MAX_TRANSACTION`].
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError>;

    /// Several transactions, each for itself, concurrently within bounds; results in order.
    async fn transact_each(&self, transactions: Vec<Vec<Write>>) -> Vec<Result<(), TableError>>;

    /// Entries of one shard of the due index that are due at or before `until`, in order of
    /// (timer, key), behind `after`, at most `limit`. May lag behind the items, in both
    /// directions: an entry may be missing for a while and may linger.
    async fn due(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, TableError>;
}

/// Walking the whole table: for maintenance, never for serving.
#[async_trait]
pub trait Scan: Send + Sync {
    /// Up to `limit` items behind a key, in the order of the keys, or of some other fixed order of the
    /// platform's. None are left when the page is empty.
    async fn scan(&self, after: Option<&Key>, limit: usize) -> Result<Vec<Item>, TableError>;
}
