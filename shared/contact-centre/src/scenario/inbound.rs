//! Inbound calls.

use serde::Deserialize;

use super::{Factor, Profile, Seconds, Shock, Time};

/// Inbound calls: Poisson arrivals with a rate that varies.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboundCalls {
    /// Calls per minute, before profile and rushes.
    pub per_minute: Factor,
    /// Factor on the rate over the run.
    #[serde(default)]
    pub profile: Profile,
    /// Rushes: factors on the rate for a while.
    #[serde(default)]
    pub rushes: Vec<Shock>,
    /// How long a conversation takes.
    pub talk: Time,
    /// How long a caller waits before giving up.
    pub patience: Time,
    /// Seconds within which a call should be answered.
    pub sla: Seconds,
}

impl InboundCalls {
    /// Calls per second at a time.
    pub(crate) fn rate_at(&self, t: f64) -> f64 {
        self.per_minute.get() / 60.0 * self.profile.at(t) * Shock::all_at(&self.rushes, t)
    }

    /// Calls per second that are never exceeded.
    pub(crate) fn highest_rate(&self) -> f64 {
        let rushes: f64 = self.rushes.iter().map(|rush| rush.times.get().max(1.0)).product();
        self.per_minute.get() / 60.0 * self.profile.highest() * rushes
    }
}
