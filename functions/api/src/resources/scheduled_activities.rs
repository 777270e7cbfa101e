//! Scheduled activities: one message or call to one customer, at its time.

use std::collections::BTreeMap;

use application::activities::{self, Filter, NewActivity, Within};
use application::error::FieldError;
use application::receipts::StoredResponse;
use application::store::Stored;
use application::sweep::LOOK_AHEAD;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use domain::activity::event::ActivityEvent;
use domain::activity::state::State as ActivityState;
use domain::activity::{Activity, AssignTo, CancelReason, Parked, Plan, Priority, Revision};
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, AgentId, CampaignId, ConnectorId, ConversationId, CustomerId, TenantId};
use domain::time::Timestamp;
use domain::voice::{Dialing, Pool};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::{IntoParams, ToSchema};

use super::checks::{callback_url, cleared, short};
use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::{Ids, Input, Parameters};
use crate::idempotency::WriteRequest;
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// What is to be sent, to whom, when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivityIn {
    #[schema(value_type = schema::Channel)]
    channel: Channel,
    /// The customer's address on the channel: a phone number in international form, or an e-mail address.
    #[schema(max_length = 320, example = "+442079460958")]
    to: String,
    /// From which of the company's addresses.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    service_identifier: Option<Text<200>>,
    /// To whom; derived from the address if absent.
    #[serde(default)]
    #[schema(value_type = Option<schema::Id>)]
    customer_id: Option<CustomerId>,
    /// In which campaign; it must be published or paused.
    #[serde(default)]
    #[schema(value_type = Option<schema::Id>)]
    campaign_id: Option<CampaignId>,
    /// Not before; at most 366 days ahead.
    #[schema(value_type = schema::Instant)]
    due_at: Timestamp,
    /// Not after.
    #[serde(default)]
    #[schema(value_type = Option<schema::Instant>)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = schema::CimBody)]
    message: Body,
    /// How a call is paced; it is started at its time if absent.
    #[serde(default)]
    #[schema(value_type = Option<schema::Dialing>)]
    dialing: Option<Dialing>,
    #[serde(default)]
    #[schema(value_type = Option<schema::AssignTo>)]
    assign_to: Option<AssignTo>,
    #[serde(default)]
    #[schema(value_type = schema::Priority)]
    priority: Priority,
    /// The webhook of this activity.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Uri, max_length = 2048)]
    callback_url: Option<Url>,
    /// Your own data, up to 20 entries (keys 64 bytes, values 512); they come back everywhere.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, schema::MetadataValue>)]
    metadata: BTreeMap<String, String>,
}

impl ActivityIn {
    /// Times alone are judged later, where a repetition is known: here they are named beside what else is wrong.
    pub(super) fn plan(self, tenant: &TenantId, now: Timestamp) -> Result<Plan, Problem> {
        let mut wrong = Vec::new();
        let to = Address::parse(self.channel, &self.to);
        let to = to.map_err(|error| wrong.push(FieldError::new("/to", error))).ok();
        wrong.extend(
            self.callback_url
                .as_ref()
                .and_then(|url| callback_url(url, "/callbackUrl").err()),
        );
        wrong.extend(
            activities::check_metadata(&self.metadata, "/metadata")
                .err()
                .into_iter()
                .flat_map(fields),
        );
        if let Some(AssignTo::AgentId(text) | AssignTo::Queue(text)) = &self.assign_to {
            wrong.extend(short(text, 128, "/assignTo").err());
        }
        wrong.extend(
            self.dialing
                .as_ref()
                .and_then(|dialing| check_dialing(dialing, self.channel)),
        );
        let Some(to) = to.filter(|_| wrong.is_empty()) else {
            wrong.extend(activities::check_times(self.due_at, self.expires_at, now));
            return Err(Problem::invalid(wrong));
        };
        Ok(Plan {
            channel: self.channel,
            service_identifier: self.service_identifier.map(String::from),
            customer: self
                .customer_id
                .unwrap_or_else(|| activities::customer_of(tenant, &to)),
            to,
            campaign: self.campaign_id,
            step: None,
            due_at: self.due_at,
            expires_at: self.expires_at,
            message: self.message,
            dialing: self.dialing,
            assign_to: self.assign_to,
            priority: self.priority,
            callback_url: self.callback_url,
            metadata: self.metadata,
        })
    }
}

/// What is wrong with the pacing of a call.
fn check_dialing(dialing: &Dialing, channel: Channel) -> Option<FieldError> {
    if channel != Channel::Voice {
        return Some(FieldError::new("/dialing", "is only for the channel voice"));
    }
    let Dialing::Agent { mode, pool } = dialing else {
        return None;
    };
    let (name, pointer) = match pool {
        Pool::SkillGroup(name) => (name, "/dialing/pool/skillGroup"),
        Pool::Agent(name) => (name, "/dialing/pool/agent"),
    };
    if matches!(pool, Pool::Agent(_)) && !mode.reserves_first() {
        let detail = "must be `preview` or `progressive` for a named agent";
        return Some(FieldError::new("/dialing/mode", detail));
    }
    short(name, 128, pointer).err()
}

fn fields(error: application::error::Error) -> Vec<FieldError> {
    match error {
        application::error::Error::Invalid(fields) => fields,
        other => vec![FieldError::new("", other)],
    }
}

/// An activity as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityOut {
    #[schema(value_type = schema::Id)]
    id: ActivityId,
    /// Its version, also in `ETag`.
    version: u64,
    #[schema(value_type = schema::Channel)]
    channel: Channel,
    #[schema(value_type = String)]
    to: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_identifier: Option<String>,
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    campaign_id: Option<CampaignId>,
    /// The conversation that scheduled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    conversation_id: Option<ConversationId>,
    #[schema(value_type = schema::Instant)]
    due_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = schema::CimBody)]
    message: Body,
    /// How the call is paced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Dialing>)]
    dialing: Option<Dialing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::AssignTo>)]
    assign_to: Option<AssignTo>,
    #[schema(value_type = schema::Priority)]
    priority: Priority,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    callback_url: Option<Url>,
    metadata: BTreeMap<String, String>,
    #[schema(value_type = schema::ActivityState)]
    state: ActivityState,
    /// Scheduled, and handed over to the queue already.
    queued: bool,
    /// Scheduled, and held because its campaign is paused.
    parked: bool,
    /// A call that waits until its skill group has an agent for it.
    awaits_agent: bool,
    /// The agent who is kept for the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    agent_id: Option<AgentId>,
    /// When it is to be dispatched next, while it is scheduled: its due time, or what a deferral or a
    /// retry moved it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    next_at: Option<Timestamp>,
    /// The present attempt; 0 before the first.
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    connector_id: Option<ConnectorId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_message_id: Option<String>,
    /// What the compliance gate decided from, the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<serde_json::Value>,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
    /// What happened, oldest first: the latest 64.
    #[schema(value_type = Vec<Object>)]
    events: Vec<ActivityEvent>,
    /// The customer's messages that answered it, when it is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<Vec<ResponseOut>>,
}

/// A customer's message that answered an activity.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResponseOut {
    /// The id that it came with.
    id: String,
    #[schema(value_type = schema::Instant)]
    at: Timestamp,
    #[schema(value_type = schema::CimBody)]
    body: Body,
}

impl From<StoredResponse> for ResponseOut {
    fn from(StoredResponse { id, at, body }: StoredResponse) -> Self {
        Self { id, at, body }
    }
}

impl ActivityOut {
    /// What is shown of an activity at an instant.
    pub fn of(Stored { value, version }: Stored<Activity>, now: Timestamp) -> Self {
        let Activity { plan, .. } = value;
        let waits = value.state == ActivityState::Scheduled;
        let held = |by| waits && value.parked == Some(by);
        let (parked, awaits_agent) = (held(Parked::CampaignPaused), held(Parked::AwaitsAgent));
        Self {
            id: value.id,
            version,
            channel: plan.channel,
            to: plan.to,
            service_identifier: plan.service_identifier,
            customer_id: plan.customer,
            campaign_id: plan.campaign,
            conversation_id: plan.step.map(|step| step.conversation),
            due_at: plan.due_at,
            expires_at: plan.expires_at,
            message: plan.message,
            dialing: plan.dialing,
            assign_to: plan.assign_to,
            priority: plan.priority,
            callback_url: plan.callback_url,
            metadata: plan.metadata,
            state: value.state,
            queued: waits && value.parked.is_none() && value.next_at <= now + LOOK_AHEAD,
            parked,
            awaits_agent,
            agent_id: value.released.and_then(|released| released.agent),
            next_at: waits.then_some(value.next_at),
            attempt: value.attempt,
            connector_id: value.connector,
            provider_message_id: value.provider_message_id,
            verdict: value.verdict,
            created_at: value.created_at,
            events: value
                .log
                .entries()
                .iter()
                .map(|entry| entry.event.clone())
                .collect(),
            responses: None,
        }
    }
}

/// Schedule an activity
#[utoipa::path(
    post, path = "/v1/scheduled-activities", operation_id = "scheduleActivity", tag = "scheduled activities",
    request_body = ActivityIn, responses((status = 201, body = ActivityOut))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Input(input): Input<ActivityIn>,
) -> Result<Resource<ActivityOut>, Problem> {
    let plan = input.plan(&caller.tenant, state.context.now())?;
    let new = NewActivity {
        id: write.id(ActivityId::derive, 0),
        plan,
    };
    let context = caller.traced(&state.context);
    let stored = activities::schedule(&context, &caller.tenant, new, &write.origin()).await?;
    let location = format!("/v1/scheduled-activities/{}", stored.value.id);
    Ok(Resource::created(
        location,
        stored.version,
        ActivityOut::of(stored, state.context.now()),
    ))
}

/// Read an activity, with the customer's answers
#[utoipa::path(
    get, path = "/v1/scheduled-activities/{id}", operation_id = "getActivity", tag = "scheduled activities",
    params(("id" = schema::Id, Path)), responses((status = 200, body = ActivityOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ActivityId>,
) -> Result<Resource<ActivityOut>, Problem> {
    let stored = activities::get(&state.context, &caller.tenant, &id).await?;
    let responses = activities::responses(&state.context, &caller.tenant, &id).await?;
    let version = stored.version;
    let mut activity = ActivityOut::of(stored, state.context.now());
    activity.responses = Some(responses.into_iter().map(ResponseOut::from).collect());
    Ok(Resource::ok(version, activity))
}

/// Which activities are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "described here, read below")]
pub struct ActivityListParams {
    /// Those of a campaign. This or `customerId` is needed.
    #[param(value_type = Option<schema::Id>)]
    campaign_id: Option<String>,
    /// Those of a customer. This or `campaignId` is needed.
    #[param(value_type = Option<schema::Id>)]
    customer_id: Option<String>,
    /// Only those in this state.
    #[param(value_type = Option<schema::ActivityState>)]
    state: Option<String>,
    /// Only those due at or after this instant.
    #[param(value_type = Option<schema::Instant>)]
    due_from: Option<String>,
    /// Only those due before this instant.
    #[param(value_type = Option<schema::Instant>)]
    due_before: Option<String>,
}

/// A list of activities that was asked for.
#[derive(Debug)]
pub(crate) struct ActivityList {
    within: Within,
    filter: Filter,
    page: PageParams,
}

impl<S: Sync> FromRequestParts<S> for ActivityList {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(parts);
        let page = PageParams::take(&mut parameters);
        let state = |text: &str| {
            let names = || ActivityState::ALL.map(ActivityState::name).join(", ");
            ActivityState::parse(text).ok_or_else(|| format!("must be one of {}", names()))
        };
        let filter = Filter {
            state: parameters.take("state", state),
            due_from: parameters.take("dueFrom", Timestamp::parse),
            due_before: parameters.take("dueBefore", Timestamp::parse),
        };
        let campaign = parameters.take("campaignId", CampaignId::parse);
        let customer = parameters.take("customerId", CustomerId::parse);
        if campaign.is_some() == customer.is_some() {
            parameters.wrong("campaignId", "or `customerId` must be given, one of the two");
        }
        parameters.end()?;
        let within = campaign
            .map(Within::Campaign)
            .or_else(|| customer.map(Within::Customer));
        let within = within.ok_or_else(|| Problem::internal("a list within nothing"))?;
        Ok(Self { within, filter, page })
    }
}

/// List the activities of a campaign or a customer
///
/// Newest first within each part. The list follows the activities by a moment.
#[utoipa::path(
    get, path = "/v1/scheduled-activities", operation_id = "listActivities", tag = "scheduled activities",
    params(ActivityListParams, PageParams), responses((status = 200, body = Page<ActivityOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    ActivityList { within, filter, page }: ActivityList,
) -> Result<Json<Page<ActivityOut>>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    let found = activities::list(context, tenant, &within, &filter, page.cursor(), page.limit).await?;
    let now = context.now();
    Ok(Page::of(found, |stored| ActivityOut::of(stored, now)))
}

/// What is to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivityPatch {
    /// A new due time.
    #[serde(default)]
    #[schema(value_type = Option<schema::Instant>)]
    due_at: Option<Timestamp>,
    /// A new last moment; null removes it.
    #[serde(default, deserialize_with = "cleared")]
    #[schema(value_type = Option<schema::Instant>)]
    expires_at: Option<Option<Timestamp>>,
    /// A new message.
    #[serde(default)]
    #[schema(value_type = Option<schema::CimBody>)]
    message: Option<Body>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Priority>)]
    priority: Option<Priority>,
    /// New metadata, whole.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, schema::MetadataValue>>)]
    metadata: Option<BTreeMap<String, String>>,
}

/// Reschedule an activity, or change its message
#[utoipa::path(
    patch, path = "/v1/scheduled-activities/{id}", operation_id = "changeActivity", tag = "scheduled activities",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
    request_body = ActivityPatch, responses((status = 200, body = ActivityOut))
)]
pub(crate) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ActivityId>,
    Precondition(expected): Precondition,
    Input(patch): Input<ActivityPatch>,
) -> Result<Resource<ActivityOut>, Problem> {
    if let Some(metadata) = &patch.metadata {
        activities::check_metadata(metadata, "/metadata")?;
    }
    let ActivityPatch {
        due_at,
        expires_at,
        message,
        priority,
        metadata,
    } = patch;
    let revision = Revision {
        due_at,
        expires_at,
        message,
        priority,
        metadata,
    };
    let stored = activities::revise(&state.context, &caller.tenant, &id, expected, revision).await?;
    Ok(Resource::ok(
        stored.version,
        ActivityOut::of(stored, state.context.now()),
    ))
}

/// Cancel an activity
///
/// One that is being dispatched answers 409 `in-flight`; no further attempt of it is made.
#[utoipa::path(
    delete, path = "/v1/scheduled-activities/{id}", operation_id = "cancelActivity", tag = "scheduled activities",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ActivityOut))
)]
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ActivityId>,
    Precondition(expected): Precondition,
) -> Result<Resource<ActivityOut>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    let stored = activities::cancel(context, tenant, &id, expected, CancelReason::Requested).await?;
    Ok(Resource::ok(
        stored.version,
        ActivityOut::of(stored, context.now()),
    ))
}
