//! The agents of the floor: what each does, and for which calls one is kept.

use std::collections::{BTreeMap, BTreeSet};

use domain::time::Timestamp;

use super::config::FloorAgent;
use super::previews::Offer;

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Not at work.
    Off,
    /// Waits for the next conversation.
    Free,
    /// Looks at a preview.
    Previewing,
    /// Is offered a preview, and does not look at it.
    Ignoring,
    /// A call rings, and will not be taken.
    Ringing,
    /// In conversation.
    Talking,
    /// Finishes what the conversation left to do.
    WrappingUp,
    /// On a break, or gone from the desk.
    Away,
}

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) condition: Condition,
    /// The latest preview that was seen: it is answered once.
    pub(super) offer: Option<Offer>,
    /// Conversations now.
    pub(super) talking: u32,
    skill_groups: BTreeSet<String>,
    /// The activities that the product has reserved the agent for.
    kept: BTreeSet<String>,
    /// Who has been free for longest has the lowest.
    turn: u64,
    sequence: u64,
}

impl Agent {
    fn at_desk(&self) -> bool {
        matches!(self.condition, Condition::Free | Condition::Previewing)
    }

    fn serves(&self, group: &str) -> bool {
        self.condition == Condition::Free && self.kept.is_empty() && self.skill_groups.contains(group)
    }
}

/// All agents, by id.
#[derive(Debug)]
pub(super) struct Roster {
    agents: BTreeMap<String, Agent>,
    turns: u64,
}

impl Roster {
    pub(super) fn new(agents: &[FloorAgent]) -> Self {
        let agents = agents.iter().map(|agent| {
            let off = Agent {
                condition: Condition::Off,
                offer: None,
                talking: 0,
                skill_groups: agent.skill_groups.clone(),
                kept: BTreeSet::new(),
                turn: 0,
                sequence: 0,
            };
            (agent.id.clone(), off)
        });
        Self {
            agents: agents.collect(),
            turns: 0,
        }
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.agents.keys().cloned().collect()
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Agent> {
        self.agents.get_mut(id)
    }

    pub(super) fn is(&self, id: &str, condition: Condition) -> bool {
        self.agents
            .get(id)
            .is_some_and(|agent| agent.condition == condition)
    }

    pub(super) fn set(&mut self, id: &str, condition: Condition) {
        if condition == Condition::Free {
            self.turns += 1;
        }
        if let Some(agent) = self.agents.get_mut(id) {
            agent.condition = condition;
            agent.turn = self.turns;
        }
    }

    /// Whether the agent could take a call that is meant for this one alone.
    pub(super) fn is_at_desk(&self, id: &str) -> bool {
        self.agents.get(id).is_some_and(Agent::at_desk)
    }

    pub(super) fn serves(&self, id: &str, group: &str) -> bool {
        self.agents.get(id).is_some_and(|agent| agent.serves(group))
    }

    /// Whether anybody could be offered a preview.
    pub(super) fn anybody_previews(&self) -> bool {
        let may = |agent: &Agent| agent.at_desk() || agent.condition == Condition::Ignoring;
        self.agents.values().any(may)
    }

    /// The agent of a skill group who has been free for longest and is kept for nobody.
    pub(super) fn longest_free(&self, group: &str) -> Option<String> {
        self.agents
            .iter()
            .filter(|(_, agent)| agent.serves(group))
            .min_by_key(|(_, agent)| agent.turn)
            .map(|(id, _)| id.clone())
    }

    /// Keeps an agent for an activity. Returns for how many the agent is kept now.
    pub(super) fn keep(&mut self, id: &str, activity: &str) -> usize {
        let Some(agent) = self.agents.get_mut(id) else {
            return 0;
        };
        agent.kept.insert(activity.to_owned());
        agent.kept.len()
    }

    /// Ends that an agent is kept for an activity. Returns whether that was so.
    pub(super) fn release(&mut self, id: &str, activity: &str) -> bool {
        let agent = self.agents.get_mut(id);
        agent.is_some_and(|agent| agent.kept.remove(activity))
    }

    pub(super) fn is_kept(&self, id: &str) -> bool {
        self.agents.get(id).is_some_and(|agent| !agent.kept.is_empty())
    }

    /// The number of the agent's next event. It rises over restarts too: it begins at the clock's
    /// milliseconds.
    pub(super) fn next_sequence(&mut self, id: &str, now: Timestamp) -> u64 {
        let clock = u64::try_from(now.millis()).unwrap_or(0);
        let Some(agent) = self.agents.get_mut(id) else {
            return clock;
        };
        agent.sequence = clock.max(agent.sequence + 1);
        agent.sequence
    }
}
