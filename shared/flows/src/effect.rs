//! What a step asks the application to do.

use std::collections::BTreeMap;

use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, ConversationId};
use domain::time::Timestamp;
use domain::voice::Dialing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How urgent a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Goes before others.
    High,
    /// In turn.
    #[default]
    Normal,
}

/// One thing to do. Timers are no effects: a conversation's timer is its `wake`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Effect {
    /// Schedule an activity.
    Schedule(Schedule),
    /// Cancel an activity that the conversation no longer wants, unless it has left already.
    Cancel {
        /// Which.
        activity: ActivityId,
    },
}

/// An activity that a flow schedules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// The conversation that wants it.
    pub conversation: ConversationId,
    /// The visit that wants it.
    pub visit: u32,
    /// Its place among the effects of its visit.
    pub index: u32,
    /// When the visit began.
    pub entered: Timestamp,
    /// How.
    pub channel: Channel,
    /// To whom.
    pub to: Address,
    /// From which of the company's addresses, where the flow says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_identifier: Option<String>,
    /// The rendered message.
    pub body: Body,
    /// How a call is to be paced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialing: Option<Dialing>,
    /// Not before.
    pub due_at: Timestamp,
    /// Not after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How urgent.
    pub priority: Priority,
    /// Kept with the activity and handed back with everything that tells about it.
    pub metadata: BTreeMap<String, String>,
}

impl Schedule {
    /// The activity's id: the same whenever the same visit of the same conversation is replayed.
    pub fn activity_id(&self) -> ActivityId {
        activity_id(&self.conversation, self.visit, self.index, self.entered)
    }
}

/// The id of what a visit creates.
pub(crate) fn activity_id(
    conversation: &ConversationId,
    visit: u32,
    index: u32,
    entered: Timestamp,
) -> ActivityId {
    let (visit, index) = (visit.to_string(), index.to_string());
    ActivityId::derive(entered, &[conversation.as_str(), &visit, &index])
}
