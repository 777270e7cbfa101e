//! How long things take.

use serde::Deserialize;

use super::{Factor, Seconds, Share};

/// How long something takes, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Time {
    /// Always the same.
    Fixed(Seconds),
    /// Exponential, with this mean.
    Exponential(Seconds),
    /// Lognormal.
    Lognormal(Lognormal),
    /// Short or long, as most conversations are: not interested, or a sale.
    Bimodal {
        /// Share of the short ones.
        short_share: Share,
        /// The short ones.
        short: Lognormal,
        /// The long ones.
        long: Lognormal,
    },
}

impl Time {
    /// The key within it that is 0 and may not be, if there is one.
    pub(super) fn zero(&self) -> Option<&'static str> {
        let none = |time: &Lognormal| time.mean.get() <= 0.0;
        match self {
            Self::Lognormal(time) if none(time) => Some("lognormal.mean"),
            Self::Bimodal { short, .. } if none(short) => Some("bimodal.short.mean"),
            Self::Bimodal { long, .. } if none(long) => Some("bimodal.long.mean"),
            _ => None,
        }
    }

    /// Whether it takes no time at all.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Fixed(seconds) | Self::Exponential(seconds) if seconds.get() <= 0.0)
    }
}

/// A lognormal time.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lognormal {
    /// Its mean.
    pub mean: Seconds,
    /// Standard deviation of its logarithm.
    pub sigma: Factor,
}

/// The work after a call.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrap {
    /// How long it takes.
    pub time: Time,
    /// Whether the pacer is told how long it will take.
    pub left: Remaining,
}

/// Whether what is left is known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remaining {
    /// A timer: it is told.
    Known,
    /// It is not told.
    Unknown,
}

/// `agent_about_to_finish`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Seconds before the end.
    pub seconds: Seconds,
    /// Before the end of what.
    pub of: NoticeOf,
    /// Share of the calls at which it is told.
    pub share: Share,
}

/// The end of what is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeOf {
    /// The conversation.
    Talk,
    /// Conversation and wrap-up: the agent is free then.
    Handling,
}
