//! Scenarios: what a centre is like, as data.

mod calls;
mod inbound;
mod library;
mod number;
mod profile;
mod random;
mod staff;
mod time;

use serde::Deserialize;

pub use calls::{Calls, Detection};
pub use inbound::InboundCalls;
pub use library::{Known, LIBRARY, find};
pub use number::{Factor, OutOfRange, Seconds, Share};
pub use profile::{Profile, Shock};
pub use random::random;
pub use staff::{Churn, Group, Rest};
pub use time::{Lognormal, Notice, NoticeOf, Remaining, Time, Wrap};

/// A centre and a run in it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A short name.
    pub name: String,
    /// What it is like, in a sentence.
    pub about: String,
    /// What good pacing reaches here.
    #[serde(default)]
    pub aim: Aim,
    /// Seconds of the run.
    pub duration: Seconds,
    /// Share of live calls that may be abandoned over the run.
    #[serde(default = "limit")]
    pub limit: Share,
    /// Seconds that a live call waits for an agent, from the verdict on.
    #[serde(default = "abandon_wait")]
    pub abandon_wait: Seconds,
    /// Most calls in flight per agent logged on.
    #[serde(default = "lines_per_agent")]
    pub lines_per_agent: Factor,
    /// Who works when.
    pub staff: Vec<Group>,
    /// How long a conversation with a person takes.
    pub talk: Time,
    /// How long the work after it takes.
    pub wrap: Wrap,
    /// Whether desktops tell that an agent is about to finish.
    #[serde(default)]
    pub notice: Option<Notice>,
    /// What becomes of outbound calls.
    pub calls: Calls,
    /// Contacts to call, once each; without end if not given.
    #[serde(default)]
    pub contacts: Option<u32>,
    /// Inbound calls that the same agents serve: a blended centre.
    #[serde(default)]
    pub inbound: Option<InboundCalls>,
}

/// What good pacing reaches in a scenario, beside its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aim {
    /// Occupancy of the agents.
    pub occupancy: Option<Share>,
    /// Inbound calls answered in time.
    pub service_level: Option<Share>,
}

fn limit() -> Share {
    Share::constant(0.03)
}

fn abandon_wait() -> Seconds {
    Seconds::constant(2.0)
}

fn lines_per_agent() -> Factor {
    Factor::constant(12.0)
}

/// Most agents of a scenario.
const MAX_AGENTS: u32 = 5_000;

/// Why a scenario is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadScenario {
    /// Not YAML, or not these keys and values.
    #[error("{0}")]
    Yaml(#[from] serde_saphyr::Error),
    /// Nobody works, or too many do.
    #[error("staff: {0} agents; give 1 to {MAX_AGENTS}")]
    Agents(u64),
    /// What must take some time takes none.
    #[error("{0}: give more than 0 seconds")]
    Zero(String),
    /// Outcomes of calls are not shares of a whole.
    #[error("calls: live, busy, invalid and machine sum to {0}, but may be at most 1")]
    Outcomes(f64),
}

impl Scenario {
    /// Reads a scenario from YAML.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(yaml: &str) -> Result<Self, BadScenario> {
        let scenario: Self = serde_saphyr::from_str(yaml)?;
        let agents: u64 = scenario.staff.iter().map(|group| u64::from(group.agents)).sum();
        if agents == 0 || agents > u64::from(MAX_AGENTS) {
            return Err(BadScenario::Agents(agents));
        }
        if let Some(field) = scenario.zero() {
            return Err(BadScenario::Zero(field));
        }
        let outcomes = scenario.calls.outcomes();
        if outcomes > 1.0 + 1e-9 {
            return Err(BadScenario::Outcomes(outcomes));
        }
        Ok(scenario)
    }

    /// What is 0 seconds and may not be: a logarithm has no value there, nobody answers a call that is given up at
    /// once, and who comes and goes in no time does so for ever.
    fn zero(&self) -> Option<String> {
        if self.duration.get() <= 0.0 {
            return Some("duration".to_owned());
        }
        if self.calls.ring_max.get() <= 0.0 {
            return Some("calls.ring_max".to_owned());
        }
        let calls = &self.calls;
        let mut times = vec![
            ("talk".to_owned(), &self.talk),
            ("wrap.time".to_owned(), &self.wrap.time),
            ("calls.setup".to_owned(), &calls.setup),
            ("calls.answer".to_owned(), &calls.answer),
            ("calls.machine_answer".to_owned(), &calls.machine_answer),
            ("calls.detection.delay".to_owned(), &calls.detection.delay),
            (
                "calls.detection.machine_talk".to_owned(),
                &calls.detection.machine_talk,
            ),
        ];
        if let Some(inbound) = &self.inbound {
            times.push(("inbound.talk".to_owned(), &inbound.talk));
            times.push(("inbound.patience".to_owned(), &inbound.patience));
        }
        for (place, group) in self.staff.iter().enumerate() {
            if let Some(churn) = &group.churn {
                if churn.stay.is_none() && churn.away.is_none() {
                    return Some(format!("staff[{place}].churn.stay"));
                }
                times.push((format!("staff[{place}].churn.stay"), &churn.stay));
                times.push((format!("staff[{place}].churn.away"), &churn.away));
            }
        }
        let mut zeros = times.into_iter().filter_map(|(field, time)| {
            let key = time.zero()?;
            Some(format!("{field}.{key}"))
        });
        zeros.next()
    }

    /// Agents of all groups.
    pub fn agents(&self) -> u32 {
        self.staff.iter().map(|group| group.agents).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_scenario_is_told_where() {
        let good = find("plain-10").unwrap().yaml;
        for (from, to, told) in [
            ("live: 0.30", "live: 1.30", "0 to 1"),
            ("live: 0.30", "lives: 0.30", "lives"),
            ("live: 0.30", "live: 0.90", "sum to"),
            ("agents: 10", "agents: 0", "0 agents"),
            (
                "duration: 21600",
                "duration: 0",
                "duration: give more than 0 seconds",
            ),
            (
                "ring_max: 22",
                "ring_max: 0",
                "calls.ring_max: give more than 0 seconds",
            ),
            (
                "mean: 150",
                "mean: 0",
                "talk.lognormal.mean: give more than 0 seconds",
            ),
            ("mean: 30", "mean: 0", "wrap.time.lognormal.mean: give more"),
            (
                "agents: 10",
                "agents: 10\n    churn: {stay: {fixed: 0}, away: {exponential: 0}}",
                "staff[0].churn.stay: give more",
            ),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{from}");
            let error = Scenario::parse(&bad).unwrap_err().to_string();
            assert!(error.contains(told), "{to}: {error}");
        }
    }
}
