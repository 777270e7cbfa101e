//! The ports, counted: each call goes on to the memory platform, and what AWS would bill for it goes
//! to the meter.

use application::keys::{self, Kind};
use async_trait::async_trait;
use domain::time::{Millis, Timestamp};
use platform::bus::{BusError, BusEvent, EventBus};
use platform::queues::{MAX_RECEIVE, OutgoingMessage, QueueError, QueueName, Queues, ReceivedMessage};
use platform::table::{Consistency, DueEntry, Item, Key, Page, Query, Table, TableError, Write};
use platform_memory::World;

use crate::meter::{Meter, Service, TableUse};
use crate::size;

/// Bytes that one event on the bus, or one batch of messages, is billed by.
const CHUNK: usize = 64 * 1_024;

/// The ports of a world, with a meter.
pub(crate) struct Counted {
    pub(crate) world: World,
    pub(crate) meter: Meter,
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

impl Counted {
    /// A read of one item. One that is not there costs as much as the smallest.
    fn item_read(&self, key: &Key, item: Option<&Item>, consistency: Consistency) {
        let units = size::read_units(item.map_or(0, size::item)) * share(consistency);
        self.read_of(keys::kind(key), units);
    }

    fn read_of(&self, kind: Kind, read_units: f64) {
        let used = TableUse {
            reads: 1.0,
            read_units,
            ..TableUse::default()
        };
        self.meter.table(kind, used);
    }

    /// A transaction of one write is sent as a plain conditional write; in all others each write
    /// costs twice.
    async fn transaction(&self, writes: &[Write]) {
        let transacted = writes.len() > 1;
        for write in writes {
            let before = self
                .world
                .get(write.key(), Consistency::Strong)
                .await
                .ok()
                .flatten();
            self.written(write, before.as_ref(), transacted);
        }
    }

    fn written(&self, write: &Write, before: Option<&Item>, transacted: bool) {
        let after = match write {
            Write::Put { item, .. } => Some(item),
            Write::Delete { .. } => None,
            Write::Check { .. } => before,
        };
        // The larger of the two is billed.
        let size = |item: Option<&Item>| item.map_or(0, size::item);
        let bytes = size(before).max(size(after));
        let due = |item: Option<&Item>| item.and_then(|item| item.due);
        let index_units = if due(before) == due(after) {
            0.0
        } else {
            count(usize::from(due(before).is_some()) + usize::from(due(after).is_some()))
        };
        let used = TableUse {
            writes: 1.0,
            transacted: if transacted { 1.0 } else { 0.0 },
            bytes: count(bytes),
            write_units: size::write_units(bytes) * if transacted { 2.0 } else { 1.0 },
            index_units,
            ..TableUse::default()
        };
        self.meter.table(keys::kind(write.key()), used);
    }
}

/// An eventually consistent read costs half.
const fn share(consistency: Consistency) -> f64 {
    match consistency {
        Consistency::Strong => 1.0,
        Consistency::Eventual => 0.5,
    }
}

#[async_trait]
impl Table for Counted {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError> {
        self.meter.table_call();
        let item = self.world.get(key, consistency).await?;
        self.item_read(key, item.as_ref(), consistency);
        Ok(item)
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, TableError> {
        self.meter.table_call();
        let items = self.world.get_many(keys, consistency).await?;
        for (key, item) in keys.iter().zip(&items) {
            self.item_read(key, item.as_ref(), consistency);
        }
        Ok(items)
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.meter.table_call();
        let page = self.world.query(query).await?;
        let bytes = page.items.iter().map(size::item).sum();
        let kind = keys::kind(&Key::new(query.partition.clone(), ""));
        self.read_of(kind, size::read_units(bytes) * share(query.consistency));
        Ok(page)
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.meter.table_call();
        self.transaction(&writes).await;
        self.world.transact(writes).await
    }

    async fn transact_each(&self, transactions: Vec<Vec<Write>>) -> Vec<Result<(), TableError>> {
        self.meter.table_call();
        for writes in &transactions {
            self.transaction(writes).await;
        }
        self.world.transact_each(transactions).await
    }

    async fn due(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, TableError> {
        self.meter.table_call();
        let entries = self.world.due(shard, after, until, limit).await?;
        let bytes = entries.iter().map(|entry| size::due_entry(&entry.key)).sum();
        self.read_of(Kind::DueIndex, size::read_units(bytes) * 0.5);
        Ok(entries)
    }
}

#[async_trait]
impl Queues for Counted {
    async fn send(&self, queue: QueueName, messages: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        for batch in messages.chunks(MAX_RECEIVE) {
            let bytes: usize = batch.iter().map(|message| message.body.len()).sum();
            let requests = bytes.div_ceil(CHUNK).max(1);
            self.meter.service(Service::Queue, count(requests));
        }
        self.world.send(queue, messages).await
    }

    /// Only those that bring something are counted: polls of an empty queue belong to the queue, not to
    /// an activity.
    async fn receive(
        &self,
        queue: QueueName,
        max: usize,
        visibility: Millis,
    ) -> Result<Vec<ReceivedMessage>, QueueError> {
        self.world.receive(queue, max, visibility).await
    }

    async fn delete(&self, queue: QueueName, receipts: Vec<String>) -> Result<(), QueueError> {
        self.world.delete(queue, receipts).await
    }
}

#[async_trait]
impl EventBus for Counted {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<(), BusError> {
        let chunks: usize = events
            .iter()
            .map(|event| event.detail.len().div_ceil(CHUNK).max(1))
            .sum();
        self.meter.service(Service::Bus, count(chunks));
        self.world.publish(events).await
    }
}
