//! Counts of the floor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::FloorAgent;

/// Counts of everything on the floor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FloorStats {
    /// Answered calls that came to an agent.
    pub connected: u64,
    /// Answered calls for which there was no agent in time.
    pub abandoned: u64,
    /// Of these, customers who were told who called and how to be called no more.
    pub told_who_called: u64,
    /// And of these, who wanted to be called no more.
    pub opted_out: u64,
    /// Answered previews, by decision (`accept`, `skip`, `reject`).
    pub previews: BTreeMap<String, u64>,
    /// Calls for whose agent nobody had accepted them, where agents decide: 0, unless the product errs.
    pub unasked: u64,
    /// By agent.
    pub agents: BTreeMap<String, AgentCount>,
    /// Agent events that were news to the product.
    pub events_taken: u64,
    /// Agent events that were none: not newer than what it knew.
    pub events_stale: u64,
    /// Agent events that it refused for good.
    pub events_refused: u64,
    /// Agent events given up after many tries, or for want of a target.
    pub events_dropped: u64,
}

/// Counts of one agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCount {
    /// Conversations.
    pub conversations: u64,
    /// The most at once: 1, unless the floor errs.
    pub most_at_once: u32,
    /// The most calls at once for which the product had reserved the agent: 1, unless it errs.
    pub most_reserved_at_once: u32,
    /// Calls and previews that the agent did not take.
    pub missed: u64,
}

impl FloorStats {
    pub(super) fn of(agents: &[FloorAgent]) -> Self {
        let agents = agents
            .iter()
            .map(|agent| (agent.id.clone(), AgentCount::default()));
        Self {
            agents: agents.collect(),
            ..Self::default()
        }
    }

    /// The most conversations that any agent had at once.
    pub fn most_conversations_at_once(&self) -> u32 {
        let counts = self.agents.values().map(|agent| agent.most_at_once);
        counts.max().unwrap_or(0)
    }

    /// The most calls at once for which the product had reserved any one agent.
    pub fn most_reserved_at_once(&self) -> u32 {
        let counts = self.agents.values().map(|agent| agent.most_reserved_at_once);
        counts.max().unwrap_or(0)
    }

    fn agent(&mut self, agent: &str, change: impl FnOnce(&mut AgentCount)) {
        if let Some(count) = self.agents.get_mut(agent) {
            change(count);
        }
    }

    pub(super) fn connected(&mut self, agent: &str, at_once: u32) {
        self.connected += 1;
        self.agent(agent, |count| {
            count.conversations += 1;
            count.most_at_once = count.most_at_once.max(at_once);
        });
    }

    pub(super) fn reserved(&mut self, agent: &str, at_once: usize) {
        let at_once = u32::try_from(at_once).unwrap_or(u32::MAX);
        self.agent(agent, |count| {
            count.most_reserved_at_once = count.most_reserved_at_once.max(at_once);
        });
    }

    pub(super) fn missed(&mut self, agent: &str) {
        self.agent(agent, |count| count.missed += 1);
    }
}
