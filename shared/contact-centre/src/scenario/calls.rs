//! What becomes of outbound calls.

use serde::Deserialize;

use super::{Profile, Seconds, Share, Shock, Time};

/// What becomes of outbound calls. What is not live, busy, invalid or a machine is not answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// Share of calls that a person answers, before profile and shocks.
    pub live: Share,
    /// Share of calls that an answering machine answers.
    pub machine: Share,
    /// Share of busy lines.
    pub busy: Share,
    /// Share of numbers that do not exist.
    pub invalid: Share,
    /// From dialing to ringing, or to busy and invalid.
    pub setup: Time,
    /// From ringing to the answer of a person.
    pub answer: Time,
    /// From ringing to the answer of a machine.
    #[serde(default = "Calls::machine_answer")]
    pub machine_answer: Time,
    /// Seconds of ringing after which a call is given up.
    pub ring_max: Seconds,
    /// Telling persons and machines apart.
    #[serde(default)]
    pub detection: Detection,
    /// Factor on the share of persons over the run.
    #[serde(default)]
    pub profile: Profile,
    /// Shocks of the share of persons.
    #[serde(default)]
    pub shocks: Vec<Shock>,
}

/// Telling persons and machines apart.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detection {
    /// From off hook to the verdict; includes the greeting of a person.
    pub delay: Time,
    /// Share of persons taken for machines and hung up.
    pub person_as_machine: Share,
    /// Share of machines taken for persons.
    pub machine_as_person: Share,
    /// How long an agent talks to a machine.
    pub machine_talk: Time,
}

impl Default for Detection {
    fn default() -> Self {
        Self {
            delay: Time::Fixed(Seconds::constant(0.0)),
            person_as_machine: Share::constant(0.0),
            machine_as_person: Share::constant(0.0),
            machine_talk: Time::Fixed(Seconds::constant(6.0)),
        }
    }
}

impl Calls {
    fn machine_answer() -> Time {
        Time::Fixed(Seconds::constant(15.0))
    }

    /// The sum of all shares.
    pub(super) fn outcomes(&self) -> f64 {
        self.live.get() + self.machine.get() + self.busy.get() + self.invalid.get()
    }

    /// Share of calls that a person answers, of those dialed at a time.
    pub fn live_at(&self, t: f64) -> f64 {
        let wished = self.live.get() * self.profile.at(t) * Shock::all_at(&self.shocks, t);
        wished.min(1.0 - self.busy.get() - self.invalid.get())
    }
}
