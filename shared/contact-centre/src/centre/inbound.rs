//! Inbound callers: they arrive, queue, are served or give up.

use pacing::protocol::{Event, Id, InboundEvent, Pool, Why};

use super::agenda::What;
use super::{Centre, Unanswered};
use crate::fact::{Fact, Phase};

/// An inbound caller.
pub(super) struct Caller {
    arrived: f64,
}

impl Centre<'_> {
    /// Plans the next arrival: a Poisson process with a varying rate, thinned from its highest rate
    /// (Lewis and Shedler 1979).
    pub(super) fn expect_inbound(&mut self) {
        let Some(inbound) = &self.scenario.inbound else {
            return;
        };
        let (highest, end) = (inbound.highest_rate(), self.scenario.duration.get());
        if highest <= 0.0 {
            return;
        }
        let mut at = self.now;
        while at < end {
            at += self.inbound_draw.exponential(1.0 / highest);
            if self.inbound_draw.unit() * highest <= inbound.rate_at(at) {
                self.agenda.add(at, What::InboundArrival);
                return;
            }
        }
    }

    pub(super) fn inbound_arrival(&mut self) -> Result<(), Unanswered> {
        self.expect_inbound();
        let Some(inbound) = &self.scenario.inbound else {
            return Ok(());
        };
        let caller = self.inbound.len();
        let patience = self.inbound_draw.time(&inbound.patience);
        self.inbound.push(Caller { arrived: self.now });
        self.queue.push_back(caller);
        self.agenda.add(self.now + patience, What::Patience(caller));
        self.fact(Fact::InboundQueued(caller));
        self.tell(Event::Inbound(caller_id(caller), InboundEvent::Queued));
        if self.floor.idle(Pool::Inbound) == 0 {
            self.ask_release()?;
        }
        self.serve()
    }

    /// Asks whether an idle seized agent is to take the inbound call.
    fn ask_release(&mut self) -> Result<(), Unanswered> {
        let Some(agent) = self.floor.longest_idle(Pool::Outbound) else {
            return Ok(());
        };
        if self.seize(agent, Why::InboundWaiting, Pool::Outbound)? == Pool::Inbound {
            self.change(agent, Phase::Idle(Pool::Inbound));
        }
        Ok(())
    }

    pub(super) fn inbound_connect(&mut self, caller: usize, agent: usize) {
        let Some(inbound) = &self.scenario.inbound else {
            return;
        };
        let wait = self.waited(caller);
        let seconds = self.talk_draw.time(&inbound.talk);
        self.fact(Fact::InboundConnected(caller, wait));
        self.talk(agent, Pool::Inbound, seconds);
        self.tell(Event::Inbound(caller_id(caller), InboundEvent::Connected));
    }

    pub(super) fn inbound_gives_up(&mut self, caller: usize) {
        let Some(place) = self.queue.iter().position(|queues| *queues == caller) else {
            return;
        };
        self.queue.remove(place);
        self.fact(Fact::InboundAbandoned(caller, self.waited(caller)));
        self.tell(Event::Inbound(caller_id(caller), InboundEvent::Abandoned));
    }

    fn waited(&self, caller: usize) -> f64 {
        self.inbound
            .get(caller)
            .map_or(0.0, |caller| self.now - caller.arrived)
    }

    /// Seconds that the oldest caller has waited; 0 if nobody queues.
    pub(super) fn oldest_wait(&self) -> f64 {
        self.queue.front().map_or(0.0, |caller| self.waited(*caller))
    }
}

/// The protocol's name of an inbound call; no outbound call has it.
fn caller_id(place: usize) -> Id {
    Id::Text(format!("in-{place}").into())
}
