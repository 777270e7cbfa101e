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
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum AgentEvent {
    /// Came to work; not ready yet.
    LogOn,
    /// Free for the next conversation.
    Ready,
    /// Is offered a conversation.
    Offered {
        /// Which, if it is one of ours.
        #[serde(default)]
        activity: Option<ActivityId>,
    },
    /// In conversation.
    Busy {
        /// Which, if it is one of ours.
        #[serde(default)]
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
        #[serde(default)]
        left: Option<Seconds>,
    },
    /// Goes on a break as soon as what is in hand is over.
    BreakFollows,
    /// Not to be given anything.
    Break {
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Did not take what was offered (RONA, redirect on no answer): not ready until a `Ready`.
    Missed,
    /// Left work.
    LogOff,
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
