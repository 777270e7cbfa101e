//! `end`: the conversation is over.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Behaviour, NodeType, Turn};
use crate::flow::{Label, Outcome};
use crate::step::{RESERVED_OUTCOMES, Visit};
use crate::validate::Checking;

/// Settings of an `end` node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The conversation's outcome, as reports count it.
    label: Label,
}

#[derive(Debug)]
pub(crate) struct End {
    label: Label,
}

impl NodeType for End {
    const TYPE: &'static str = "end";
    const DESCRIPTION: &'static str = "Ends the conversation with a label.";
    const OUTCOMES: Option<&'static [&'static str]> = Some(&[]);
    const ENDS: bool = true;
    type Settings = Settings;

    fn check(settings: Settings, checking: &mut Checking<'_>) -> Option<Self> {
        if RESERVED_OUTCOMES.contains(&settings.label.as_str()) {
            checking.problem(
                "label",
                format!(
                    "`{}` is kept for conversations ended from outside",
                    settings.label
                ),
            );
            return None;
        }
        Some(Self {
            label: settings.label,
        })
    }
}

impl Behaviour for End {
    fn outcomes(&self) -> Vec<Outcome> {
        Vec::new()
    }

    fn enter(&self, _visit: &mut Visit<'_>) -> Turn {
        Turn::End(self.label.clone())
    }
}
