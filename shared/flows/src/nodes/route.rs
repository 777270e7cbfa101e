//! `route`: asks the routing engine for an agent, and waits for its answer.
//!
//! The request is told as `conversation.route_requested`; the answer comes back as an event from
//! outside, under Expertflow's names: `AGENT_RESERVED` or `NO_AGENT_AVAILABLE`.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Behaviour, NodeType, Occasion, Turn};
use crate::conversation::log::ConversationEvent;
use crate::expression::Type;
use crate::flow::{EventName, Outcome, VariableName};
use crate::span::Span;
use crate::step::Visit;
use crate::template::Template;
use crate::validate::Checking;

/// Longest name of a queue or an agent, in bytes.
const MAX_NAME: usize = 100;
const RESERVED: &str = "AGENT_RESERVED";
const NONE: &str = "NO_AGENT_AVAILABLE";

/// Settings of a `route` node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    /// The queue whose agents will do.
    #[serde(default)]
    queue: Option<String>,
    /// The agent who is wanted by name, a template. Together with `queue`: for the grace time first.
    #[serde(default)]
    agent: Option<String>,
    /// How long the named agent is waited for before the queue is asked.
    #[serde(default)]
    grace: Option<Span>,
    /// How long at most altogether; then the outcome is `timeout`.
    timeout: Span,
    /// The variable that the agent's id is stored in: field `agentId` of the event `AGENT_RESERVED`.
    #[serde(default)]
    store_agent: Option<VariableName>,
}

#[derive(Debug)]
pub(crate) struct Route {
    to: To,
    timeout: Span,
    reserved: EventName,
    none: EventName,
    store: BTreeMap<VariableName, String>,
}

#[derive(Debug)]
enum To {
    Queue(String),
    Agent(Template),
    Mixed {
        agent: Template,
        grace: Span,
        queue: String,
    },
}

impl NodeType for Route {
    const TYPE: &'static str = "route";
    const DESCRIPTION: &'static str =
        "Asks for an agent: of a queue, by name, or by name for a grace time and then of the queue.";
    const OUTCOMES: Option<&'static [&'static str]> = Some(&["assigned", "no_agent", "timeout"]);
    type Settings = Settings;

    fn check(settings: Settings, checking: &mut Checking<'_>) -> Option<Self> {
        let mut store = BTreeMap::new();
        if let Some(variable) = &settings.store_agent
            && let Some(of) = checking.variable("storeAgent", variable)
        {
            if of != Type::String {
                checking.problem("storeAgent", "must be a string");
            }
            store.insert(variable.clone(), "agentId".to_owned());
        }
        let to = check_to(&settings, checking);
        let (reserved, none) = (EventName::parse(RESERVED).ok()?, EventName::parse(NONE).ok()?);
        checking.event(&reserved);
        checking.event(&none);
        if checking.has_problems() {
            return None;
        }
        Some(Self {
            to: to?,
            timeout: settings.timeout,
            reserved,
            none,
            store,
        })
    }
}

fn check_to(settings: &Settings, checking: &mut Checking<'_>) -> Option<To> {
    if let Some(queue) = &settings.queue {
        checking.length("queue", queue, MAX_NAME)?;
    }
    let agent = match &settings.agent {
        Some(source) => Some(checking.template("agent", source)?),
        None => None,
    };
    match (agent, settings.queue.clone(), settings.grace) {
        (None, Some(queue), None) => Some(To::Queue(queue)),
        (Some(agent), None, None) => Some(To::Agent(agent)),
        (Some(agent), Some(queue), Some(grace)) => {
            if grace.millis() >= settings.timeout.millis() {
                checking.problem("grace", "must be shorter than `timeout`");
            }
            Some(To::Mixed { agent, grace, queue })
        }
        (None, None, _) => {
            checking.problem("", "needs `queue`, `agent` or both");
            None
        }
        (Some(_), Some(_), None) => {
            checking.problem("grace", "is needed with both `agent` and `queue`");
            None
        }
        (_, _, Some(_)) => {
            checking.problem("grace", "is of use only with both `agent` and `queue`");
            None
        }
    }
}

impl Route {
    fn deadline(&self, visit: &Visit<'_>) -> Timestamp {
        visit.conversation.entered + self.timeout.millis()
    }

    /// The end of the grace time, if the named agent is still being waited for.
    fn grace_ends(&self, visit: &Visit<'_>) -> Option<Timestamp> {
        match &self.to {
            To::Mixed { grace, .. } => Some(visit.conversation.entered + grace.millis()),
            To::Queue(_) | To::Agent(_) => None,
        }
    }

    fn ask_queue(&self, visit: &mut Visit<'_>, queue: &str) -> Turn {
        let until = self.deadline(visit);
        request(visit, None, Some(queue.to_owned()), until)
    }
}

/// Tells the world what is asked for, and waits.
fn request(visit: &mut Visit<'_>, agent: Option<String>, queue: Option<String>, until: Timestamp) -> Turn {
    let request = ConversationEvent::RouteRequested {
        visit: visit.number,
        node: visit.node.clone(),
        agent,
        queue,
        until,
        at: visit.now,
    };
    visit.conversation.log.append(visit.version, request);
    visit.conversation.wake = Some(until);
    Turn::Stay
}

/// The agent's name, if the template gives one.
fn name(agent: &Template, visit: &Visit<'_>) -> Option<String> {
    let name = agent.render(&visit.template_context()).ok()?;
    let name = name.trim();
    (1..=MAX_NAME).contains(&name.len()).then(|| name.to_owned())
}

/// Takes an event that names this visit, or names none and came since the node was entered: an answer to this request.
fn takes(visit: &mut Visit<'_>, event: &EventName, store: &BTreeMap<VariableName, String>) -> bool {
    let (since, number) = (visit.conversation.entered, u64::from(visit.number));
    let occurrence = visit.conversation.occurrences.get(event);
    let is_ours = occurrence.is_some_and(|occurrence| {
        let of = occurrence.data.get("visit").and_then(Json::as_u64);
        // Who names the visit answers to it, by whatever clock.
        of.map_or(occurrence.at >= since, |of| of == number)
    });
    is_ours && visit.take_event(event, store)
}

impl Behaviour for Route {
    fn outcomes(&self) -> Vec<Outcome> {
        let known = Self::OUTCOMES.unwrap_or_default();
        known.iter().map(|name| (*name).into()).collect()
    }

    fn enter(&self, visit: &mut Visit<'_>) -> Turn {
        match &self.to {
            To::Queue(queue) => self.ask_queue(visit, queue),
            To::Agent(agent) => match name(agent, visit) {
                Some(agent) => {
                    let until = self.deadline(visit);
                    request(visit, Some(agent), None, until)
                }
                None => Turn::leave_because("no_agent", Some("agent".to_owned())),
            },
            To::Mixed { agent, grace, queue } => match name(agent, visit) {
                Some(agent) => {
                    let until = visit.now + grace.millis();
                    request(visit, Some(agent), None, until)
                }
                None => self.ask_queue(visit, queue),
            },
        }
    }

    fn react(&self, visit: &mut Visit<'_>, occasion: Occasion) -> Turn {
        if takes(visit, &self.reserved, &self.store) {
            return Turn::leave("assigned");
        }
        let refused = takes(visit, &self.none, &BTreeMap::new());
        if occasion == Occasion::Time && visit.now >= self.deadline(visit) {
            return Turn::leave("timeout");
        }
        // `wake` tells which of the two requests is open; it is gone when its time has come.
        let in_grace = match visit.conversation.wake {
            Some(wake) => Some(wake) == self.grace_ends(visit),
            None => occasion == Occasion::Time,
        };
        match &self.to {
            To::Mixed { queue, .. } if in_grace && (refused || occasion == Occasion::Time) => {
                self.ask_queue(visit, queue)
            }
            _ if refused => Turn::leave("no_agent"),
            _ => Turn::Stay,
        }
    }
}
