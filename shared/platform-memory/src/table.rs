//! The table in memory: strong reads are exact, everything else lags, and transactions fail for
//! every reason that DynamoDB has.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;
use domain::time::{Millis, Timestamp};
use domain::timer::TimerKind;
use platform::table::{
    Condition, Consistency, DueEntry, Item, Key, MAX_ITEM_BYTES, MAX_PAGE_BYTES, MAX_TRANSACTION, Order,
    Page, Query, Scan, SortRange, Table, TableError, Write,
};

use crate::due::DueIndex;
use crate::faults::Fault;
use crate::world::{State, World};

/// How long an eventual read may be behind.
const LAG: Millis = Millis::new(2_000);
/// How late a write may take effect whose caller was told that it is unknown, in milliseconds.
const LATE_WRITE: usize = 3_000;
/// How long a burst of throttling lasts at most, in milliseconds.
const BURST: usize = 20_000;
/// How many calls are asked to slow down in a burst, in thousandths.
const THROTTLED_IN_BURST: u32 = 700;
/// How long the rest of a batch of reads takes at most, in milliseconds.
const UNPROCESSED: usize = 1_500;

#[derive(Default)]
pub(crate) struct Data {
    items: BTreeMap<Key, Item>,
    /// What stood there before the last write, and when that was.
    previous: BTreeMap<Key, (Timestamp, Option<Item>)>,
    /// Every write, in order: when, where, and what stood there after it.
    journal: Vec<Written>,
    pub(crate) due: DueIndex,
    /// Writes whose callers were told that they are unknown: when they take effect.
    late: BTreeMap<(Timestamp, u64), Vec<Write>>,
    late_writes: u64,
    /// Until when most calls are asked to slow down.
    throttled_until: Timestamp,
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

    /// What may hinder any call, before it does anything.
    fn admit(&mut self) -> Result<(), TableError> {
        self.settle_late_writes();
        if self.now < self.table.throttled_until && self.faults.likelihood(Fault::ThrottlingBurst) > 0 {
            if self.chance(THROTTLED_IN_BURST) {
                return Err(TableError::Throttled);
            }
        } else if self.occurs(Fault::ThrottlingBurst) {
            self.table.throttled_until = self.now + Millis::new(self.below(BURST) as u64);
        }
        if self.occurs(Fault::LostCall) {
            return Err(TableError::Unavailable("the call was lost".into()));
        }
        Ok(())
    }

    /// A transaction as it comes in.
    fn take(&mut self, writes: Vec<Write>) -> Result<(), TableError> {
        check(&writes)?;
        if self.occurs(Fault::Throttled) {
            return Err(TableError::Throttled);
        }
        if self.occurs(Fault::SpuriousConflict) {
            return Err(TableError::Conflict);
        }
        if self.occurs(Fault::WriteLate) {
            let at = self.now + Millis::new(1 + self.below(LATE_WRITE) as u64);
            self.table.late_writes += 1;
            self.table.late.insert((at, self.table.late_writes), writes);
            return Err(TableError::Unavailable("there was no answer in time".into()));
        }
        self.transact(writes)
    }

    /// Lets the late writes take effect whose time has come, as far as their conditions hold then.
    pub(crate) fn settle_late_writes(&mut self) {
        while let Some(entry) = self.table.late.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let writes = entry.remove();
            // Nobody waits for the answer.
            let _ = self.transact(writes);
        }
    }

    fn transact(&mut self, writes: Vec<Write>) -> Result<(), TableError> {
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

    /// Whether any timer stands that is not of this kind.
    pub fn has_due_besides(&self, kind: TimerKind) -> bool {
        let state = self.state();
        let mut timers = state.table.items.values().filter_map(|item| item.due);
        timers.any(|timer| timer.kind != kind)
    }

    fn admit(&self) -> Result<(), TableError> {
        self.state().admit()
    }

    async fn one_transaction(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.admit()?;
        self.state().take(writes)?;
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
        self.admit()?;
        Ok(self.state().read(key, consistency))
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, TableError> {
        keys.iter().try_for_each(check_key)?;
        self.before_call().await;
        self.admit()?;
        let whole = keys.len() < 2 || !self.occurs(Fault::KeysUnprocessed);
        let mut items = Vec::with_capacity(keys.len());
        {
            let mut state = self.state();
            for key in keys {
                let processed = whole || state.chance(500);
                items.push(processed.then(|| state.read(key, consistency)));
            }
        }
        if !whole {
            let pause = Millis::new(self.pick(UNPROCESSED) as u64);
            self.sleep(pause).await;
        }
        let mut state = self.state();
        Ok(keys
            .iter()
            .zip(items)
            .map(|(key, item)| item.unwrap_or_else(|| state.read(key, consistency)))
            .collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.before_call().await;
        self.admit()?;
        let backwards = matches!(&query.range, SortRange::Between(low, high) if low > high);
        if query.limit == 0 || query.partition.is_empty() || backwards {
            return Err(TableError::Invalid(format!("{query:?}")));
        }
        let mut state = self.state();
        let keys = state.matching(query);
        let limit = if query.limit > 1 && keys.len() > 1 && state.occurs(Fault::ShortPage) {
            1 + state.below(query.limit.min(keys.len()) - 1)
        } else {
            query.limit
        };
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        let mut bytes = 0;
        let (mut visited, mut last) = (0, None);
        for key in keys {
            let item = state.read(&key, query.consistency);
            bytes += item.as_ref().map_or(0, Item::size);
            if visited == limit || (bytes > MAX_PAGE_BYTES && last.is_some()) {
                page.next = last;
                break;
            }
            last = Some(key.sort.clone());
            visited += 1;
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
        self.admit()?;
        let mut state = self.state();
        let now = state.now;
        Ok(state.table.due.entries(shard, after, until, limit, now))
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
        self.admit()?;
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
