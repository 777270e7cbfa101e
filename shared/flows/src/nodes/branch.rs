//! `branch`: goes where the first true condition leads.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Behaviour, Decision, NodeType, Turn};
use crate::expression::{Checked, Type};
use crate::flow::Outcome;
use crate::limits::MAX_ENTRIES;
use crate::step::Visit;
use crate::validate::Checking;

/// Settings of a `branch` node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Conditions in order; the first that is true decides, otherwise the outcome is `otherwise`. A
    /// condition that has no value, because something it reads has none, is not true.
    cases: Vec<CaseSettings>,
}

/// A condition and where it leads.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CaseSettings {
    /// A boolean expression.
    when: String,
    /// The outcome if it is true.
    outcome: Outcome,
}

#[derive(Debug)]
pub(crate) struct Branch {
    cases: Vec<(Checked, Outcome)>,
}

const OTHERWISE: &str = "otherwise";

impl NodeType for Branch {
    const TYPE: &'static str = "branch";
    const DESCRIPTION: &'static str = "Goes where the first true condition leads.";
    const OUTCOMES: Option<&'static [&'static str]> = None;
    type Settings = Settings;

    fn check(settings: Settings, checking: &mut Checking<'_>) -> Option<Self> {
        let count = settings.cases.len();
        if !(1..=MAX_ENTRIES).contains(&count) {
            checking.problem("cases", format!("must have 1 to {MAX_ENTRIES} entries"));
        }
        let mut cases = Vec::new();
        for (place, case) in settings.cases.into_iter().enumerate() {
            if let Some(when) =
                checking.expression(&format!("cases/{place}/when"), &case.when, &Type::Boolean)
            {
                cases.push((when, case.outcome));
            }
        }
        ((1..=MAX_ENTRIES).contains(&count) && cases.len() == count).then_some(Self { cases })
    }
}

impl Behaviour for Branch {
    fn outcomes(&self) -> Vec<Outcome> {
        self.cases
            .iter()
            .map(|(_, outcome)| outcome.clone())
            .chain([OTHERWISE.into()])
            .collect()
    }

    fn enter(&self, visit: &mut Visit<'_>) -> Turn {
        let mut reason = None;
        for (place, (when, outcome)) in self.cases.iter().enumerate() {
            match visit.is_true(when) {
                Ok(true) => {
                    let read = visit.read(when);
                    return Turn::Leave(Decision {
                        outcome: outcome.clone(),
                        reason,
                        read,
                    });
                }
                Ok(false) => {}
                Err(error) => reason = reason.or_else(|| Some(format!("case{place}:{}", error.code()))),
            }
        }
        let read = self
            .cases
            .first()
            .map(|(when, _)| visit.read(when))
            .unwrap_or_default();
        Turn::Leave(Decision {
            outcome: OTHERWISE.into(),
            reason,
            read,
        })
    }
}
