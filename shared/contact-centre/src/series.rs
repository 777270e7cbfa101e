//! A run over time, for plots.

use crate::fact::{Ending, Fact, Party, Phase};
use crate::scenario::Scenario;

/// The centre at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Seconds since the run began.
    pub t: f64,
    /// Agents logged on, without breaks.
    pub present: u32,
    /// Agents who talk or wrap up.
    pub busy: u32,
    /// Outbound calls without an ending.
    pub open: u32,
    /// Persons connected so far.
    pub connected: u32,
    /// Persons abandoned so far.
    pub abandoned: u32,
}

impl Sample {
    /// Persons abandoned / persons connected or abandoned, so far.
    pub fn abandonment(&self) -> f64 {
        let live = self.connected + self.abandoned;
        f64::from(self.abandoned) / f64::from(live.max(1))
    }
}

/// Samples at even times.
#[derive(Clone, Debug)]
pub struct Series {
    step: f64,
    phases: Vec<Phase>,
    now: Sample,
    samples: Vec<Sample>,
}

impl Series {
    /// A series with so many samples over the scenario.
    pub fn new(scenario: &Scenario, samples: u32) -> Self {
        Self {
            step: scenario.duration.get() / f64::from(samples.max(1)),
            phases: vec![Phase::Off; scenario.agents() as usize],
            now: Sample::default(),
            samples: Vec::new(),
        }
    }

    /// What was sampled.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Takes a fact in, told in the order of time.
    pub fn tell(&mut self, t: f64, fact: Fact) {
        while self.now.t <= t {
            self.samples.push(self.now);
            self.now.t += self.step;
        }
        match fact {
            Fact::Agent(agent, phase) => self.change(agent, phase),
            Fact::Dialed(_) => self.now.open += 1,
            Fact::Ended(_, ending) => {
                self.now.open -= 1;
                match ending {
                    Ending::Connected(Party::Person, _) => self.now.connected += 1,
                    Ending::Abandoned(Party::Person) => self.now.abandoned += 1,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, agent: usize, phase: Phase) {
        let Some(old) = self.phases.get_mut(agent) else {
            return;
        };
        let old = std::mem::replace(old, phase);
        let present = |phase| u32::from(!matches!(phase, Phase::Off | Phase::Break));
        let busy = |phase| u32::from(matches!(phase, Phase::Talk(_) | Phase::Wrap(_)));
        self.now.present = self.now.present + present(phase) - present(old);
        self.now.busy = self.now.busy + busy(phase) - busy(old);
    }
}
