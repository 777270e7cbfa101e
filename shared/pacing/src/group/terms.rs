//! What administrators set: for a skill group, and for a campaign's calls through it.

use std::collections::BTreeMap;

use domain::id::ConnectorId;
use domain::time::Millis;
use serde::{Deserialize, Serialize};

use super::gateways::Gateway;
use crate::plan::Plan;
use crate::protocol::Start;

/// How a skill group is set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Whether its agents serve inbound calls, too.
    pub blended: bool,
    /// Most calls that are on their way at once; unbounded if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
    /// Most calls that are started in any second; unbounded if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<u32>,
    /// What gateways bear of it, by connector; those that are not named bear any number of calls.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<ConnectorId, Gateway>,
    /// Most calls on their way for each agent at work.
    pub lines_per_agent: f64,
    /// After which time without an agent a live call is abandoned.
    pub abandon_after: Millis,
    /// After which time a ringing call is given up.
    pub ring_limit: Millis,
    /// Within which time an inbound call should be answered.
    pub inbound_target: Millis,
    /// How long an agent may look at a preview.
    pub preview_within: Millis,
    /// After which time a contact is shown again that was skipped.
    pub skipped_for: Millis,
    /// How long before a commitment an agent gets no conversation any more.
    #[serde(default = "commitment_lead")]
    pub commitment_lead: Millis,
    /// Local time of day when the group began, in seconds.
    pub time_of_day: f64,
}

const fn commitment_lead() -> Millis {
    Millis::minutes(3)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            blended: false,
            lines: None,
            calls_per_second: None,
            gateways: BTreeMap::new(),
            lines_per_agent: 12.0,
            abandon_after: Millis::seconds(2),
            ring_limit: Millis::seconds(22),
            inbound_target: Millis::seconds(20),
            preview_within: Millis::seconds(60),
            skipped_for: Millis::minutes(10),
            commitment_lead: commitment_lead(),
            time_of_day: 0.0,
        }
    }
}

impl Settings {
    /// The run of a work's engine, which began so many seconds after the group. The limit of a run is that of its
    /// life: it never ends.
    pub(super) fn run(&self, terms: &Terms, began: f64) -> Start {
        Start {
            limit: terms.limit,
            abandon_wait: super::seconds(self.abandon_after),
            ring_max: super::seconds(self.ring_limit),
            agents_max: 0,
            blended: self.blended,
            duration: None,
            max_lines_per_agent: self.lines_per_agent,
            in_sla: self.blended.then(|| super::seconds(self.inbound_target)),
            time_of_day: libm::fmod(self.time_of_day + began, 86_400.0),
        }
    }
}

/// How a campaign's calls are paced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Whether calls may be started now: its campaign runs.
    pub open: bool,
    /// The formulas and the limits of abandonment.
    pub plan: Plan,
    /// Abandoned calls per live call that the campaign may have over its life, 0 to 1.
    pub limit: f64,
    /// Goes before works of lower priority.
    pub priority: u8,
    /// Its share of the agents, against works of the same priority.
    pub weight: u32,
}
