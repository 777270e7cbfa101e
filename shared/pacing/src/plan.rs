//! What an administrator sets: how to dial, and which agents to seize.

use std::collections::BTreeMap;

use flows::expression::{EvaluationError, ExpressionProblem};
use serde::{Deserialize, Serialize};

use crate::budget::Limit;
use crate::engine::{Dialing, Moment, State};
use crate::formula::{Init, Seize};
use crate::protocol::{Pool, Why};
use crate::seize::Query;

/// How calls are started.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// One contact is shown to each free agent, who starts the call.
    Preview,
    /// One call for each free agent.
    Progressive,
    /// So many calls for each free agent.
    Power(f64),
    /// As many calls as keep abandoned calls at this share of live calls, and under every limit.
    Predictive(f64),
}

/// What may be set for a run. It is written down as its formulas, and checked when it is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Plan {
    pub(crate) init: Init,
    pub(crate) seize: Seize,
    pub(crate) limits: Vec<Limit>,
    pub(crate) parameters: BTreeMap<String, f64>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            init: Init::Mode(Mode::Predictive(1.0)),
            seize: Seize::default(),
            limits: Vec::new(),
            parameters: BTreeMap::new(),
        }
    }
}

impl Plan {
    /// Dials by a mode.
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.init = Init::Mode(mode);
        self
    }

    /// Seizes as `credit()` does.
    pub(crate) fn with_credit(mut self) -> Self {
        self.seize = Seize::default();
        self
    }

    /// Limits besides the one that the run brings.
    pub fn with_limits(mut self, limits: Vec<Limit>) -> Self {
        self.limits = limits;
        self
    }

    /// Names that formulas may read as `parameters.<name>`; to be set before the formulas.
    pub fn with_parameters(mut self, parameters: BTreeMap<String, f64>) -> Self {
        self.parameters = parameters;
        self
    }

    /// Dials by a formula; see [`crate::formula`] for what it may say.
    ///
    /// # Errors
    /// What is wrong with the formula, and where.
    pub fn with_init(mut self, formula: &str) -> Result<Self, ExpressionProblem> {
        self.init = Init::parse(formula, &self.parameters)?;
        Ok(self)
    }

    /// Seizes by a formula; see [`crate::formula`] for what it may say.
    ///
    /// # Errors
    /// What is wrong with the formula, and where.
    pub fn with_seize(mut self, formula: &str) -> Result<Self, ExpressionProblem> {
        self.seize = Seize::parse(formula, &self.parameters)?;
        Ok(self)
    }
}

/// What is decided by it: INIT starts no call for an agent whom SEIZE would give away, and SEIZE gives no agent away for
/// whom INIT has started one.
impl Plan {
    /// Calls to start now; an error if the formula has no value at this moment.
    pub(crate) fn calls(&self, state: &State, moment: &Moment) -> Result<Dialing, EvaluationError> {
        let mut dialing = self.init.calls(state, moment, &self.parameters)?;
        if state.run().blended && moment.in_queue > 0 && self.reserves(state) {
            let left = self.after_release(state, moment);
            dialing.calls = dialing.calls.min(state.by_mode(Mode::Progressive, &left).calls);
        }
        Ok(dialing)
    }

    /// The side that an agent is to serve; an error if the formula has no value at this moment.
    pub(crate) fn pool(&self, query: &Query<'_>) -> Result<Pool, EvaluationError> {
        if self.reserves(query.state) && query.is_reserved() {
            return Ok(Pool::Outbound);
        }
        self.seize.pool(query, &self.parameters)
    }

    /// Whether each call is started for a free agent now, who is to be there when it is answered: always, or while a
    /// limit is exceeded. The run's own is none of these: a run may owe, and earns with the agents whom it has.
    fn reserves(&self, state: &State) -> bool {
        self.init.reserves() || state.budget().is_exceeded(self.limits.len())
    }

    /// The moment as it is once those who queue have the agents that they get: an agent whom inbound gets is none to
    /// start a call for, or a reserved agent would be reserved again, call after call, however long callers wait.
    fn after_release(&self, state: &State, moment: &Moment) -> Moment {
        let mut left = moment.clone();
        while left.in_queue > 0 && left.idle > left.in_flight.saturating_add(left.waiting) {
            let query = Query {
                why: Why::InboundWaiting,
                pool: Pool::Outbound,
                state,
                moment: &left,
            };
            let side = self.seize.pool(&query, &self.parameters);
            if side.unwrap_or_else(|_| query.credit()) == Pool::Outbound {
                break;
            }
            left.idle -= 1;
            left.seized = left.seized.saturating_sub(1);
            left.in_queue -= 1;
        }
        left
    }
}

impl PartialEq for Plan {
    /// Plans that are written down alike are the same.
    fn eq(&self, other: &Self) -> bool {
        Written::from(self.clone()) == Written::from(other.clone())
    }
}

/// A plan as it is written down.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    /// None if there is a formula.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    init: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seize: Option<String>,
    #[serde(default)]
    limits: Vec<Limit>,
    #[serde(default)]
    parameters: BTreeMap<String, f64>,
}

impl From<Plan> for Written {
    fn from(plan: Plan) -> Self {
        Self {
            mode: plan.init.mode(),
            init: plan.init.source().map(str::to_owned),
            seize: plan.seize.source().map(str::to_owned),
            limits: plan.limits,
            parameters: plan.parameters,
        }
    }
}

impl TryFrom<Written> for Plan {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let wrong =
            |which: &str, problem: ExpressionProblem| format!("the formula of {which} is wrong {problem}");
        let mut plan = Self::default()
            .with_limits(written.limits)
            .with_parameters(written.parameters);
        if let Some(mode) = written.mode {
            plan = plan.with_mode(mode);
        }
        if let Some(init) = written.init {
            plan = plan.with_init(&init).map_err(|problem| wrong("INIT", problem))?;
        }
        if let Some(seize) = written.seize {
            plan = plan
                .with_seize(&seize)
                .map_err(|problem| wrong("SEIZE", problem))?;
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_checked_before_they_run() {
        for init in [
            "progressive()",
            "power(2)",
            "inverse_hit_rate()",
            "compliance_guard(0.03)",
            "min(predictive(0.03), power(3))",
            "abandonment.last_30_min > 0.025 ? progressive() : power(1 / rates.answer)",
            "has(contacts.pending) && contacts.pending < 10 ? 1 : agents.idle * 2 - calls.in_flight",
        ] {
            assert!(Plan::default().with_init(init).is_ok(), "{init}");
        }
        for seize in [
            "credit()",
            "wait_compare() && threshold(2)",
            "share(0.5) || inbound.queue == 0",
            "agents.logged_on / 3",
        ] {
            assert!(Plan::default().with_seize(seize).is_ok(), "{seize}");
        }
        let told = |result: Result<Plan, ExpressionProblem>| result.unwrap_err().to_string();
        assert!(told(Plan::default().with_init("agents.idel")).contains("`agents.idel` is not known"));
        assert!(told(Plan::default().with_init("credit()")).contains("there is no function `credit`"));
        assert!(told(Plan::default().with_init("1 > 0")).contains("a number is needed"));
        assert!(told(Plan::default().with_seize("power(2) > 0")).contains("there is no function `power`"));
    }

    #[test]
    fn what_never_makes_sense_is_refused_with_what_to_write() {
        for (init, told) in [
            (
                "power(-1)",
                "at character 6: `power` takes 0 to 100, not -1: write for example `power(2)`",
            ),
            (
                "min(predictive(3), power(4))",
                "at character 15: `predictive` takes 0 to 1, not 3: for 3 % write `predictive(0.03)`",
            ),
            (
                "predictive(-0.1)",
                "not -0.1: write for example `predictive(0.03)`",
            ),
            (
                "compliance_guard(0)",
                "`compliance_guard` takes 0.0001 to 1, not 0",
            ),
            (
                "-1",
                "at character 0: is -1 calls at every moment; write `progressive()`",
            ),
            (
                "1/0",
                "at character 0: never has a value: division by zero; write `progressive()`",
            ),
        ] {
            let problem = Plan::default().with_init(init).unwrap_err().to_string();
            assert!(problem.contains(told), "{init}: {problem}");
        }
        for (seize, told) in [
            (
                "share(2)",
                "at character 6: `share` takes 0 to 1, not 2: for 2 % write `share(0.02)`",
            ),
            (
                "credit() || threshold(-1)",
                "at character 22: `threshold` takes 0 to 1000000, not -1",
            ),
            ("-2", "is -2 agents at every moment; write `credit()`"),
            ("1 / 0 > 2", "never has a value"),
        ] {
            let problem = Plan::default().with_seize(seize).unwrap_err().to_string();
            assert!(problem.contains(told), "{seize}: {problem}");
        }
        // What may be another number at another moment is taken as the nearest that makes sense.
        for init in [
            "0",
            "5",
            "power(0)",
            "predictive(0)",
            "agents.idle - 1",
            "power(2 - calls.waiting)",
        ] {
            assert!(Plan::default().with_init(init).is_ok(), "{init}");
        }
        for seize in ["false", "0", "share(0)", "share(1)", "threshold(0)"] {
            assert!(Plan::default().with_seize(seize).is_ok(), "{seize}");
        }
    }

    #[test]
    fn parameters_are_names() {
        let parameters = BTreeMap::from([("ratio".to_owned(), 3.0)]);
        let plan = Plan::default().with_parameters(parameters);
        assert!(plan.clone().with_init("power(parameters.ratio)").is_ok());
        assert!(plan.with_init("power(parameters.other)").is_err());
    }

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let parameters = BTreeMap::from([("ratio".to_owned(), 0.1 + 0.2)]);
        let limits = vec![Limit {
            rate: 0.03,
            window: crate::Window::Last(1_800.0),
        }];
        let plan = Plan::default().with_parameters(parameters).with_limits(limits);
        for plan in [
            plan.clone().with_mode(Mode::Power(2.5)),
            plan.with_init("power(parameters.ratio)")
                .and_then(|plan| plan.with_seize("share(0.5)"))
                .unwrap(),
        ] {
            let written = serde_json::to_string(&plan).unwrap();
            let read: Plan = serde_json::from_str(&written).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), written);
        }
        let wrong = serde_json::from_str::<Plan>(r#"{"init":"powr(2)"}"#)
            .unwrap_err()
            .to_string();
        assert!(
            wrong.contains("the formula of INIT is wrong at character 0"),
            "{wrong}"
        );
    }
}
