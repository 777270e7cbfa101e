//! A due index of any size, and what became of each entry. Whatever is handed over is taken to be
//! claimed at once when it is due.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;
use domain::time::{Millis, Timestamp};
use domain::timer::{DUE_SHARDS, Timer, TimerKind, due_shard};
use platform::table::{Condition, Consistency, DueEntry, Item, Key, Page, Query, Table, TableError, Write};
use platform::world::Clock;

use super::environment::{Call, Environment};

/// An activity.
struct Slot {
    due: Timestamp,
    /// Its due key: that, until it is moved as a stray.
    at: Timestamp,
    version: u64,
    shard: u16,
    /// How late its first message arrived.
    arrived: Option<Timestamp>,
}

/// Everything that is due, and what was counted on the way.
pub(super) struct DueItems {
    slots: Vec<Slot>,
    shards: Vec<BTreeSet<(Timestamp, usize)>>,
    /// Cursors.
    others: BTreeMap<Key, Item>,
    calls: BTreeMap<Call, u64>,
    repeated: u64,
    in_hand: usize,
    most_in_hand: usize,
    /// When each shard was first and last worked on, by the minute of the run.
    worked: BTreeMap<(i64, u16), (Timestamp, Timestamp)>,
}

fn key(number: usize) -> Key {
    Key::new(format!("tenant#A#act_{number:026}"), "A")
}

/// The number of an activity.
fn number(key: &Key) -> Option<usize> {
    key.partition.rsplit('_').next()?.parse().ok()
}

impl DueItems {
    /// So many activities, due evenly over a time.
    pub(super) fn new(count: u32, first: Timestamp, spread: Millis) -> Self {
        let mut shards = vec![BTreeSet::new(); usize::from(DUE_SHARDS)];
        let mut slots = Vec::new();
        for place in 0..u64::from(count) {
            let due = first + Millis::new(spread.get() * place / u64::from(count));
            let shard = due_shard(&key(slots.len()).partition);
            shards[usize::from(shard)].insert((due, slots.len()));
            slots.push(Slot {
                due,
                at: due,
                version: 1,
                shard,
                arrived: None,
            });
        }
        Self {
            slots,
            shards,
            others: BTreeMap::new(),
            calls: BTreeMap::new(),
            repeated: 0,
            in_hand: 0,
            most_in_hand: 0,
            worked: BTreeMap::new(),
        }
    }

    /// Activities without a message.
    pub(super) fn open(&self) -> usize {
        self.slots.iter().filter(|slot| slot.arrived.is_none()).count()
    }

    /// How late each message arrived, of those that did.
    pub(super) fn lateness(&self) -> impl Iterator<Item = Millis> {
        self.slots
            .iter()
            .filter_map(|slot| Some(slot.arrived?.since(slot.due)))
    }

    /// Messages that arrived before their activity was due.
    pub(super) fn early(&self) -> usize {
        let early = |slot: &&Slot| slot.arrived.is_some_and(|arrived| arrived < slot.due);
        self.slots.iter().filter(early).count()
    }

    pub(super) fn calls(&self, call: Call) -> u64 {
        self.calls.get(&call).copied().unwrap_or(0)
    }

    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    pub(super) fn most_in_hand(&self) -> usize {
        self.most_in_hand
    }

    /// Entries of each shard at the beginning.
    pub(super) fn per_shard(&self) -> Vec<usize> {
        let mut counts = vec![0; usize::from(DUE_SHARDS)];
        for slot in &self.slots {
            counts[usize::from(slot.shard)] += 1;
        }
        counts
    }

    /// How long a shard was worked on in one minute, at most.
    pub(super) fn longest_shard(&self) -> Millis {
        let spans = self.worked.values().map(|(first, last)| last.since(*first));
        spans.max().unwrap_or_default()
    }

    pub(super) fn count(&mut self, call: Call) {
        *self.calls.entry(call).or_default() += 1;
    }

    pub(super) fn take_in_hand(&mut self, messages: usize) {
        self.in_hand += messages;
        self.most_in_hand = self.most_in_hand.max(self.in_hand);
    }

    pub(super) fn let_go(&mut self, messages: usize) {
        self.in_hand = self.in_hand.saturating_sub(messages);
    }

    fn work_on(&mut self, shard: u16, now: Timestamp) {
        let minute = now.millis() / 60_000;
        let span = self.worked.entry((minute, shard)).or_insert((now, now));
        span.1 = now;
    }

    /// A message about an activity was sent at `now`, to arrive after `delay`.
    pub(super) fn sent(&mut self, key: &Key, now: Timestamp, delay: Millis) {
        let Some(number) = number(key) else { return };
        let slot = &mut self.slots[number];
        match slot.arrived {
            Some(_) => self.repeated += 1,
            None => slot.arrived = Some(now + delay),
        }
        let shard = slot.shard;
        self.work_on(shard, now);
    }

    /// What is due and was handed over is claimed: it leaves.
    fn claim(&mut self, shard: u16, now: Timestamp) {
        let due: Vec<_> = self.shards[usize::from(shard)]
            .range(..(now, 0))
            .filter(|(_, number)| self.slots[*number].arrived.is_some_and(|arrived| arrived < now))
            .copied()
            .collect();
        for entry in due {
            self.shards[usize::from(shard)].remove(&entry);
        }
    }

    fn entries(
        &mut self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Vec<DueEntry> {
        let start = after.map_or(Bound::Unbounded, |after| {
            Bound::Excluded((after.timer.at, number(&after.key).unwrap_or(usize::MAX)))
        });
        let entry = |(at, number): &(Timestamp, usize)| DueEntry {
            timer: timer(*at),
            key: key(*number),
        };
        let due = self.shards[usize::from(shard)].range((start, Bound::Unbounded));
        due.take_while(|(at, _)| *at <= until)
            .take(limit)
            .map(entry)
            .collect()
    }

    fn item(&self, key: &Key) -> Option<Item> {
        let Some(number) = number(key) else {
            return self.others.get(key).cloned();
        };
        let slot = self.slots.get(number)?;
        Some(Item {
            key: key.clone(),
            version: slot.version,
            due: Some(timer(slot.at)),
            expires: None,
            announced: false,
            body: "{}".into(),
        })
    }

    fn write(&mut self, write: Write) -> Result<(), TableError> {
        let standing = self.item(write.key()).map(|item| item.version);
        let holds = match write.condition() {
            Condition::None => true,
            Condition::Absent => standing.is_none(),
            Condition::Version(version) => standing == Some(version),
        };
        if !holds {
            return Err(TableError::ConditionFailed(vec![write.key().clone()]));
        }
        let Write::Put { item, .. } = write else {
            return Err(TableError::Invalid("a sweep only puts".into()));
        };
        match (number(&item.key), item.due) {
            (Some(number), Some(timer)) => {
                let slot = &mut self.slots[number];
                let shard = &mut self.shards[usize::from(slot.shard)];
                shard.remove(&(slot.at, number));
                shard.insert((timer.at, number));
                (slot.at, slot.version) = (timer.at, item.version);
            }
            _ => {
                self.others.insert(item.key.clone(), item);
            }
        }
        Ok(())
    }
}

fn timer(at: Timestamp) -> Timer {
    Timer {
        at,
        kind: TimerKind::Activity,
        generation: 1,
    }
}

#[async_trait]
impl Table for Environment {
    async fn get(&self, key: &Key, _: Consistency) -> Result<Option<Item>, TableError> {
        self.call(Call::Get, 1).await;
        Ok(self.items().item(key))
    }

    async fn get_many(&self, _: &[Key], _: Consistency) -> Result<Vec<Option<Item>>, TableError> {
        Err(TableError::Invalid("a sweep reads items one by one".into()))
    }

    async fn query(&self, _: &Query) -> Result<Page, TableError> {
        Err(TableError::Invalid("a sweep reads the due index alone".into()))
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.call(Call::Put, 1).await;
        let mut items = self.items();
        writes.into_iter().try_for_each(|write| items.write(write))
    }

    async fn transact_each(&self, _: Vec<Vec<Write>>) -> Vec<Result<(), TableError>> {
        vec![Err(TableError::Invalid("a sweep writes items one by one".into()))]
    }

    async fn due(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, TableError> {
        let begun = self.world.now();
        let page = {
            let mut items = self.items();
            items.work_on(shard, begun);
            if after.is_none() {
                items.claim(shard, begun);
            }
            items.entries(shard, after, until, limit)
        };
        self.call(Call::Query, page.len()).await;
        Ok(page)
    }
}
