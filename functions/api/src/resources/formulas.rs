//! Formulas of INIT and SEIZE: tried before a campaign runs on them.

use std::collections::{BTreeMap, BTreeSet};

use application::error::FieldError;
use axum::Json;
use pacing::protocol::{Answer, Pool};
use pacing::trial::{self, Kind, Situation, Trial};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Input, token};
use crate::problem::Problem;
use crate::schema;

/// Most moments of one request.
const MAX_MOMENTS: usize = 1_000;
/// Most different pairs of answer rate and abandonment: each is a run of its own.
const MAX_HISTORIES: usize = 100;
/// Most agents, calls and callers of all moments together: they bound the time of an answer.
const MAX_PEOPLE: u64 = 500_000;
/// Most parameters of a formula.
const MAX_PARAMETERS: usize = 100;

/// A formula to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FormulaIn {
    /// `init`: how many calls to start now. `seize`: whether to seize an idle agent of the inbound side, or
    /// how many agents to have seized.
    #[schema(value_type = schema::FormulaKind)]
    kind: Kind,
    /// The formula, in CEL.
    #[schema(max_length = 2_000, example = "min(predictive(0.03), power(3))")]
    expression: String,
    /// What the formula reads as `parameters.<name>`.
    #[serde(default)]
    parameters: BTreeMap<String, f64>,
    /// The moments to try it at, with at most 100 different pairs of `answerRate` and `abandonment`, and at most
    /// 500,000 agents, calls and callers together. If none are given, moments are made up: small and large
    /// teams, low and high answer rates, a limit of abandoned calls that is unused, nearly used up and broken,
    /// quiet and busy queues.
    #[serde(default)]
    #[schema(value_type = Option<Vec<schema::Moment>>, max_items = 1_000)]
    moments: Option<Vec<Situation>>,
}

/// What a formula would have done.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormulaOut {
    /// Whether a campaign may run on it.
    valid: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FormulaProblem>,
    /// One for each moment, in their order; none if the formula is wrong.
    results: Vec<FormulaResult>,
}

/// What is wrong with a formula.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormulaProblem {
    /// Characters before the part at fault.
    position: usize,
    /// What is wrong with it.
    message: String,
}

/// What a formula would have done at a moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormulaResult {
    /// The moment as the formula read it: rates are the engine's estimates from a history of 600 calls.
    #[schema(value_type = schema::Moment)]
    moment: Situation,
    /// What it decided.
    decision: Decision,
    /// What `progressive()` decides, or `credit()` of SEIZE.
    usual: Decision,
    /// Why it had no value at this moment, so that the usual was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// A decision.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Calls to start.
    Dial(u32),
    /// Whether the agent is seized.
    Seize(bool),
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Dial(calls) => Self::Dial(calls),
            Answer::Seize(pool) => Self::Seize(pool == Pool::Outbound),
        }
    }
}

impl From<Trial> for FormulaResult {
    fn from(trial: Trial) -> Self {
        Self {
            moment: trial.seen,
            decision: trial.answer.into(),
            usual: trial.usual.into(),
            failed: trial.failed,
        }
    }
}

/// Try a formula
///
/// Checks a formula of INIT or SEIZE, and tells what it would have done at each moment, beside the usual.
#[utoipa::path(
    post, path = "/v1/formulas/evaluate", operation_id = "evaluateFormula", tag = "formulas",
    request_body = FormulaIn, responses((status = 200, body = FormulaOut))
)]
pub(crate) async fn evaluate(Input(input): Input<FormulaIn>) -> Result<Json<FormulaOut>, Problem> {
    check(&input).map_err(|error| Problem::invalid(vec![error]))?;
    let kind = input.kind;
    let moments = input.moments.unwrap_or_else(|| trial::generated(kind));
    let (expression, parameters) = (input.expression, input.parameters);
    // Many moments keep a processor busy for a while; other requests go on.
    let tried = tokio::task::spawn_blocking(move || trial::evaluate(kind, &expression, parameters, &moments))
        .await
        .map_err(Problem::internal)?;
    Ok(Json(match tried {
        Ok(trials) => FormulaOut {
            valid: true,
            errors: Vec::new(),
            results: trials.into_iter().map(FormulaResult::from).collect(),
        },
        Err(problem) => FormulaOut {
            valid: false,
            errors: vec![FormulaProblem {
                position: problem.position,
                message: problem.message,
            }],
            results: Vec::new(),
        },
    }))
}

fn check(input: &FormulaIn) -> Result<(), FieldError> {
    if input.parameters.len() > MAX_PARAMETERS {
        let detail = format!("may have at most {MAX_PARAMETERS} members");
        return Err(FieldError::new("/parameters", detail));
    }
    if let Some(name) = input.parameters.keys().find(|name| !is_identifier(name)) {
        return Err(FieldError::new(
            format!("/parameters/{}", token(name)),
            "must be named by a letter and at most 63 more letters, digits or underscores",
        ));
    }
    let moments = input.moments.as_deref().unwrap_or_default();
    if moments.len() > MAX_MOMENTS {
        let detail = format!("may have at most {MAX_MOMENTS} items");
        return Err(FieldError::new("/moments", detail));
    }
    let histories: BTreeSet<[u64; 2]> = moments
        .iter()
        .map(|moment| [moment.answer_rate, moment.abandonment].map(f64::to_bits))
        .collect();
    if histories.len() > MAX_HISTORIES {
        let detail =
            format!("may have at most {MAX_HISTORIES} different pairs of answerRate and abandonment");
        return Err(FieldError::new("/moments", detail));
    }
    for (place, moment) in moments.iter().enumerate() {
        moment.check().map_err(|out| {
            let pointer = format!("/moments/{place}/{}", out.key);
            FieldError::new(pointer, format!("must be {}", out.range))
        })?;
    }
    if moments.iter().map(Situation::people).sum::<u64>() > MAX_PEOPLE {
        let detail = format!("may have at most {MAX_PEOPLE} agents, calls and callers together");
        return Err(FieldError::new("/moments", detail));
    }
    Ok(())
}

fn is_identifier(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
