//! What a conversation knows: its messages, answers and events from outside.
//!
//! Facts are kept whether or not anything waits for them, so that a receipt that overtakes the node
//! that waits for it is not lost.

use domain::activity::receipt::{DeliveryStatus, fold};
use domain::activity::state::State;
use domain::channel::Channel;
use domain::id::ActivityId;
use domain::time::Timestamp;
use domain::voice::CallResult;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::flow::NodeId;

/// What became of a message or a call of a visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageFacts {
    /// The visit of the message node.
    pub visit: u32,
    /// The message node.
    pub node: NodeId,
    /// The activity that it scheduled.
    pub activity: ActivityId,
    /// How.
    pub channel: Channel,
    /// When it was scheduled.
    pub entered: Timestamp,
    /// The strongest thing known about it: the fold of all its receipts, in any order.
    pub state: State,
    /// Why, as a short code of the event that gave `state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The first receipt of each kind.
    #[serde(default)]
    pub receipts: Receipts,
    /// Whether a wait node has taken the customer's answer to this message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reply_taken: bool,
    /// What the agent said of the call at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up: Option<WrapUp>,
}

/// What an agent said of a call at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrapUp {
    /// The wrap-up code, cut at [`crate::MAX_REASON_BYTES`].
    pub code: String,
    /// When.
    pub at: Timestamp,
}

/// The earliest time told for each kind of receipt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receipts {
    /// When the provider took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
    /// When it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Timestamp>,
    /// When it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Timestamp>,
    /// When a person answered the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<Timestamp>,
    /// When it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
    /// When the customer answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replied: Option<Timestamp>,
}

impl Receipts {
    /// Where the first time of a state is kept. States that are no receipts have no place.
    fn place(&mut self, state: State) -> Option<&mut Option<Timestamp>> {
        match state {
            State::Sent => Some(&mut self.sent),
            State::Failed => Some(&mut self.failed),
            State::Delivered => Some(&mut self.delivered),
            State::Connected => Some(&mut self.connected),
            State::Read => Some(&mut self.read),
            State::Replied => Some(&mut self.replied),
            _ => None,
        }
    }
}

impl MessageFacts {
    /// Adds what an event proves. Repeats and any order lead to the same facts.
    pub(crate) fn learn(&mut self, state: State, reason: Option<&str>, at: Timestamp) {
        if let Some(place) = self.receipts.place(state) {
            *place = Some(place.map_or(at, |known| known.min(at)));
        }
        if state > self.state {
            self.state = state;
            self.reason = reason.map(str::to_owned);
        }
    }

    /// Adds that the customer answered.
    pub(crate) fn answer(&mut self, at: Timestamp) {
        self.receipts.replied = Some(self.receipts.replied.map_or(at, |known| known.min(at)));
        self.learn(DeliveryStatus::Replied.state(self.channel), None, at);
    }

    /// Adds what an agent said of the call; the last word counts, whatever the order.
    pub(crate) fn wrap_up(&mut self, code: &str, at: Timestamp) {
        let said = WrapUp {
            code: code.to_owned(),
            at,
        };
        let known = self.wrap_up.as_ref().map(|known| (known.at, &known.code));
        if known.is_none_or(|known| known < (at, &said.code)) {
            self.wrap_up = Some(said);
        }
    }

    /// How the call came out; `None` while nobody can tell, and for messages. An agent who closed it
    /// has spoken to somebody, unless it is known to have failed.
    pub fn call_result(&self) -> Option<CallResult> {
        if self.channel != Channel::Voice {
            return None;
        }
        let told = CallResult::of_activity(self.state, self.reason.as_deref());
        told.or_else(|| self.wrap_up.as_ref().map(|_| CallResult::Answered))
    }

    /// Whether the customer got at least this far. A stronger receipt proves the weaker ones, which
    /// providers often leave out; only CONNECTED is a kind of its own.
    pub fn proves(&self, receipt: DeliveryStatus) -> bool {
        match receipt {
            DeliveryStatus::Failed => self.state == State::Failed,
            DeliveryStatus::Connected => self.receipts.connected.is_some(),
            DeliveryStatus::Replied => self.receipts.replied.is_some(),
            DeliveryStatus::Delivered | DeliveryStatus::Read => {
                fold(self.channel, self.state, receipt) == self.state
            }
        }
    }
}

/// The customer's last answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The id of the customer's message.
    pub message_id: String,
    /// What a person would read of it, cut at [`crate::MAX_RESPONSE_BYTES`].
    pub text: String,
    /// Its CIM body type.
    pub body_type: String,
    /// When it was sent.
    pub at: Timestamp,
    /// The visit of the message that it answers; of the latest message where nobody knows better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<u32>,
    /// Whether a wait node has taken it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
}

/// The last event of one name from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// What came with it.
    pub data: Json,
    /// When it happened.
    pub at: Timestamp,
    /// Whether a wait node has taken it. It stays, so that a repeat is known as one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
}
