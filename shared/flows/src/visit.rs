//! What a node sees and does while the conversation stands at it.

use std::collections::BTreeMap;

use domain::activity::state::State;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::time::Timestamp;
use domain::voice::Dialing;
use serde_json::Value as Json;

use crate::conversation::Conversation;
use crate::conversation::facts::MessageFacts;
use crate::effect::{Effect, Priority, Schedule};
use crate::expression::{Checked, EvaluationError, Scope, Value};
use crate::flow::{EventName, Flow, NodeId, VariableName, cut};
use crate::limits::MAX_MESSAGES;
use crate::record;
use crate::scope::{Reading, template_context};

/// A visit in progress.
pub(crate) struct Visit<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) conversation: &'a mut Conversation,
    pub(crate) effects: &'a mut Vec<Effect>,
    pub(crate) node: NodeId,
    pub(crate) number: u32,
    pub(crate) now: Timestamp,
    pub(crate) version: u64,
}

/// An activity as a node wants it; the visit adds who and when.
pub(crate) struct Draft {
    pub(crate) channel: Channel,
    pub(crate) to: Address,
    pub(crate) service_identifier: Option<String>,
    pub(crate) body: Body,
    pub(crate) dialing: Option<Dialing>,
    pub(crate) due_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) priority: Priority,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Values that a log entry remembers of a decision, and how much of each.
const MAX_READ: usize = 2;
const MAX_READ_BYTES: usize = 24;

impl Visit<'_> {
    fn reading(&self) -> Reading<'_> {
        Reading {
            flow: self.flow,
            conversation: self.conversation,
            now: self.now,
        }
    }

    pub(crate) fn evaluate(&self, expression: &Checked) -> Result<Value, EvaluationError> {
        expression.evaluate(&self.reading())
    }

    pub(crate) fn is_true(&self, expression: &Checked) -> Result<bool, EvaluationError> {
        expression.is_true(&self.reading())
    }

    /// The first values that an expression reads, cut short, to explain what it gave.
    pub(crate) fn read(&self, expression: &Checked) -> Vec<(String, String)> {
        let reading = self.reading();
        let shown = |name: &String| {
            let value = reading
                .value(name)
                .map_or_else(|| "none".to_owned(), |value| value.to_string());
            (
                cut(name, 2 * MAX_READ_BYTES).to_owned(),
                cut(&value, MAX_READ_BYTES).to_owned(),
            )
        };
        expression.names().iter().take(MAX_READ).map(shown).collect()
    }

    pub(crate) fn template_context(&self) -> minijinja::Value {
        template_context(self.conversation)
    }

    /// Writes data. False, and nothing is written, if it becomes too large.
    pub(crate) fn write(&mut self, values: &BTreeMap<VariableName, Option<Json>>) -> bool {
        let by = Some(self.node.clone());
        record::write(self.conversation, values, by, self.now, self.version)
    }

    /// Whether the conversation has sent as many messages as one may.
    pub(crate) fn has_sent_enough(&self) -> bool {
        self.conversation.messages.len() >= MAX_MESSAGES
    }

    /// Schedules an activity of the visit, and begins to keep facts about it.
    pub(crate) fn schedule(&mut self, draft: Draft) {
        let Draft {
            channel,
            to,
            service_identifier,
            body,
            dialing,
            due_at,
            expires_at,
            priority,
            metadata,
        } = draft;
        let of_visit = |facts: &&MessageFacts| facts.visit == self.number;
        let index = self.conversation.messages.iter().filter(of_visit).count();
        let schedule = Schedule {
            conversation: self.conversation.id.clone(),
            visit: self.number,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            entered: self.conversation.entered,
            channel,
            to,
            service_identifier,
            body,
            dialing,
            due_at,
            expires_at,
            priority,
            metadata,
        };
        self.conversation.messages.push(MessageFacts {
            visit: self.number,
            node: self.node.clone(),
            activity: schedule.activity_id(),
            channel,
            entered: self.conversation.entered,
            state: State::Scheduled,
            reason: None,
            receipts: Default::default(),
            reply_taken: false,
            wrap_up: None,
        });
        self.effects.push(Effect::Schedule(schedule));
    }

    /// Takes an event from outside, if it is there, and stores fields of its data.
    pub(crate) fn take_event(&mut self, name: &EventName, store: &BTreeMap<VariableName, String>) -> bool {
        let occurrence = self.conversation.occurrences.get_mut(name);
        let Some(occurrence) = occurrence.filter(|occurrence| !occurrence.taken) else {
            return false;
        };
        occurrence.taken = true;
        let values: BTreeMap<_, _> = store
            .iter()
            .filter_map(|(variable, field)| {
                let of = &self.flow.variables.get(variable)?.of;
                let value = Value::from_json(occurrence.data.get(field)?, of)?;
                Some((variable.clone(), Some(value.to_json())))
            })
            .collect();
        if !values.is_empty() {
            self.write(&values);
        }
        true
    }
}
