//! What a routing engine tells about an agent.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::id::ActivityId;
use crate::time::{Millis, Timestamp};

/// Most seconds that are announced: a day.
const MAX_SECONDS: f64 = 86_400.0;

/// Why a number is no announced time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of seconds from 0 to 86400")]
pub struct SecondsError;

/// Seconds that are announced to be left, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "f64")]
pub struct Seconds(Millis);

impl Seconds {
    /// Checks a number.
    ///
    /// # Errors
    /// Not finite, negative, or more than a day.
    pub fn new(seconds: f64) -> Result<Self, SecondsError> {
        if !(0.0..=MAX_SECONDS).contains(&seconds) {
            return Err(SecondsError);
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 86,400,000"
        )]
        let millis = (seconds * 1_000.0).round() as u64;
        Ok(Self(Millis::new(millis)))
    }

    /// The same in milliseconds.
    pub const fn millis(self) -> Millis {
        self.0
    }
}

impl From<Seconds> for f64 {
    fn from(Seconds(millis): Seconds) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
        let millis = millis.get() as Self;
        millis / 1_000.0
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// What an agent does now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "Written")]
pub enum AgentEvent {
    /// Came to work; not ready yet.
    LogOn,
    /// Free for the next conversation.
    Ready,
    /// Is offered a conversation.
    Offered {
        /// Which, if it is one of ours.
        activity: Option<ActivityId>,
    },
    /// In conversation.
    Busy {
        /// Which, if it is one of ours.
        activity: Option<ActivityId>,
    },
    /// Will have finished what is in hand in so many seconds.
    AboutToFinish {
        /// Seconds.
        left: Seconds,
    },
    /// The conversation is over, and something is left to do.
    WrapUp {
        /// For so many seconds, where that is limited.
        left: Option<Seconds>,
    },
    /// Goes on a break as soon as what is in hand is over.
    BreakFollows,
    /// Not to be given anything.
    Break {
        /// Why.
        reason: Option<String>,
    },
    /// Did not take what was offered (RONA, redirect on no answer): not ready until a `Ready`.
    Missed,
    /// Left work.
    LogOff,
}

/// The same as it is written: a tagged enum would be read by way of a copy, which does not know where it was wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    r#type: Kind,
    activity: Option<ActivityId>,
    left: Option<Seconds>,
    reason: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    LogOn,
    Ready,
    Offered,
    Busy,
    AboutToFinish,
    WrapUp,
    BreakFollows,
    Break,
    Missed,
    LogOff,
}

impl TryFrom<Written> for AgentEvent {
    type Error = &'static str;

    fn try_from(mut written: Written) -> Result<Self, Self::Error> {
        let (activity, left, reason) = (&mut written.activity, &mut written.left, &mut written.reason);
        let event = match written.r#type {
            Kind::LogOn => Self::LogOn,
            Kind::Ready => Self::Ready,
            Kind::Offered => Self::Offered {
                activity: activity.take(),
            },
            Kind::Busy => Self::Busy {
                activity: activity.take(),
            },
            Kind::AboutToFinish => Self::AboutToFinish {
                left: left.take().ok_or("missing field `left`")?,
            },
            Kind::WrapUp => Self::WrapUp { left: left.take() },
            Kind::BreakFollows => Self::BreakFollows,
            Kind::Break => Self::Break {
                reason: reason.take(),
            },
            Kind::Missed => Self::Missed,
            Kind::LogOff => Self::LogOff,
        };
        match written {
            Written {
                activity: Some(_), ..
            } => Err("/activity does not belong to this type of event"),
            Written { left: Some(_), .. } => Err("/left does not belong to this type of event"),
            Written { reason: Some(_), .. } => Err("/reason does not belong to this type of event"),
            Written { .. } => Ok(event),
        }
    }
}

/// An event with its place among the agent's events.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentReport {
    /// Rises with each event of the agent; a counter, or the milliseconds of the sender's clock.
    pub sequence: u64,
    /// When it happened, by the sender's clock; never after now.
    pub at: Timestamp,
    /// What.
    pub event: AgentEvent,
}
