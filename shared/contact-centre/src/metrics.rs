//! What a run was like, counted from its facts.

mod calls;
mod inbound;
mod people;
mod window;

pub use inbound::{Inbound, Starvation};

use crate::fact::{Ending, Fact, Phase, Refusal};
use crate::scenario::Scenario;
use calls::Endings;
use inbound::Watch;
use people::People;
use window::{part_over, windows, worst};

/// Seconds of the window in which abandonment is looked at.
const HALF_HOUR: f64 = 1_800.0;
/// Live calls without which the share of a window says nothing.
const WINDOW_CALLS: usize = 50;

/// What a run was like.
#[derive(Clone, Debug)]
pub struct Metrics {
    people: People,
    endings: Endings,
    watch: Watch,
    dialed: u64,
    refused_lines: u64,
    refused_contacts: u64,
    /// Live persons by time, and whether they were abandoned.
    live: Vec<(f64, bool)>,
    ended: f64,
}

impl Metrics {
    /// Metrics of a run that begins.
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            people: People::new(scenario.agents() as usize),
            endings: Endings::default(),
            watch: Watch::new(scenario.inbound.as_ref().map_or(0.0, |inbound| inbound.sla.get())),
            dialed: 0,
            refused_lines: 0,
            refused_contacts: 0,
            live: Vec::new(),
            ended: 0.0,
        }
    }

    /// Counts a fact, told in the order of time.
    pub fn tell(&mut self, t: f64, fact: Fact) {
        self.people.tell(t, fact);
        self.watch.tell(t, fact, &self.people);
        match fact {
            Fact::Dialed(_) => self.dialed += 1,
            Fact::Ended(_, ending) => {
                self.endings.count(ending);
                if let Some(abandoned) = calls::live_person(ending) {
                    self.live.push((t, abandoned));
                }
            }
            Fact::Refused(calls, Refusal::Lines) => self.refused_lines += u64::from(calls),
            Fact::Refused(calls, Refusal::Contacts) => self.refused_contacts += u64::from(calls),
            Fact::End => self.ended = t,
            _ => {}
        }
    }

    /// Seconds until the run ended: its duration, or when all contacts had been called.
    pub fn ended(&self) -> f64 {
        self.ended
    }

    /// Seconds that agents spent in phases of a kind, all agents together.
    pub fn agent_seconds(&self, of: impl Fn(Phase) -> bool) -> f64 {
        self.people.seconds(of)
    }

    /// (Talk + wrap-up) / time logged on without breaks.
    pub fn occupancy(&self) -> f64 {
        ratio(self.people.busy(), self.people.staffed())
    }

    /// Persons abandoned / persons connected or abandoned.
    pub fn abandonment(&self) -> f64 {
        let abandoned = self.endings.abandoned_persons;
        ratio(
            abandoned as f64,
            (self.endings.connected_persons + abandoned) as f64,
        )
    }

    /// The same as a pacer sees it: machines taken for persons are counted with them.
    pub fn abandonment_as_told(&self) -> f64 {
        let abandoned = self.endings.abandoned_persons + self.endings.abandoned_machines;
        let connected = self.endings.connected_persons + self.endings.connected_machines;
        ratio(abandoned as f64, (connected + abandoned) as f64)
    }

    /// Persons hung up as machines / persons who answered: no pacing can mend it.
    pub fn hung_up_share(&self) -> f64 {
        let persons = self.live.len() as u64 + self.endings.hung_up_persons;
        ratio(self.endings.hung_up_persons as f64, persons as f64)
    }

    /// The highest abandonment of any 30 minutes with 50 live calls; none if there are none.
    pub fn worst_half_hour(&self) -> Option<f64> {
        worst(windows(&self.live, HALF_HOUR, WINDOW_CALLS))
    }

    /// The part of all 30 minutes with 50 live calls, each ending with a live call, that were over a limit.
    pub fn half_hours_over(&self, limit: f64) -> Option<f64> {
        part_over(windows(&self.live, HALF_HOUR, WINDOW_CALLS), limit)
    }

    /// Persons connected per hour of an agent logged on without breaks.
    pub fn connects_per_hour(&self) -> f64 {
        ratio(
            self.endings.connected_persons as f64,
            self.people.staffed() / 3_600.0,
        )
    }

    /// Seconds between free and the next call, in the mean.
    pub fn mean_idle(&self) -> f64 {
        self.people.mean_idle()
    }

    /// Calls started.
    pub fn dialed(&self) -> u64 {
        self.dialed
    }

    /// Calls by ending.
    pub fn count(&self, ending: Ending) -> u64 {
        self.endings.of(ending)
    }

    /// Calls not started because all lines were taken.
    pub fn refused_lines(&self) -> u64 {
        self.refused_lines
    }

    /// Calls not started because no contact was left.
    pub fn refused_contacts(&self) -> u64 {
        self.refused_contacts
    }

    /// The inbound side.
    pub fn inbound(&self) -> &Inbound {
        self.watch.inbound()
    }

    /// How long either side of a blended centre went without service.
    pub fn starvation(&self) -> Starvation {
        self.watch.starvation()
    }
}

/// 0 for nothing of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
