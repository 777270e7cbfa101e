//! Timers: every obligation of the system is one until it is met.

use serde::{Deserialize, Serialize};

use crate::id::hash_bits;
use crate::time::Timestamp;

/// What a timer is for, and so which queue its message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TimerKind {
    /// A scheduled activity of normal priority to dispatch, or a claim whose lease ends.
    Activity,
    /// The same with high priority.
    UrgentActivity,
    /// A conversation that waits.
    Conversation,
    /// Paced work: starting a campaign's conversations, importing contacts, stopping, resuming.
    Job,
    /// The pacing of a skill group's calls, which nobody has in hand.
    Pacing,
    /// A webhook delivery.
    WebhookDelivery,
}

impl TimerKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Activity,
        Self::UrgentActivity,
        Self::Conversation,
        Self::Job,
        Self::Pacing,
        Self::WebhookDelivery,
    ];

    /// One letter, as index keys carry it; letters sort as the kinds do.
    pub const fn code(self) -> char {
        match self {
            Self::Activity => 'a',
            Self::UrgentActivity => 'b',
            Self::Conversation => 'c',
            Self::Job => 'j',
            Self::Pacing => 'p',
            Self::WebhookDelivery => 'w',
        }
    }

    /// The kind with this letter.
    pub fn from_code(code: char) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// An entry of the due index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// When it is due.
    pub at: Timestamp,
    /// What for.
    pub kind: TimerKind,
    /// Raised by cancel and reschedule; a message with another generation is void.
    pub generation: u64,
}

/// How many shards the due index has. A shard takes a thousand writes a second on DynamoDB.
pub const DUE_SHARDS: u16 = 16;

/// The shard of the due index in which the item of this partition stands.
pub fn due_shard(partition: &str) -> u16 {
    u16::try_from(hash_bits(&[partition]) % u128::from(DUE_SHARDS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_name_kinds_and_sort_as_they_do() {
        for pair in TimerKind::ALL.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].code() < pair[1].code());
        }
        for kind in TimerKind::ALL {
            assert_eq!(TimerKind::from_code(kind.code()), Some(kind));
        }
    }
}
