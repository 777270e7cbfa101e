//! SQS as `platform-aws` sends to it: batches of ten, some at once, delays in whole seconds.

use application::timers::TimerMessage;
use async_trait::async_trait;
use domain::time::Millis;
use futures::{StreamExt, stream};
use platform::queues::{OutgoingMessage, QueueError, QueueName, Queues, ReceivedMessage};
use platform::world::Clock;

use super::environment::{Call, Environment};

/// Messages in a `SendMessageBatch` (SQS's bound).
const BATCH: usize = 10;
/// Batches under way at once; as many as `platform-aws` has.
const BATCHES_AT_ONCE: usize = 8;

/// Rounded up, so that nothing arrives early.
fn whole_seconds(delay: Millis) -> Millis {
    Millis::seconds(delay.get().div_ceil(1_000))
}

impl Environment {
    async fn send_batch(&self, batch: Vec<OutgoingMessage>) {
        self.call(Call::SendBatch, batch.len()).await;
        let now = self.world.now();
        let mut items = self.items();
        for message in batch {
            if let Some(timer) = TimerMessage::decode(&message.body) {
                items.sent(&timer.key(), now, whole_seconds(message.delay));
            }
        }
    }
}

#[async_trait]
impl Queues for Environment {
    async fn send(&self, _: QueueName, messages: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        self.items().take_in_hand(messages.len());
        let batches: Vec<Vec<_>> = messages.chunks(BATCH).map(<[_]>::to_vec).collect();
        stream::iter(batches)
            .map(|batch| self.send_batch(batch))
            .buffered(BATCHES_AT_ONCE)
            .collect::<Vec<()>>()
            .await;
        self.items().let_go(messages.len());
        Ok(messages.len())
    }

    async fn receive(&self, _: QueueName, _: usize, _: Millis) -> Result<Vec<ReceivedMessage>, QueueError> {
        Err(QueueError::Unavailable("a sweep receives nothing".into()))
    }

    async fn delete(&self, _: QueueName, _: Vec<String>) -> Result<(), QueueError> {
        Err(QueueError::Unavailable("a sweep receives nothing".into()))
    }
}
