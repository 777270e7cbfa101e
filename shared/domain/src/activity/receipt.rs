//! The receipt fold: how receipts move an activity's state, in whatever order they come.
//!
//! States form a chain (the order of [`State`]'s variants) and a receipt lifts the state to at
//! least its own rank: `fold(state, receipt) = max(state, rank(receipt))`. A maximum is
//! commutative, associative and idempotent, so repeated, overtaking and late receipts of one
//! activity end in one state, whatever their order.
//!
//! On the voice channel `DELIVERED` says only that the dialer has taken the call ("pending dialing" in
//! Expertflow's result notifications): there it proves no more than [`State::Sent`], so that the
//! `FAILED` which follows for a busy line is the stronger word. Nor does the customer's answer prove more, a key
//! pressed or a word said to a machine: whoever answers the message that follows an abandoned call has spoken
//! to nobody.

use serde::{Deserialize, Serialize};

use super::state::State;
use crate::channel::Channel;

/// Expertflow's `DeliveryStatus`, and the customer's answer as the strongest receipt of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    /// It did not reach the customer.
    Failed,
    /// It reached the customer's device or mailbox.
    Delivered,
    /// The customer was reached by voice.
    Connected,
    /// The customer read it.
    Read,
    /// The customer answered.
    Replied,
}

impl DeliveryStatus {
    /// All of them, weakest first.
    pub const ALL: [Self; 5] = [
        Self::Failed,
        Self::Delivered,
        Self::Connected,
        Self::Read,
        Self::Replied,
    ];

    /// The state that the receipt proves on a channel.
    pub const fn state(self, channel: Channel) -> State {
        match self {
            Self::Delivered | Self::Replied if matches!(channel, Channel::Voice) => State::Sent,
            Self::Failed => State::Failed,
            Self::Delivered => State::Delivered,
            Self::Connected => State::Connected,
            Self::Read => State::Read,
            Self::Replied => State::Replied,
        }
    }

    /// Reads a `status` of a delivery notification. `REPLIED` is not one: answers are messages.
    pub fn parse_notification(text: &str) -> Option<Self> {
        match text {
            "FAILED" => Some(Self::Failed),
            "DELIVERED" => Some(Self::Delivered),
            "CONNECTED" => Some(Self::Connected),
            "READ" => Some(Self::Read),
            _ => None,
        }
    }
}

/// The state after a receipt on a channel.
pub fn fold(channel: Channel, state: State, receipt: DeliveryStatus) -> State {
    state.max(receipt.state(channel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The published table of a channel: a row per state, a column per receipt.
    fn table(channel: Channel) -> String {
        let rows = State::ALL.into_iter().map(|state| {
            let row: Vec<_> = DeliveryStatus::ALL
                .into_iter()
                .map(|r| fold(channel, state, r).name())
                .collect();
            format!("{}: {}", state.name(), row.join(" "))
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_table_is_as_published() {
        insta::assert_snapshot!(table(Channel::Sms));
        assert_eq!(table(Channel::Sms), table(Channel::Email));
        assert_eq!(table(Channel::Sms), table(Channel::Whatsapp));
    }

    #[test]
    fn a_call_that_waits_to_be_dialed_may_still_fail() {
        insta::assert_snapshot!(table(Channel::Voice));
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_state(
            channel in proptest::sample::select(Channel::ALL.to_vec()),
            start in proptest::sample::select(State::ALL.to_vec()),
            receipts in proptest::collection::vec(proptest::sample::select(DeliveryStatus::ALL.to_vec()), 0..8),
            seed: u64,
        ) {
            let mut shuffled = receipts.clone();
            let length = shuffled.len();
            for i in 0..length {
                let j = usize::try_from(seed.rotate_left(u32::try_from(i).unwrap()) % length as u64).unwrap();
                shuffled.swap(i, j);
            }
            let end = |list: &[DeliveryStatus]| list.iter().fold(start, |state, r| fold(channel, state, *r));
            prop_assert_eq!(end(&receipts), end(&shuffled));
            let twice: Vec<_> = receipts.iter().chain(&receipts).copied().collect();
            prop_assert_eq!(end(&receipts), end(&twice));
        }
    }
}
