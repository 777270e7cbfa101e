//! Which agent a call needs, and the calls on their way to one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use domain::activity::AssignTo;
use domain::id::ActivityId;
use domain::time::Millis;
use domain::voice::{Dialing, Pool};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::agents::Roster;
use super::config::FloorConfig;
use crate::simulator::courier::Reporter;
use crate::simulator::script::{Course, Dice};

/// Who is to talk to the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Demand {
    /// The agent whom the product has reserved.
    Reserved(String),
    /// An agent by name.
    Agent(String),
    /// Whoever of a skill group is free.
    SkillGroup(String),
}

/// What a call says of the agent whom it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Errand {
    pub(super) activity: Option<String>,
    pub(super) demand: Demand,
    /// What is said to a customer for whom no agent is there in time.
    pub(super) abandoned_message: Option<String>,
}

impl Errand {
    /// Reads `schedulingMetaData`, beside the body's `abandonedMessage`; none if the call needs no agent.
    pub(in crate::simulator) fn read(metadata: &RawValue, abandoned_message: Option<String>) -> Option<Self> {
        let data: Map<String, Value> = serde_json::from_str(metadata.get()).ok()?;
        let pool = match field(&data, "dialing")? {
            Dialing::Agent { pool, .. } => pool,
            Dialing::Ivr => return None,
        };
        let demand = match (field(&data, "assignTo"), pool) {
            (Some(AssignTo::AgentId(agent)), _) => Demand::Reserved(agent),
            (_, Pool::Agent(agent)) => Demand::Agent(agent),
            (_, Pool::SkillGroup(group)) => Demand::SkillGroup(group),
        };
        Some(Self {
            activity: field(&data, "activityId"),
            demand,
            abandoned_message,
        })
    }
}

fn field<T: DeserializeOwned>(data: &Map<String, Value>, name: &str) -> Option<T> {
    serde_json::from_value(data.get(name)?.clone()).ok()
}

/// A call that needs an agent.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) activity: String,
    pub(super) demand: Demand,
    pub(super) course: Course,
    pub(super) draws: Draws,
    pub(super) abandoned_message: Option<String>,
    pub(super) reporter: Arc<dyn Reporter>,
    /// Whom it rings at, or who talks.
    pub(super) agent: Option<String>,
}

impl Call {
    /// The activity as agent events name it.
    pub(super) fn activity_id(&self) -> Option<ActivityId> {
        ActivityId::parse(&self.activity).ok()
    }
}

/// What chance decides about a conversation, whoever leads it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draws {
    /// The agent does not take it.
    pub(super) is_missed: bool,
    pub(super) wrap_up: Millis,
    pub(super) code: Option<String>,
    /// The break that follows.
    pub(super) pause: Option<Millis>,
    /// The customer wants to be called no more, if told how.
    pub(super) opts_out: bool,
}

impl Draws {
    /// Every draw is made whatever the others gave.
    pub(super) fn of(config: &FloorConfig, seed: u64, key: &str) -> Self {
        let mut dice = Dice::new(seed, &format!("{key}.floor"));
        let is_missed = dice.share() < config.missed;
        let wrap_up = dice.within(config.wrap_up);
        let pausing = dice.share();
        let code = dice.pick(&config.wrap_up_codes).map(str::to_owned);
        let pause = config.breaks.filter(|breaks| pausing < breaks.share);
        let opts_out = Dice::new(seed, &format!("{key}.opt-out")).share() < config.opt_out;
        Self {
            is_missed,
            wrap_up,
            code,
            pause: pause.map(|breaks| dice.within(breaks.span)),
            opts_out,
        }
    }
}

/// The calls on the line, by key, and who waits for an agent, longest first.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) by_key: HashMap<String, Call>,
    waiting: VecDeque<String>,
}

impl Calls {
    /// The agent who is free for a call.
    pub(super) fn agent_for(&self, key: &str, roster: &Roster) -> Option<String> {
        match &self.by_key.get(key)?.demand {
            Demand::Reserved(agent) | Demand::Agent(agent) => {
                Some(agent.clone()).filter(|agent| roster.is_at_desk(agent))
            }
            Demand::SkillGroup(group) => roster.longest_free(group),
        }
    }

    pub(super) fn wait(&mut self, key: &str) {
        self.waiting.push_back(key.to_owned());
    }

    /// Takes a call out of those that wait. Returns whether it did.
    pub(super) fn stop_waiting(&mut self, key: &str) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting != key);
        self.waiting.len() < before
    }

    /// Takes out the call that has waited longest for an agent.
    pub(super) fn next_for(&mut self, agent: &str, roster: &Roster) -> Option<String> {
        let fits = |key: &String| {
            self.by_key.get(key).is_some_and(|call| match &call.demand {
                Demand::Reserved(wanted) | Demand::Agent(wanted) => {
                    wanted == agent && roster.is_at_desk(agent)
                }
                Demand::SkillGroup(group) => roster.serves(agent, group),
            })
        };
        let place = self.waiting.iter().position(fits)?;
        self.waiting.remove(place)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(metadata: &Value) -> Option<Errand> {
        Errand::read(&serde_json::value::to_raw_value(metadata).unwrap(), None)
    }

    #[test]
    fn a_call_says_whom_it_needs() {
        let agent = |pool: Value| json!({"kind": "agent", "mode": "power", "pool": pool});
        let group = agent(json!({"skillGroup": "sales"}));
        for (metadata, demand) in [
            (
                json!({"dialing": group}),
                Some(Demand::SkillGroup("sales".into())),
            ),
            (
                json!({"dialing": group, "assignTo": {"queue": "loans"}}),
                Some(Demand::SkillGroup("sales".into())),
            ),
            (
                json!({"dialing": group, "assignTo": {"agentId": "ann"}}),
                Some(Demand::Reserved("ann".into())),
            ),
            (
                json!({"dialing": agent(json!({"agent": "ben"}))}),
                Some(Demand::Agent("ben".into())),
            ),
            (json!({"dialing": {"kind": "ivr"}}), None),
            (json!({"assignTo": {"agentId": "ann"}}), None),
            (json!({"dialing": "a text of the caller's"}), None),
        ] {
            assert_eq!(read(&metadata).map(|errand| errand.demand), demand, "{metadata}");
        }
    }

    #[test]
    fn chance_depends_on_seed_and_key_alone() {
        let config = FloorConfig {
            missed: 0.3,
            wrap_up_codes: vec![(3, "SALE".into()), (1, "NO".into())],
            ..FloorConfig::default()
        };
        let draws: Vec<Draws> = (0..1_000)
            .map(|n| Draws::of(&config, 7, &format!("act_{n}.1")))
            .collect();
        assert_eq!(draws[5], Draws::of(&config, 7, "act_5.1"));
        let count = |holds: &dyn Fn(&Draws) -> bool| draws.iter().filter(|draws| holds(draws)).count();
        let missed = count(&|draws| draws.is_missed);
        assert!((250..350).contains(&missed), "{missed}");
        let sales = count(&|draws| draws.code.as_deref() == Some("SALE"));
        assert!((700..800).contains(&sales), "{sales}");
    }
}
