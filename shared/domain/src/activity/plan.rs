//! What is asked for when an activity is scheduled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::address::Address;
use crate::channel::Channel;
use crate::cim::Body;
use crate::id::{CampaignId, ConversationId, CustomerId};
use crate::time::Timestamp;
use crate::voice::Dialing;
use crate::zone::TimeZone;

/// Most entries of `metadata`.
pub const MAX_METADATA_ENTRIES: usize = 20;
/// Longest key and longest value of `metadata`, in bytes.
pub const MAX_METADATA_KEY: usize = 64;
/// See [`MAX_METADATA_KEY`].
pub const MAX_METADATA_VALUE: usize = 512;

/// Which activities go first when many are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before normal ones, on a queue of their own.
    High,
    /// As they come.
    #[default]
    Normal,
}

/// For whom the customer's answer is meant. Kept and passed on to Expertflow CX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AssignTo {
    /// A named agent.
    AgentId(String),
    /// A queue.
    Queue(String),
}

/// What an activity is part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowStep {
    /// The conversation that created it.
    pub conversation: ConversationId,
    /// The visit of the node that created it.
    pub visit: u32,
    /// The published version of the campaign that the conversation walks.
    pub campaign_version: u64,
    /// The zone in which the contact's row says that the customer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_zone: Option<TimeZone>,
}

/// What is asked for: everything about an activity that does not change by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// How.
    pub channel: Channel,
    /// To which address.
    pub to: Address,
    /// From which of the company's addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_identifier: Option<String>,
    /// To whom. Derived from the address where the caller names nobody.
    pub customer: CustomerId,
    /// In which campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// As which step of a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<FlowStep>,
    /// Not before.
    pub due_at: Timestamp,
    /// Not after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What.
    pub message: Body,
    /// How a call is to be paced; without, it is started at its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialing: Option<Dialing>,
    /// For whom the answer is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign_to: Option<AssignTo>,
    /// How urgent.
    #[serde(default)]
    pub priority: Priority,
    /// The webhook named in the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<Url>,
    /// The caller's own data; comes back everywhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Plan {
    /// Whether a customer may answer for whom no agent is there, and would hear nothing: who called must be told
    /// to them within two seconds (47 CFR 64.1200 (a)(7)).
    pub fn lacks_abandoned_message(&self) -> bool {
        let Some(Dialing::Agent { mode, .. }) = &self.dialing else {
            return false;
        };
        let text = self.message.text("abandonedMessage");
        !mode.reserves_first() && text.is_none_or(|text| text.trim().is_empty())
    }
}
