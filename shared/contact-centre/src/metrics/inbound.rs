//! The inbound side, and whether a side starves.

use super::people::People;
use crate::fact::Fact;

/// Inbound calls of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Inbound {
    /// Calls that arrived.
    pub arrived: u64,
    /// Calls that got an agent.
    pub connected: u64,
    /// Of these, within the time aimed at.
    pub in_time: u64,
    /// Calls whose caller gave up.
    pub abandoned: u64,
    /// Seconds that the connected waited, together.
    pub waited: f64,
}

impl Inbound {
    /// Calls answered in time / calls answered or given up; none without calls.
    pub fn service_level(&self) -> Option<f64> {
        let decided = self.connected + self.abandoned;
        (decided > 0).then(|| self.in_time as f64 / decided as f64)
    }
}

/// The longest times without service, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Starvation {
    /// Inbound callers queue, and none is connected.
    pub inbound: f64,
    /// Agents are present, and none serves outbound.
    pub outbound: f64,
}

/// Watches both sides.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    sla: f64,
    inbound: Inbound,
    queued: u64,
    longest: Starvation,
    inbound_since: Option<f64>,
    outbound_since: Option<f64>,
}

impl Watch {
    pub(super) fn new(sla: f64) -> Self {
        Self {
            sla,
            inbound: Inbound::default(),
            queued: 0,
            longest: Starvation::default(),
            inbound_since: None,
            outbound_since: None,
        }
    }

    pub(super) fn inbound(&self) -> &Inbound {
        &self.inbound
    }

    pub(super) fn starvation(&self) -> Starvation {
        self.longest
    }

    pub(super) fn tell(&mut self, t: f64, fact: Fact, people: &People) {
        match fact {
            Fact::InboundQueued(_) => {
                self.inbound.arrived += 1;
                self.queued += 1;
                self.inbound_since = self.inbound_since.or(Some(t));
            }
            Fact::InboundConnected(_, wait) => {
                self.inbound.connected += 1;
                self.inbound.in_time += u64::from(wait <= self.sla);
                self.inbound.waited += wait;
                self.served(t);
            }
            Fact::InboundAbandoned(..) => {
                self.inbound.abandoned += 1;
                self.left(t);
            }
            Fact::Agent(..) => self.staffed(t, people),
            Fact::End => {
                note(&mut self.longest.inbound, self.inbound_since, t);
                note(&mut self.longest.outbound, self.outbound_since, t);
            }
            _ => {}
        }
    }

    /// A caller got an agent: whoever queues still waits anew.
    fn served(&mut self, t: f64) {
        note(&mut self.longest.inbound, self.inbound_since.take(), t);
        self.queued = self.queued.saturating_sub(1);
        self.inbound_since = (self.queued > 0).then_some(t);
    }

    fn left(&mut self, t: f64) {
        self.queued = self.queued.saturating_sub(1);
        if self.queued == 0 {
            note(&mut self.longest.inbound, self.inbound_since.take(), t);
        }
    }

    fn staffed(&mut self, t: f64, people: &People) {
        if people.present() > 0 && people.outbound() == 0 {
            self.outbound_since = self.outbound_since.or(Some(t));
        } else {
            note(&mut self.longest.outbound, self.outbound_since.take(), t);
        }
    }
}

fn note(longest: &mut f64, since: Option<f64>, t: f64) {
    *longest = longest.max(since.map_or(0.0, |since| t - since));
}
