//! SEIZE: which side a blended agent is to serve.

use crate::engine::{Moment, State};
use crate::protocol::{Pool, Why};

/// The part of the staff that outbound always has, if it wants: so that a rush on one side does not starve
/// the other.
pub(crate) const OUTBOUND_FLOOR: f64 = 0.1;
/// An answered outbound call goes first while the oldest caller has waited less than this part of the
/// target.
const PATIENCE: f64 = 0.5;

/// The question about one agent, at a moment.
pub(crate) struct Query<'a> {
    pub(crate) why: Why,
    pub(crate) pool: Pool,
    pub(crate) state: &'a State,
    pub(crate) moment: &'a Moment,
}

impl Query<'_> {
    /// Whether a call is on its way for this agent, where each has one: there are no more free than calls.
    pub(crate) fn is_reserved(&self) -> bool {
        let calls = self.moment.in_flight.saturating_add(self.moment.waiting);
        self.pool == Pool::Outbound
            && match self.why {
                // Not among the free yet.
                Why::Freed => self.moment.idle < calls,
                _ => calls > 0 && self.moment.idle <= calls,
            }
    }

    /// By the agents who are to be kept for inbound callers ([`crate::inbound::Inbound::reserve`]).
    pub(crate) fn credit(&self) -> Pool {
        match self.why {
            Why::OutboundWaiting => self.lend(),
            Why::InboundWaiting => self.release(),
            Why::Freed | Why::Review => self.balance(),
        }
    }

    /// To the side whose oldest waits longer, measured against what it may wait.
    pub(crate) fn wait_compare(&self) -> Pool {
        let inbound = self.moment.in_wait / self.state.inbound().in_time().max(0.1);
        let outbound = self.state.oldest_waiting() / self.state.run().abandon_wait.max(0.1);
        if self.moment.in_queue == 0 || (self.moment.waiting > 0 && outbound >= inbound) {
            Pool::Outbound
        } else {
            Pool::Inbound
        }
    }

    /// Outbound while at least so many agents stay idle for inbound, and nobody queues there.
    pub(crate) fn threshold(&self, agents: f64) -> Pool {
        if self.moment.in_queue == 0 && self.idle_for_inbound() >= agents {
            Pool::Outbound
        } else {
            Pool::Inbound
        }
    }

    /// Outbound until this share of the staff is.
    pub(crate) fn share(&self, share: f64) -> Pool {
        self.up_to(share * f64::from(self.moment.staff))
    }

    /// Outbound until so many agents are.
    pub(crate) fn up_to(&self, agents: f64) -> Pool {
        if self.others_seized() + 1.0 <= agents {
            Pool::Outbound
        } else {
            Pool::Inbound
        }
    }

    /// An idle inbound agent to an answered outbound call.
    fn lend(&self) -> Pool {
        if self.moment.in_queue == 0 || self.under_floor() {
            Pool::Outbound
        } else {
            Pool::Inbound
        }
    }

    /// An idle outbound agent to an arriving inbound call.
    fn release(&self) -> Pool {
        if self.under_floor() {
            Pool::Outbound
        } else {
            Pool::Inbound
        }
    }

    fn balance(&self) -> Pool {
        let outbound = if self.moment.in_queue > 0 {
            self.outbound_goes_first()
        } else {
            self.idle_for_inbound() >= self.state.inbound().reserve(f64::from(self.moment.staff))
        };
        if outbound || self.under_floor() {
            Pool::Outbound
        } else {
            Pool::Inbound
        }
    }

    fn outbound_goes_first(&self) -> bool {
        self.moment.waiting > 0 && self.moment.in_wait < PATIENCE * self.state.inbound().in_time()
    }

    /// Agents idle for inbound besides this one.
    fn idle_for_inbound(&self) -> f64 {
        let this = u32::from(self.pool == Pool::Inbound);
        f64::from(self.moment.idle_in.saturating_sub(this))
    }

    fn under_floor(&self) -> bool {
        let floor = (OUTBOUND_FLOOR * f64::from(self.moment.staff)).max(1.0);
        self.others_seized() + 1.0 <= floor
    }

    /// Agents on the outbound side besides this one.
    fn others_seized(&self) -> f64 {
        let this = u32::from(self.pool == Pool::Outbound);
        f64::from(self.moment.seized.saturating_sub(this))
    }
}
