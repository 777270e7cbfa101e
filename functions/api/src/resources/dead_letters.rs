//! Dead letters: activities that need a person.

use application::dead_letters::{self, DeadLetter, DeadReason};
use axum::Json;
use axum::extract::State;
use domain::id::ActivityId;
use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::scheduled_activities::ActivityOut;
use crate::auth::Caller;
use crate::etag::Resource;
use crate::extract::Ids;
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// A dead letter.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterOut {
    #[schema(value_type = schema::Id)]
    activity_id: ActivityId,
    /// `unknown`: nobody can tell whether the provider took it; `noConnector`: no connector serves its
    /// channel.
    #[schema(value_type = String, example = "unknown")]
    reason: DeadReason,
    #[schema(value_type = schema::Instant)]
    since: Timestamp,
}

impl From<DeadLetter> for DeadLetterOut {
    fn from(
        DeadLetter {
            activity_id,
            reason,
            since,
        }: DeadLetter,
    ) -> Self {
        Self {
            activity_id,
            reason,
            since,
        }
    }
}

/// List the activities that need a person
#[utoipa::path(
    get, path = "/v1/dead-letters", operation_id = "listDeadLetters", tag = "dead letters",
    params(PageParams), responses((status = 200, body = Page<DeadLetterOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<DeadLetterOut>>, Problem> {
    let found = dead_letters::list(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, DeadLetterOut::from))
}

/// Send a dead letter's activity again
///
/// Where the provider honours idempotency keys the same attempt is repeated. Elsewhere it is a new
/// one: by redriving you decide that it may reach the customer twice.
#[utoipa::path(
    post, path = "/v1/dead-letters/{activityId}/redrive", operation_id = "redriveDeadLetter", tag = "dead letters",
    params(("activityId" = schema::Id, Path)), responses((status = 200, body = ActivityOut))
)]
pub(crate) async fn redrive(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ActivityId>,
) -> Result<Resource<ActivityOut>, Problem> {
    let stored = dead_letters::redrive(&state.context, &caller.tenant, &id).await?;
    Ok(Resource::ok(
        stored.version,
        ActivityOut::of(stored, state.context.now()),
    ))
}
