//! Where the time of agents goes.

use pacing::protocol::Pool;

use crate::fact::{Fact, Phase};

/// Seconds by phase, and idle spells.
#[derive(Clone, Debug)]
pub(super) struct People {
    now: Vec<Spell>,
    seconds: [f64; KINDS.len()],
    idle_before_calls: f64,
    calls: u64,
}

/// What an agent does, since when, and since when idle.
#[derive(Clone, Copy, Debug)]
struct Spell {
    phase: Phase,
    since: f64,
    idle_since: Option<f64>,
}

/// The phases whose time is counted.
const KINDS: [Phase; 9] = [
    Phase::Off,
    Phase::Break,
    Phase::Free,
    Phase::Idle(Pool::Outbound),
    Phase::Idle(Pool::Inbound),
    Phase::Talk(Pool::Outbound),
    Phase::Talk(Pool::Inbound),
    Phase::Wrap(Pool::Outbound),
    Phase::Wrap(Pool::Inbound),
];

impl People {
    pub(super) fn new(agents: usize) -> Self {
        let off = Spell {
            phase: Phase::Off,
            since: 0.0,
            idle_since: None,
        };
        Self {
            now: vec![off; agents],
            seconds: [0.0; KINDS.len()],
            idle_before_calls: 0.0,
            calls: 0,
        }
    }

    pub(super) fn tell(&mut self, t: f64, fact: Fact) {
        match fact {
            Fact::Agent(agent, phase) => self.change(t, agent, phase),
            Fact::End => {
                for agent in 0..self.now.len() {
                    if let Some(spell) = self.now.get(agent).copied() {
                        self.change(t, agent, spell.phase);
                    }
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, t: f64, agent: usize, phase: Phase) {
        let Some(spell) = self.now.get_mut(agent) else {
            return;
        };
        let place = KINDS.iter().position(|kind| *kind == spell.phase);
        if let Some(seconds) = place.and_then(|place| self.seconds.get_mut(place)) {
            *seconds += t - spell.since;
        }
        match phase {
            Phase::Idle(_) => spell.idle_since = spell.idle_since.or(Some(t)),
            Phase::Talk(_) => {
                if let Some(since) = spell.idle_since.take() {
                    self.idle_before_calls += t - since;
                    self.calls += 1;
                }
            }
            Phase::Off | Phase::Break | Phase::Free | Phase::Wrap(_) => spell.idle_since = None,
        }
        (spell.phase, spell.since) = (phase, t);
    }

    pub(super) fn seconds(&self, of: impl Fn(Phase) -> bool) -> f64 {
        let counted = KINDS.iter().zip(&self.seconds).filter(|(kind, _)| of(**kind));
        counted.map(|(_, seconds)| seconds).sum()
    }

    pub(super) fn busy(&self) -> f64 {
        self.seconds(|phase| matches!(phase, Phase::Talk(_) | Phase::Wrap(_)))
    }

    /// Time logged on without breaks.
    pub(super) fn staffed(&self) -> f64 {
        self.seconds(|phase| !matches!(phase, Phase::Off | Phase::Break))
    }

    pub(super) fn mean_idle(&self) -> f64 {
        super::ratio(self.idle_before_calls, self.calls as f64)
    }

    /// Agents logged on, without breaks, who serve outbound now.
    pub(super) fn outbound(&self) -> usize {
        self.count(|phase| {
            matches!(
                phase,
                Phase::Idle(Pool::Outbound) | Phase::Talk(Pool::Outbound) | Phase::Wrap(Pool::Outbound)
            )
        })
    }

    /// Agents logged on, without breaks.
    pub(super) fn present(&self) -> usize {
        self.count(|phase| !matches!(phase, Phase::Off | Phase::Break))
    }

    fn count(&self, of: impl Fn(Phase) -> bool) -> usize {
        self.now.iter().filter(|spell| of(spell.phase)).count()
    }
}
