//! What the floor is told.

use std::collections::BTreeSet;

use domain::time::Millis;

use super::super::config::Span;

/// The contact centre behind the dialer: its agents, and how they work. Spans are simulated time; shares
/// lie between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct FloorConfig {
    /// Who works here, under the product's names for them.
    pub agents: Vec<FloorAgent>,
    /// How long an agent finishes up after a conversation.
    pub wrap_up: Span,
    /// How long a person who has answered waits for an agent.
    pub abandon_wait: Millis,
    /// How long before its end an agent announces that a conversation is about to finish, if it is that
    /// long.
    pub announce: Millis,
    /// Share of calls and previews that the agent does not take (RONA).
    pub missed: f64,
    /// How long after one that was not taken the agent is ready again.
    pub missed_pause: Millis,
    /// What agents say of their conversations, by weight; nothing if empty.
    pub wrap_up_codes: Vec<(u32, String)>,
    /// Breaks between conversations.
    pub breaks: Option<Breaks>,
    /// Share of the customers of abandoned calls who want to be called no more, and press the key for it while the
    /// message tells them how.
    pub opt_out: f64,
    /// How agents answer the previews that the product offers. Without it they never look.
    pub previews: Option<Previews>,
}

impl Default for FloorConfig {
    /// Nobody is there; whoever comes wraps up for 5 to 15 seconds and takes every call.
    fn default() -> Self {
        Self {
            agents: Vec::new(),
            wrap_up: Span::millis(5_000, 15_000),
            abandon_wait: Millis::seconds(2),
            announce: Millis::seconds(5),
            missed: 0.0,
            missed_pause: Millis::seconds(5),
            wrap_up_codes: Vec::new(),
            breaks: None,
            opt_out: 0.0,
            previews: None,
        }
    }
}

/// An agent of the floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloorAgent {
    /// The id in the product's API.
    pub id: String,
    /// For what.
    pub skill_groups: BTreeSet<String>,
}

impl FloorAgent {
    /// An agent for these skill groups.
    pub fn new(id: impl Into<String>, skill_groups: &[&str]) -> Self {
        Self {
            id: id.into(),
            skill_groups: skill_groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }
}

/// Breaks between conversations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breaks {
    /// Share of conversations that a break follows.
    pub share: f64,
    /// How long it is.
    pub span: Span,
}

/// How agents answer previews. Those that are neither missed, skipped nor rejected are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Previews {
    /// How long an agent looks at one.
    pub deciding: Span,
    /// Share left to a colleague.
    pub skip: f64,
    /// Share not to be called at all.
    pub reject: f64,
}
