//! The due index in memory. It follows the items as DynamoDB's index does: what leaves and what
//! enters are two writes, each in its own time, so that a moved entry may show in both places or in
//! neither for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use domain::time::{Millis, Timestamp};
use domain::timer::due_shard;
use platform::table::{DueEntry, Item, Key};

use crate::faults::Fault;
use crate::world::State;

/// How long the index may be behind, in milliseconds.
const LAG: usize = 5_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Update {
    Enters,
    Leaves,
}

#[derive(Default)]
pub(crate) struct DueIndex {
    shards: BTreeMap<u16, BTreeSet<DueEntry>>,
    /// Updates that the index has yet to see: when, and what.
    lagging: BTreeMap<(Timestamp, u64), (DueEntry, Update)>,
    updates: u64,
}

impl DueIndex {
    fn update(&mut self, at: Timestamp, entry: DueEntry, update: Update) {
        // Updates of one entry reach the index in order.
        let before = self.lagging.iter().filter(|(_, (other, _))| *other == entry);
        let floor = before.map(|((at, _), _)| *at).max().unwrap_or_default();
        self.updates += 1;
        self.lagging
            .insert((at.max(floor), self.updates), (entry, update));
    }

    fn catch_up(&mut self, now: Timestamp) {
        while let Some(first) = self.lagging.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (entry, update) = first.remove();
            let shard = self.shards.entry(due_shard(&entry.key.partition)).or_default();
            match update {
                Update::Enters => shard.insert(entry),
                Update::Leaves => shard.remove(&entry),
            };
        }
    }

    /// What the index shows of a shard at `now`.
    pub(crate) fn entries(
        &mut self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
        now: Timestamp,
    ) -> Vec<DueEntry> {
        self.catch_up(now);
        let Some(entries) = self.shards.get(&shard) else {
            return Vec::new();
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        entries
            .range::<DueEntry, _>((start, Bound::Unbounded))
            .take_while(|entry| entry.timer.at <= until)
            .take(limit)
            .cloned()
            .collect()
    }
}

impl State {
    /// Has the index follow a write.
    pub(crate) fn index(&mut self, key: &Key, before: Option<&Item>, after: Option<&Item>) {
        let entry = |item: &Item| {
            item.due.map(|timer| DueEntry {
                timer,
                key: key.clone(),
            })
        };
        let (leaves, enters) = (before.and_then(entry), after.and_then(entry));
        if leaves == enters {
            return;
        }
        if let Some(entry) = leaves {
            let at = self.index_sees(Fault::IndexEntryLingers);
            self.table.due.update(at, entry, Update::Leaves);
        }
        if let Some(entry) = enters {
            let at = self.index_sees(Fault::IndexEntryLate);
            self.table.due.update(at, entry, Update::Enters);
        }
    }

    /// When the index sees what is written now.
    fn index_sees(&mut self, lag: Fault) -> Timestamp {
        if self.occurs(lag) {
            self.now + Millis::new(self.below(LAG) as u64)
        } else {
            self.now
        }
    }
}
