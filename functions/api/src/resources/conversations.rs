//! Conversations: what a campaign does with one customer.

use std::collections::BTreeMap;

use application::conversations;
use application::error::FieldError;
use application::store::Stored;
use axum::Json;
use axum::extract::State;
use domain::address::Address;
use domain::channel::Channel;
use domain::id::{CampaignId, ContactId, ConversationId, CustomerId};
use domain::time::Timestamp;
use flows::conversation::event::StopOutcome;
use flows::conversation::facts::{MessageFacts, Response};
use flows::conversation::log::ConversationEvent;
use flows::conversation::{Conversation, Datum, Status};
use flows::{EventName, MAX_EVENT_BYTES, MAX_VALUES_PER_WRITE, NodeId, VariableName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::{Ids, Input};
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// A conversation as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationOut {
    #[schema(value_type = schema::Id)]
    id: ConversationId,
    version: u64,
    #[schema(value_type = schema::Id)]
    campaign_id: CampaignId,
    /// The published version of the campaign that it walks.
    campaign_version: u64,
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    #[schema(value_type = schema::Id)]
    contact_id: ContactId,
    #[schema(value_type = BTreeMap<String, String>)]
    addresses: BTreeMap<Channel, Address>,
    /// `running` or `ended`.
    state: &'static str,
    /// How it ended: a label of the flow, or `stopped`, `opted_out`, `exhausted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    ended_at: Option<Timestamp>,
    /// The node at which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    node: Option<NodeId>,
    /// The number of the visit it is in.
    visit: u32,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
    /// When the present visit began.
    #[schema(value_type = schema::Instant)]
    entered_at: Timestamp,
    /// When the present visit goes on by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    wakes_at: Option<Timestamp>,
    /// Its data: by variable the `value`, its `version`, and when and by which node it was set.
    #[schema(value_type = BTreeMap<String, Object>)]
    data: BTreeMap<VariableName, Datum>,
    /// What became of its messages, in their order.
    #[schema(value_type = Vec<Object>)]
    messages: Vec<MessageFacts>,
    /// The customer's last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    response: Option<Response>,
    /// What happened, oldest first.
    #[schema(value_type = Vec<Object>)]
    events: Vec<ConversationEvent>,
    /// The same in words, when it is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
}

impl ConversationOut {
    fn of(Stored { value, version }: Stored<Conversation>, explanation: Option<String>) -> Self {
        let (state, outcome, ended_at) = match value.status {
            Status::Running => ("running", None, None),
            Status::Ended { outcome, at } => ("ended", Some(outcome), Some(at)),
        };
        Self {
            id: value.id,
            version,
            campaign_id: value.campaign,
            campaign_version: value.campaign_version,
            customer_id: value.customer,
            contact_id: value.contact,
            addresses: value.addresses,
            state,
            outcome,
            ended_at,
            node: value.node,
            visit: value.visit,
            created_at: value.created,
            entered_at: value.entered,
            wakes_at: value.wake,
            data: value.data,
            messages: value.messages,
            response: value.response,
            events: value
                .log
                .entries()
                .iter()
                .map(|entry| entry.event.clone())
                .collect(),
            explanation,
        }
    }

    fn resource(stored: Stored<Conversation>) -> Resource<Self> {
        let explanation = flows::explain(&stored.value.log);
        Resource::ok(stored.version, Self::of(stored, Some(explanation)))
    }
}

/// List the conversations of a campaign
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/conversations", operation_id = "listConversations", tag = "conversations",
    params(("id" = schema::Id, Path), PageParams), responses((status = 200, body = Page<ConversationOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(campaign): Ids<CampaignId>,
    page: PageParams,
) -> Result<Json<Page<ConversationOut>>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    application::campaigns::get(context, tenant, &campaign).await?;
    let found = conversations::list(context, tenant, &campaign, page.cursor(), page.limit).await?;
    Ok(Page::of(found, |stored| ConversationOut::of(stored, None)))
}

/// Read a conversation
#[utoipa::path(
    get, path = "/v1/conversations/{id}", operation_id = "getConversation", tag = "conversations",
    params(("id" = schema::Id, Path)), responses((status = 200, body = ConversationOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ConversationId>,
) -> Result<Resource<ConversationOut>, Problem> {
    Ok(ConversationOut::resource(
        conversations::get(&state.context, &caller.tenant, &id).await?,
    ))
}

/// Conversation data to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataPatch {
    /// New values by variable; null removes a value.
    #[schema(example = json!({"appointmentConfirmed": true}))]
    values: BTreeMap<String, Value>,
    /// Versions of values that you have seen, by variable; 0 for a variable without value. Another
    /// version answers 409 `data-version`.
    #[serde(default)]
    expected: BTreeMap<String, u64>,
}

/// Set conversation data
///
/// A node that waits for it goes on.
#[utoipa::path(
    patch, path = "/v1/conversations/{id}/data", operation_id = "setConversationData", tag = "conversations",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
    request_body = DataPatch, responses((status = 200, body = ConversationOut))
)]
pub(crate) async fn set_data(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ConversationId>,
    Precondition(seen): Precondition,
    Input(DataPatch { values, expected }): Input<DataPatch>,
) -> Result<Resource<ConversationOut>, Problem> {
    let wrong = |pointer: &str| {
        let detail = format!("must have 1 to {MAX_VALUES_PER_WRITE} entries");
        Problem::invalid(vec![FieldError::new(pointer, detail)])
    };
    if !(1..=MAX_VALUES_PER_WRITE).contains(&values.len()) {
        return Err(wrong("/values"));
    }
    if expected.len() > MAX_VALUES_PER_WRITE {
        return Err(wrong("/expected"));
    }
    let (context, tenant) = (&state.context, &caller.tenant);
    let stored = conversations::set_data(context, tenant, &id, values, expected, seen).await?;
    Ok(ConversationOut::resource(stored))
}

/// Something that happened outside.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventIn {
    /// Its name in the flow. One that the flow does not wait for is ignored. `WRAPUP` with `data.code` is
    /// the agent's wrap-up code of the latest call, or of the one that `data.activityId` names.
    #[schema(value_type = String, max_length = 40, pattern = "^[A-Za-z][A-Za-z0-9_]*$", example = "paymentReceived")]
    name: EventName,
    /// What came with it, at most 800 bytes of JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    data: Map<String, Value>,
    /// When it happened; absent: now.
    #[serde(default)]
    #[schema(value_type = Option<schema::Instant>)]
    at: Option<Timestamp>,
}

/// Tell a conversation that something happened
#[utoipa::path(
    post, path = "/v1/conversations/{id}/events", operation_id = "tellConversation", tag = "conversations",
    params(("id" = schema::Id, Path)), request_body = EventIn,
    responses((status = 200, body = ConversationOut))
)]
pub(crate) async fn tell(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ConversationId>,
    Input(EventIn { name, data, at }): Input<EventIn>,
) -> Result<Resource<ConversationOut>, Problem> {
    let data = Value::Object(data);
    if data.to_string().len() > MAX_EVENT_BYTES {
        let detail = format!("may have at most {MAX_EVENT_BYTES} bytes of JSON");
        return Err(Problem::invalid(vec![FieldError::new("/data", detail)]));
    }
    let now = state.context.now();
    let at = at.map_or(now, |at| at.min(now));
    let name = name.as_str().to_owned();
    let stored = conversations::external_event(&state.context, &caller.tenant, &id, name, data, at).await?;
    Ok(ConversationOut::resource(stored))
}

/// End a conversation
///
/// What it has scheduled and what has not left is cancelled.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/stop", operation_id = "stopConversation", tag = "conversations",
    params(("id" = schema::Id, Path)), responses((status = 200, body = ConversationOut))
)]
pub(crate) async fn stop(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ConversationId>,
) -> Result<Resource<ConversationOut>, Problem> {
    conversations::stop(&state.context, &caller.tenant, &id, StopOutcome::Stopped).await?;
    Ok(ConversationOut::resource(
        conversations::get(&state.context, &caller.tenant, &id).await?,
    ))
}
