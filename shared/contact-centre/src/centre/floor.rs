//! Who of the agents does what.

use std::collections::VecDeque;

use pacing::protocol::Pool;

use crate::fact::Phase;
use crate::readings::BusyCount;

/// Phases of all agents, counted, and who is idle, the longest first.
#[derive(Default)]
pub(super) struct Floor {
    idle_outbound: VecDeque<usize>,
    idle_inbound: VecDeque<usize>,
    talk: Sides,
    wrap: Sides,
    logged_on: u32,
}

#[derive(Default)]
struct Sides {
    outbound: u32,
    inbound: u32,
}

impl Sides {
    fn of(&mut self, pool: Pool) -> &mut u32 {
        match pool {
            Pool::Outbound => &mut self.outbound,
            Pool::Inbound => &mut self.inbound,
        }
    }

    fn count(&self, busy: BusyCount) -> u32 {
        match busy {
            BusyCount::Everyone => self.outbound + self.inbound,
            BusyCount::Outbound => self.outbound,
        }
    }
}

impl Floor {
    /// An agent changes from one phase to another.
    pub(super) fn change(&mut self, agent: usize, from: Phase, to: Phase) {
        match from {
            Phase::Idle(pool) => self.queue(pool).retain(|other| *other != agent),
            Phase::Talk(pool) => *self.talk.of(pool) -= 1,
            Phase::Wrap(pool) => *self.wrap.of(pool) -= 1,
            Phase::Off => self.logged_on += 1,
            Phase::Break | Phase::Free => {}
        }
        match to {
            Phase::Idle(pool) => self.queue(pool).push_back(agent),
            Phase::Talk(pool) => *self.talk.of(pool) += 1,
            Phase::Wrap(pool) => *self.wrap.of(pool) += 1,
            Phase::Off => self.logged_on -= 1,
            Phase::Break | Phase::Free => {}
        }
    }

    fn queue(&mut self, pool: Pool) -> &mut VecDeque<usize> {
        match pool {
            Pool::Outbound => &mut self.idle_outbound,
            Pool::Inbound => &mut self.idle_inbound,
        }
    }

    fn queued(&self, pool: Pool) -> &VecDeque<usize> {
        match pool {
            Pool::Outbound => &self.idle_outbound,
            Pool::Inbound => &self.idle_inbound,
        }
    }

    /// Who has been idle longest.
    pub(super) fn longest_idle(&self, pool: Pool) -> Option<usize> {
        self.queued(pool).front().copied()
    }

    pub(super) fn idle(&self, pool: Pool) -> usize {
        self.queued(pool).len()
    }

    /// All who are idle, with their sides, by number.
    pub(super) fn all_idle(&self) -> Vec<(usize, Pool)> {
        let outbound = self.idle_outbound.iter().map(|agent| (*agent, Pool::Outbound));
        let inbound = self.idle_inbound.iter().map(|agent| (*agent, Pool::Inbound));
        let mut all: Vec<_> = outbound.chain(inbound).collect();
        all.sort_unstable();
        all
    }

    pub(super) fn talking(&self, busy: BusyCount) -> u32 {
        self.talk.count(busy)
    }

    pub(super) fn wrapping(&self, busy: BusyCount) -> u32 {
        self.wrap.count(busy)
    }

    /// Agents who talk or wrap up.
    pub(super) fn busy(&self) -> u32 {
        self.talking(BusyCount::Everyone) + self.wrapping(BusyCount::Everyone)
    }

    /// Agents logged on, breaks included.
    pub(super) fn logged_on(&self) -> u32 {
        self.logged_on
    }
}
