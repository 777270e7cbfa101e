//! Modes and formulas on the command line.

use clap::{Args, ValueEnum};
use pacing::{Mode, Plan};

use crate::failure::Failure;

/// Most lines for each free agent.
pub(crate) const MAX_RATIO: f64 = 100.0;

/// How to dial, and which agents to seize.
#[derive(Args)]
pub(crate) struct Choice {
    /// How calls are started.
    #[arg(long, value_enum, conflicts_with = "init")]
    mode: Option<Dialing>,
    /// Lines for each free agent, in power mode.
    #[arg(long, value_name = "LINES", default_value_t = 2.0)]
    ratio: f64,
    /// INIT: calls to start now, as a formula in CEL, such as `min(predictive(0.03), power(3))`.
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true)]
    init: Option<String>,
    /// SEIZE: whether to seize this agent, or how many to have seized, as a formula in CEL, such as
    /// `credit() && agents.idle_inbound > 1`.
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true)]
    seize: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Dialing {
    /// A contact is shown to each free agent, who starts the call.
    Preview,
    /// One call for each free agent.
    Progressive,
    /// So many calls for each free agent: see --ratio.
    Power,
    /// As many calls as the limit of abandoned calls allows.
    Predictive,
}

impl Choice {
    /// Whether anything is chosen.
    pub(crate) const fn is_some(&self) -> bool {
        self.mode.is_some() || self.init.is_some() || self.seize.is_some()
    }

    /// The plan with what is chosen.
    pub(crate) fn over(&self, mut plan: Plan) -> Result<Plan, Failure> {
        if !(self.ratio > 0.0 && self.ratio <= MAX_RATIO) {
            let ratio = self.ratio;
            return Err(Failure::Told(format!(
                "--ratio is {ratio}, but must be a number above 0 and up to {MAX_RATIO}"
            )));
        }
        if let Some(mode) = self.mode {
            plan = plan.with_mode(match mode {
                Dialing::Preview => Mode::Preview,
                Dialing::Progressive => Mode::Progressive,
                Dialing::Power => Mode::Power(self.ratio),
                Dialing::Predictive => Mode::Predictive(1.0),
            });
        }
        if let Some(init) = &self.init {
            plan = plan
                .with_init(init)
                .map_err(|problem| wrong("--init", &problem))?;
        }
        if let Some(seize) = &self.seize {
            plan = plan
                .with_seize(seize)
                .map_err(|problem| wrong("--seize", &problem))?;
        }
        Ok(plan)
    }
}

/// What is wrong with the formula of an option.
pub(crate) fn wrong(option: &str, problem: &dyn std::fmt::Display) -> Failure {
    Failure::Told(format!("the formula of {option} is wrong {problem}"))
}
