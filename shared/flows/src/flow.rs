//! A checked flow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::conversation::Snapshot;
use crate::expression::Type;
use crate::limits::{MAX_FIELD_BYTES, MAX_SNAPSHOT_BYTES};
pub use crate::names::{EventName, Label, NameError, NodeId, Outcome, VariableName};
use crate::nodes::Behaviour;

/// A flow in which every outcome is wired, every expression typed and every loop bounded. Made by
/// [`crate::validate`] only.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(crate) start: NodeId,
    pub(crate) variables: BTreeMap<VariableName, Variable>,
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    pub(crate) events: BTreeSet<EventName>,
    /// What its expressions and templates read, with the declared types.
    pub(crate) reads: BTreeMap<String, Type>,
}

/// A node of a checked flow.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) behaviour: Arc<dyn Behaviour>,
    pub(crate) outcomes: BTreeMap<Outcome, NodeId>,
    pub(crate) max_visits: Option<u32>,
}

/// A variable of the conversation data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variable {
    pub(crate) of: Type,
    pub(crate) initial: Option<Json>,
}

impl Flow {
    /// The events from outside that it may wait for. Others are ignored.
    pub fn events(&self) -> impl Iterator<Item = &EventName> {
        self.events.iter()
    }

    /// The names of its variables with their types.
    pub fn variables(&self) -> impl Iterator<Item = (&VariableName, &Type)> {
        self.variables.iter().map(|(name, variable)| (name, &variable.of))
    }

    /// Whether a node has this name.
    pub fn has_node(&self, id: &NodeId) -> bool {
        self.nodes.contains_key(id)
    }

    /// What a conversation has to remember of profile and contact row: the fields that the flow
    /// reads. A field larger than [`MAX_FIELD_BYTES`], and what exceeds [`MAX_SNAPSHOT_BYTES`]
    /// altogether, is left out and counts as absent.
    pub fn snapshot(
        &self,
        profile: &BTreeMap<String, Json>,
        contact: &BTreeMap<String, Json>,
        campaign_name: &str,
    ) -> Snapshot {
        let mut left = MAX_SNAPSHOT_BYTES;
        let mut keep = |root: &str, fields: &BTreeMap<String, Json>| {
            let wanted = fields
                .iter()
                .filter(|(field, _)| self.reads.contains_key(&format!("{root}.{field}")));
            let mut kept = BTreeMap::new();
            for (field, value) in wanted {
                let bytes = json_bytes(value);
                let Some(after) = left.checked_sub(bytes + field.len()) else {
                    continue;
                };
                if bytes <= MAX_FIELD_BYTES {
                    left = after;
                    kept.insert(field.clone(), value.clone());
                }
            }
            kept
        };
        let (profile, contact) = (keep("profile", profile), keep("contact", contact));
        Snapshot {
            profile,
            contact,
            campaign_name: cut(campaign_name, 200).to_owned(),
        }
    }
}

/// How long a value is as JSON.
pub(crate) fn json_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

/// The beginning of a text, at most so many bytes long, never half a character.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
