//! `call`: a call to the customer through an agent.

use std::collections::BTreeMap;

use domain::time::Millis;
use domain::voice::{Dialing, DialingMode, Pool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::dial::{self, Caller, Terms, WrapUps, call_settings};
use super::{Behaviour, NodeType, Occasion, Turn};
use crate::flow::Outcome;
use crate::limits::{MAX_ENTRIES, MAX_REASON_BYTES};
use crate::span::Span;
use crate::step::Visit;
use crate::template::Template;
use crate::validate::Checking;

/// How long a wrap-up code is waited for where the node does not say.
const WRAP_UP_WITHIN: Millis = Millis::minutes(30);
/// Longest name of a skill group or an agent, in bytes.
const MAX_NAME: usize = 100;
/// Longest message for the customer of an abandoned call, in bytes: half a minute of speech.
const MAX_ABANDONED_MESSAGE: usize = 1_000;
/// Most lines that an agent is shown.
const MAX_SHOWN: usize = 16;

call_settings! {
    /// Settings of a `call` node.
    {
        /// Who starts the call when.
        mode: Mode,
        /// The agents who may take it. Either this or `agent`.
        #[serde(default)]
        skill_group: Option<String>,
        /// The agent who is to take it, a template. Only in the modes that reserve the agent first:
        /// preview and progressive.
        #[serde(default)]
        agent: Option<String>,
        /// What a customer hears who has answered, and for whom there is no agent in time: who called, and how to
        /// be called no more; a template. Needed in the modes that dial first, power and predictive.
        #[serde(default)]
        abandoned_message: Option<String>,
        /// What the agent sees of the customer: texts by their captions, templates.
        #[serde(default)]
        shown: BTreeMap<String, String>,
        /// Outcomes of the node's own, and the agent's wrap-up codes that lead to them. Other codes
        /// count as `answered`.
        #[serde(default)]
        wrap_ups: BTreeMap<Outcome, Vec<String>>,
        /// How long after the answer a wrap-up code is waited for, 30m if absent; then the outcome is
        /// `answered`.
        #[serde(default)]
        wrap_up_within: Option<Span>,
    }
}

/// Who starts a call when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// The agent sees the contact first, and decides.
    Preview,
    /// An agent is reserved, then one call is started.
    Progressive,
    /// A fixed number of calls is started for each free agent.
    Power,
    /// As many calls are started as the state of the skill group bears.
    Predictive,
}

impl Mode {
    const fn dialing(self) -> DialingMode {
        match self {
            Self::Preview => DialingMode::Preview,
            Self::Progressive => DialingMode::Progressive,
            Self::Power => DialingMode::Power,
            Self::Predictive => DialingMode::Predictive,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Call {
    mode: DialingMode,
    who: Who,
    abandoned_message: Option<Template>,
    shown: Vec<(String, Template)>,
    wrap_ups: Option<WrapUps>,
    terms: Terms,
}

#[derive(Debug)]
enum Who {
    SkillGroup(String),
    Agent(Template),
}

impl NodeType for Call {
    const TYPE: &'static str = "call";
    const DESCRIPTION: &'static str = "Calls the customer through an agent. Its outcomes: answered, no_answer, busy, machine, fax, \
         invalid, abandoned, rejected, failed, refused, expired, cancelled, no_address, unknown, and \
         those of `wrapUps`.";
    const OUTCOMES: Option<&'static [&'static str]> = None;
    const MESSAGES: bool = true;
    type Settings = Settings;

    fn check(mut settings: Settings, checking: &mut Checking<'_>) -> Option<Self> {
        let terms = settings.terms(checking);
        let who = check_who(&settings, checking);
        let abandoned_message = check_abandoned_message(&settings, checking);
        let shown = check_shown(&settings.shown, checking);
        check_wrap_ups(&settings.wrap_ups, checking);
        let within = settings.wrap_up_within.map_or(WRAP_UP_WITHIN, Span::millis);
        let wrap_ups = (!settings.wrap_ups.is_empty()).then_some(WrapUps {
            codes: settings.wrap_ups,
            within,
        });
        if checking.has_problems() {
            return None;
        }
        Some(Self {
            mode: settings.mode.dialing(),
            who: who?,
            abandoned_message,
            shown,
            wrap_ups,
            terms,
        })
    }
}

fn check_who(settings: &Settings, checking: &mut Checking<'_>) -> Option<Who> {
    match (&settings.skill_group, &settings.agent) {
        (Some(group), None) => {
            checking.length("skillGroup", group, MAX_NAME)?;
            Some(Who::SkillGroup(group.clone()))
        }
        (None, Some(agent)) => {
            if !settings.mode.dialing().reserves_first() {
                checking.problem("mode", "must be `preview` or `progressive` for a named agent");
            }
            checking.template("agent", agent).map(Who::Agent)
        }
        _ => {
            checking.problem("", "needs either `skillGroup` or `agent`");
            None
        }
    }
}

/// 47 CFR 64.1200(a)(7) and 16 CFR 310.4(b)(4)(iii) want the message; the former an opt-out in it, too.
fn check_abandoned_message(settings: &Settings, checking: &mut Checking<'_>) -> Option<Template> {
    let Some(source) = &settings.abandoned_message else {
        if !settings.mode.dialing().reserves_first() {
            checking.problem(
                "abandonedMessage",
                "is needed in the modes `power` and `predictive`: a customer for whom no agent is there hears \
                 who called, and how to be called no more",
            );
        }
        return None;
    };
    checking.length("abandonedMessage", source, MAX_ABANDONED_MESSAGE)?;
    checking.template("abandonedMessage", source)
}

fn check_shown(shown: &BTreeMap<String, String>, checking: &mut Checking<'_>) -> Vec<(String, Template)> {
    if shown.len() > MAX_SHOWN {
        checking.problem("shown", format!("may have at most {MAX_SHOWN} entries"));
    }
    let mut templates = Vec::new();
    for (caption, source) in shown {
        let field = format!("shown/{}", caption.replace('~', "~0").replace('/', "~1"));
        checking.length(&field, caption, MAX_NAME);
        let template = checking.template(&field, source);
        templates.extend(template.map(|template| (caption.clone(), template)));
    }
    templates
}

fn check_wrap_ups(wrap_ups: &BTreeMap<Outcome, Vec<String>>, checking: &mut Checking<'_>) {
    if wrap_ups.len() > MAX_ENTRIES {
        checking.problem("wrapUps", format!("may have at most {MAX_ENTRIES} entries"));
    }
    let mut seen = Vec::new();
    for (outcome, codes) in wrap_ups {
        let field = format!("wrapUps/{outcome}");
        if outcome.as_str() == ABANDONED || dial::OUTCOMES.contains(&outcome.as_str()) {
            checking.problem(&field, "is an outcome of every call already");
        }
        if !(1..=MAX_ENTRIES).contains(&codes.len()) {
            checking.problem(&field, format!("must have 1 to {MAX_ENTRIES} codes"));
        }
        for (place, code) in codes.iter().enumerate() {
            let field = format!("{field}/{place}");
            checking.length(&field, code, MAX_REASON_BYTES);
            let code = code.to_ascii_lowercase();
            if seen.contains(&code) {
                checking.problem(&field, "stands in the list twice");
            }
            seen.push(code);
        }
    }
}

const ABANDONED: &str = "abandoned";

impl Caller for Call {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn outcomes(&self) -> Vec<Outcome> {
        let known = dial::OUTCOMES.iter().chain([&ABANDONED]);
        let own = self.wrap_ups.iter().flat_map(|wrap_ups| wrap_ups.codes.keys());
        known.map(|name| (*name).into()).chain(own.cloned()).collect()
    }

    fn call(&self, visit: &Visit<'_>) -> Result<(Dialing, Map<String, Json>), String> {
        let context = visit.template_context();
        let render = |template: &Template| template.render(&context).map_err(|problem| problem.to_string());
        let pool = match &self.who {
            Who::SkillGroup(group) => Pool::SkillGroup(group.clone()),
            Who::Agent(template) => {
                let agent = render(template)?;
                let agent = agent.trim();
                if !(1..=MAX_NAME).contains(&agent.len()) {
                    return Err("agent".to_owned());
                }
                Pool::Agent(agent.to_owned())
            }
        };
        let mut shown = Map::new();
        for (caption, template) in &self.shown {
            let text = render(template)?;
            shown.insert(caption.clone(), text.into());
        }
        let mut fields = Map::new();
        if !shown.is_empty() {
            fields.insert("shown".into(), shown.into());
        }
        if let Some(template) = &self.abandoned_message {
            let text = render(template)?;
            fields.insert("abandonedMessage".into(), text.into());
        }
        let mode = self.mode;
        Ok((Dialing::Agent { mode, pool }, fields))
    }

    fn wrap_ups(&self) -> Option<&WrapUps> {
        self.wrap_ups.as_ref()
    }
}

impl Behaviour for Call {
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
