//! What an administrator sets: how to dial, and which agents to seize.

use std::collections::BTreeMap;

use flows::expression::ExpressionProblem;

use crate::budget::Limit;
use crate::formula::{Init, Seize};

/// How calls are started.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// What may be set for a run.
#[derive(Clone, Debug)]
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
            seize: Seize::Credit,
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
    fn parameters_are_names() {
        let parameters = BTreeMap::from([("ratio".to_owned(), 3.0)]);
        let plan = Plan::default().with_parameters(parameters);
        assert!(plan.clone().with_init("power(parameters.ratio)").is_ok());
        assert!(plan.with_init("power(parameters.other)").is_err());
    }
}
