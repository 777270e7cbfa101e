//! Scheduled activities: one message or call to one customer, at its time, at most once an attempt.

pub mod claim;
pub mod event;
mod flat;
mod plan;
pub mod receipt;
#[cfg(test)]
pub(crate) mod samples;
pub mod settle;
pub mod state;
#[cfg(test)]
mod tests;

pub use plan::{
    AssignTo, FlowStep, MAX_METADATA_ENTRIES, MAX_METADATA_KEY, MAX_METADATA_VALUE, Plan, Priority,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cim::Body;
use crate::id::{ActivityId, AgentId, ConnectorId, SkillGroupId, TenantId};
use crate::log::Log;
use crate::time::{Millis, Timestamp};
use crate::timer::{Timer, TimerKind};
use crate::trace::TraceId;

use event::{ActivityEvent, Happening};
use state::State;

/// A worker's hold on an activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Random bits of the claim: tells one holder from the next.
    pub holder: String,
    /// Until when it holds.
    pub until: Timestamp,
    /// Where it stands in the due index meanwhile.
    pub due: Timestamp,
}

/// Why an open activity is out of the due index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Parked {
    /// Its campaign is paused.
    CampaignPaused,
    /// A call that waits until its skill group's pacing starts it.
    AwaitsAgent,
}

/// The word of a skill group's pacing that a call may be started. It holds for [`RELEASE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// When.
    pub at: Timestamp,
    /// By which group.
    pub group: SkillGroupId,
    /// The agent who is kept for the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
}

/// What a connector's rate limit gives to an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Turn {
    /// A moment of its own, to go out at.
    Slot(Timestamp),
    /// A place in the queue: from then on it comes before those who have not waited.
    Place(Timestamp),
}

/// One that waits in the queue asks at least so often whether it may go earlier: what was before it may have been
/// cancelled, the rate may have been raised.
const ASKS_AGAIN: Millis = Millis::minutes(15);

/// Through which connector an attempt goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// Which.
    pub connector: ConnectorId,
    /// Where that leads: another number where its provider or settings are others.
    pub way: u32,
}

/// How long the word holds that a call may be started: after that the agents are others.
pub const RELEASE: Millis = Millis::seconds(20);
/// For so long an unclear attempt of such a call may be repeated: pacing keeps the agent for it until the longest time
/// that it may ring has passed besides.
pub const REPEATED_WITHIN: Millis = Millis::minutes(3);

/// A scheduled activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "flat::Flat")]
pub struct Activity {
    /// Its id; also the id of its CIM message.
    pub id: ActivityId,
    /// Whose.
    pub tenant: TenantId,
    /// What is asked for.
    #[serde(flatten)]
    pub plan: Plan,
    /// Where it stands.
    pub state: State,
    /// Raised by cancel and reschedule; messages of earlier generations are void.
    pub generation: u64,
    /// When it is to be dispatched next: its due time, or what a deferral or retry moved it to.
    pub next_at: Timestamp,
    /// The current attempt; 0 before the first.
    pub attempt: u32,
    /// Who holds it, while dispatching.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// How many attempts do not count, as the connector was in trouble.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub excused: u32,
    /// How often the current attempt was taken over from a holder whose lease ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub takeovers: u32,
    /// Whether further attempts are stopped: a cancel came while it was being dispatched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopping: bool,
    /// Why it is out of the due index while open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Parked>,
    /// That it may be started, where that is for pacing to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
    /// What the connector's rate limit gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// Through which connector the last attempt went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<ConnectorId>,
    /// Where that led, as [`Via::way`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub way: u32,
    /// The provider's id of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_message_id: Option<String>,
    /// The gate's last verdict, as compact as it can be replayed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<serde_json::Value>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Identifies the request that created it, so that its repetition is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The trace of the request that created it: what follows from it is found under this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// What happened.
    pub log: Log<ActivityEvent>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The write in which a decision is stored: decisions log themselves with its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing {
    /// When the decision is taken.
    pub now: Timestamp,
    /// The version that the item has after the write.
    pub version: u64,
}

/// What a change of an open activity asks for; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// A new due time.
    pub due_at: Option<Timestamp>,
    /// A new last moment; `Some(None)` removes it.
    pub expires_at: Option<Option<Timestamp>>,
    /// A new message.
    pub message: Option<Body>,
    /// A new priority.
    pub priority: Option<Priority>,
    /// New metadata, whole.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Revision {
    /// Whether it asks for nothing but what stands.
    fn is_met_by(&self, activity: &Activity) -> bool {
        fn same<T: PartialEq>(asked: Option<&T>, stands: &T) -> bool {
            asked.is_none_or(|asked| asked == stands)
        }
        let plan = &activity.plan;
        // What was put off is due at its time again if that is asked for.
        let due_at = self.due_at.as_ref();
        same(due_at, &plan.due_at)
            && same(due_at, &activity.next_at)
            && same(self.expires_at.as_ref(), &plan.expires_at)
            && same(self.message.as_ref(), &plan.message)
            && same(self.priority.as_ref(), &plan.priority)
            && same(self.metadata.as_ref(), &plan.metadata)
    }
}

/// Why an activity cannot be changed any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// A worker holds it.
    #[error("the activity is being dispatched right now, as it was; look at what becomes of it")]
    InFlight,
    /// It has left, or ended.
    #[error("the activity is {} already", .0.name())]
    TooLate(State),
    /// Its last moment would not lie after its due time.
    #[error("expiresAt must lie after dueAt")]
    ExpiryBeforeDue,
}

/// Why an activity is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CancelReason {
    /// Somebody asked for it.
    Requested,
    /// Its campaign was stopped or unpublished.
    CampaignEnded,
    /// Its conversation ended.
    ConversationEnded,
    /// The tenant stopped everything.
    EverythingStopped,
}

impl CancelReason {
    /// The code in events.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::CampaignEnded => "campaign-ended",
            Self::ConversationEnded => "conversation-ended",
            Self::EverythingStopped => "everything-stopped",
        }
    }
}

/// What a cancel leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Cancel {
    /// It never leaves.
    Cancelled(Box<Activity>),
    /// It is being dispatched: only further attempts are stopped.
    InFlight(Box<Activity>),
    /// It has left, or ended.
    TooLate(State),
}

impl Activity {
    /// Schedules an activity.
    pub fn schedule(
        id: ActivityId,
        tenant: TenantId,
        plan: Plan,
        origin: Option<String>,
        writing: Writing,
    ) -> Self {
        let mut activity = Self {
            id,
            tenant,
            state: State::Scheduled,
            generation: 1,
            next_at: plan.due_at,
            attempt: 0,
            lease: None,
            excused: 0,
            takeovers: 0,
            stopping: false,
            parked: None,
            released: None,
            turn: None,
            connector: None,
            way: 0,
            provider_message_id: None,
            verdict: None,
            created_at: writing.now,
            origin,
            trace: None,
            log: Log::default(),
            plan,
        };
        let until = activity.next_at;
        activity.enter(State::Scheduled, writing, |event| ActivityEvent {
            happening: Happening::Scheduled,
            until: Some(until),
            ..event
        });
        activity
    }

    /// The same, created under a trace.
    #[must_use]
    pub fn traced(self, trace: Option<TraceId>) -> Self {
        Self { trace, ..self }
    }

    /// Its entry in the due index: while it is open and not parked. What waits for an agent stands there
    /// with its last moment.
    pub fn timer(&self) -> Option<Timer> {
        let at = match (self.state, self.parked) {
            (State::Scheduled, Some(Parked::CampaignPaused)) => return None,
            (State::Scheduled, Some(Parked::AwaitsAgent)) => self.plan.expires_at?,
            (State::Scheduled, None) => self.next_at,
            (State::Dispatching, _) => self.lease.as_ref().map_or(self.next_at, |lease| lease.due),
            _ => return None,
        };
        let kind = match self.plan.priority {
            Priority::High => TimerKind::UrgentActivity,
            Priority::Normal => TimerKind::Activity,
        };
        Some(Timer {
            at,
            kind,
            generation: self.generation,
        })
    }

    /// Changes what is asked for, while it waits. It stays as it is where that is what is asked for.
    pub fn revise(mut self, revision: Revision, writing: Writing) -> Result<Self, ChangeError> {
        match self.state {
            State::Scheduled => {}
            State::Dispatching => return Err(ChangeError::InFlight),
            state => return Err(ChangeError::TooLate(state)),
        }
        if revision.is_met_by(&self) {
            return Ok(self);
        }
        if let Some(due_at) = revision.due_at {
            self.plan.due_at = due_at;
            self.next_at = due_at;
            self.turn = None;
        }
        if self.parked == Some(Parked::AwaitsAgent) {
            // Its place in the queue was that of what it was.
            self.parked = None;
        }
        if let Some(expires_at) = revision.expires_at {
            self.plan.expires_at = expires_at;
        }
        if let Some(message) = revision.message {
            self.plan.message = message;
        }
        if let Some(priority) = revision
            .priority
            .filter(|priority| *priority != self.plan.priority)
        {
            self.plan.priority = priority;
            // Its place in the connector's queue was that of the old priority: it asks again now.
            if self.turn.take().is_some() {
                self.next_at = self.plan.due_at.max(writing.now);
            }
        }
        if let Some(metadata) = revision.metadata {
            self.plan.metadata = metadata;
        }
        if self
            .plan
            .expires_at
            .is_some_and(|expires| expires <= self.plan.due_at)
        {
            return Err(ChangeError::ExpiryBeforeDue);
        }
        self.generation += 1;
        let until = self.next_at;
        self.enter(State::Scheduled, writing, |event| ActivityEvent {
            happening: Happening::Rescheduled,
            until: Some(until),
            ..event
        });
        Ok(self)
    }

    /// Cancels it, as far as that is still possible.
    pub fn cancel(mut self, reason: CancelReason, writing: Writing) -> Cancel {
        match self.state {
            State::Scheduled => {
                self.generation += 1;
                self.enter(State::Cancelled, writing, |event| ActivityEvent {
                    happening: Happening::Cancelled,
                    reason: Some(reason.code().into()),
                    ..event
                });
                Cancel::Cancelled(Box::new(self))
            }
            State::Dispatching => {
                self.stopping = true;
                Cancel::InFlight(Box::new(self))
            }
            state => Cancel::TooLate(state),
        }
    }

    /// Moves an open activity to a later moment, for a reason that is no failure.
    pub fn defer(mut self, until: Timestamp, reason: &str, writing: Writing) -> Self {
        self.next_at = until;
        self.lease = None;
        self.parked = None;
        self.turn = None;
        self.enter(State::Scheduled, writing, |event| ActivityEvent {
            happening: Happening::Deferred,
            until: Some(until),
            reason: Some(reason.into()),
            ..event
        });
        self
    }

    /// Waits for what the connector's rate limit gave it; comes earlier to ask again, or to expire. Not told to
    /// anybody: it is part of being sent.
    pub fn await_turn(mut self, turn: Turn, now: Timestamp) -> Self {
        let moment = match turn {
            Turn::Slot(slot) => slot,
            Turn::Place(place) => place.min(now + ASKS_AGAIN),
        };
        self.turn = Some(turn);
        self.next_at = self.plan.expires_at.map_or(moment, |expires| moment.min(expires));
        self
    }

    /// Moves an open activity by a moment without telling anybody: something had to be looked at again.
    pub fn defer_quietly(mut self, until: Timestamp) -> Self {
        self.next_at = until;
        self
    }

    /// Ends an open activity that cannot be sent at all.
    pub fn fail(mut self, code: &str, detail: &str, writing: Writing) -> Self {
        self.enter(State::Failed, writing, |event| ActivityEvent {
            happening: Happening::Failed,
            reason: Some(code.into()),
            detail: Some(detail.into()),
            ..event
        });
        self
    }

    /// Takes it out of the due index until its campaign goes on, or until there is an agent.
    pub fn park(mut self, parked: Parked) -> Self {
        self.parked = Some(parked);
        self.released = None;
        self
    }

    /// Lets a call be started that waits for an agent.
    pub fn release(mut self, released: Released) -> Self {
        self.parked = None;
        self.next_at = released.at;
        self.released = Some(released);
        self
    }

    /// Whether pacing has said that the call may be started, just now.
    pub fn is_released(&self, now: Timestamp) -> bool {
        self.released
            .as_ref()
            .is_some_and(|released| now < released.at + RELEASE)
    }

    /// Whether the last attempt went this way: only there a repetition under its key is known as one.
    pub fn went(&self, via: &Via) -> bool {
        self.connector.as_ref() == Some(&via.connector) && self.way == via.way
    }

    /// Whether nobody is kept for the call any more that pacing has let start.
    pub fn is_release_over(&self, now: Timestamp) -> bool {
        self.released
            .as_ref()
            .is_some_and(|released| now >= released.at + REPEATED_WITHIN)
    }

    /// Puts it back.
    pub fn unpark(mut self) -> Self {
        self.parked = None;
        self
    }

    /// Ends an open activity that the gate refused.
    pub fn refuse(mut self, reason: &str, writing: Writing) -> Self {
        self.enter(State::Refused, writing, |event| ActivityEvent {
            happening: Happening::Refused,
            reason: Some(reason.into()),
            ..event
        });
        self
    }

    /// Ends an open activity whose last moment has passed.
    pub fn expire(mut self, reason: &str, writing: Writing) -> Self {
        self.enter(State::Expired, writing, |event| ActivityEvent {
            happening: Happening::Expired,
            reason: Some(reason.into()),
            ..event
        });
        self
    }

    /// How often a person has sent it again.
    pub fn redrives(&self) -> u32 {
        let redriven = |event: &ActivityEvent| event.happening == Happening::Redriven;
        let times = self
            .log
            .entries()
            .iter()
            .filter(|entry| redriven(&entry.event))
            .count();
        u32::try_from(times).unwrap_or(u32::MAX)
    }

    /// Sends an activity again that ended as `UNKNOWN` or `FAILED`, because a person decided so.
    /// `same_attempt` where the provider honours idempotency keys: then a repetition is harmless.
    pub fn redrive(mut self, same_attempt: bool, writing: Writing) -> Result<Self, ChangeError> {
        if !matches!(self.state, State::Unknown | State::Failed) {
            return Err(match self.state {
                State::Dispatching => ChangeError::InFlight,
                state => ChangeError::TooLate(state),
            });
        }
        // A claim raises the attempt; stepping back keeps the number.
        if same_attempt && self.state == State::Unknown {
            self.attempt = self.attempt.saturating_sub(1);
        }
        self.generation += 1;
        self.next_at = writing.now;
        self.stopping = false;
        self.takeovers = 0;
        self.turn = None;
        let until = self.next_at;
        self.enter(State::Scheduled, writing, |event| ActivityEvent {
            happening: Happening::Redriven,
            until: Some(until),
            ..event
        });
        Ok(self)
    }

    /// Moves to a state and logs it. Leaving `DISPATCHING` ends the lease.
    fn enter(&mut self, to: State, writing: Writing, fill: impl FnOnce(ActivityEvent) -> ActivityEvent) {
        let event = ActivityEvent::at(writing.now, self.state, to, self.attempt);
        self.state = to;
        if to != State::Dispatching {
            self.lease = None;
        }
        if to == State::Scheduled {
            // Whatever made it wait again, the agents are others by then.
            self.released = None;
        }
        if !to.is_open() {
            self.parked = None;
            self.turn = None;
        }
        self.log.append(writing.version, fill(event));
    }
}
