//! The change stream in memory: shards are read again, and items may be ahead of their change.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::id::hash_bits;
use platform::changes::{Change, Changes, Consumer, Sequence, ShardId};
use platform::table::{Item, TableError};

use crate::faults::Fault;
use crate::world::{State, World};

/// How many shards there are at first.
const SHARDS: usize = 3;
/// Sequences start here: soon they have to be compared as numbers of several digits.
const FIRST_SEQUENCE: u64 = 98;

/// A shard. It takes changes until it has children.
struct Shard {
    parent: Option<usize>,
    children: Vec<usize>,
    changes: Vec<(u64, Item)>,
}

pub(crate) struct Data {
    shards: Vec<Shard>,
    /// How many changes of a shard a consumer has behind it.
    checkpoints: BTreeMap<(Consumer, usize), usize>,
    next_sequence: u64,
}

impl Default for Data {
    fn default() -> Self {
        let root = |_| Shard {
            parent: None,
            children: Vec::new(),
            changes: Vec::new(),
        };
        Self {
            shards: (0..SHARDS).map(root).collect(),
            checkpoints: BTreeMap::new(),
            next_sequence: FIRST_SEQUENCE,
        }
    }
}

impl Data {
    /// The open shard in which changes of a partition stand now.
    fn open_shard(&self, partition: &str) -> usize {
        let hash = hash_bits(&[partition]);
        let turn = |depth: u32, ways: usize| {
            usize::try_from((hash >> (8 * (depth % 15))) & 0xFF).unwrap_or(0) % ways.max(1)
        };
        let (mut place, mut depth) = (turn(0, SHARDS), 0);
        while let Some(shard) = self.shards.get(place)
            && !shard.children.is_empty()
        {
            depth += 1;
            let child = shard.children.get(turn(depth, shard.children.len()));
            place = child.copied().unwrap_or(place);
        }
        place
    }

    /// Closes a shard: `ways` others continue it.
    fn close(&mut self, place: usize, ways: usize) {
        let first = self.shards.len();
        let child = |_| Shard {
            parent: Some(place),
            children: Vec::new(),
            changes: Vec::new(),
        };
        self.shards.extend((0..ways).map(child));
        if let Some(shard) = self.shards.get_mut(place) {
            shard.children = (first..first + ways).collect();
        }
    }

    fn checkpoint(&self, consumer: Consumer, place: usize) -> usize {
        self.checkpoints.get(&(consumer, place)).copied().unwrap_or(0)
    }

    /// Whether a consumer has a closed shard behind it.
    fn is_finished(&self, consumer: Consumer, place: usize) -> bool {
        self.shards.get(place).is_some_and(|shard| {
            !shard.children.is_empty() && self.checkpoint(consumer, place) == shard.changes.len()
        })
    }

    /// How many changes a consumer has yet to see.
    fn unseen(&self, consumer: Consumer) -> usize {
        let shards = self.shards.iter().enumerate();
        shards
            .map(|(place, shard)| shard.changes.len() - self.checkpoint(consumer, place))
            .sum()
    }
}

impl State {
    pub(crate) fn announce(&mut self, item: Item) {
        let mut place = self.changes.open_shard(&item.key.partition);
        if self.occurs(Fault::ShardSplit) {
            let ways = 1 + self.below(2);
            self.changes.close(place, ways);
            place = self.changes.open_shard(&item.key.partition);
        }
        let sequence = self.changes.next_sequence;
        self.changes.next_sequence += 1;
        if let Some(shard) = self.changes.shards.get_mut(place) {
            shard.changes.push((sequence, item));
        }
    }

    /// From where a consumer reads a shard now: its checkpoint, or a little before it.
    fn read_from(&mut self, consumer: Consumer, place: usize) -> usize {
        let from = self.changes.checkpoint(consumer, place);
        let open = !self.changes.is_finished(consumer, place);
        if from > 0 && open && self.occurs(Fault::ChangesRepeated) {
            from - 1 - self.below(from.min(5))
        } else {
            from
        }
    }
}

impl World {
    /// How many changes the consumers have yet to see.
    pub fn unseen_changes(&self) -> usize {
        let state = self.state();
        Consumer::ALL
            .into_iter()
            .map(|consumer| state.changes.unseen(consumer))
            .sum()
    }
}

fn number(shard: &ShardId) -> Result<usize, TableError> {
    shard
        .0
        .parse()
        .map_err(|_| TableError::Invalid(format!("there is no shard {}", shard.0)))
}

#[async_trait]
impl Changes for World {
    async fn shards(&self) -> Result<Vec<ShardId>, TableError> {
        self.before_call().await;
        let state = self.state();
        let data = &state.changes;
        let wanted = |place: &usize| {
            let finished = |consumer| data.is_finished(consumer, *place);
            !Consumer::ALL.into_iter().all(finished)
        };
        let places = (0..data.shards.len()).filter(wanted);
        Ok(places.map(|place| ShardId(place.to_string())).collect())
    }

    async fn read(
        &self,
        consumer: Consumer,
        shard: &ShardId,
        limit: usize,
    ) -> Result<Vec<Change>, TableError> {
        self.before_call().await;
        let place = number(shard)?;
        let mut state = self.state();
        state.settle_late_writes();
        let parent = state.changes.shards.get(place).and_then(|shard| shard.parent);
        // What a shard continues comes before it.
        if parent.is_some_and(|parent| !state.changes.is_finished(consumer, parent)) {
            return Ok(Vec::new());
        }
        let from = state.read_from(consumer, place);
        let shard = state.changes.shards.get(place).into_iter();
        let wanted: Vec<_> = shard
            .flat_map(|shard| shard.changes.iter().skip(from).take(limit).cloned())
            .collect();
        let mut changes = Vec::with_capacity(wanted.len());
        for (sequence, item) in wanted {
            let latest = state.latest(&item);
            let ahead = latest.as_ref().is_none_or(|latest| latest.version > item.version);
            let shown = if ahead && state.occurs(Fault::ChangeAhead) {
                latest
            } else {
                Some(item.clone())
            };
            changes.push(Change {
                sequence: Sequence(sequence.to_string()),
                key: item.key,
                version: item.version,
                item: shown,
            });
        }
        Ok(changes)
    }

    async fn checkpoint(&self, consumer: Consumer, shard: &ShardId, to: &Sequence) -> Result<(), TableError> {
        self.before_call().await;
        let place = number(shard)?;
        let to: u64 =
            to.0.parse()
                .map_err(|_| TableError::Invalid(format!("no sequence {to}")))?;
        let mut state = self.state();
        let behind = state.changes.shards.get(place).map_or(0, |shard| {
            shard.changes.partition_point(|(sequence, _)| *sequence <= to)
        });
        let checkpoint = state.changes.checkpoints.entry((consumer, place)).or_default();
        *checkpoint = (*checkpoint).max(behind);
        Ok(())
    }
}
