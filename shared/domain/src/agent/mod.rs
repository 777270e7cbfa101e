//! Agents of the contact centre: what they do, as the routing engine tells it, and for which side.
//!
//! A routing engine tells events with rising sequence numbers. They may repeat and overtake each other:
//! what is not newer than the newest known is ignored, so that any order of arrival ends where the newest
//! event says.

mod event;
pub mod expertflow;

pub use event::{AgentEvent, AgentReport, Seconds, SecondsError};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::activity::Writing;
use crate::id::{ActivityId, AgentId, SkillGroupId, TenantId};
use crate::log::Log;
use crate::time::Timestamp;

/// Most skill groups of an agent.
pub const MAX_SKILL_GROUPS: usize = 20;

/// Most commitments of an agent.
pub const MAX_COMMITMENTS: usize = 100;

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AgentState {
    /// Not at work.
    LoggedOff,
    /// At work, and not to be given anything: a break, training, a call that was not taken.
    NotReady,
    /// Free for whoever comes.
    Ready,
    /// Free, and kept for outbound conversations: inbound routing passes the agent over. Expertflow's object
    /// model has no such state; the seed asks for it.
    Seized,
    /// A conversation was offered and is not yet taken: a preview, or a call that rings at the agent.
    Reserved,
    /// In conversation.
    Busy,
    /// Finishes what the conversation left to do.
    WrapUp,
}

impl AgentState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::LoggedOff,
        Self::NotReady,
        Self::Ready,
        Self::Seized,
        Self::Reserved,
        Self::Busy,
        Self::WrapUp,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoggedOff => "LOGGED_OFF",
            Self::NotReady => "NOT_READY",
            Self::Ready => "READY",
            Self::Seized => "SEIZED",
            Self::Reserved => "RESERVED",
            Self::Busy => "BUSY",
            Self::WrapUp => "WRAP_UP",
        }
    }

    /// Reads [`AgentState::name`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }

    /// Whether the agent could take a conversation at once.
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Ready | Self::Seized)
    }

    const fn works(self) -> bool {
        matches!(self, Self::Reserved | Self::Busy | Self::WrapUp)
    }
}

/// The side that an agent serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Whoever calls.
    #[default]
    Inbound,
    /// Whom we call: when free, the agent is [`AgentState::Seized`].
    Outbound,
}

/// A change of an agent, as it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentChange {
    /// When.
    pub at: Timestamp,
    /// From which state.
    pub from: AgentState,
    /// To which.
    pub to: AgentState,
    /// Why, where it is told: the reason of a break, `rona`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// With which of our calls in hand.
    #[serde(default, rename = "activityId", skip_serializing_if = "Option::is_none")]
    pub activity: Option<ActivityId>,
}

/// What an agent is kept for by the pacing of a skill group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The call.
    pub activity: ActivityId,
    /// The contact is shown, and the agent decides until then; none once the call is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_until: Option<Timestamp>,
}

/// A time for which an agent is promised elsewhere: a booked call back, a meeting, a shift's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Commitment {
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub until: Timestamp,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// The routing engine's name for the agent.
    pub id: AgentId,
    /// Whose.
    pub tenant: TenantId,
    /// What people call the agent.
    pub name: String,
    /// For what.
    pub skill_groups: BTreeSet<SkillGroupId>,
    /// What the agent does.
    pub state: AgentState,
    /// Since when.
    pub since: Timestamp,
    /// The side that the agent serves when free.
    #[serde(default)]
    pub side: Side,
    /// With the end of what is in hand the agent goes on a break.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_follows: bool,
    /// When what is in hand is over, as far as that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finishes_at: Option<Timestamp>,
    /// The outbound conversation in hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<ActivityId>,
    /// What the agent is kept for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// For when the agent is promised elsewhere, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commitments: Vec<Commitment>,
    /// The number of the newest event that is known.
    #[serde(default)]
    pub sequence: u64,
    /// What happened.
    pub log: Log<AgentChange>,
}

/// What an event did.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    /// The agent is as it says now.
    Changed(Box<Agent>),
    /// It is not newer than what is known: nothing changes.
    Stale,
}

impl Agent {
    /// An agent who is not at work.
    pub fn new(id: AgentId, tenant: TenantId, name: String, now: Timestamp) -> Self {
        Self {
            id,
            tenant,
            name,
            skill_groups: BTreeSet::new(),
            state: AgentState::LoggedOff,
            since: now,
            side: Side::default(),
            break_follows: false,
            finishes_at: None,
            activity: None,
            reservation: None,
            commitments: Vec::new(),
            sequence: 0,
            log: Log::default(),
        }
    }

    /// Takes in what the routing engine tells.
    pub fn take(mut self, report: &AgentReport, writing: Writing) -> Taken {
        if report.sequence <= self.sequence {
            return Taken::Stale;
        }
        self.sequence = report.sequence;
        let at = report.at.min(writing.now);
        let ends = |left: Seconds| at + left.millis();
        match &report.event {
            AgentEvent::LogOn => self.enter_unless_at_work(at, writing),
            AgentEvent::Ready => {
                self.break_follows = false;
                // Who is kept for a call stays so: pacing lets the agent go when the call has come out.
                if self.reservation.is_none() {
                    self.be_free(at, writing);
                }
            }
            AgentEvent::Offered { activity } => {
                if self.reservation.as_ref().map(|kept| &kept.activity) != activity.as_ref() {
                    self.reservation = None;
                }
                self.activity.clone_from(activity);
                self.enter(AgentState::Reserved, at, None, writing);
            }
            AgentEvent::Busy { activity } => {
                if activity.is_some() {
                    self.activity.clone_from(activity);
                }
                self.enter(AgentState::Busy, at, None, writing);
            }
            AgentEvent::AboutToFinish { left } => self.finishes_at = Some(ends(*left)),
            AgentEvent::WrapUp { left } => {
                self.enter(AgentState::WrapUp, at, None, writing);
                self.finishes_at = left.map(ends);
            }
            AgentEvent::BreakFollows => self.break_follows = true,
            AgentEvent::Break { reason } => self.enter(AgentState::NotReady, at, reason.as_deref(), writing),
            AgentEvent::Missed => self.enter(AgentState::NotReady, at, Some("rona"), writing),
            AgentEvent::LogOff => self.enter(AgentState::LoggedOff, at, None, writing),
        }
        Taken::Changed(Box::new(self))
    }

    /// Assigns a side. A free agent is seized by it, or let go.
    #[must_use]
    pub fn assign(mut self, side: Side, writing: Writing) -> Self {
        self.side = side;
        if self.state.is_free() {
            self.be_free(writing.now, writing);
        }
        self
    }

    /// Is promised elsewhere for these times, and no others. Those that are over are forgotten.
    #[must_use]
    pub fn commit_to(mut self, commitments: &[Commitment], now: Timestamp) -> Self {
        let ahead = commitments.iter().filter(|commitment| now < commitment.until);
        self.commitments = ahead.copied().collect();
        self.commitments.sort_unstable();
        self
    }

    /// Keeps a seized agent for a call, or goes on from showing its contact to starting it. `None` if the
    /// agent is not to be had.
    #[must_use]
    pub fn reserve(mut self, reservation: Reservation, writing: Writing) -> Option<Self> {
        let shown = self
            .reservation
            .as_ref()
            .is_some_and(|kept| kept.activity == reservation.activity);
        if self.state != AgentState::Seized && !shown {
            return None;
        }
        self.activity = Some(reservation.activity.clone());
        self.enter(AgentState::Reserved, writing.now, None, writing);
        self.reservation = Some(reservation);
        Some(self)
    }

    /// Lets an agent go who is kept for a call. `None` if that is not so.
    #[must_use]
    pub fn let_go(mut self, activity: &ActivityId, writing: Writing) -> Option<Self> {
        self.reservation.take_if(|kept| kept.activity == *activity)?;
        self.be_free(writing.now, writing);
        Some(self)
    }

    /// Takes an agent out who has let a contact pass in silence (RONA). `None` if none was shown.
    #[must_use]
    pub fn miss(mut self, activity: &ActivityId, writing: Writing) -> Option<Self> {
        self.reservation.take_if(|kept| kept.activity == *activity)?;
        self.enter(AgentState::NotReady, writing.now, Some("rona"), writing);
        Some(self)
    }

    fn be_free(&mut self, at: Timestamp, writing: Writing) {
        let state = match self.side {
            Side::Inbound => AgentState::Ready,
            Side::Outbound => AgentState::Seized,
        };
        self.enter(state, at, None, writing);
    }

    /// Who logs on is not ready before a `Ready` says so. A log-on that is told again changes nothing.
    fn enter_unless_at_work(&mut self, at: Timestamp, writing: Writing) {
        if self.state == AgentState::LoggedOff {
            self.enter(AgentState::NotReady, at, None, writing);
        }
    }

    fn enter(&mut self, to: AgentState, at: Timestamp, reason: Option<&str>, writing: Writing) {
        self.finishes_at = None;
        if !to.works() {
            self.activity = None;
        }
        if to != AgentState::Reserved {
            self.reservation = None;
        }
        if matches!(to, AgentState::NotReady | AgentState::LoggedOff) {
            self.break_follows = false;
        }
        if to == AgentState::LoggedOff {
            self.side = Side::default();
        }
        if to == self.state {
            return;
        }
        self.log.append(
            writing.version,
            AgentChange {
                at,
                from: self.state,
                to,
                reason: reason.map(str::to_owned),
                activity: self.activity.clone(),
            },
        );
        self.state = to;
        self.since = at;
    }
}

#[cfg(test)]
mod tests;
