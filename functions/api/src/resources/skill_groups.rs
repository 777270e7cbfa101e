//! Skill groups: pools of agents.

use application::skill_groups::{self, SkillGroup, SkillGroupDefinition};
use application::store::Stored;
use axum::Json;
use axum::extract::State;
use domain::id::SkillGroupId;
use domain::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::group_pacing::GroupPacingBody;
use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::{Ids, Input};
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// What is set for a skill group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillGroupIn {
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    name: Text<100>,
    /// How its outbound calls are paced; by their dialer if absent.
    #[serde(default)]
    pacing: Option<GroupPacingBody>,
}

/// A skill group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillGroupOut {
    #[schema(value_type = schema::Id)]
    id: SkillGroupId,
    version: u64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pacing: Option<GroupPacingBody>,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
}

impl From<Stored<SkillGroup>> for SkillGroupOut {
    fn from(Stored { value, version }: Stored<SkillGroup>) -> Self {
        let SkillGroup {
            id,
            name,
            pacing,
            created_at,
        } = value;
        Self {
            id,
            version,
            name,
            pacing: pacing.map(GroupPacingBody::from),
            created_at,
        }
    }
}

fn resource(stored: Stored<SkillGroup>) -> Resource<SkillGroupOut> {
    Resource::ok(stored.version, stored.into())
}

/// List the skill groups
#[utoipa::path(
    get, path = "/v1/skill-groups", operation_id = "listSkillGroups", tag = "agents",
    params(PageParams), responses((status = 200, body = Page<SkillGroupOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<SkillGroupOut>>, Problem> {
    let found = skill_groups::list(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, SkillGroupOut::from))
}

/// Read a skill group
#[utoipa::path(
    get, path = "/v1/skill-groups/{id}", operation_id = "getSkillGroup", tag = "agents",
    params(("id" = schema::Id, Path)), responses((status = 200, body = SkillGroupOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<SkillGroupId>,
) -> Result<Resource<SkillGroupOut>, Problem> {
    Ok(resource(
        skill_groups::get(&state.context, &caller.tenant, &id).await?,
    ))
}

/// Create a skill group, or change what is set for it
#[utoipa::path(
    put, path = "/v1/skill-groups/{id}", operation_id = "putSkillGroup", tag = "agents",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = SkillGroupIn, responses((status = 200, body = SkillGroupOut))
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<SkillGroupId>,
    Precondition(expected): Precondition,
    Input(SkillGroupIn { name, pacing }): Input<SkillGroupIn>,
) -> Result<Resource<SkillGroupOut>, Problem> {
    let definition = SkillGroupDefinition {
        name: name.into_string(),
        pacing: pacing.map(Into::into),
    };
    let stored = skill_groups::define(&state.context, &caller.tenant, &id, expected, &definition).await?;
    Ok(resource(stored))
}

/// Delete a skill group
///
/// Agents who name it keep the name, which then means nothing. Not while calls wait for its agents.
#[utoipa::path(
    delete, path = "/v1/skill-groups/{id}", operation_id = "deleteSkillGroup", tag = "agents",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)), responses((status = 204))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<SkillGroupId>,
    Precondition(expected): Precondition,
) -> Result<StatusCode, Problem> {
    skill_groups::delete(&state.context, &caller.tenant, &id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
