//! One queue, without waiting: messages that are ready, by group, and messages that will be.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use platform::queues::ReceivedMessage;
use tokio::time::Instant;

/// A message.
#[derive(Debug)]
struct Message {
    body: Box<str>,
    group: Arc<str>,
    received: u32,
    /// When it becomes ready, if it is delayed or hidden.
    waits_until: Option<Instant>,
}

/// The messages of one tenant.
#[derive(Debug, Default)]
struct Group {
    /// All of them, ready or not.
    messages: usize,
    /// In order; may name messages that were deleted since.
    ready: VecDeque<u64>,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    capacity: usize,
    messages: HashMap<u64, Message>,
    groups: HashMap<Arc<str>, Group>,
    /// Groups with ready messages, each once; the first one's turn is next.
    turns: VecDeque<Arc<str>>,
    /// Delayed and hidden messages, soonest first.
    waiting: BTreeSet<(Instant, u64)>,
    last: u64,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            messages: HashMap::new(),
            groups: HashMap::new(),
            turns: VecDeque::new(),
            waiting: BTreeSet::new(),
            last: 0,
        }
    }

    /// Adds a message; false if there is no room for it.
    pub(crate) fn push(&mut self, body: &str, group: &str, now: Instant, delay: Duration) -> bool {
        let of_group = self.groups.get(group).map_or(0, |group| group.messages);
        // A quarter of the room is kept from any one tenant.
        if self.messages.len() >= self.capacity || of_group >= self.capacity - self.capacity / 4 {
            return false;
        }
        let name = match self.groups.get_key_value(group) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(group),
        };
        self.groups.entry(Arc::clone(&name)).or_default().messages += 1;
        self.last += 1;
        let id = self.last;
        self.messages.insert(
            id,
            Message {
                body: body.into(),
                group: Arc::clone(&name),
                received: 0,
                waits_until: None,
            },
        );
        if delay.is_zero() {
            self.ready(id, &name);
        } else {
            self.wait(id, now + delay);
        }
        true
    }

    /// Takes ready messages, one per group in turn, and hides them.
    pub(crate) fn take(&mut self, now: Instant, max: usize, visibility: Duration) -> Vec<ReceivedMessage> {
        self.wake(now);
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(id) = self.next_ready() else { break };
            let Some(message) = self.messages.get_mut(&id) else {
                continue;
            };
            message.received = message.received.saturating_add(1);
            taken.push(ReceivedMessage {
                receipt: format!("{id}.{}", message.received),
                body: message.body.to_string(),
                receive_count: message.received,
                trace: None,
            });
            self.wait(id, now + visibility);
        }
        taken
    }

    /// Deletes the message of a receipt, unless it has been received again since.
    pub(crate) fn delete(&mut self, receipt: &str) {
        let parsed = receipt
            .split_once('.')
            .and_then(|(id, received)| Some((id.parse::<u64>().ok()?, received.parse::<u32>().ok()?)));
        let Some((id, received)) = parsed else { return };
        if self
            .messages
            .get(&id)
            .is_none_or(|message| message.received != received)
        {
            return;
        }
        let Some(message) = self.messages.remove(&id) else {
            return;
        };
        if let Some(instant) = message.waits_until {
            self.waiting.remove(&(instant, id));
        }
        if let Some(group) = self.groups.get_mut(&message.group) {
            group.messages -= 1;
            // A group that has its turn is removed there.
            if group.messages == 0 && group.ready.is_empty() {
                self.groups.remove(&message.group);
            }
        }
    }

    /// Whether a message is ready, as far as anyone has looked.
    pub(crate) fn has_ready(&self) -> bool {
        !self.turns.is_empty()
    }

    /// When the next delayed or hidden message becomes ready.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.waiting.first().map(|(instant, _)| *instant)
    }

    /// Moves messages that are due from waiting to ready.
    fn wake(&mut self, now: Instant) {
        while let Some((instant, id)) = self.waiting.first().copied() {
            if instant > now {
                break;
            }
            self.waiting.pop_first();
            let group = self.messages.get_mut(&id).map(|message| {
                message.waits_until = None;
                Arc::clone(&message.group)
            });
            if let Some(group) = group {
                self.ready(id, &group);
            }
        }
    }

    fn wait(&mut self, id: u64, until: Instant) {
        if let Some(message) = self.messages.get_mut(&id) {
            message.waits_until = Some(until);
            self.waiting.insert((until, id));
        }
    }

    fn ready(&mut self, id: u64, name: &Arc<str>) {
        if let Some(group) = self.groups.get_mut(name) {
            if group.ready.is_empty() {
                self.turns.push_back(Arc::clone(name));
            }
            group.ready.push_back(id);
        }
    }

    /// The first ready message of the group whose turn it is; may have been deleted.
    fn next_ready(&mut self) -> Option<u64> {
        while let Some(name) = self.turns.pop_front() {
            let Some(group) = self.groups.get_mut(&name) else {
                continue;
            };
            let id = group.ready.pop_front();
            if !group.ready.is_empty() {
                self.turns.push_back(name);
            } else if group.messages == 0 {
                self.groups.remove(&name);
            }
            if id.is_some() {
                return id;
            }
        }
        None
    }
}

#[cfg(test)]
impl Queue {
    /// Whether no trace of any message is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.groups.is_empty() && self.turns.is_empty() && self.waiting.is_empty()
    }
}
