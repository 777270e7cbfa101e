//! What happens to an activity, as history and webhooks are told.

use serde::{Deserialize, Serialize};

use super::state::State;
use crate::time::Timestamp;

/// The kinds of happenings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Happening {
    /// It was scheduled.
    Scheduled,
    /// It was changed or moved on request.
    Rescheduled,
    /// The gate, or the provider's wish, moved it.
    Deferred,
    /// An attempt failed; another follows.
    AttemptFailed,
    /// The provider took it.
    Sent,
    /// It did not reach the customer.
    Failed,
    /// The gate refused it.
    Refused,
    /// Its last moment passed.
    Expired,
    /// It was cancelled.
    Cancelled,
    /// Nobody can tell whether the provider took it.
    Unknown,
    /// A person sent it again.
    Redriven,
    /// A receipt: it was delivered.
    Delivered,
    /// A receipt: the customer was reached by voice.
    Connected,
    /// A receipt: it was read.
    Read,
    /// The customer answered.
    Response,
    /// The agent closed the call with a wrap-up code: the event's reason.
    WrappedUp,
}

impl Happening {
    /// The event type that webhooks subscribe to.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Scheduled => "activity.scheduled",
            Self::Rescheduled => "activity.rescheduled",
            Self::Deferred => "activity.deferred",
            Self::AttemptFailed => "activity.attempt_failed",
            Self::Sent => "activity.sent",
            Self::Failed => "activity.failed",
            Self::Refused => "activity.refused",
            Self::Expired => "activity.expired",
            Self::Cancelled => "activity.cancelled",
            Self::Unknown => "activity.unknown",
            Self::Redriven => "activity.redriven",
            Self::Delivered => "activity.delivered",
            Self::Connected => "activity.connected",
            Self::Read => "activity.read",
            Self::Response => "customer.response",
            Self::WrappedUp => "activity.wrapped_up",
        }
    }
}

/// One happening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityEvent {
    /// What happened.
    pub happening: Happening,
    /// When.
    pub at: Timestamp,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// The attempt it belongs to; 0 before the first.
    #[serde(default)]
    pub attempt: u32,
    /// A stable code: why it was refused, deferred or failed, or the receipt's reason code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The moment that it was moved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The id of the customer's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
}

impl ActivityEvent {
    /// An event with nothing but its place; the caller fills in the rest.
    pub(super) fn at(at: Timestamp, from: State, to: State, attempt: u32) -> Self {
        Self {
            happening: Happening::Scheduled,
            at,
            from,
            to,
            attempt,
            reason: None,
            detail: None,
            until: None,
            response_id: None,
        }
    }
}
