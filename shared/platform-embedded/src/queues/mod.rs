//! Queues in memory.
//!
//! After a restart they are empty, as the port allows: the sweep finds what is due. A full queue takes
//! fewer messages than it is given, for the same reason.

mod queue;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use domain::time::Millis;
use platform::queues::{
    MAX_DELAY, MAX_RECEIVE, OutgoingMessage, QueueError, QueueName, Queues, ReceivedMessage,
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use queue::Queue;

/// How long a receive waits for a first message.
const PATIENCE: Duration = Duration::from_secs(1);

/// All queues.
#[derive(Debug)]
pub struct MemoryQueues {
    urgent: Waitable,
    dispatch: Waitable,
    flow: Waitable,
    pacing: Waitable,
    webhooks: Waitable,
}

/// A queue for which one can wait.
#[derive(Debug)]
struct Waitable {
    queue: Mutex<Queue>,
    news: Notify,
}

impl MemoryQueues {
    /// Queues that hold up to `capacity` messages each, of which one group may fill three quarters.
    pub fn new(capacity: usize) -> Self {
        let waitable = || Waitable {
            queue: Mutex::new(Queue::new(capacity)),
            news: Notify::new(),
        };
        Self {
            urgent: waitable(),
            dispatch: waitable(),
            flow: waitable(),
            pacing: waitable(),
            webhooks: waitable(),
        }
    }

    fn named(&self, name: QueueName) -> &Waitable {
        match name {
            QueueName::DispatchUrgent => &self.urgent,
            QueueName::Dispatch => &self.dispatch,
            QueueName::Flow => &self.flow,
            QueueName::Pacing => &self.pacing,
            QueueName::WebhookDelivery => &self.webhooks,
        }
    }
}

impl Waitable {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, messages: Vec<OutgoingMessage>) -> usize {
        let now = Instant::now();
        let (taken, ready, sooner) = {
            let mut queue = self.lock();
            let next = queue.next_due();
            let taken = messages
                .into_iter()
                .take_while(|message| {
                    let delay = message.delay.min(MAX_DELAY).duration();
                    queue.push(message.body.as_str(), &message.group, now, delay)
                })
                .count();
            let sooner = queue
                .next_due()
                .is_some_and(|due| next.is_none_or(|next| due < next));
            (taken, queue.has_ready(), sooner)
        };
        if sooner {
            // Everyone who waits for a later instant looks again.
            self.news.notify_waiters();
        }
        if ready {
            self.news.notify_one();
        }
        taken
    }

    /// Takes what is there; else the instant when something will be.
    fn take(&self, max: usize, visibility: Duration) -> Result<Vec<ReceivedMessage>, Option<Instant>> {
        let (messages, more, next) = {
            let mut queue = self.lock();
            let messages = queue.take(Instant::now(), max, visibility);
            (messages, queue.has_ready(), queue.next_due())
        };
        if more {
            self.news.notify_one();
        }
        if messages.is_empty() {
            Err(next)
        } else {
            Ok(messages)
        }
    }

    async fn receive(&self, max: usize, visibility: Duration) -> Vec<ReceivedMessage> {
        if let Ok(messages) = self.take(max, visibility) {
            return messages;
        }
        let patience = Instant::now() + PATIENCE;
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // From here on no news is missed.
            news.as_mut().enable();
            let next = match self.take(max, visibility) {
                Ok(messages) => return messages,
                Err(next) => next,
            };
            if Instant::now() >= patience {
                return Vec::new();
            }
            // Whether it was news, the next message or the end of patience, the loop finds out.
            let _ = timeout_at(next.map_or(patience, |next| next.min(patience)), news).await;
        }
    }
}

#[async_trait]
impl Queues for MemoryQueues {
    async fn send(&self, queue: QueueName, messages: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        Ok(self.named(queue).send(messages))
    }

    async fn receive(
        &self,
        queue: QueueName,
        max: usize,
        visibility: Millis,
    ) -> Result<Vec<ReceivedMessage>, QueueError> {
        let max = max.clamp(1, MAX_RECEIVE);
        Ok(self.named(queue).receive(max, visibility.duration()).await)
    }

    async fn delete(&self, queue: QueueName, receipts: Vec<String>) -> Result<(), QueueError> {
        let mut queue = self.named(queue).lock();
        for receipt in &receipts {
            queue.delete(receipt);
        }
        Ok(())
    }
}
