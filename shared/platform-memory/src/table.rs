//! The table in memory: strong reads are exact, everything else lags, and transactions fail for
//! every reason that DynamoDB has.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;
use domain::time::{Millis, Timestamp};
use domain::timer::due_shard;
use platform::table::{
    Condition, Consistency, DueEntry, Item, Key, MAX_ITEM_BYTES, MAX_PAGE_BYTES, MAX_TRANSACTION, Order,
    Page, Query, Scan, SortRange, Table, TableError, Write,
};

use crate::faults::Fault;
use crate::world::{State, World};

/// How long an eventual read may be behind.
const LAG: Millis = Millis::new(2_000);
/// How long the due index may be behind.
const INDEX_LAG: usize = 5_000;

#[derive(Default)]
pub(crate) struct Data {
    items: BTreeMap<Key, Item>,
    /// What stood there before the last write, and when that was.
    previous: BTreeMap<Key, (Timestamp, Option<Item>)>,
    /// Every write, in order: when, where, and what stood there after it.
    journal: Vec<Written>,
    due: BTreeMap<u16, BTreeSet<DueEntry>>,
    /// Updates that the index has yet to see: when, and what.
    lagging: BTreeMap<(Timestamp, u64), IndexUpdate>,
    updates: u64,
}

/// A write that took effect.
#[derive(Clone, Debug)]
pub struct Written {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub key: Key,
    /// What stood there after it.
    pub item: Option<Item>,
}

struct IndexUpdate {
    shard: u16,
    remove: Option<DueEntry>,
    add: Option<DueEntry>,
}

impl State {
    fn read(&mut self, key: &Key, consistency: Consistency) -> Option<Item> {
        if consistency == Consistency::Eventual
            && let Some((written, before)) = self.table.previous.get(key)
            && self.now < *written + LAG
        {
            let before = before.clone();
            if self.occurs(Fault::StaleRead) {
                return before;
            }
        }
        self.table.items.get(key).cloned()
    }

    fn holds(&self, write: &Write) -> bool {
        let version = self.table.items.get(write.key()).map(|item| item.version);
        match write.condition() {
            Condition::None => true,
            Condition::Absent => version.is_none(),
            Condition::Version(expected) => version == Some(expected),
        }
    }

    fn apply(&mut self, write: Write) {
        let (key, after) = match write {
            Write::Put { item, .. } => (item.key.clone(), Some(item)),
            Write::Delete { key, .. } => (key, None),
            Write::Check { .. } => return,
        };
        let before = match &after {
            Some(item) => self.table.items.insert(key.clone(), item.clone()),
            None => self.table.items.remove(&key),
        };
        if let Some(item) = after.as_ref().filter(|item| item.announced) {
            self.announce(item.clone());
        }
        self.index(&key, before.as_ref(), after.as_ref());
        self.table.journal.push(Written {
            at: self.now,
            key: key.clone(),
            item: after,
        });
        self.table.previous.insert(key, (self.now, before));
    }

    fn index(&mut self, key: &Key, before: Option<&Item>, after: Option<&Item>) {
        let entry = |item: &Item| {
            item.due.map(|timer| DueEntry {
                timer,
                key: key.clone(),
            })
        };
        let (remove, add) = (before.and_then(entry), after.and_then(entry));
        if remove == add {
            return;
        }
        let lag = if self.occurs(Fault::IndexLag) {
            self.below(INDEX_LAG) as u64
        } else {
            0
        };
        // Updates of one item reach the index in order.
        let floor = self
            .table
            .lagging
            .iter()
            .filter(|(_, update)| {
                update
                    .remove
                    .as_ref()
                    .or(update.add.as_ref())
                    .is_some_and(|entry| entry.key == *key)
            })
            .map(|((at, _), _)| *at)
            .max()
            .unwrap_or_default();
        self.table.updates += 1;
        let place = ((self.now + Millis::new(lag)).max(floor), self.table.updates);
        self.table.lagging.insert(
            place,
            IndexUpdate {
                shard: due_shard(&key.partition),
                remove,
                add,
            },
        );
    }

    fn catch_up(&mut self) {
        while let Some(entry) = self.table.lagging.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let update = entry.remove();
            let shard = self.table.due.entry(update.shard).or_default();
            if let Some(gone) = &update.remove {
                shard.remove(gone);
            }
            shard.extend(update.add);
        }
    }

    fn transact(&mut self, writes: Vec<Write>) -> Result<(), TableError> {
        check(&writes)?;
        if self.occurs(Fault::Throttled) {
            return Err(TableError::Throttled);
        }
        if self.occurs(Fault::SpuriousConflict) {
            return Err(TableError::Conflict);
        }
        let failed: Vec<Key> = writes
            .iter()
            .filter(|write| !self.holds(write))
            .map(|write| write.key().clone())
            .collect();
        if !failed.is_empty() {
            return Err(TableError::ConditionFailed(failed));
        }
        writes.into_iter().for_each(|write| self.apply(write));
        Ok(())
    }
}

fn check(writes: &[Write]) -> Result<(), TableError> {
    if writes.is_empty() || writes.len() > MAX_TRANSACTION {
        return Err(TableError::Invalid(format!(
            "{} writes in one transaction",
            writes.len()
        )));
    }
    let mut seen = BTreeSet::new();
    for write in writes {
        let key = write.key();
        if !seen.insert(key) {
            return Err(TableError::Invalid(format!(
                "{key:?} stands twice in one transaction"
            )));
        }
        check_key(key)?;
        if let Write::Put { item, .. } = write
            && item.size() > MAX_ITEM_BYTES
        {
            return Err(TableError::TooLarge {
                key: key.clone(),
                bytes: item.size(),
            });
        }
    }
    Ok(())
}

fn check_key(key: &Key) -> Result<(), TableError> {
    if (1..=2048).contains(&key.partition.len()) && (1..=1024).contains(&key.sort.len()) {
        return Ok(());
    }
    Err(TableError::Invalid(format!("{key:?} is empty or too long")))
}

impl World {
    /// Every item, for the invariants of a simulation.
    pub fn dump(&self) -> Vec<Item> {
        self.state().table.items.values().cloned().collect()
    }

    /// Every write since the beginning, in order.
    pub fn journal(&self) -> Vec<Written> {
        self.state().table.journal.clone()
    }

    /// Whether any timer is due at or before an instant.
    pub fn has_due(&self, until: Timestamp) -> bool {
        self.state()
            .table
            .items
            .values()
            .any(|item| item.due.is_some_and(|timer| timer.at <= until))
    }

    fn lost_call(&self) -> Result<(), TableError> {
        if self.state().occurs(Fault::LostCall) {
            return Err(TableError::Unavailable("the call was lost".into()));
        }
        Ok(())
    }

    async fn one_transaction(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.lost_call()?;
        self.state().transact(writes)?;
        self.after_call().await;
        if self.state().occurs(Fault::LostAnswer) {
            return Err(TableError::Unavailable("the answer was lost".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Table for World {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError> {
        check_key(key)?;
        self.before_call().await;
        self.lost_call()?;
        Ok(self.state().read(key, consistency))
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, TableError> {
        keys.iter().try_for_each(check_key)?;
        self.before_call().await;
        self.lost_call()?;
        let mut state = self.state();
        Ok(keys.iter().map(|key| state.read(key, consistency)).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.before_call().await;
        self.lost_call()?;
        let backwards = matches!(&query.range, SortRange::Between(low, high) if low > high);
        if query.limit == 0 || query.partition.is_empty() || backwards {
            return Err(TableError::Invalid(format!("{query:?}")));
        }
        let mut state = self.state();
        let keys = state.matching(query);
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        let mut bytes = 0;
        let mut last = None;
        for key in keys {
            let item = state.read(&key, query.consistency);
            bytes += item.as_ref().map_or(0, Item::size);
            if page.items.len() == query.limit || (bytes > MAX_PAGE_BYTES && last.is_some()) {
                page.next = last;
                break;
            }
            last = Some(key.sort.clone());
            page.items.extend(item);
        }
        Ok(page)
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.before_call().await;
        self.one_transaction(writes).await
    }

    async fn transact_each(&self, transactions: Vec<Vec<Write>>) -> Vec<Result<(), TableError>> {
        self.before_call().await;
        let mut results = Vec::with_capacity(transactions.len());
        for writes in transactions {
            results.push(self.one_transaction(writes).await);
        }
        results
    }

    async fn due(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, TableError> {
        self.before_call().await;
        self.lost_call()?;
        let mut state = self.state();
        state.catch_up();
        let Some(entries) = state.table.due.get(&shard) else {
            return Ok(Vec::new());
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(entries
            .range::<DueEntry, _>((start, Bound::Unbounded))
            .take_while(|entry| entry.timer.at <= until)
            .take(limit)
            .cloned()
            .collect())
    }
}

impl State {
    fn matching(&self, query: &Query) -> Vec<Key> {
        let wanted = |sort: &str| match &query.range {
            SortRange::All => true,
            SortRange::Prefix(prefix) => sort.starts_with(prefix),
            SortRange::Between(low, high) => low.as_str() <= sort && sort <= high.as_str(),
        };
        let behind = |sort: &str| match (&query.after, query.order) {
            (None, _) => true,
            (Some(after), Order::Ascending) => sort > after.as_str(),
            (Some(after), Order::Descending) => sort < after.as_str(),
        };
        let first = Key::new(query.partition.clone(), "");
        let mut keys: Vec<Key> = self
            .table
            .items
            .range(first..)
            .map(|(key, _)| key)
            .take_while(|key| key.partition == query.partition)
            .filter(|key| wanted(&key.sort) && behind(&key.sort))
            .cloned()
            .collect();
        if query.order == Order::Descending {
            keys.reverse();
        }
        keys
    }
}

impl State {
    /// The present version of an item.
    pub(crate) fn latest(&self, item: &Item) -> Option<Item> {
        self.table.items.get(&item.key).cloned()
    }
}

#[async_trait]
impl Scan for World {
    async fn scan(&self, after: Option<&Key>, limit: usize) -> Result<Vec<Item>, TableError> {
        self.before_call().await;
        self.lost_call()?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        Ok(state
            .table
            .items
            .range((start, Bound::Unbounded))
            .take(limit)
            .map(|(_, item)| item.clone())
            .collect())
    }
}
