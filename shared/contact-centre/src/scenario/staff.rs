//! Who works when.

use serde::Deserialize;

use super::{Seconds, Time};

/// Agents who work alike.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// How many.
    pub agents: u32,
    /// When they log on.
    #[serde(default = "Group::start")]
    pub from: Seconds,
    /// When they log off, as soon as they are free; the end of the run if not given.
    #[serde(default)]
    pub until: Option<Seconds>,
    /// Each agent logs on and off up to so many seconds later.
    #[serde(default = "Group::start")]
    pub spread: Seconds,
    /// Their breaks.
    #[serde(default)]
    pub breaks: Vec<Rest>,
    /// Staff that comes and goes.
    #[serde(default)]
    pub churn: Option<Churn>,
}

impl Group {
    fn start() -> Seconds {
        Seconds::constant(0.0)
    }
}

/// A break.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rest {
    /// When it is due; it begins as soon as the agent is free.
    pub at: Seconds,
    /// How long it takes.
    pub seconds: Seconds,
    /// Each agent goes up to so many seconds later.
    #[serde(default = "Group::start")]
    pub spread: Seconds,
}

/// Agents log off and on again all the time, as when they are shared with other work.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    /// How long they stay.
    pub stay: Time,
    /// How long they are away.
    pub away: Time,
}
