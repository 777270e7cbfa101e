//! Writing down what happened: facts and data. Nothing here moves a conversation.

use std::collections::BTreeMap;

use domain::channel::Channel;
use domain::id::ActivityId;
use domain::time::Timestamp;
use serde_json::Value as Json;

use crate::conversation::event::{Event, Reply};
use crate::conversation::facts::{Occurrence, Response};
use crate::conversation::log::ConversationEvent;
use crate::conversation::{Conversation, Datum};
use crate::expression::Value;
use crate::flow::{EventName, Flow, NodeId, VariableName, cut, json_bytes};
use crate::limits::{
    MAX_DATA_BYTES, MAX_EVENT_BYTES, MAX_REASON_BYTES, MAX_RESPONSE_BYTES, MAX_VALUE_BYTES,
    MAX_VALUES_PER_WRITE,
};
use crate::step::StepError;

/// Longest id of a customer's message that is kept, in bytes.
const MAX_MESSAGE_ID_BYTES: usize = 128;

/// Whether something new was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// Yes.
    News,
    /// No: it was known, or concerns nothing of ours.
    Nothing,
}

impl Noted {
    const fn news(is_news: bool) -> Self {
        if is_news { Self::News } else { Self::Nothing }
    }
}

/// Writes an event down.
pub(crate) fn record(
    flow: &Flow,
    conversation: &mut Conversation,
    event: &Event,
    now: Timestamp,
    version: u64,
) -> Result<Noted, StepError> {
    match event {
        Event::ActivityChanged {
            activity,
            state,
            reason,
            at,
            ..
        } => {
            let mut messages = conversation.messages.iter_mut();
            let Some(facts) = messages.find(|facts| facts.activity == *activity) else {
                return Ok(Noted::Nothing);
            };
            let before = facts.clone();
            facts.learn(
                *state,
                reason.as_deref().map(|reason| cut(reason, MAX_REASON_BYTES)),
                *at,
            );
            Ok(Noted::news(*facts != before))
        }
        Event::Reply(reply) => Ok(record_reply(conversation, reply)),
        Event::WrapUp { activity, code, at } => {
            Ok(record_wrap_up(conversation, activity.as_ref(), code, *at))
        }
        Event::External { name, data, at } => record_external(flow, conversation, name, data, *at),
        Event::DataSet { values, expected } => {
            let values = check_values(flow, conversation, values, expected)?;
            let before = conversation.data.clone();
            if !write(conversation, &values, None, now, version) {
                return Err(StepError::TooLarge);
            }
            Ok(Noted::news(conversation.data != before))
        }
        Event::Started | Event::Timer { .. } | Event::Stopped { .. } => Ok(Noted::Nothing),
    }
}

fn record_reply(conversation: &mut Conversation, reply: &Reply) -> Noted {
    let id = cut(&reply.message_id, MAX_MESSAGE_ID_BYTES);
    // Answers have an order of their own, so that repeats and late ones are told from newer ones.
    let known = conversation.response.as_ref();
    let is_last = known.is_none_or(|known| (known.at, known.message_id.as_str()) < (reply.at, id));
    let messages = &mut conversation.messages;
    let answered = messages
        .iter()
        .rposition(|facts| {
            reply.activity.as_ref() == Some(&facts.activity) || reply.visit == Some(facts.visit)
        })
        .or_else(|| messages.len().checked_sub(1));
    let facts = answered.and_then(|place| messages.get_mut(place));
    let mut visit = None;
    let mut news = is_last;
    if let Some(facts) = facts {
        let before = facts.clone();
        facts.answer(reply.at);
        // Each answer counts for one wait.
        let is_new = before.receipts.replied.is_none() || is_last;
        facts.reply_taken &= !is_new;
        news |= *facts != before;
        visit = Some(facts.visit);
    }
    if is_last {
        conversation.response = Some(Response {
            message_id: id.to_owned(),
            text: cut_json(&reply.text, MAX_RESPONSE_BYTES).to_owned(),
            body_type: cut(&reply.body_type, 32).to_owned(),
            at: reply.at,
            visit,
            taken: false,
        });
    }
    Noted::news(news)
}

/// Keeps an agent's word on a call.
fn record_wrap_up(
    conversation: &mut Conversation,
    activity: Option<&ActivityId>,
    code: &str,
    at: Timestamp,
) -> Noted {
    let mut calls = conversation
        .messages
        .iter_mut()
        .rev()
        .filter(|facts| facts.channel == Channel::Voice);
    let Some(facts) = calls.find(|facts| activity.is_none_or(|activity| facts.activity == *activity)) else {
        return Noted::Nothing;
    };
    let before = facts.wrap_up.clone();
    facts.wrap_up(cut(code, MAX_REASON_BYTES), at);
    Noted::news(facts.wrap_up != before)
}

/// The beginning of a text whose JSON takes at most so many bytes.
fn cut_json(text: &str, bytes: usize) -> &str {
    let mut kept = cut(text, bytes);
    while json_bytes(&kept) > bytes + 2 {
        kept = cut(kept, kept.len() / 2);
    }
    kept
}

fn record_external(
    flow: &Flow,
    conversation: &mut Conversation,
    name: &str,
    data: &Json,
    at: Timestamp,
) -> Result<Noted, StepError> {
    let Some(name) = flow.events.get(name).filter(|_| conversation.is_running()) else {
        return Ok(Noted::Nothing);
    };
    if json_bytes(data) > MAX_EVENT_BYTES {
        return Err(StepError::TooLarge);
    }
    let is_repeat = |known: &Occurrence| known.at > at || (known.at == at && known.data == *data);
    if conversation.occurrences.get(name).is_some_and(is_repeat) {
        return Ok(Noted::Nothing);
    }
    let occurrence = Occurrence {
        data: data.clone(),
        at,
        taken: false,
    };
    conversation
        .occurrences
        .insert(EventName::clone(name), occurrence);
    Ok(Noted::News)
}

fn check_values(
    flow: &Flow,
    conversation: &Conversation,
    values: &BTreeMap<String, Json>,
    expected: &BTreeMap<String, u64>,
) -> Result<BTreeMap<VariableName, Option<Json>>, StepError> {
    if !conversation.is_running() {
        return Err(StepError::Ended);
    }
    if values.len() > MAX_VALUES_PER_WRITE {
        return Err(StepError::TooLarge);
    }
    for (variable, version) in expected {
        if !flow.variables.contains_key(variable.as_str()) {
            return Err(StepError::UnknownExpected(variable.clone()));
        }
        let current = conversation
            .data
            .get(variable.as_str())
            .map_or(0, |datum| datum.version);
        if current != *version {
            return Err(StepError::Conflict {
                variable: variable.clone(),
                current,
            });
        }
    }
    let mut checked = BTreeMap::new();
    for (variable, value) in values {
        let Some((name, declared)) = flow.variables.get_key_value(variable.as_str()) else {
            return Err(StepError::UnknownVariable(variable.clone()));
        };
        let value = match value {
            Json::Null => None,
            value => Some(
                Value::from_json(value, &declared.of).ok_or_else(|| StepError::Type {
                    variable: variable.clone(),
                    expected: declared.of.to_string(),
                })?,
            ),
        };
        checked.insert(name.clone(), value.map(|value| value.to_json()));
    }
    Ok(checked)
}

/// Writes data of the right types. False, and nothing is written, if it becomes too large.
pub(crate) fn write(
    conversation: &mut Conversation,
    values: &BTreeMap<VariableName, Option<Json>>,
    by: Option<NodeId>,
    at: Timestamp,
    version: u64,
) -> bool {
    if values
        .values()
        .flatten()
        .any(|value| json_bytes(value) > MAX_VALUE_BYTES)
    {
        return false;
    }
    let kept = conversation
        .data
        .iter()
        .filter(|(name, _)| !values.contains_key(*name));
    let bytes: usize = kept.map(|(_, datum)| json_bytes(&datum.value)).sum();
    let added: usize = values.values().flatten().map(json_bytes).sum();
    if bytes + added > MAX_DATA_BYTES {
        return false;
    }
    let mut names = Vec::new();
    for (name, value) in values {
        let changed = conversation.data.get(name).map(|datum| &datum.value) != value.as_ref();
        if !changed {
            continue;
        }
        names.push(name.to_string());
        match value {
            Some(value) => {
                conversation.data_version += 1;
                let value = value.clone();
                let datum = Datum {
                    value,
                    version: conversation.data_version,
                    by: by.clone(),
                    at,
                };
                conversation.data.insert(name.clone(), datum);
            }
            None => {
                conversation.data.remove(name);
            }
        }
    }
    if !names.is_empty() {
        conversation
            .log
            .append(version, ConversationEvent::DataChanged { names, by, at });
    }
    true
}

/// Gives the variables their initial values.
pub(crate) fn initialise(flow: &Flow, conversation: &mut Conversation, at: Timestamp) {
    for (name, variable) in &flow.variables {
        if let Some(value) = variable.initial.clone() {
            conversation.data_version += 1;
            let datum = Datum {
                value,
                version: conversation.data_version,
                by: None,
                at,
            };
            conversation.data.insert(name.clone(), datum);
        }
    }
}

impl Conversation {
    /// Takes the answer that a wait node waits for, if it is there: to the latest message of a node,
    /// or any.
    pub(crate) fn take_reply(&mut self, to: Option<&NodeId>) -> bool {
        let visit = match to {
            Some(node) => match self.latest_message(node) {
                Some(facts) if facts.receipts.replied.is_some() && !facts.reply_taken => Some(facts.visit),
                _ => return false,
            },
            None => match &self.response {
                Some(response) if !response.taken => response.visit,
                _ => return false,
            },
        };
        if let Some(response) = self
            .response
            .as_mut()
            .filter(|response| to.is_none() || response.visit == visit)
        {
            response.taken = true;
        }
        let mut latest = self.messages.iter_mut().rev();
        if let Some(facts) = latest.find(|facts| Some(facts.visit) == visit) {
            facts.reply_taken = true;
        }
        true
    }
}
