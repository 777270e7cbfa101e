//! One customer's walk through one published version of a flow.

use std::collections::BTreeMap;

use domain::address::Address;
use domain::channel::Channel;
use domain::id::{CampaignId, ContactId, ConversationId, CustomerId, TenantId};
use domain::log::Log;
use domain::time::Timestamp;
use domain::zone::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::flow::{EventName, NodeId, VariableName};

pub mod event;
pub mod facts;
pub mod log;

use event::Event;
use facts::{MessageFacts, Occurrence, Response};
use log::ConversationEvent;

/// A conversation, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: ConversationId,
    /// The campaign that it belongs to.
    pub campaign: CampaignId,
    /// The published version of the campaign, and so of the flow, that it walks.
    pub campaign_version: u64,
    /// The customer, as a person.
    pub customer: CustomerId,
    /// The row of the contact list.
    pub contact: ContactId,
    /// Where the customer can be reached.
    pub addresses: BTreeMap<Channel, Address>,
    /// The zone in which the row says that the customer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_zone: Option<TimeZone>,
    /// What templates and expressions may read about the customer and the campaign.
    pub snapshot: Snapshot,
    /// Whether it runs.
    pub status: Status,
    /// The node that it stands at; none before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The number of the visit it is in: it rises with every node entered.
    pub visit: u32,
    /// When it was created.
    pub created: Timestamp,
    /// When the current visit began.
    pub entered: Timestamp,
    /// How often each node was visited.
    pub visits: BTreeMap<NodeId, u32>,
    /// Its data by variable.
    pub data: BTreeMap<VariableName, Datum>,
    /// The number of the last write to its data.
    #[serde(default)]
    pub data_version: u64,
    /// What became of its messages, in the order in which they were scheduled.
    pub messages: Vec<MessageFacts>,
    /// The customer's last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// The last event from outside of each name that the flow waits for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub occurrences: BTreeMap<EventName, Occurrence>,
    /// When the current visit wants to be woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<Timestamp>,
    /// What happened while the campaign was paused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Event>,
    /// What happened to it.
    pub log: Log<ConversationEvent>,
}

/// What a conversation remembers of profile, contact row and campaign, as they were at its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Profile fields that the flow reads.
    #[serde(default)]
    pub profile: BTreeMap<String, Json>,
    /// Contact columns that the flow reads.
    #[serde(default)]
    pub contact: BTreeMap<String, Json>,
    /// The campaign's name.
    #[serde(default)]
    pub campaign_name: String,
}

/// Whether a conversation runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Status {
    /// It has not ended.
    Running,
    /// It has ended: for good.
    Ended {
        /// A label of the flow, or `stopped`, `opted_out`, `exhausted`.
        outcome: String,
        /// When.
        at: Timestamp,
    },
}

/// A value of the conversation data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Datum {
    /// The value, of the type that the flow declares.
    pub value: Json,
    /// The number of the write that set it: it rises with every write to the conversation's data.
    pub version: u64,
    /// The node that set it; none if somebody outside did, or the flow's initial value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<NodeId>,
    /// When it was set.
    pub at: Timestamp,
}

/// What a new conversation is made of.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: ConversationId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The campaign's published version.
    pub campaign_version: u64,
    /// The customer.
    pub customer: CustomerId,
    /// The row of the contact list.
    pub contact: ContactId,
    /// Where the customer can be reached.
    pub addresses: BTreeMap<Channel, Address>,
    /// The zone in which the row says that the customer is.
    pub contact_zone: Option<TimeZone>,
    /// What the flow reads: see [`crate::Flow::snapshot`].
    pub snapshot: Snapshot,
}

impl Conversation {
    /// A conversation that waits for [`Event::Started`].
    pub fn open(opening: Opening, now: Timestamp) -> Self {
        let Opening {
            tenant,
            id,
            campaign,
            campaign_version,
            customer,
            contact,
            addresses,
            contact_zone,
            snapshot,
        } = opening;
        Self {
            tenant,
            id,
            campaign,
            campaign_version,
            customer,
            contact,
            addresses,
            contact_zone,
            snapshot,
            status: Status::Running,
            node: None,
            visit: 0,
            created: now,
            entered: now,
            visits: BTreeMap::new(),
            data: BTreeMap::new(),
            data_version: 0,
            messages: Vec::new(),
            response: None,
            occurrences: BTreeMap::new(),
            wake: None,
            held: Vec::new(),
            log: Log::default(),
        }
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// What became of the latest message of a visit: a call may be tried again within its visit.
    pub fn message(&self, visit: u32) -> Option<&MessageFacts> {
        self.messages.iter().rev().find(|facts| facts.visit == visit)
    }

    /// What became of the latest message of a node.
    pub fn latest_message(&self, node: &NodeId) -> Option<&MessageFacts> {
        self.messages.iter().rev().find(|facts| facts.node == *node)
    }
}
