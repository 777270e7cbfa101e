//! What a node type's check has at hand.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{Problem, join};
use crate::expression::{Checked, Checker, Comprehensions, Options, Type, Vocabulary};
use crate::flow::{EventName, NodeId, Outcome, Variable, VariableName};
use crate::limits::MAX_METADATA;
use crate::template::Template;

/// The checking of one node.
pub(crate) struct Checking<'a> {
    pub(super) node: &'a str,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) variables: &'a BTreeMap<VariableName, Variable>,
    pub(super) messages: &'a BTreeSet<NodeId>,
    pub(super) problems: Vec<Problem>,
    pub(super) events: &'a mut BTreeSet<EventName>,
    pub(super) reads: &'a mut BTreeMap<String, Type>,
}

impl Checking<'_> {
    /// Tells a problem of a field: a path such as `cases/0/when`.
    pub(crate) fn problem(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(Problem::node(self.node, field, message));
    }

    /// Whether the node has problems so far.
    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Reads settings.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, json: Json) -> Option<T> {
        match serde_path_to_error::deserialize(json) {
            Ok(settings) => Some(settings),
            Err(error) => {
                let field = join("", error.path());
                self.problem(&field, error.into_inner().to_string());
                None
            }
        }
    }

    /// Checks an expression.
    pub(crate) fn expression(&mut self, field: &str, source: &str, of: &Type) -> Option<Checked> {
        let options = Options {
            comprehensions: Comprehensions::Bounded,
        };
        match Checker::new(self.vocabulary).check(source, of, options) {
            Ok(checked) => {
                self.reads(checked.names());
                Some(checked)
            }
            Err(problem) => {
                self.problem(field, problem.to_string());
                None
            }
        }
    }

    /// Checks a template. One that is blank would always come to nothing.
    pub(crate) fn template(&mut self, field: &str, source: &str) -> Option<Template> {
        if source.trim().is_empty() || holds_controls(source) {
            self.problem(
                field,
                "must not be blank, nor hold control characters besides line ends and tabs",
            );
            return None;
        }
        match Template::check(source, self.vocabulary) {
            Ok(template) => {
                self.reads(template.names());
                Some(template)
            }
            Err(problems) => {
                for problem in problems {
                    self.problem(field, problem);
                }
                None
            }
        }
    }

    /// Sees that a text has at least one byte and at most so many.
    pub(crate) fn length(&mut self, field: &str, text: &str, most: usize) -> Option<()> {
        if (1..=most).contains(&text.len()) && !holds_controls(text) {
            return Some(());
        }
        self.problem(
            field,
            format!("must have 1 to {most} bytes, and no control characters"),
        );
        None
    }

    /// Checks what is kept with an activity.
    pub(crate) fn metadata(&mut self, metadata: &BTreeMap<String, String>) {
        let (entries, key, value) = MAX_METADATA;
        let fits = metadata.iter().all(|(k, v)| k.len() <= key && v.len() <= value);
        if !fits || metadata.len() > entries {
            let bounds = format!("may have {entries} entries with keys of {key} and values of {value} bytes");
            self.problem("metadata", bounds);
        }
    }

    /// The type of a variable, which must be declared.
    pub(crate) fn variable(&mut self, field: &str, name: &VariableName) -> Option<Type> {
        let of = self.variables.get(name).map(|variable| variable.of.clone());
        if of.is_none() {
            self.problem(field, format!("there is no variable `{name}`"));
        }
        of
    }

    /// Sees that a name is that of a message node.
    pub(crate) fn message_node(&mut self, field: &str, node: &NodeId) -> Option<()> {
        if self.messages.contains(node) {
            return Some(());
        }
        self.problem(field, format!("there is no message node `{node}`"));
        None
    }

    /// Notes that the flow waits for an event.
    pub(crate) fn event(&mut self, name: &EventName) {
        self.events.insert(name.clone());
    }

    fn reads(&mut self, names: &[String]) {
        for name in names {
            if let Some(of) = self.vocabulary.type_of(name) {
                self.reads.insert(name.clone(), of.clone());
            }
        }
    }

    /// Sees that the outcomes of a node, and no others, are wired.
    pub(super) fn wiring(
        &mut self,
        outcomes: &[Outcome],
        wired: &BTreeMap<Outcome, NodeId>,
        max_visits: Option<u32>,
    ) {
        const EXHAUSTED: &str = "exhausted";
        let missing: BTreeSet<_> = outcomes
            .iter()
            .filter(|outcome| !wired.contains_key(*outcome))
            .collect();
        for outcome in missing {
            self.problem("outcomes", format!("the outcome `{outcome}` is not wired"));
        }
        for outcome in wired.keys() {
            if outcome.as_str() != EXHAUSTED && !outcomes.contains(outcome) {
                self.problem(&format!("outcomes/{outcome}"), "the node has no such outcome");
            }
        }
        match (
            max_visits,
            wired.contains_key(EXHAUSTED),
            outcomes.iter().any(|o| o.as_str() == EXHAUSTED),
        ) {
            (_, _, true) => self.problem("outcomes", "`exhausted` is kept for `maxVisits`"),
            (Some(_), false, _) => {
                self.problem(
                    "outcomes",
                    "a node with `maxVisits` needs the outcome `exhausted`",
                );
            }
            (None, true, _) => self.problem("outcomes/exhausted", "is of use only with `maxVisits`"),
            _ => {}
        }
    }
}

/// Control characters besides line ends and tabs.
fn holds_controls(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}
