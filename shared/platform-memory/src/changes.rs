//! The change stream in memory: shards are read again, and items may be ahead of their change.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::id::hash_bits;
use platform::changes::{Change, Changes, Consumer, Sequence, ShardId};
use platform::table::{Item, TableError};

use crate::faults::Fault;
use crate::world::{State, World};

const SHARDS: u128 = 3;

#[derive(Default)]
pub(crate) struct Data {
    shards: BTreeMap<u128, Vec<Item>>,
    checkpoints: BTreeMap<(Consumer, u128), usize>,
}

impl State {
    pub(crate) fn announce(&mut self, item: Item) {
        let shard = hash_bits(&[&item.key.partition]) % SHARDS;
        self.changes.shards.entry(shard).or_default().push(item);
    }

    /// How many changes a consumer has yet to see.
    fn unseen(&self, consumer: Consumer) -> usize {
        self.changes
            .shards
            .iter()
            .map(|(shard, items)| {
                items.len()
                    - self
                        .changes
                        .checkpoints
                        .get(&(consumer, *shard))
                        .copied()
                        .unwrap_or(0)
            })
            .sum()
    }
}

impl World {
    /// How many changes the consumers have yet to see.
    pub fn unseen_changes(&self) -> usize {
        let state = self.state();
        Consumer::ALL
            .into_iter()
            .map(|consumer| state.unseen(consumer))
            .sum()
    }
}

fn number(shard: &ShardId) -> Result<u128, TableError> {
    shard
        .0
        .parse()
        .map_err(|_| TableError::Invalid(format!("there is no shard {}", shard.0)))
}

/// Sequences start high, so that they have to be compared as numbers of many digits.
fn sequence(index: usize) -> Sequence {
    Sequence(format!("{}", index as u128 + 98))
}

#[async_trait]
impl Changes for World {
    async fn shards(&self) -> Result<Vec<ShardId>, TableError> {
        self.before_call().await;
        Ok(self
            .state()
            .changes
            .shards
            .keys()
            .map(|shard| ShardId(shard.to_string()))
            .collect())
    }

    async fn read(
        &self,
        consumer: Consumer,
        shard: &ShardId,
        limit: usize,
    ) -> Result<Vec<Change>, TableError> {
        self.before_call().await;
        let shard = number(shard)?;
        let mut state = self.state();
        let mut from = state
            .changes
            .checkpoints
            .get(&(consumer, shard))
            .copied()
            .unwrap_or(0);
        if from > 0 && state.occurs(Fault::ChangesRepeated) {
            from -= 1 + state.below(from.min(5));
        }
        let items: Vec<(usize, Item)> = state
            .changes
            .shards
            .get(&shard)
            .map(|items| items.iter().cloned().enumerate().skip(from).take(limit).collect())
            .unwrap_or_default();
        let mut changes = Vec::with_capacity(items.len());
        for (index, item) in items {
            let latest = state.latest(&item);
            let ahead = latest.as_ref().is_none_or(|latest| latest.version > item.version);
            let shown = if ahead && state.occurs(Fault::ChangeAhead) {
                latest
            } else {
                Some(item.clone())
            };
            changes.push(Change {
                sequence: sequence(index),
                key: item.key,
                version: item.version,
                item: shown,
            });
        }
        Ok(changes)
    }

    async fn checkpoint(&self, consumer: Consumer, shard: &ShardId, to: &Sequence) -> Result<(), TableError> {
        self.before_call().await;
        let shard = number(shard)?;
        let index: usize =
            to.0.parse()
                .map_err(|_| TableError::Invalid(format!("no sequence {to}")))?;
        let mut state = self.state();
        let place = state.changes.checkpoints.entry((consumer, shard)).or_default();
        *place = (*place).max(index.saturating_sub(98) + 1);
        Ok(())
    }
}
