//! `wait`: until something happens, or time is up.

use std::collections::BTreeMap;

use domain::activity::receipt::DeliveryStatus;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Behaviour, NodeType, Occasion, Turn};
use crate::expression::{Checked, Type};
use crate::flow::{EventName, NodeId, Outcome, VariableName};
use crate::limits::{MAX_ENTRIES, MAX_VALUES_PER_WRITE};
use crate::span::Span;
use crate::step::Visit;
use crate::validate::Checking;

/// Settings of a `wait` node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// What is waited for; of several that are there already, the first in this list decides. What
    /// came before the node was entered counts.
    #[serde(default, rename = "for")]
    awaited: Vec<AwaitedSettings>,
    /// How long at most; then the outcome is `timeout`.
    timeout: Span,
}

/// Something to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "on", rename_all = "camelCase", deny_unknown_fields)]
enum AwaitedSettings {
    /// A receipt for the latest message of a message node.
    Receipt {
        /// The kind of receipt. A stronger one counts too: who read it, got it.
        receipt: Receipt,
        /// The message node.
        of: NodeId,
        /// Where it leads.
        outcome: Outcome,
    },
    /// An answer of the customer that no other wait has taken.
    Reply {
        /// The message node whose latest message it answers; without, any answer.
        #[serde(default)]
        to: Option<NodeId>,
        /// Where it leads.
        outcome: Outcome,
    },
    /// An event from outside that no other wait has taken.
    Event {
        /// Its name.
        name: EventName,
        /// Variables to set from fields of the event's data. Fields that are missing or of another
        /// type set nothing.
        #[serde(default)]
        store: BTreeMap<VariableName, String>,
        /// Where it leads.
        outcome: Outcome,
    },
    /// A condition over data and facts, looked at whenever one of them changes.
    Condition {
        /// A boolean expression.
        when: String,
        /// Where it leads.
        outcome: Outcome,
    },
}

/// The receipts that can be waited for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Receipt {
    Delivered,
    Connected,
    Read,
    Failed,
}

impl Receipt {
    const fn status(self) -> DeliveryStatus {
        match self {
            Self::Delivered => DeliveryStatus::Delivered,
            Self::Connected => DeliveryStatus::Connected,
            Self::Read => DeliveryStatus::Read,
            Self::Failed => DeliveryStatus::Failed,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Wait {
    awaited: Vec<(Awaited, Outcome)>,
    timeout: Span,
}

#[derive(Debug)]
enum Awaited {
    Receipt(DeliveryStatus, NodeId),
    Reply(Option<NodeId>),
    Event(EventName, BTreeMap<VariableName, String>),
    Condition(Checked),
}

const TIMEOUT: &str = "timeout";

impl NodeType for Wait {
    const TYPE: &'static str = "wait";
    const DESCRIPTION: &'static str =
        "Waits for a receipt, an answer, an event or a condition, or until time is up.";
    const OUTCOMES: Option<&'static [&'static str]> = None;
    const WAITS: bool = true;
    type Settings = Settings;

    fn check(settings: Settings, checking: &mut Checking<'_>) -> Option<Self> {
        let count = settings.awaited.len();
        if count > MAX_ENTRIES {
            checking.problem("for", format!("may have at most {MAX_ENTRIES} entries"));
            return None;
        }
        let mut awaited = Vec::new();
        for (place, settings) in settings.awaited.into_iter().enumerate() {
            awaited.extend(check(settings, &format!("for/{place}"), checking));
        }
        (awaited.len() == count).then_some(Self {
            awaited,
            timeout: settings.timeout,
        })
    }
}

fn check(settings: AwaitedSettings, field: &str, checking: &mut Checking<'_>) -> Option<(Awaited, Outcome)> {
    Some(match settings {
        AwaitedSettings::Receipt { receipt, of, outcome } => {
            checking.message_node(&format!("{field}/of"), &of)?;
            (Awaited::Receipt(receipt.status(), of), outcome)
        }
        AwaitedSettings::Reply { to, outcome } => {
            if let Some(to) = &to {
                checking.message_node(&format!("{field}/to"), to)?;
            }
            (Awaited::Reply(to), outcome)
        }
        AwaitedSettings::Event { name, store, outcome } => {
            if store.len() > MAX_VALUES_PER_WRITE {
                checking.problem(
                    &format!("{field}/store"),
                    format!("may have at most {MAX_VALUES_PER_WRITE} entries"),
                );
                return None;
            }
            checking.event(&name);
            let mut is_known = true;
            for variable in store.keys() {
                is_known &= checking
                    .variable(&format!("{field}/store/{variable}"), variable)
                    .is_some();
            }
            if !is_known {
                return None;
            }
            (Awaited::Event(name, store), outcome)
        }
        AwaitedSettings::Condition { when, outcome } => {
            let when = checking.expression(&format!("{field}/when"), &when, &Type::Boolean)?;
            (Awaited::Condition(when), outcome)
        }
    })
}

impl Wait {
    fn look(&self, visit: &mut Visit<'_>) -> Turn {
        for (awaited, outcome) in &self.awaited {
            let there = match awaited {
                Awaited::Receipt(status, node) => visit
                    .conversation
                    .latest_message(node)
                    .is_some_and(|facts| facts.proves(*status)),
                Awaited::Reply(to) => visit.conversation.take_reply(to.as_ref()),
                Awaited::Event(name, store) => visit.take_event(name, store),
                Awaited::Condition(when) => visit.is_true(when) == Ok(true),
            };
            if there {
                return Turn::leave(outcome.clone());
            }
        }
        Turn::Stay
    }
}

impl Behaviour for Wait {
    fn outcomes(&self) -> Vec<Outcome> {
        self.awaited
            .iter()
            .map(|(_, outcome)| outcome.clone())
            .chain([TIMEOUT.into()])
            .collect()
    }

    fn enter(&self, visit: &mut Visit<'_>) -> Turn {
        let turn = self.look(visit);
        if turn == Turn::Stay {
            visit.conversation.wake = Some(visit.now + self.timeout.millis());
        }
        turn
    }

    fn react(&self, visit: &mut Visit<'_>, occasion: Occasion) -> Turn {
        match occasion {
            Occasion::News => self.look(visit),
            Occasion::Time => Turn::leave(TIMEOUT),
        }
    }
}
