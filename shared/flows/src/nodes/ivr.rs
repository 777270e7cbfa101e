//! `ivr`: a call to the customer that a machine speaks.

use domain::voice::Dialing;
use serde_json::{Map, Value as Json};

use super::dial::{self, Caller, Terms, call_settings};
use super::{Behaviour, NodeType, Occasion, Turn};
use crate::flow::Outcome;
use crate::step::Visit;
use crate::template::{NotRendered, Template};
use crate::validate::Checking;

/// Longest name of an IVR flow, in bytes.
const MAX_NAME: usize = 256;

call_settings! {
    /// Settings of an `ivr` node.
    {
        /// What is said, a template. Either this or `flow`.
        #[serde(default)]
        say: Option<String>,
        /// The IVR flow of the telephony that the call is handed to.
        #[serde(default)]
        flow: Option<String>,
    }
}

#[derive(Debug)]
pub(crate) struct Ivr {
    content: Content,
    terms: Terms,
}

#[derive(Debug)]
enum Content {
    Say(Template),
    Flow(String),
}

impl NodeType for Ivr {
    const TYPE: &'static str = "ivr";
    const DESCRIPTION: &'static str =
        "Calls the customer without an agent: a text is said, or an IVR flow runs.";
    const OUTCOMES: Option<&'static [&'static str]> = Some(&dial::OUTCOMES);
    const MESSAGES: bool = true;
    type Settings = Settings;

    fn check(mut settings: Settings, checking: &mut Checking<'_>) -> Option<Self> {
        let terms = settings.terms(checking);
        let content = match (settings.say, settings.flow) {
            (Some(text), None) => checking.template("say", &text).map(Content::Say),
            (None, Some(flow)) => {
                let fits = checking.length("flow", &flow, MAX_NAME);
                fits.map(|()| Content::Flow(flow))
            }
            _ => {
                checking.problem("", "needs either `say` or `flow`");
                None
            }
        };
        if checking.has_problems() {
            return None;
        }
        Some(Self {
            content: content?,
            terms,
        })
    }
}

impl Caller for Ivr {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn outcomes(&self) -> Vec<Outcome> {
        dial::OUTCOMES.iter().map(|name| (*name).into()).collect()
    }

    fn call(&self, visit: &Visit<'_>) -> Result<(Dialing, Map<String, Json>), String> {
        let mut fields = Map::new();
        match &self.content {
            Content::Say(text) => {
                let text = text.render(&visit.template_context()).and_then(|text| {
                    let is_empty = text.trim().is_empty();
                    if is_empty {
                        Err(NotRendered::empty())
                    } else {
                        Ok(text)
                    }
                });
                let text = text.map_err(|problem| problem.to_string())?;
                fields.insert("markdownText".into(), text.into());
            }
            Content::Flow(flow) => {
                fields.insert("ivr".into(), flow.as_str().into());
            }
        }
        Ok((Dialing::Ivr, fields))
    }
}

impl Behaviour for Ivr {
    fn outcomes(&self) -> Vec<Outcome> {
        Caller::outcomes(self)
    }

    fn enter(&self, visit: &mut Visit<'_>) -> Turn {
        dial::enter(self, visit)
    }

    fn react(&self, visit: &mut Visit<'_>, occasion: Occasion) -> Turn {
        dial::react(self, visit, occasion)
    }
}
