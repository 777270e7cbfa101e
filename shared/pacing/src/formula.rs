//! INIT and SEIZE as formulas in CEL.
//!
//! INIT gives the number of calls to start now; it is asked each second and whenever an agent or a call
//! changes. SEIZE gives true to seize the agent in question, or the number of agents to have seized.
//!
//! | function | of | gives |
//! |---|---|---|
//! | `progressive()` | INIT | free agents, less calls in flight |
//! | `power(ratio)` | INIT | free agents x ratio, less calls in flight |
//! | `inverse_hit_rate()` | INIT | `power(1 / rates.answer)` |
//! | `compliance_guard(limit)` | INIT | the same, drawn towards `power(1)` from half the limit on |
//! | `predictive(target)` | INIT | as many as keep abandoned calls at the target |
//! | `credit()` | SEIZE | keeps as many agents for inbound as callers come for |
//! | `wait_compare()` | SEIZE | the side whose oldest waits longer, measured against its target |
//! | `threshold(n)` | SEIZE | outbound while n agents stay idle for inbound |
//! | `share(x)` | SEIZE | outbound until this share of the staff is |
//!
//! Names, all numbers: see [`NAMES`], and `parameters.<name>`. A division by zero or a name without a value
//! falls back to `progressive()` and to `credit()`.

use std::cell::Cell;
use std::collections::BTreeMap;

use flows::expression::{
    Checked, Checker, Comprehensions, EvaluationError, ExpressionProblem, Options, Range, Scope, Signature,
    Type, Value, Vocabulary,
};

use crate::budget::Window;
use crate::engine::{Dialing, Moment, State};
use crate::plan::Mode;
use crate::protocol::Pool;
use crate::seize::Query;

/// What formulas may read.
pub const NAMES: &[(&str, &str)] = &[
    ("agents.logged_on", "agents at work"),
    ("agents.seized", "agents on the outbound side"),
    ("agents.idle", "of these, free"),
    ("agents.talking", "of these, in conversation"),
    ("agents.wrapping", "of these, in wrap-up"),
    ("agents.about_to_finish", "of these, announced to finish"),
    ("agents.idle_inbound", "agents of the inbound side who are free"),
    ("calls.in_flight", "calls dialed and without a verdict"),
    ("calls.dialing", "of these, not ringing yet"),
    ("calls.ringing", "of these, ringing"),
    ("calls.waiting", "live calls without an agent"),
    ("contacts.pending", "contacts that may still be called"),
    (
        "rates.answer",
        "probability that a call dialed now is answered by a person",
    ),
    ("rates.machine", "machines per call, of late"),
    (
        "abandonment.last_30_min",
        "abandoned per live call, the last 30 minutes",
    ),
    ("abandonment.last_24_h", "the last 24 hours"),
    ("abandonment.last_30_d", "the last 30 days"),
    ("abandonment.life", "since the beginning"),
    ("inbound.queue", "inbound callers who queue"),
    (
        "inbound.oldest_wait",
        "seconds that the oldest of them has waited",
    ),
    ("inbound.average_wait", "seconds that callers waited, of late"),
    (
        "inbound.service_level",
        "part of the callers answered in time, of late",
    ),
    ("time.of_day", "seconds since local midnight"),
    ("time.run", "seconds since the beginning"),
];

/// Cost of a function: each goes through agents and calls.
const COST: u64 = 2_000;

/// A formula as it was written, and checked.
#[derive(Clone, Debug)]
pub(crate) struct Formula {
    source: Box<str>,
    checked: Checked,
}

/// How calls are started.
#[derive(Clone, Debug)]
pub(crate) enum Init {
    Mode(Mode),
    Formula(Formula),
}

/// Which agents are seized.
#[derive(Clone, Debug, Default)]
pub(crate) enum Seize {
    #[default]
    Credit,
    /// Whether this agent.
    Agent(Formula),
    /// How many agents.
    Agents(Formula),
}

const OPTIONS: Options = Options {
    comprehensions: Comprehensions::Refused,
};

fn names(parameters: &BTreeMap<String, f64>) -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    for (name, _) in NAMES {
        vocabulary.name(*name, Type::Number);
    }
    for name in parameters.keys() {
        vocabulary.name(format!("parameters.{name}"), Type::Number);
    }
    vocabulary
}

/// A function of formulas; what its argument may be, if it has one.
type Function = (&'static str, Option<Range>);

const INIT_FUNCTIONS: [Function; 5] = [
    ("progressive", None),
    ("inverse_hit_rate", None),
    ("power", range(0.0, 100.0, 2.0)),
    ("predictive", range(0.0, 1.0, 0.03)),
    ("compliance_guard", range(1e-4, 1.0, 0.03)),
];

const SEIZE_FUNCTIONS: [Function; 4] = [
    ("credit", None),
    ("wait_compare", None),
    ("threshold", range(0.0, 1e6, 2.0)),
    ("share", range(0.0, 1.0, 0.5)),
];

const fn range(least: f64, most: f64, example: f64) -> Option<Range> {
    Some(Range { least, most, example })
}

fn with_functions(mut vocabulary: Vocabulary, functions: &[Function], result: &Type) -> Vocabulary {
    for (name, range) in functions {
        let signature = Signature {
            parameters: vec![Type::Number; usize::from(range.is_some())],
            result: result.clone(),
            cost: COST,
            range: *range,
        };
        vocabulary.function(*name, signature);
    }
    vocabulary
}

impl Formula {
    fn parse(checker: &Checker<'_>, source: &str, result: &Type) -> Result<Self, ExpressionProblem> {
        Ok(Self {
            source: source.into(),
            checked: checker.check(source, result, OPTIONS)?,
        })
    }

    /// Refuses a formula that is the same at every moment and never what is asked for.
    fn usable(self, of: &str, instead: &str) -> Result<Self, ExpressionProblem> {
        let told = match self.checked.constant() {
            Some(Ok(Value::Number(number))) if number < 0.0 => format!("is {number} {of} at every moment"),
            Some(Err(error)) => format!("never has a value: {error}"),
            _ => return Ok(self),
        };
        Err(ExpressionProblem {
            position: 0,
            message: format!("{told}; write {instead}"),
        })
    }
}

impl Init {
    pub(crate) fn parse(source: &str, parameters: &BTreeMap<String, f64>) -> Result<Self, ExpressionProblem> {
        let vocabulary = with_functions(names(parameters), &INIT_FUNCTIONS, &Type::Number);
        let checker = Checker::new(&vocabulary);
        let formula = Formula::parse(&checker, source, &Type::Number)?;
        let formula = formula.usable(
            "calls",
            "`progressive()` for a call for each free agent, or 0 for none",
        )?;
        Ok(Self::Formula(formula))
    }

    /// The mode, if it is one.
    pub(crate) const fn mode(&self) -> Option<Mode> {
        match self {
            Self::Mode(mode) => Some(*mode),
            Self::Formula(_) => None,
        }
    }

    /// The formula, if it is one.
    pub(crate) fn source(&self) -> Option<&str> {
        match self {
            Self::Mode(_) => None,
            Self::Formula(formula) => Some(&formula.source),
        }
    }

    /// Whether each call is started for a free agent, who is to be there when it is answered.
    pub(crate) fn reserves(&self) -> bool {
        match self {
            Self::Mode(mode) => matches!(mode, Mode::Preview | Mode::Progressive),
            Self::Formula(formula) => formula.source.split_whitespace().eq(["progressive()"]),
        }
    }

    /// Calls to start now; an error if the formula has no value at this moment.
    pub(crate) fn calls(
        &self,
        state: &State,
        moment: &Moment,
        parameters: &BTreeMap<String, f64>,
    ) -> Result<Dialing, EvaluationError> {
        let formula = match self {
            Self::Mode(mode) => return Ok(state.by_mode(*mode, moment)),
            Self::Formula(formula) => formula,
        };
        let scope = InitScope {
            names: Names {
                state,
                moment,
                parameters,
            },
            threshold: Cell::new(0.0),
        };
        let calls = formula.checked.number(&scope)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(Dialing {
            calls: calls.clamp(0.0, f64::from(moment.most)) as u32,
            threshold: scope.threshold.get(),
        })
    }
}

impl Seize {
    pub(crate) fn parse(source: &str, parameters: &BTreeMap<String, f64>) -> Result<Self, ExpressionProblem> {
        let vocabulary = with_functions(names(parameters), &SEIZE_FUNCTIONS, &Type::Boolean);
        let checker = Checker::new(&vocabulary);
        let instead = "`credit()` for what inbound callers leave, or 0 for nobody";
        match Formula::parse(&checker, source, &Type::Boolean) {
            Ok(formula) => Ok(Self::Agent(formula.usable("agents", instead)?)),
            Err(problem) => match Formula::parse(&checker, source, &Type::Number) {
                Ok(formula) => Ok(Self::Agents(formula.usable("agents", instead)?)),
                Err(_) => Err(problem),
            },
        }
    }

    /// The formula, if it is one.
    pub(crate) fn source(&self) -> Option<&str> {
        match self {
            Self::Credit => None,
            Self::Agent(formula) | Self::Agents(formula) => Some(&formula.source),
        }
    }

    /// The side that the agent is to serve; an error if the formula has no value at this moment.
    pub(crate) fn pool(
        &self,
        query: &Query<'_>,
        parameters: &BTreeMap<String, f64>,
    ) -> Result<Pool, EvaluationError> {
        let scope = SeizeScope {
            names: Names {
                state: query.state,
                moment: query.moment,
                parameters,
            },
            query,
        };
        match self {
            Self::Credit => Ok(query.credit()),
            Self::Agent(formula) => formula.checked.is_true(&scope).map(side),
            Self::Agents(formula) => formula.checked.number(&scope).map(|agents| query.up_to(agents)),
        }
    }
}

const fn side(seize: bool) -> Pool {
    if seize { Pool::Outbound } else { Pool::Inbound }
}

/// The values of names at a moment.
struct Names<'a> {
    state: &'a State,
    moment: &'a Moment,
    parameters: &'a BTreeMap<String, f64>,
}

impl Names<'_> {
    fn number(&self, name: &str) -> Option<f64> {
        let (state, moment) = (self.state, self.moment);
        let share = |window| Some(state.budget().tally(window).share());
        let [dialing, ringing] = state.demand().stages();
        match name {
            "agents.logged_on" => Some(f64::from(moment.staff)),
            "agents.seized" => Some(f64::from(moment.seized)),
            "agents.idle" => Some(f64::from(moment.idle)),
            "agents.talking" => Some(f64::from(moment.talk)),
            "agents.wrapping" => Some(f64::from(moment.wrap)),
            "agents.about_to_finish" => Some(f64::from(state.supply().about_to_finish())),
            "agents.idle_inbound" => Some(f64::from(moment.idle_in)),
            "calls.in_flight" => Some(f64::from(moment.in_flight)),
            "calls.dialing" => Some(f64::from(dialing)),
            "calls.ringing" => Some(f64::from(ringing)),
            "calls.waiting" => Some(f64::from(moment.waiting)),
            "contacts.pending" => moment.pending.map(f64::from),
            "rates.answer" => Some(state.demand().answer_rate()),
            "rates.machine" => Some(state.demand().machine_rate()),
            "abandonment.last_30_min" => share(Window::Last(1_800.0)),
            "abandonment.last_24_h" => share(Window::Last(86_400.0)),
            "abandonment.last_30_d" => share(Window::Last(2_592_000.0)),
            "abandonment.life" => share(Window::Life),
            "inbound.queue" => Some(f64::from(moment.in_queue)),
            "inbound.oldest_wait" => Some(moment.in_wait),
            "inbound.average_wait" => Some(state.inbound().average_wait()),
            "inbound.service_level" => Some(state.inbound().service_level()),
            "time.of_day" => Some(libm::fmod(state.run().time_of_day + state.elapsed(), 86_400.0)),
            "time.run" => Some(state.elapsed()),
            _ => self.parameters.get(name.strip_prefix("parameters.")?).copied(),
        }
    }
}

struct InitScope<'a> {
    names: Names<'a>,
    /// The risk that `predictive` took.
    threshold: Cell<f64>,
}

impl Scope for InitScope<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        self.names.number(name).map(Value::Number)
    }

    fn call(&self, function: &str, arguments: &[Value]) -> Option<Value> {
        let Names { state, moment, .. } = self.names;
        let dialing = match (function, arguments) {
            ("progressive", []) => state.by_mode(Mode::Progressive, moment),
            ("power", [Value::Number(ratio)]) => state.by_mode(Mode::Power(*ratio), moment),
            ("predictive", [Value::Number(target)]) => state.by_mode(Mode::Predictive(*target), moment),
            ("inverse_hit_rate", []) => state.by_mode(Mode::Power(inverse_hit_rate(state)), moment),
            ("compliance_guard", [Value::Number(limit)]) => {
                let abandoned = state.budget().tally(Window::Life).share();
                let brake = ((limit - abandoned) / (limit / 2.0)).clamp(0.0, 1.0);
                let ratio = 1.0 + (inverse_hit_rate(state) - 1.0) * brake;
                state.by_mode(Mode::Power(ratio), moment)
            }
            _ => return None,
        };
        self.threshold.set(self.threshold.get().max(dialing.threshold));
        Some(Value::Number(f64::from(dialing.calls)))
    }
}

fn inverse_hit_rate(state: &State) -> f64 {
    1.0 / state.demand().answer_rate().max(1e-3)
}

struct SeizeScope<'a> {
    names: Names<'a>,
    query: &'a Query<'a>,
}

impl Scope for SeizeScope<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        self.names.number(name).map(Value::Number)
    }

    fn call(&self, function: &str, arguments: &[Value]) -> Option<Value> {
        let pool = match (function, arguments) {
            ("credit", []) => self.query.credit(),
            ("wait_compare", []) => self.query.wait_compare(),
            ("threshold", [Value::Number(agents)]) => self.query.threshold(*agents),
            ("share", [Value::Number(share)]) => self.query.share(*share),
            _ => return None,
        };
        Some(Value::Boolean(pool == Pool::Outbound))
    }
}
