//! Queues in memory: messages are lost, repeated, late and out of order.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::time::{Millis, Timestamp};
use platform::queues::{MAX_RECEIVE, OutgoingMessage, QueueError, QueueName, Queues, ReceivedMessage};

use crate::faults::Fault;
use crate::world::{State, World};

/// How late a late message is, in milliseconds.
const LATE: usize = 240_000;

/// How long after its deletion a message may come again, in milliseconds.
const REAPPEARS: usize = 60_000;

/// How long a poll of an empty queue lasts at most, in milliseconds (SQS: 20 s).
const LONG_POLL: usize = 15_000;

#[derive(Default)]
pub(crate) struct Data {
    messages: BTreeMap<QueueName, Vec<Stored>>,
    next: u64,
}

struct Stored {
    id: u64,
    visible: Timestamp,
    body: String,
    receives: u32,
}

impl State {
    /// How long a poll of an empty queue waits: until a message becomes visible, or the poll ends.
    fn wait_for(&mut self, queue: QueueName) -> Millis {
        let next = self
            .queues
            .messages
            .get(&queue)
            .into_iter()
            .flatten()
            .map(|m| m.visible)
            .min();
        let poll = Millis::new(500 + self.below(LONG_POLL) as u64);
        next.map_or(poll, |next| next.since(self.now).min(poll))
            .max(Millis::new(1))
    }

    /// Where the messages of a queue stand that are as wanted.
    fn places(&self, queue: QueueName, wanted: impl Fn(&Stored) -> bool) -> Vec<usize> {
        let messages = self.queues.messages.get(&queue).into_iter().flatten();
        messages
            .enumerate()
            .filter(|(_, message)| wanted(message))
            .map(|(place, _)| place)
            .collect()
    }

    /// Deletes a message; it may come again all the same.
    fn discard(&mut self, queue: QueueName, receipt: &str) {
        let now = self.now;
        let again = self.occurs(Fault::DeletedRepeated);
        let later = Millis::new(self.below(if again { REAPPEARS } else { 0 }) as u64);
        let Some(list) = self.queues.messages.get_mut(&queue) else {
            return;
        };
        if again {
            let deleted = list.iter_mut().find(|message| message.id.to_string() == receipt);
            if let Some(message) = deleted {
                message.visible = now + later;
            }
        } else {
            list.retain(|message| message.id.to_string() != receipt);
        }
    }

    fn enqueue(&mut self, queue: QueueName, message: &OutgoingMessage) {
        let mut delay = message.delay;
        if self.occurs(Fault::MessageLate) {
            delay = delay + Millis::new(self.below(LATE) as u64);
        }
        let id = self.queues.next;
        self.queues.next += 1;
        let stored = Stored {
            id,
            visible: self.now + delay,
            body: message.body.clone(),
            receives: 0,
        };
        self.queues.messages.entry(queue).or_default().push(stored);
    }
}

#[async_trait]
impl Queues for World {
    async fn send(&self, queue: QueueName, messages: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        self.before_call().await;
        let mut taken = 0;
        {
            let mut state = self.state();
            if state.occurs(Fault::LostCall) {
                return Err(QueueError::Unavailable("the call was lost".into()));
            }
            let refused = if messages.len() > 1 && state.occurs(Fault::BatchHalfTaken) {
                500
            } else {
                0
            };
            for message in &messages {
                if state.chance(refused) {
                    continue;
                }
                taken += 1;
                if state.occurs(Fault::MessageLost) {
                    continue;
                }
                state.enqueue(queue, message);
                if state.occurs(Fault::MessageRepeated) {
                    state.enqueue(queue, message);
                }
            }
        }
        self.after_call().await;
        Ok(taken)
    }

    async fn receive(
        &self,
        queue: QueueName,
        max: usize,
        visibility: Millis,
    ) -> Result<Vec<ReceivedMessage>, QueueError> {
        self.before_call().await;
        let received = {
            let mut state = self.state();
            let now = state.now;
            let mut visible = state.places(queue, |message| message.visible <= now);
            let in_flight = state.places(queue, |message| message.visible > now && message.receives > 0);
            if !in_flight.is_empty() && state.occurs(Fault::InFlightRepeated) {
                let place = state.below(in_flight.len());
                visible.extend(in_flight.get(place));
            }
            if visible.len() > 1 && state.occurs(Fault::MessageReordered) {
                let length = visible.len();
                for i in 0..length {
                    let j = state.below(length);
                    visible.swap(i, j);
                }
            }
            let list = state.queues.messages.entry(queue).or_default();
            let mut received = Vec::new();
            for index in visible.into_iter().take(max.min(MAX_RECEIVE)) {
                if let Some(message) = list.get_mut(index) {
                    message.visible = now + visibility;
                    message.receives += 1;
                    received.push(ReceivedMessage {
                        receipt: message.id.to_string(),
                        body: message.body.clone(),
                        receive_count: message.receives,
                        trace: None,
                    });
                }
            }
            received
        };
        if received.is_empty() {
            let wait = self.state().wait_for(queue);
            self.sleep(wait).await;
        }
        Ok(received)
    }

    async fn delete(&self, queue: QueueName, receipts: Vec<String>) -> Result<(), QueueError> {
        self.before_call().await;
        let mut state = self.state();
        if state.occurs(Fault::LostCall) {
            return Err(QueueError::Unavailable("the call was lost".into()));
        }
        for receipt in &receipts {
            state.discard(queue, receipt);
        }
        Ok(())
    }
}
