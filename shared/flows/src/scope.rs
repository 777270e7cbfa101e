//! What expressions and templates of a flow can read, and where it comes from.

use std::collections::BTreeMap;

use domain::activity::receipt::DeliveryStatus;
use domain::time::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::conversation::Conversation;
use crate::conversation::facts::MessageFacts;
use crate::expression::{Scope, Type, Value, Vocabulary};
use crate::flow::{Flow, NodeId, Variable, VariableName};

/// What every flow can read, beside profile, contact row, data and messages.
const COMMON: [(&str, Type); 9] = [
    ("now", Type::Timestamp),
    ("campaign.id", Type::String),
    ("campaign.name", Type::String),
    ("conversation.id", Type::String),
    ("conversation.started", Type::Timestamp),
    ("response.text", Type::String),
    ("response.type", Type::String),
    ("response.at", Type::Timestamp),
    ("response.channel", Type::String),
];

/// What can be read of the latest message of a message node, as `messages.<node>.<name>`.
const MESSAGE: [(&str, Type); 11] = [
    ("state", Type::String),
    ("channel", Type::String),
    ("reason", Type::String),
    ("result", Type::String),
    ("wrapUp", Type::String),
    ("at", Type::Timestamp),
    ("delivered", Type::Boolean),
    ("connected", Type::Boolean),
    ("read", Type::Boolean),
    ("replied", Type::Boolean),
    ("failed", Type::Boolean),
];

/// The names that a flow can read.
pub(crate) fn vocabulary<'a>(
    profile: &BTreeMap<String, Type>,
    contact: &BTreeMap<String, Type>,
    variables: &BTreeMap<VariableName, Variable>,
    messages: impl Iterator<Item = &'a NodeId>,
) -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    for (name, of) in COMMON {
        vocabulary.name(name, of);
    }
    for (name, of) in profile {
        vocabulary.name(format!("profile.{name}"), of.clone());
    }
    for (name, of) in contact {
        vocabulary.name(format!("contact.{name}"), of.clone());
    }
    for (name, variable) in variables {
        vocabulary.name(format!("data.{name}"), variable.of.clone());
    }
    for node in messages {
        for (name, of) in MESSAGE {
            vocabulary.name(format!("messages.{node}.{name}"), of);
        }
    }
    vocabulary
}

/// A conversation at an instant, as expressions see it.
pub(crate) struct Reading<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) conversation: &'a Conversation,
    pub(crate) now: Timestamp,
}

impl Scope for Reading<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let conversation = self.conversation;
        let (root, rest) = name.split_once('.').unwrap_or((name, ""));
        match root {
            "now" => Some(Value::Timestamp(self.now)),
            "profile" => declared(
                conversation.snapshot.profile.get(rest)?,
                self.flow.reads.get(name)?,
            ),
            "contact" => declared(
                conversation.snapshot.contact.get(rest)?,
                self.flow.reads.get(name)?,
            ),
            "data" => {
                let of = &self.flow.variables.get(rest)?.of;
                Value::from_json(&conversation.data.get(rest)?.value, of)
            }
            "campaign" => match rest {
                "id" => Some(Value::text(conversation.campaign.as_str())),
                _ => Some(Value::text(conversation.snapshot.campaign_name.as_str())),
            },
            "conversation" => match rest {
                "id" => Some(Value::text(conversation.id.as_str())),
                _ => Some(Value::Timestamp(conversation.created)),
            },
            "response" => self.response(rest),
            "messages" => {
                let (node, fact) = rest.split_once('.')?;
                message(
                    conversation
                        .messages
                        .iter()
                        .rev()
                        .find(|facts| facts.node.as_str() == node),
                    fact,
                )
            }
            _ => None,
        }
    }
}

impl Reading<'_> {
    fn response(&self, part: &str) -> Option<Value> {
        let response = self.conversation.response.as_ref()?;
        Some(match part {
            "text" => Value::text(response.text.as_str()),
            "type" => Value::text(response.body_type.as_str()),
            "at" => Value::Timestamp(response.at),
            _ => Value::text(self.conversation.message(response.visit?)?.channel.name()),
        })
    }
}

/// A value of profile or contact row. Texts are read as numbers, booleans and instants where those
/// are declared: a CSV knows only texts.
fn declared(json: &Json, of: &Type) -> Option<Value> {
    Value::from_json(json, of).or_else(|| {
        let text = json.as_str()?.trim();
        match of {
            Type::Number => text.parse().ok().map(Value::Number),
            Type::Boolean => text.parse().ok().map(Value::Boolean),
            _ => None,
        }
    })
}

fn message(facts: Option<&MessageFacts>, fact: &str) -> Option<Value> {
    let proves = |receipt| Value::Boolean(facts.is_some_and(|facts| facts.proves(receipt)));
    Some(match fact {
        "delivered" => proves(DeliveryStatus::Delivered),
        "connected" => proves(DeliveryStatus::Connected),
        "read" => proves(DeliveryStatus::Read),
        "replied" => proves(DeliveryStatus::Replied),
        "failed" => proves(DeliveryStatus::Failed),
        "state" => Value::text(facts?.state.name()),
        "channel" => Value::text(facts?.channel.name()),
        "reason" => Value::text(facts?.reason.as_deref()?),
        "result" => Value::text(facts?.call_result()?.name()),
        "wrapUp" => Value::text(facts?.wrap_up.as_ref()?.code.as_str()),
        _ => Value::Timestamp(facts?.entered),
    })
}

/// What templates see.
pub(crate) fn template_context(conversation: &Conversation) -> minijinja::Value {
    let data: Map<String, Json> = conversation
        .data
        .iter()
        .map(|(name, datum)| (name.to_string(), datum.value.clone()))
        .collect();
    let response = conversation.response.as_ref().map_or_else(
        || json!({}),
        |response| json!({"text": response.text, "type": response.body_type, "at": response.at}),
    );
    minijinja::Value::from(minijinja::value::Serde(json!({
        "profile": conversation.snapshot.profile,
        "contact": conversation.snapshot.contact,
        "data": data,
        "campaign": {"id": conversation.campaign, "name": conversation.snapshot.campaign_name},
        "response": response,
    })))
}
