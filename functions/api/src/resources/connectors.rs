//! Connectors: the configuration of a channel's providers. Secrets go in and never come out.

use std::collections::BTreeMap;

use application::connectors::{self, ConnectorRecord};
use application::error::FieldError;
use application::expected::Expected;
use application::store::Stored;
use axum::Json;
use axum::extract::State;
use domain::channel::Channel;
use domain::id::{ConnectorId, TenantId};
use domain::time::Timestamp;
use http::StatusCode;
use platform::connector::{ConnectorConfig, ConnectorKind};
use platform::secrets::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::checks::short_entries;
use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::{Ids, Input};
use crate::idempotency::WriteRequest;
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// Most settings and secrets, the longest name and the longest value.
const BOUNDS: (usize, usize, usize) = (40, 64, 8 * 1024);

/// What a connector is to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectorIn {
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    name: Text<100>,
    #[schema(value_type = ConnectorKindDoc)]
    kind: ConnectorKind,
    /// The channels it serves.
    #[schema(value_type = Vec<schema::Channel>, min_items = 1, max_items = 4)]
    channels: Vec<Channel>,
    /// Settings by name; which there are depends on the kind.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, schema::Setting>,
        example = json!({"webhookUrl": "https://ccm.example.org/sms"}))]
    settings: BTreeMap<String, String>,
    /// Secrets by name: write-only. Those that are not named stay as they are.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, schema::Setting>, write_only,
        example = json!({"token": "..."}))]
    secrets: BTreeMap<String, String>,
    /// Most messages per second, over all workers.
    #[serde(default = "default_rate")]
    #[schema(minimum = 1, maximum = 10_000, default = 50)]
    rate_per_second: u32,
    /// Most requests under way at once, per worker.
    #[serde(default = "default_concurrency")]
    #[schema(minimum = 1, maximum = 500, default = 20)]
    concurrency: u32,
}

/// The kinds of connectors.
#[derive(ToSchema)]
#[schema(as = ConnectorKind, rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its description is used")]
pub(crate) enum ConnectorKindDoc {
    /// Expertflow's channel connectors: CIM messages to a provider webhook.
    Ccm,
    /// Twilio's Messages API.
    Twilio,
    /// Meta's WhatsApp Cloud API.
    WhatsappCloud,
    /// E-mail.
    Smtp,
    /// AWS End User Messaging SMS.
    AwsSms,
    /// AWS End User Messaging Social.
    AwsWhatsapp,
    /// Amazon SES.
    AwsSes,
    /// Amazon Connect.
    AmazonConnect,
}

const fn default_rate() -> u32 {
    50
}

const fn default_concurrency() -> u32 {
    20
}

impl ConnectorIn {
    async fn put(
        self,
        state: &ApiState,
        tenant: &TenantId,
        id: ConnectorId,
        expected: Option<Expected>,
    ) -> Result<Stored<ConnectorRecord>, Problem> {
        let known = state.context.connectors.secret_names(self.kind);
        let mut wrong = short_entries(
            self.settings.iter().map(|(k, v)| (k, v.as_str())),
            BOUNDS,
            "/settings",
        );
        wrong.extend(short_entries(
            self.secrets.iter().map(|(k, v)| (k, v.as_str())),
            BOUNDS,
            "/secrets",
        ));
        if wrong.is_empty() {
            let unknown = self.secrets.keys().filter(|name| !known.contains(&name.as_str()));
            let detail = || format!("is no secret of this kind; it takes {}", known.join(", "));
            wrong.extend(
                unknown.map(|name| {
                    FieldError::new(format!("/secrets/{}", crate::extract::token(name)), detail())
                }),
            );
        }
        if !wrong.is_empty() {
            return Err(Problem::invalid(wrong));
        }
        let config = ConnectorConfig {
            id,
            kind: self.kind,
            channels: self.channels,
            settings: self.settings,
            rate_per_second: self.rate_per_second,
            concurrency: self.concurrency,
        };
        let secrets = self
            .secrets
            .into_iter()
            .map(|(name, secret)| (name, Secret::new(secret)))
            .collect();
        let name = self.name.into_string();
        Ok(connectors::put(&state.context, tenant, name, config, secrets, expected).await?)
    }
}

/// A connector as it stands, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorOut {
    #[schema(value_type = schema::Id)]
    id: ConnectorId,
    version: u64,
    name: String,
    #[schema(value_type = ConnectorKindDoc)]
    kind: ConnectorKind,
    #[schema(value_type = Vec<schema::Channel>)]
    channels: Vec<Channel>,
    settings: BTreeMap<String, String>,
    /// The names of the secrets that its kind takes.
    secret_names: Vec<&'static str>,
    rate_per_second: u32,
    concurrency: u32,
    /// Where the provider is to report to, if it does so by callbacks of its own; others use `cim-messages`.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<String>,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
}

impl ConnectorOut {
    fn of(state: &ApiState, tenant: &TenantId, Stored { value, version }: Stored<ConnectorRecord>) -> Self {
        let ConnectorRecord {
            name,
            config,
            created_at,
        } = value;
        let callback_url = || state.address(&format!("/v1/callbacks/{tenant}/{}", config.id));
        Self {
            callback_url: config.kind.has_callbacks().then(callback_url),
            secret_names: state.context.connectors.secret_names(config.kind).to_vec(),
            id: config.id,
            version,
            name,
            kind: config.kind,
            channels: config.channels,
            settings: config.settings,
            rate_per_second: config.rate_per_second,
            concurrency: config.concurrency,
            created_at,
        }
    }
}

/// Create a connector
#[utoipa::path(
    post, path = "/v1/connectors", operation_id = "createConnector", tag = "connectors",
    request_body = ConnectorIn, responses((status = 201, body = ConnectorOut))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Input(input): Input<ConnectorIn>,
) -> Result<Resource<ConnectorOut>, Problem> {
    let id = write.id(ConnectorId::derive, 0);
    let location = format!("/v1/connectors/{id}");
    let stored = input.put(&state, &caller.tenant, id, None).await?;
    Ok(Resource::created(
        location,
        stored.version,
        ConnectorOut::of(&state, &caller.tenant, stored),
    ))
}

/// Create a connector under an id of your own, or replace it
///
/// Secrets that are not named stay as they are.
#[utoipa::path(
    put, path = "/v1/connectors/{id}", operation_id = "putConnector", tag = "connectors",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = ConnectorIn, responses((status = 200, body = ConnectorOut))
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ConnectorId>,
    Precondition(expected): Precondition,
    Input(input): Input<ConnectorIn>,
) -> Result<Resource<ConnectorOut>, Problem> {
    let stored = input.put(&state, &caller.tenant, id, expected).await?;
    Ok(Resource::ok(
        stored.version,
        ConnectorOut::of(&state, &caller.tenant, stored),
    ))
}

/// List the connectors; there are at most 50
#[utoipa::path(
    get, path = "/v1/connectors", operation_id = "listConnectors", tag = "connectors",
    params(PageParams), responses((status = 200, body = Page<ConnectorOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<ConnectorOut>>, Problem> {
    let found = connectors::page(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, |stored| {
        ConnectorOut::of(&state, &caller.tenant, stored)
    }))
}

/// Read a connector
#[utoipa::path(
    get, path = "/v1/connectors/{id}", operation_id = "getConnector", tag = "connectors",
    params(("id" = schema::Id, Path)), responses((status = 200, body = ConnectorOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ConnectorId>,
) -> Result<Resource<ConnectorOut>, Problem> {
    let stored = connectors::get(&state.context, &caller.tenant, &id).await?;
    Ok(Resource::ok(
        stored.version,
        ConnectorOut::of(&state, &caller.tenant, stored),
    ))
}

/// Delete a connector and its secrets
#[utoipa::path(
    delete, path = "/v1/connectors/{id}", operation_id = "deleteConnector", tag = "connectors",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)), responses((status = 204))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ConnectorId>,
    Precondition(expected): Precondition,
) -> Result<StatusCode, Problem> {
    connectors::delete(&state.context, &caller.tenant, &id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
