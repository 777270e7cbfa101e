//! Many activities in one request, each for itself.

use std::collections::BTreeMap;

use application::activities::{self, MAX_BATCH, NewActivity};
use application::error::FieldError;
use application::store::Stored;
use axum::Json;
use axum::extract::State;
use domain::activity::Activity;
use domain::id::ActivityId;
use domain::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::scheduled_activities::{ActivityIn, ActivityOut};
use crate::auth::Caller;
use crate::extract::{Input, parse};
use crate::idempotency::WriteRequest;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;

/// Many activities to schedule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchIn {
    #[schema(value_type = Vec<ActivityIn>, min_items = 1, max_items = 1_000)]
    items: Vec<Box<RawValue>>,
}

/// What became of the items of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchOut {
    /// In the order of the items.
    #[schema(max_items = 1_000)]
    results: Vec<BatchResult>,
}

/// What became of one item.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResult {
    /// The item's place, from 0.
    index: usize,
    /// The HTTP status that it would have had by itself.
    status: u16,
    /// The activity, if it was scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<ActivityOut>,
    /// Why it was not scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemBody>,
}

impl BatchResult {
    fn of(index: usize, result: Result<Stored<Activity>, Problem>, now: Timestamp) -> Self {
        match result {
            Ok(stored) => {
                let activity = Some(ActivityOut::of(stored, now));
                Self {
                    index,
                    status: StatusCode::CREATED.as_u16(),
                    activity,
                    problem: None,
                }
            }
            Err(problem) => {
                problem.log();
                let problem = problem.under(&format!("/items/{index}"));
                Self {
                    index,
                    status: problem.status().as_u16(),
                    activity: None,
                    problem: Some(problem.body()),
                }
            }
        }
    }
}

/// Schedule up to 1,000 activities, each for itself
///
/// One bad item does not fail the others. Repeating a batch with its Idempotency-Key completes what
/// is missing of it.
#[utoipa::path(
    post, path = "/v1/scheduled-activities/batch", operation_id = "scheduleActivities",
    tag = "scheduled activities", request_body = BatchIn, responses((status = 200, body = BatchOut))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Input(BatchIn { items }): Input<BatchIn>,
) -> Result<Json<BatchOut>, Problem> {
    if !(1..=MAX_BATCH).contains(&items.len()) {
        let detail = format!("must have 1 to {MAX_BATCH} entries");
        return Err(Problem::invalid(vec![FieldError::new("/items", detail)]));
    }
    let now = state.context.now();
    let (mut places, mut batch, mut results) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (place, item) in items.iter().enumerate() {
        let plan =
            parse::<ActivityIn>(item.get().as_bytes()).and_then(|input| input.plan(&caller.tenant, now));
        match plan {
            Ok(plan) => {
                places.push(place);
                batch.push(NewActivity {
                    id: write.id(ActivityId::derive, place),
                    plan,
                });
            }
            Err(problem) => {
                results.insert(place, Err(problem));
            }
        }
    }
    let context = caller.traced(&state.context);
    let outcomes = activities::schedule_batch(&context, &caller.tenant, batch, &write.origin()).await;
    results.extend(
        places
            .into_iter()
            .zip(outcomes.into_iter().map(|outcome| outcome.map_err(Problem::from))),
    );
    let now = state.context.now();
    let results = results
        .into_iter()
        .map(|(place, result)| BatchResult::of(place, result, now))
        .collect();
    Ok(Json(BatchOut { results }))
}
