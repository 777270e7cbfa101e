//! The states of a scheduled activity.

use serde::{Deserialize, Serialize};

/// Where an activity stands. The order of the variants is the order of the receipt fold (see
/// [`super::receipt`]): a later variant is stronger evidence of what the customer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Waits for its time.
    Scheduled,
    /// A worker holds it under a lease.
    Dispatching,
    /// Nobody can tell whether the provider took it. Needs a person, or a late receipt.
    Unknown,
    /// The provider took it.
    Sent,
    /// It did not reach the customer.
    Failed,
    /// Its last moment passed before it could be sent.
    Expired,
    /// The compliance gate refused it.
    Refused,
    /// Cancelled before it left.
    Cancelled,
    /// It reached the customer's device or mailbox.
    Delivered,
    /// The customer was reached by voice.
    Connected,
    /// The customer read it.
    Read,
    /// The customer answered.
    Replied,
}

impl State {
    /// All states, in the order of the fold.
    pub const ALL: [Self; 12] = [
        Self::Scheduled,
        Self::Dispatching,
        Self::Unknown,
        Self::Sent,
        Self::Failed,
        Self::Expired,
        Self::Refused,
        Self::Cancelled,
        Self::Delivered,
        Self::Connected,
        Self::Read,
        Self::Replied,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Dispatching => "DISPATCHING",
            Self::Unknown => "UNKNOWN",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Refused => "REFUSED",
            Self::Cancelled => "CANCELLED",
            Self::Delivered => "DELIVERED",
            Self::Connected => "CONNECTED",
            Self::Read => "READ",
            Self::Replied => "REPLIED",
        }
    }

    /// Reads [`State::name`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }

    /// Whether what was asked for may still be changed: it waits, or a person may make it wait again.
    pub const fn is_revisable(self) -> bool {
        self.is_open() || matches!(self, Self::Unknown | Self::Failed)
    }

    /// Whether it still has to be sent: it stands in the due index, or is parked.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Scheduled | Self::Dispatching)
    }
}
