//! Agent events that the product has not been told yet.

use std::collections::VecDeque;

use domain::agent::AgentEvent;
use domain::time::Timestamp;

use super::Due;

/// Most events of one batch.
const BATCH: usize = 1_000;

/// An event of an agent, and what is to be done once it is told.
#[derive(Debug)]
pub(super) struct Telling {
    pub(super) agent: String,
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
    pub(super) event: AgentEvent,
    pub(super) then: Vec<Due>,
}

/// One batch is under way at a time, so that the events of an agent come in their order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    tellings: VecDeque<Telling>,
    is_under_way: bool,
}

impl Outbox {
    pub(super) fn put(
        &mut self,
        agent: &str,
        sequence: u64,
        at: Timestamp,
        event: AgentEvent,
        then: Vec<Due>,
    ) {
        self.tellings.push_back(Telling {
            agent: agent.to_owned(),
            sequence,
            at,
            event,
            then,
        });
    }

    /// Whether a round of telling is to begin: there is something, and none is under way.
    pub(super) fn begin(&mut self) -> bool {
        let begins = !self.is_under_way && !self.tellings.is_empty();
        self.is_under_way |= begins;
        begins
    }

    /// The next batch.
    pub(super) fn take(&mut self) -> Vec<Telling> {
        let count = self.tellings.len().min(BATCH);
        self.tellings.drain(..count).collect()
    }

    /// A batch has been told, but for those to tell again. Returns whether there is more to tell.
    pub(super) fn end(&mut self, again: Vec<Telling>) -> bool {
        for telling in again.into_iter().rev() {
            self.tellings.push_front(telling);
        }
        self.is_under_way = !self.tellings.is_empty();
        self.is_under_way
    }
}
