//! What happens to a conversation.

use std::collections::BTreeMap;

use domain::activity::state::State;
use domain::id::ActivityId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What happened, as the application tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The conversation may begin.
    Started,
    /// The timer of a visit is due.
    Timer {
        /// The visit that set it.
        visit: u32,
    },
    /// An activity of the conversation came to another state, or a receipt for it came in.
    ActivityChanged {
        /// Which.
        activity: ActivityId,
        /// The visit that scheduled it.
        visit: u32,
        /// What is proven.
        state: State,
        /// Why, as a short code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// When it happened.
        at: Timestamp,
    },
    /// The customer answered.
    Reply(Reply),
    /// The agent closed a call with a wrap-up code.
    WrapUp {
        /// The call; without, the latest one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activity: Option<ActivityId>,
        /// The code, as the agent's desktop has it.
        code: String,
        /// When.
        at: Timestamp,
    },
    /// Something outside happened that a flow may wait for.
    External {
        /// Its name in the flow.
        name: String,
        /// What came with it: an object.
        #[serde(default)]
        data: Json,
        /// When it happened.
        at: Timestamp,
    },
    /// Somebody outside sets conversation data.
    DataSet {
        /// New values by variable; null removes a value.
        values: BTreeMap<String, Json>,
        /// Versions that the writer has seen, by variable; 0 for a variable without a value.
        #[serde(default)]
        expected: BTreeMap<String, u64>,
    },
    /// The conversation is to end at once.
    Stopped {
        /// Why.
        outcome: StopOutcome,
    },
}

/// A customer's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The activity that it answers, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<ActivityId>,
    /// The visit that scheduled that activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<u32>,
    /// The id of the customer's message.
    pub message_id: String,
    /// What a person would read of it.
    pub text: String,
    /// Its CIM body type.
    pub body_type: String,
    /// When it was sent.
    pub at: Timestamp,
}

/// Why a conversation is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopOutcome {
    /// The campaign was stopped, or somebody ended the conversation.
    Stopped,
    /// The customer wants no more messages.
    OptedOut,
}

impl StopOutcome {
    /// The conversation's outcome.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::OptedOut => "opted_out",
        }
    }
}
