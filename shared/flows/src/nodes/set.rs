//! `set`: writes conversation data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Behaviour, NodeType, Turn};
use crate::expression::Checked;
use crate::flow::{Outcome, VariableName};
use crate::limits::MAX_VALUES_PER_WRITE;
use crate::step::Visit;
use crate::validate::Checking;

/// Settings of a `set` node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// An expression for each variable to write, of the variable's type. All read what was before
    /// the node. If one has no value, nothing is written and the outcome is `failed`.
    values: BTreeMap<VariableName, String>,
}

#[derive(Debug)]
pub(crate) struct Set {
    values: BTreeMap<VariableName, Checked>,
}

impl NodeType for Set {
    const TYPE: &'static str = "set";
    const DESCRIPTION: &'static str = "Writes conversation data.";
    const OUTCOMES: Option<&'static [&'static str]> = Some(&["done", "failed"]);
    type Settings = Settings;

    fn check(settings: Settings, checking: &mut Checking<'_>) -> Option<Self> {
        let mut values = Some(BTreeMap::new());
        if !(1..=MAX_VALUES_PER_WRITE).contains(&settings.values.len()) {
            checking.problem("values", format!("must have 1 to {MAX_VALUES_PER_WRITE} entries"));
            values = None;
        }
        for (variable, source) in settings.values {
            let field = format!("values/{variable}");
            let checked = checking
                .variable(&field, &variable)
                .and_then(|of| checking.expression(&field, &source, &of));
            values = values.zip(checked).map(|(mut values, checked)| {
                values.insert(variable, checked);
                values
            });
        }
        values.map(|values| Self { values })
    }
}

impl Behaviour for Set {
    fn outcomes(&self) -> Vec<Outcome> {
        vec!["done".into(), "failed".into()]
    }

    fn enter(&self, visit: &mut Visit<'_>) -> Turn {
        let values: Result<BTreeMap<_, _>, _> = self
            .values
            .iter()
            .map(|(variable, expression)| {
                let value = visit
                    .evaluate(expression)
                    .map_err(|error| (variable, error.code()))?;
                Ok((variable.clone(), Some(value.to_json())))
            })
            .collect();
        let reason = match values {
            Ok(values) if visit.write(&values) => return Turn::leave("done"),
            Ok(_) => "too_large".to_owned(),
            Err((variable, code)) => format!("{variable}:{code}"),
        };
        Turn::leave_because("failed", Some(reason))
    }
}
