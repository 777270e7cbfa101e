//! Faults planted in our own code, by changing what it asks of its ports: each must be caught.

use async_trait::async_trait;
use domain::time::{Millis, Timestamp};
use platform::queues::{OutgoingMessage, QueueError, QueueName, Queues, ReceivedMessage};
use platform::table::{Condition, Consistency, DueEntry, Item, Key, Page, Query, Table, TableError, Write};
use platform::world::Clock;
use platform_memory::World;
use serde_json::Value;

/// A planted fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A claim is written whatever stands there.
    UnconditionalClaim,
    /// Messages of earlier generations are taken as present ones, and cancels do not stop them.
    GenerationIgnored,
    /// A claim drops the due key: nobody comes back when its holder dies.
    DueKeyDroppedAtClaim,
    /// The attempt is not written down before the connector is called.
    AttemptRecordedAfterCall,
    /// The gate does not see new do-not-contact entries.
    StaleGate,
    /// The person's ledger is written whatever stands there.
    LedgerUnconditional,
    /// A receipt is folded without the step of its conversation.
    ReceiptWithoutStep,
    /// A change that is repeated is counted again.
    StreamRepeatCounted,
    /// A history entry is overwritten by an older one.
    HistoryOverwritten,
    /// A conversation's timer is lost when it moves.
    WaitForgotten,
    /// Strays are never looked for.
    StraysForgotten,
    /// A worker's clock is ahead.
    ClockAhead,
    /// A stop is not seen.
    StopNotSeen,
    /// A webhook's delivery is told as done when it has only begun.
    DeliveryForgotten,
    /// A consumer of the stream reports the change behind the one that failed.
    CheckpointPastFailure,
    /// The shards of the stream are counted on one item.
    CountersMixed,
    /// Keys of a batch of reads that come late are taken for absent.
    KeysForgotten,
    /// A transaction is written as a batch, of which a part may fail.
    TransactionInParts,
    /// Nobody knows whose an address is.
    PersonsForgotten,
}

impl Plant {
    /// All planted faults.
    pub const ALL: [Self; 19] = [
        Self::UnconditionalClaim,
        Self::GenerationIgnored,
        Self::DueKeyDroppedAtClaim,
        Self::AttemptRecordedAfterCall,
        Self::StaleGate,
        Self::LedgerUnconditional,
        Self::ReceiptWithoutStep,
        Self::StreamRepeatCounted,
        Self::HistoryOverwritten,
        Self::WaitForgotten,
        Self::StraysForgotten,
        Self::ClockAhead,
        Self::StopNotSeen,
        Self::DeliveryForgotten,
        Self::CheckpointPastFailure,
        Self::CountersMixed,
        Self::KeysForgotten,
        Self::TransactionInParts,
        Self::PersonsForgotten,
    ];
}

/// The ports of a world, with a fault planted between them and the use cases, or none.
pub struct Planted {
    world: World,
    plant: Option<Plant>,
}

impl Planted {
    /// A world with a plant.
    pub fn new(world: World, plant: Option<Plant>) -> Self {
        Self { world, plant }
    }

    fn has(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    fn change_read(&self, key: &Key, item: Option<Item>) -> Option<Item> {
        let barred = key.partition.contains("#N#");
        if self.has(Plant::StaleGate) && barred {
            return None;
        }
        if self.has(Plant::PersonsForgotten) && key.partition.contains("#AP#") {
            return None;
        }
        let mut item = item?;
        if self.has(Plant::StreamRepeatCounted) && is_counter(key) {
            edit(&mut item, |value| value["last"] = Value::Null);
        }
        if self.has(Plant::HistoryOverwritten) && key.partition.contains("#H#") {
            edit(&mut item, |value| value["activityVersion"] = Value::from(0));
        }
        if self.has(Plant::StopNotSeen) && key.partition.ends_with("#C") {
            edit(&mut item, |value| {
                if value["state"] == "stopped" {
                    value["state"] = Value::from("published");
                }
            });
        }
        if self.has(Plant::GenerationIgnored) && is_activity(key) {
            edit(&mut item, |value| {
                if value["state"] == "CANCELLED" && value["attempt"] == 0 {
                    value["state"] = Value::from("SCHEDULED");
                }
            });
        }
        Some(item)
    }

    /// The key that stands for another one.
    fn change_key(&self, key: &Key) -> Key {
        if self.has(Plant::CountersMixed) && is_counter(key) {
            return Key::new(key.partition.clone(), "0");
        }
        key.clone()
    }

    fn change_writes(&self, writes: Vec<Write>) -> Vec<Write> {
        let with_activity = writes.iter().any(|write| is_activity(write.key()));
        let whole = !self.has(Plant::TransactionInParts) || writes.len() == 1 || self.world.chance(900);
        let kept = if whole { writes.len() } else { writes.len() / 2 };
        writes
            .into_iter()
            .take(kept)
            .filter_map(|write| self.change_write(write, with_activity))
            .collect()
    }

    fn change_write(&self, write: Write, with_activity: bool) -> Option<Write> {
        let Write::Put {
            mut item,
            mut condition,
        } = write
        else {
            return Some(write);
        };
        item.key = self.change_key(&item.key);
        let claim = is_activity(&item.key) && item.body.contains(r#""state":"DISPATCHING""#);
        if claim && self.has(Plant::UnconditionalClaim) {
            condition = Condition::None;
        }
        if claim && self.has(Plant::DueKeyDroppedAtClaim) {
            item.due = None;
        }
        if claim && self.has(Plant::AttemptRecordedAfterCall) {
            return None;
        }
        if item.key.partition.contains("#F#") && self.has(Plant::LedgerUnconditional) {
            condition = Condition::None;
        }
        if item.key.partition.contains("#WD#") && self.has(Plant::DeliveryForgotten) {
            item.due = None;
        }
        let conversation = item.key.sort == "V";
        if conversation && with_activity && self.has(Plant::ReceiptWithoutStep) && item.version > 1 {
            return None;
        }
        if conversation && self.has(Plant::WaitForgotten) && item.version > 1 {
            item.due = None;
        }
        Some(Write::Put { item, condition })
    }
}

fn is_counter(key: &Key) -> bool {
    key.partition.contains("#G#")
}

fn is_activity(key: &Key) -> bool {
    key.sort == "A"
}

fn edit(item: &mut Item, change: impl FnOnce(&mut Value)) {
    if let Ok(mut value) = serde_json::from_str(&item.body) {
        change(&mut value);
        item.body = value.to_string();
    }
}

#[async_trait]
impl Table for Planted {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError> {
        let item = self.world.get(&self.change_key(key), consistency).await?;
        Ok(self.change_read(key, item))
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, TableError> {
        let items = self.world.get_many(keys, consistency).await?;
        Ok(keys
            .iter()
            .zip(items)
            .map(|(key, item)| {
                let forgotten = self.has(Plant::KeysForgotten) && self.world.chance(50);
                self.change_read(key, item.filter(|_| !forgotten))
            })
            .collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.world.query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let writes = self.change_writes(writes);
        if writes.is_empty() {
            Ok(())
        } else {
            self.world.transact(writes).await
        }
    }

    async fn transact_each(&self, transactions: Vec<Vec<Write>>) -> Vec<Result<(), TableError>> {
        let transactions = transactions
            .into_iter()
            .map(|writes| self.change_writes(writes))
            .collect();
        self.world.transact_each(transactions).await
    }

    async fn due(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, TableError> {
        if self.has(Plant::StraysForgotten) && until < self.world.now() {
            return Ok(Vec::new());
        }
        self.world.due(shard, after, until, limit).await
    }
}

#[async_trait]
impl Queues for Planted {
    async fn send(&self, queue: QueueName, messages: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        self.world.send(queue, messages).await
    }

    async fn receive(
        &self,
        queue: QueueName,
        max: usize,
        visibility: Millis,
    ) -> Result<Vec<ReceivedMessage>, QueueError> {
        let mut messages = self.world.receive(queue, max, visibility).await?;
        if self.has(Plant::GenerationIgnored) {
            for message in &mut messages {
                self.newest_generation(message).await;
            }
        }
        Ok(messages)
    }

    async fn delete(&self, queue: QueueName, receipts: Vec<String>) -> Result<(), QueueError> {
        self.world.delete(queue, receipts).await
    }
}

impl Planted {
    async fn newest_generation(&self, message: &mut ReceivedMessage) {
        let Ok(mut value) = serde_json::from_str::<Value>(&message.body) else {
            return;
        };
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let key = Key::new(text("p"), text("s"));
        let Ok(Some(item)) = self.world.get(&key, Consistency::Strong).await else {
            return;
        };
        let Ok(activity) = serde_json::from_str::<Value>(&item.body) else {
            return;
        };
        if is_activity(&key) {
            value["g"] = activity["generation"].clone();
            message.body = value.to_string();
        }
    }
}

impl Clock for Planted {
    fn now(&self) -> Timestamp {
        let now = self.world.now();
        if self.has(Plant::ClockAhead) {
            now + Millis::seconds(2)
        } else {
            now
        }
    }
}
