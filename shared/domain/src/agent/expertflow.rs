//! Expertflow CX's names for what agents do.
//!
//! Source: `expertflow/object-model`, the enums of agent states (`LOGIN`, `NOT_READY`, `READY`, `LOGOUT`), of
//! states in a media routing domain (`LOGOUT`, `LOGIN`, `NOT_READY`, `PENDING_NOT_READY`, `READY`,
//! `INTERRUPTED`, `ACTIVE`, `BUSY`, `UNKNOWN`), of task states (`ACTIVE`, `WRAP_UP`, `CLOSED`) and of their
//! reasons (`RONA`, ...).

use super::AgentEvent;

/// What a name of Expertflow's is a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// The agent's state over all media.
    Agent,
    /// The agent's state in the media routing domain of voice, where one conversation is all that an agent
    /// has in hand: `ACTIVE` and `BUSY` are the same there.
    MediaRoutingDomain,
    /// The state of the agent's task.
    Task,
}

impl Vocabulary {
    /// The names that it has.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Agent => &["LOGIN", "NOT_READY", "READY", "LOGOUT"],
            Self::MediaRoutingDomain => &[
                "LOGOUT",
                "LOGIN",
                "NOT_READY",
                "PENDING_NOT_READY",
                "READY",
                "INTERRUPTED",
                "ACTIVE",
                "BUSY",
                "UNKNOWN",
            ],
            Self::Task => &["ACTIVE", "WRAP_UP", "CLOSED"],
        }
    }

    /// The event that a name and its reason tell; none if there is no such name.
    ///
    /// A closed task tells nothing about what its agent does next, unless it was not taken: the domain's
    /// state follows, and only it says whether the agent is ready. `UNKNOWN` takes no work either.
    pub fn event(self, name: &str, reason: Option<&str>) -> Option<AgentEvent> {
        if !self.names().contains(&name) {
            return None;
        }
        let paused = || AgentEvent::Break {
            reason: reason.map(str::to_owned),
        };
        Some(match (self, name) {
            (Self::Task, _) if reason == Some("RONA") => AgentEvent::Missed,
            (Self::Task, "CLOSED") => AgentEvent::WrapUp { left: None },
            (_, "WRAP_UP") => AgentEvent::WrapUp { left: None },
            (_, "LOGIN") => AgentEvent::LogOn,
            (_, "LOGOUT") => AgentEvent::LogOff,
            (_, "READY") => AgentEvent::Ready,
            (_, "PENDING_NOT_READY") => AgentEvent::BreakFollows,
            (_, "ACTIVE" | "BUSY") => AgentEvent::Busy { activity: None },
            _ => paused(),
        })
    }
}
