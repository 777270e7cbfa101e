//! What a conversation tells the world about itself.

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::flow::NodeId;

/// An entry of a conversation's log. Its `type` is the name under which webhooks are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum ConversationEvent {
    /// It began.
    #[serde(rename = "conversation.started")]
    Started {
        /// The node at which it began.
        node: NodeId,
        /// When.
        at: Timestamp,
    },
    /// It went from one node to the next.
    #[serde(rename = "conversation.moved")]
    Moved {
        /// The visit that ended.
        visit: u32,
        /// The node of that visit.
        from: NodeId,
        /// How that visit came out.
        outcome: String,
        /// The node entered.
        to: NodeId,
        /// Why, as a short code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The first few values that the decision read, cut short.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        read: Vec<(String, String)>,
        /// When.
        at: Timestamp,
    },
    /// It asks for an agent. The answer comes as an event from outside.
    #[serde(rename = "conversation.route_requested")]
    RouteRequested {
        /// The visit that asks: to be handed back with the answer.
        visit: u32,
        /// The node that asks.
        node: NodeId,
        /// The agent who is wanted by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
        /// The queue whose agents will do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<String>,
        /// For how long the request holds.
        until: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// Its data changed.
    #[serde(rename = "conversation.data_changed")]
    DataChanged {
        /// The variables that changed.
        names: Vec<String>,
        /// The node that set them; none if somebody outside did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<NodeId>,
        /// When.
        at: Timestamp,
    },
    /// It ended.
    #[serde(rename = "conversation.ended")]
    Ended {
        /// How.
        outcome: String,
        /// The node at which it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<NodeId>,
        /// When.
        at: Timestamp,
    },
}

impl ConversationEvent {
    /// The name under which history and webhooks are told.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "conversation.started",
            Self::Moved { .. } => "conversation.moved",
            Self::RouteRequested { .. } => "conversation.route_requested",
            Self::DataChanged { .. } => "conversation.data_changed",
            Self::Ended { .. } => "conversation.ended",
        }
    }

    /// When it happened.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Started { at, .. }
            | Self::Moved { at, .. }
            | Self::RouteRequested { at, .. }
            | Self::DataChanged { at, .. }
            | Self::Ended { at, .. } => *at,
        }
    }
}
