//! Webhooks: endpoints that are told what happens.

use application::store::Stored;
use application::webhooks::{self, Created, Definition, Revision, Webhook, WebhookState, event_filter};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use domain::id::{CampaignId, EventId, WebhookId};
use domain::time::Timestamp;
use domain::webhook::delivery::{Attempt, Delivery, DeliveryState};
use domain::webhook::filter::EventFilter;
use domain::webhook::health::DisabledReason;
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::{IntoParams, ToSchema};

use super::checks::cleared;
use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::{Ids, Input, Parameters};
use crate::idempotency::{KeptBody, WriteRequest};
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// What a webhook is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookIn {
    #[schema(value_type = String, format = Uri, max_length = 2048)]
    url: Url,
    /// Event types, such as `activity.delivered`, `activity.*` or `*`; see `/v1/event-types`.
    #[schema(value_type = Vec<schema::EventPattern>, min_items = 1, max_items = 50,
        example = json!(["activity.*", "customer.response"]))]
    event_types: Vec<String>,
    /// Only what happens in this campaign.
    #[serde(default)]
    #[schema(value_type = Option<schema::Id>)]
    campaign_id: Option<CampaignId>,
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
}

/// A webhook as it stands, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookOut {
    #[schema(value_type = schema::Id)]
    id: WebhookId,
    version: u64,
    #[schema(value_type = String)]
    url: Url,
    #[schema(value_type = Vec<String>)]
    event_types: EventFilter,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    campaign_id: Option<CampaignId>,
    description: String,
    enabled: bool,
    /// Why it is disabled: `requested`, `gone` (it answered 410) or `failing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    disabled_reason: Option<DisabledReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    disabled_at: Option<Timestamp>,
    /// Since when every call has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    failing_since: Option<Timestamp>,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
    /// What signs (`whsec_...`): shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl WebhookOut {
    fn of(Stored { value, version }: Stored<Webhook>) -> Self {
        let (disabled_reason, disabled_at) = match value.state {
            WebhookState::Enabled => (None, None),
            WebhookState::Disabled { reason, since } => (Some(reason), Some(since)),
        };
        Self {
            id: value.id,
            version,
            url: value.definition.url,
            event_types: value.definition.event_types,
            campaign_id: value.definition.campaign_id,
            description: value.definition.description,
            enabled: disabled_at.is_none(),
            disabled_reason,
            disabled_at,
            failing_since: value.health.failing_since,
            created_at: value.created_at,
            secret: None,
        }
    }

    fn resource(stored: Stored<Webhook>) -> Resource<Self> {
        Resource::ok(stored.version, Self::of(stored))
    }

    /// An answer that shows the secret, this once.
    fn with_secret(
        Created { webhook, secret }: Created,
        answer: impl Fn(u64, Self) -> Resource<Self>,
    ) -> Result<Response, Problem> {
        let version = webhook.version;
        let out = Self::of(webhook);
        let kept = serde_json::to_string(&out).map_err(Problem::internal)?;
        let mut response = answer(
            version,
            Self {
                secret: Some(secret),
                ..out
            },
        )
        .into_response();
        response.extensions_mut().insert(KeptBody(kept));
        Ok(response)
    }
}

/// Register a webhook
///
/// The answer shows its secret, once.
#[utoipa::path(
    post, path = "/v1/webhooks", operation_id = "createWebhook", tag = "webhooks",
    request_body = WebhookIn, responses((status = 201, body = WebhookOut))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Input(input): Input<WebhookIn>,
) -> Result<Response, Problem> {
    let WebhookIn {
        url,
        event_types,
        campaign_id,
        description,
    } = input;
    let definition = Definition {
        url,
        event_types: event_filter(&event_types)?,
        campaign_id,
        description,
    };
    let id = write.id(WebhookId::derive, 0);
    let location = format!("/v1/webhooks/{id}");
    let created = webhooks::create(&state.context, &caller.tenant, id, definition).await?;
    WebhookOut::with_secret(created, |version, out| {
        Resource::created(location.clone(), version, out)
    })
}

/// List the webhooks; there are at most 50
#[utoipa::path(
    get, path = "/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    params(PageParams), responses((status = 200, body = Page<WebhookOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<WebhookOut>>, Problem> {
    let found = webhooks::page(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, WebhookOut::of))
}

/// Read a webhook
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks",
    params(("id" = schema::Id, Path)), responses((status = 200, body = WebhookOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<WebhookId>,
) -> Result<Resource<WebhookOut>, Problem> {
    Ok(WebhookOut::resource(
        webhooks::get(&state.context, &caller.tenant, &id).await?,
    ))
}

/// What is to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Uri, max_length = 2048)]
    url: Option<Url>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<schema::EventPattern>>, min_items = 1, max_items = 50)]
    event_types: Option<Vec<String>>,
    /// Null for all campaigns.
    #[serde(default, deserialize_with = "cleared")]
    #[schema(value_type = Option<schema::Id>)]
    campaign_id: Option<Option<CampaignId>>,
    #[serde(default)]
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Enabling forgets past failures.
    #[serde(default)]
    enabled: Option<bool>,
}

/// Change a webhook
#[utoipa::path(
    patch, path = "/v1/webhooks/{id}", operation_id = "changeWebhook", tag = "webhooks",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
    request_body = WebhookPatch, responses((status = 200, body = WebhookOut))
)]
pub(crate) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<WebhookId>,
    Precondition(expected): Precondition,
    Input(patch): Input<WebhookPatch>,
) -> Result<Resource<WebhookOut>, Problem> {
    let WebhookPatch {
        url,
        event_types,
        campaign_id,
        description,
        enabled,
    } = patch;
    let event_types = event_types.map(|patterns| event_filter(&patterns)).transpose()?;
    let revision = Revision {
        url,
        event_types,
        campaign_id,
        description,
        enabled,
    };
    let stored = webhooks::change(&state.context, &caller.tenant, &id, expected, revision).await?;
    Ok(WebhookOut::resource(stored))
}

/// Delete a webhook
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", operation_id = "deleteWebhook", tag = "webhooks",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)), responses((status = 204))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<WebhookId>,
    Precondition(expected): Precondition,
) -> Result<StatusCode, Problem> {
    webhooks::delete(&state.context, &caller.tenant, &id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replace a webhook's secret
///
/// The answer shows the new one, once. The old one signs along for a day.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/rotate-secret", operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = WebhookOut))
)]
pub(crate) async fn rotate_secret(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<WebhookId>,
    Precondition(expected): Precondition,
) -> Result<Response, Problem> {
    let rotated = webhooks::rotate_secret(&state.context, &caller.tenant, &id, expected).await?;
    WebhookOut::with_secret(rotated, Resource::ok)
}

/// A delivery: one event told to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryOut {
    /// Also the `webhook-id` header of every attempt.
    #[schema(value_type = schema::Id)]
    event_id: EventId,
    event_type: String,
    /// `pending`, `delivered`, `failed` or `dropped`.
    #[schema(value_type = String, example = "delivered")]
    state: DeliveryState,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    next_at: Option<Timestamp>,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    ended_at: Option<Timestamp>,
    /// The latest attempts, oldest first.
    #[schema(value_type = Vec<Object>)]
    log: Vec<Attempt>,
}

impl From<Stored<Delivery>> for DeliveryOut {
    fn from(Stored { value, .. }: Stored<Delivery>) -> Self {
        Self {
            event_id: value.event,
            event_type: value.event_type,
            state: value.state,
            attempts: value.attempts,
            next_at: value.next_at,
            created_at: value.created_at,
            ended_at: value.ended_at,
            log: value.log,
        }
    }
}

/// Send a `webhook.test` event to a webhook
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/test", operation_id = "testWebhook", tag = "webhooks",
    params(("id" = schema::Id, Path)), responses((status = 202, body = DeliveryOut))
)]
pub(crate) async fn test(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Ids(id): Ids<WebhookId>,
) -> Result<(StatusCode, Json<DeliveryOut>), Problem> {
    let event = write.id(EventId::derive, 0);
    let delivery = webhooks::test(&state.context, &caller.tenant, &id, event).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}

/// Which deliveries are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "described here, read below")]
pub struct DeliveryListParams {
    /// Only those in this state: `pending`, `delivered`, `failed` or `dropped`.
    state: Option<String>,
}

/// A list of deliveries that was asked for.
#[derive(Debug)]
pub(crate) struct DeliveryList {
    state: Option<DeliveryState>,
    page: PageParams,
}

impl<S: Sync> FromRequestParts<S> for DeliveryList {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(parts);
        let page = PageParams::take(&mut parameters);
        let known = |text: &str| {
            let names = || DeliveryState::ALL.map(DeliveryState::name).join(", ");
            DeliveryState::parse(text).ok_or_else(|| format!("must be one of {}", names()))
        };
        let state = parameters.take("state", known);
        parameters.end()?;
        Ok(Self { state, page })
    }
}

/// List a webhook's deliveries, newest event first
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", operation_id = "listDeliveries", tag = "webhooks",
    params(("id" = schema::Id, Path), DeliveryListParams, PageParams),
    responses((status = 200, body = Page<DeliveryOut>))
)]
pub(crate) async fn deliveries(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<WebhookId>,
    DeliveryList { state: wanted, page }: DeliveryList,
) -> Result<Json<Page<DeliveryOut>>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    let found = webhooks::list_deliveries(context, tenant, &id, wanted, page.cursor(), page.limit).await?;
    Ok(Page::of(found, DeliveryOut::from))
}

/// Deliver an event again, now
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/deliveries/{eventId}/redeliver", operation_id = "redeliver", tag = "webhooks",
    params(("id" = schema::Id, Path), ("eventId" = schema::Id, Path)),
    responses((status = 202, body = DeliveryOut))
)]
pub(crate) async fn redeliver(
    State(state): State<ApiState>,
    caller: Caller,
    Ids((id, event)): Ids<(WebhookId, EventId)>,
) -> Result<(StatusCode, Json<DeliveryOut>), Problem> {
    let delivery = webhooks::redeliver(&state.context, &caller.tenant, &id, &event).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}
