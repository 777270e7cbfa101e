//! Previews: what the product offers to agents, and how they decide.

use std::collections::{HashMap, HashSet};

use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::agents::Condition;
use super::desk::endpoint;
use super::{Floor, Moment, Work, real};
use crate::simulator::config::Targets;
use crate::simulator::courier::Call;
use crate::simulator::script::Dice;

/// An offer of a preview. The same activity offered again has another end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct Offer {
    activity_id: String,
    #[serde(default)]
    until: Option<Timestamp>,
}

/// An agent as the product has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentSeen {
    id: String,
    #[serde(default)]
    activity_id: Option<String>,
    #[serde(default)]
    offer: Option<Offer>,
}

/// How often each activity has been offered, and who accepted it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    times: HashMap<String, u32>,
    accepted: HashSet<(String, String)>,
}

impl Seen {
    fn count(&mut self, activity: &str) -> u32 {
        let times = self.times.entry(activity.to_owned()).or_default();
        *times += 1;
        *times
    }

    /// Agents who decide were asked about a call that has come for one of them. An answer is good for one call.
    pub(super) fn was_accepted(&mut self, agent: &str, activity: &str) -> bool {
        self.accepted.remove(&(agent.to_owned(), activity.to_owned()))
    }
}

/// What an agent says to a preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Decision {
    agent: String,
    activity: String,
    decision: &'static str,
}

impl Decision {
    /// `POST /v1/agents/{id}/offer`.
    pub(in crate::simulator) fn call(&self, targets: &Targets) -> Option<Call> {
        let base = targets.api.as_ref()?;
        Some(Call {
            url: endpoint(base, &["v1", "agents", &self.agent, "offer"])?,
            headers: targets.api_headers(),
            body: json!({"activityId": self.activity, "decision": self.decision}).to_string(),
        })
    }
}

impl Floor {
    /// Whether anybody is there to look at previews.
    pub(super) fn looks_for_offers(&self) -> bool {
        self.roster.anybody_previews()
    }

    /// The product's agents were read.
    pub(super) fn see(&mut self, agents: &[AgentSeen], now: Timestamp) -> Vec<super::Due> {
        self.now = now;
        for seen in agents {
            self.see_one(seen);
        }
        self.work_out()
    }

    fn see_one(&mut self, seen: &AgentSeen) {
        let is_kept = self.roster.is_kept(&seen.id);
        let Some(agent) = self.roster.get_mut(&seen.id) else {
            return;
        };
        let is_known = seen.offer.is_some() && seen.offer == agent.offer;
        let in_hand = agent.offer.as_ref().map(|offer| &offer.activity_id);
        // Accepted, and its call is still to come.
        let to_come = seen.offer.is_none() && seen.activity_id.as_ref() == in_hand;
        match agent.condition {
            _ if is_known => return,
            Condition::Previewing if !to_come => self.roster.set(&seen.id, Condition::Free),
            Condition::Ignoring => return self.miss(&seen.id, Vec::new()),
            Condition::Free if !is_kept => {}
            _ => return,
        }
        if let Some(offer) = &seen.offer {
            self.consider(&seen.id, offer);
        } else {
            self.serve(&seen.id);
        }
    }

    /// An agent is offered a preview.
    fn consider(&mut self, agent: &str, offer: &Offer) {
        let Some(previews) = self.config.previews else {
            return;
        };
        let nth = self.previews.count(&offer.activity_id);
        let mut dice = Dice::new(self.seed, &format!("{}.{nth}.offer", offer.activity_id));
        let (missed, said) = (dice.share(), dice.share());
        let deciding = dice.within(previews.deciding);
        let ignores = missed < self.config.missed;
        if let Some(agent) = self.roster.get_mut(agent) {
            agent.offer = Some(offer.clone());
        }
        if ignores {
            self.roster.set(agent, Condition::Ignoring);
            let left = offer.until.unwrap_or(self.now).since(self.now);
            let over = Moment::PreviewOver(agent.to_owned(), offer.clone());
            self.due.push((left.duration(), Work::Floor(over)));
            return;
        }
        self.roster.set(agent, Condition::Previewing);
        let decision = if said < previews.skip {
            "skip"
        } else if said < previews.skip + previews.reject {
            "reject"
        } else {
            let accepted = (agent.to_owned(), offer.activity_id.clone());
            self.previews.accepted.insert(accepted);
            "accept"
        };
        *self.stats.previews.entry(decision.to_owned()).or_default() += 1;
        let decision = Decision {
            agent: agent.to_owned(),
            activity: offer.activity_id.clone(),
            decision,
        };
        self.due
            .push((real(deciding, self.scale), Work::Decision(decision)));
    }

    pub(super) fn preview_over(&mut self, agent: &str, offer: &Offer) {
        let ignored = self.roster.is(agent, Condition::Ignoring);
        let same = self.roster.get_mut(agent).and_then(|agent| agent.offer.as_ref()) == Some(offer);
        if ignored && same {
            self.miss(agent, Vec::new());
        }
    }

    /// The call of an accepted preview is there: its agent waits for the customer.
    pub(super) fn leave_preview(&mut self, agent: &str, activity: &str) {
        let offered = self.roster.get_mut(agent).and_then(|agent| agent.offer.as_ref());
        if offered.is_some_and(|offer| offer.activity_id == activity)
            && self.roster.is(agent, Condition::Previewing)
        {
            self.roster.set(agent, Condition::Free);
        }
    }
}
