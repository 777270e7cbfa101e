//! Campaigns: whom, how, when and how hard.

use std::collections::BTreeMap;

use application::campaigns::{self, Campaign, CampaignEvent, Definition, FieldType};
use application::error::{Error, FieldError};
use application::history::{self, Counts};
use application::pacing::CampaignPacing;
use application::store::Stored;
use axum::Json;
use axum::extract::State;
use compliance::gate::CampaignPolicy;
use domain::campaign::CampaignState;
use domain::id::{CampaignId, ContactListId};
use domain::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::{Ids, Input, parse_value};
use crate::idempotency::WriteRequest;
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// How many conversations a campaign starts per second unless it says otherwise.
const DEFAULT_START_RATE: u32 = 20;
/// Most columns and attributes that a campaign declares.
const MAX_FIELDS: usize = 100;

/// What a campaign is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CampaignIn {
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Text<200>,
    /// Whom it reaches.
    #[serde(default)]
    #[schema(value_type = Vec<schema::Id>, max_items = 20)]
    contact_lists: Vec<ContactListId>,
    /// The flow document; `/v1/flows/schema` describes it. A draft's may be incomplete.
    #[serde(default)]
    #[schema(value_type = Object)]
    flow: Map<String, Value>,
    /// Columns of the contact lists that the flow reads, with their types, beside `firstName`,
    /// `lastName`, `language` and `timeZone`.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, schema::FieldType>)]
    contact_columns: BTreeMap<String, FieldType>,
    /// Attributes of customer profiles that the flow reads, with their types.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, schema::FieldType>)]
    profile_attributes: BTreeMap<String, FieldType>,
    #[schema(value_type = schema::CampaignPolicy)]
    policy: CampaignPolicy,
    /// How its calls through agents are paced.
    #[serde(default)]
    #[schema(value_type = Option<schema::CampaignPacing>)]
    pacing: Option<CampaignPacing>,
    /// How many conversations are started per second.
    #[serde(default = "default_start_rate")]
    #[schema(minimum = 1, maximum = 1_000, default = 20)]
    start_rate_per_second: u32,
    /// When it begins; at once if absent.
    #[serde(default)]
    #[schema(value_type = Option<schema::Instant>)]
    start_at: Option<Timestamp>,
    /// After which nothing of it begins or leaves any more.
    #[serde(default)]
    #[schema(value_type = Option<schema::Instant>)]
    end_at: Option<Timestamp>,
}

const fn default_start_rate() -> u32 {
    DEFAULT_START_RATE
}

impl CampaignIn {
    fn definition(self) -> Result<Definition, Vec<FieldError>> {
        let mut wrong: Vec<FieldError> = policy_errors(self.policy.check(), "/policy");
        let maps = [
            (&self.contact_columns, "/contactColumns"),
            (&self.profile_attributes, "/profileAttributes"),
        ];
        for (fields, pointer) in maps {
            if fields.len() > MAX_FIELDS || fields.keys().any(|name| name.is_empty() || name.len() > 64) {
                let detail = format!("may have at most {MAX_FIELDS} entries with names of 1 to 64 bytes");
                wrong.push(FieldError::new(pointer, detail));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Definition {
            name: self.name.into_string(),
            contact_lists: self.contact_lists,
            flow: Value::Object(self.flow),
            contact_columns: self.contact_columns,
            profile_attributes: self.profile_attributes,
            policy: self.policy,
            pacing: self.pacing,
            start_rate_per_second: self.start_rate_per_second,
            start_at: self.start_at,
            end_at: self.end_at,
        })
    }
}

/// What is wrong with a policy, seen from the document that holds it.
pub(crate) fn policy_errors(check: Result<(), Vec<compliance::FieldError>>, at: &str) -> Vec<FieldError> {
    let errors = check.err().unwrap_or_default();
    errors
        .into_iter()
        .map(|error| FieldError::new(format!("{at}{}", error.pointer), error.message))
        .collect()
}

/// A campaign as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignOut {
    #[schema(value_type = schema::Id)]
    id: CampaignId,
    version: u64,
    #[schema(value_type = schema::CampaignState)]
    state: CampaignState,
    /// The latest published version; 0 before the first.
    published_version: u64,
    name: String,
    #[schema(value_type = Vec<schema::Id>)]
    contact_lists: Vec<ContactListId>,
    #[schema(value_type = Object)]
    flow: Value,
    #[schema(value_type = BTreeMap<String, schema::FieldType>)]
    contact_columns: BTreeMap<String, FieldType>,
    #[schema(value_type = BTreeMap<String, schema::FieldType>)]
    profile_attributes: BTreeMap<String, FieldType>,
    #[schema(value_type = schema::CampaignPolicy)]
    policy: CampaignPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::CampaignPacing>)]
    pacing: Option<CampaignPacing>,
    start_rate_per_second: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    start_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    end_at: Option<Timestamp>,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
    /// What happened to it, oldest first.
    #[schema(value_type = Vec<Object>)]
    events: Vec<CampaignEvent>,
    /// In the answer to pause, stop and unpublish: the instant after which nothing more leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    quiet_after: Option<Timestamp>,
}

impl CampaignOut {
    /// What is shown of a campaign.
    pub fn of(Stored { value, version }: Stored<Campaign>, quiet_after: Option<Timestamp>) -> Self {
        let Campaign { definition, .. } = value;
        Self {
            id: value.id,
            version,
            state: value.state,
            published_version: value.published_version,
            name: definition.name,
            contact_lists: definition.contact_lists,
            flow: definition.flow,
            contact_columns: definition.contact_columns,
            profile_attributes: definition.profile_attributes,
            policy: definition.policy,
            pacing: definition.pacing,
            start_rate_per_second: definition.start_rate_per_second,
            start_at: definition.start_at,
            end_at: definition.end_at,
            created_at: value.created_at,
            events: value
                .log
                .entries()
                .iter()
                .map(|entry| entry.event.clone())
                .collect(),
            quiet_after,
        }
    }

    pub(super) fn created(stored: Stored<Campaign>) -> Resource<Self> {
        let location = format!("/v1/campaigns/{}", stored.value.id);
        Resource::created(location, stored.version, Self::of(stored, None))
    }
}

/// Create a campaign, as a draft
#[utoipa::path(
    post, path = "/v1/campaigns", operation_id = "createCampaign", tag = "campaigns",
    request_body = CampaignIn, responses((status = 201, body = CampaignOut))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Input(input): Input<CampaignIn>,
) -> Result<Resource<CampaignOut>, Problem> {
    let definition = input.definition().map_err(Problem::invalid)?;
    let id = write.id(CampaignId::derive, 0);
    let stored = campaigns::create(&state.context, &caller.tenant, id, definition).await?;
    Ok(CampaignOut::created(stored))
}

/// List the campaigns, newest first
#[utoipa::path(
    get, path = "/v1/campaigns", operation_id = "listCampaigns", tag = "campaigns",
    params(PageParams), responses((status = 200, body = Page<CampaignOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<CampaignOut>>, Problem> {
    let found = campaigns::list(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, |stored| CampaignOut::of(stored, None)))
}

/// Read a campaign
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", operation_id = "getCampaign", tag = "campaigns",
    params(("id" = schema::Id, Path)), responses((status = 200, body = CampaignOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CampaignId>,
) -> Result<Resource<CampaignOut>, Problem> {
    let stored = campaigns::get(&state.context, &caller.tenant, &id).await?;
    Ok(Resource::ok(stored.version, CampaignOut::of(stored, None)))
}

/// Change a draft
///
/// Each member that is given replaces the whole of what stood under its name; null removes it.
#[utoipa::path(
    patch, path = "/v1/campaigns/{id}", operation_id = "changeCampaign", tag = "campaigns",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = Object, description = "Members of a campaign that change.",
        example = json!({"name": "Spring", "startAt": null})),
    responses((status = 200, body = CampaignOut))
)]
pub(crate) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CampaignId>,
    Precondition(expected): Precondition,
    Input(patch): Input<Map<String, Value>>,
) -> Result<Resource<CampaignOut>, Problem> {
    let change = |definition: Definition| {
        let before = serde_json::to_value(&definition).map_err(|error| Error::Corrupt(error.to_string()))?;
        let input: CampaignIn =
            parse_value(super::checks::replaced(before, &patch)).map_err(Problem::into_invalid)?;
        input.definition().map_err(Error::Invalid)
    };
    let stored = campaigns::edit(&state.context, &caller.tenant, &id, expected, change).await?;
    Ok(Resource::ok(stored.version, CampaignOut::of(stored, None)))
}

/// Delete a draft that was never published
#[utoipa::path(
    delete, path = "/v1/campaigns/{id}", operation_id = "deleteCampaign", tag = "campaigns",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)), responses((status = 204))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CampaignId>,
    Precondition(expected): Precondition,
) -> Result<StatusCode, Problem> {
    campaigns::delete(&state.context, &caller.tenant, &id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How far a campaign got.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressOut {
    #[schema(value_type = schema::Id)]
    campaign_id: CampaignId,
    #[schema(value_type = schema::CampaignState)]
    state: CampaignState,
    /// Activities as they stand, by channel and state.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, i64>>, example = json!({"whatsapp": {"SENT": 12, "READ": 30}}))]
    activities: Tree,
    /// How often activities were refused, deferred, failed and so on, by reason.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, i64>>, example = json!({"deferred": {"windowClosed": 7}}))]
    reasons: Tree,
    /// Conversations as they stand: `running`, or how they ended.
    #[schema(example = json!({"running": 40, "replied": 12}))]
    conversations: BTreeMap<String, i64>,
}

type Tree = BTreeMap<String, BTreeMap<String, i64>>;

/// Counts by `a/b` as counts by `a`, then `b`.
fn tree(flat: BTreeMap<String, i64>) -> Tree {
    let mut tree = Tree::new();
    for (name, count) in flat {
        let (branch, leaf) = name.split_once('/').unwrap_or((&name, ""));
        tree.entry(branch.to_owned())
            .or_default()
            .insert(leaf.to_owned(), count);
    }
    tree
}

/// Read how far a campaign got
///
/// Counters follow the activities by a moment.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/progress", operation_id = "getCampaignProgress", tag = "campaigns",
    params(("id" = schema::Id, Path)), responses((status = 200, body = ProgressOut))
)]
pub(crate) async fn progress(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CampaignId>,
) -> Result<Json<ProgressOut>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    let campaign = campaigns::get(context, tenant, &id).await?.value;
    let Counts {
        activities,
        reasons,
        conversations,
    } = history::progress(context, tenant, Some(&id)).await?;
    Ok(Json(ProgressOut {
        campaign_id: id,
        state: campaign.state,
        activities: tree(activities),
        reasons: tree(reasons),
        conversations,
    }))
}
