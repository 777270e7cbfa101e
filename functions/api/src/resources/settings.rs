//! What a tenant sets for everything that it sends, and its emergency stop.

use application::settings::{self, ContactLedger, Settings};
use application::store::Stored;
use application::webhooks;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use compliance::gate::TenantPolicy;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use utoipa::ToSchema;

use super::campaigns::policy_errors;
use super::checks::callback_url;
use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::Input;
use crate::idempotency::KeptBody;
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// The settings of a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettingsIn {
    #[serde(default)]
    #[schema(value_type = schema::TenantPolicy)]
    policy: TenantPolicy,
    /// `always`: every contact of a person is counted, so that a cap set tomorrow knows them;
    /// `whenCapped`: only contacts to which a cap applies.
    #[serde(default)]
    #[schema(value_type = String, example = "always")]
    contact_ledger: ContactLedger,
    /// Where activities are told in CIM shape: an Expertflow CX endpoint.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Uri, max_length = 2048)]
    cx_activities_url: Option<Url>,
}

/// The settings as they stand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingsOut {
    /// 0 where none were ever set.
    version: u64,
    #[schema(value_type = schema::TenantPolicy)]
    policy: TenantPolicy,
    #[schema(value_type = String)]
    contact_ledger: ContactLedger,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    cx_activities_url: Option<Url>,
    /// Since when everything is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    stopped_at: Option<Timestamp>,
}

impl SettingsOut {
    fn resource(Stored { value, version }: Stored<Settings>) -> Resource<Self> {
        let Settings {
            policy,
            contact_ledger,
            cx_activities_url,
            stopped_at,
        } = value;
        Resource::ok(
            version,
            Self {
                version,
                policy,
                contact_ledger,
                cx_activities_url,
                stopped_at,
            },
        )
    }
}

/// Read the settings
#[utoipa::path(
    get, path = "/v1/settings", operation_id = "getSettings", tag = "settings",
    responses((status = 200, body = SettingsOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Resource<SettingsOut>, Problem> {
    Ok(SettingsOut::resource(
        settings::get(&state.context, &caller.tenant).await?,
    ))
}

/// Replace the settings
#[utoipa::path(
    put, path = "/v1/settings", operation_id = "putSettings", tag = "settings",
    params(("If-Match" = Option<String>, Header)), request_body = SettingsIn,
    responses((status = 200, body = SettingsOut))
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Precondition(expected): Precondition,
    Input(input): Input<SettingsIn>,
) -> Result<Resource<SettingsOut>, Problem> {
    let mut wrong = policy_errors(input.policy.check(), "/policy");
    wrong.extend(
        input
            .cx_activities_url
            .as_ref()
            .and_then(|url| callback_url(url, "/cxActivitiesUrl").err()),
    );
    if !wrong.is_empty() {
        return Err(Problem::invalid(wrong));
    }
    let change = |before: Settings| Settings {
        policy: input.policy.clone(),
        contact_ledger: input.contact_ledger,
        cx_activities_url: input.cx_activities_url.clone(),
        stopped_at: before.stopped_at,
    };
    let stored = settings::change(&state.context, &caller.tenant, expected, change).await?;
    Ok(SettingsOut::resource(stored))
}

/// A secret, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretOut {
    /// What signs: `whsec_...`.
    secret: String,
}

/// Replace the secret that signs activities' callbacks and the CX Activities endpoint
///
/// The answer shows the new one, once. The old one signs along for a day.
#[utoipa::path(
    post, path = "/v1/settings/rotate-callback-secret", operation_id = "rotateCallbackSecret", tag = "settings",
    responses((status = 200, body = SecretOut))
)]
pub(crate) async fn rotate_callback_secret(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Response, Problem> {
    let secret = webhooks::rotate_callback_secret(&state.context, &caller.tenant).await?;
    let mut response = Json(SecretOut { secret }).into_response();
    response.extensions_mut().insert(KeptBody(json!({}).to_string()));
    Ok(response)
}

/// Whether everything is stopped.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StopOut {
    stopped: bool,
    /// The instant after which nothing more leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    quiet_after: Option<Timestamp>,
}

/// Stop everything that the tenant sends
///
/// What comes up while everything is stopped is cancelled.
#[utoipa::path(
    post, path = "/v1/stop-everything", operation_id = "stopEverything", tag = "settings",
    responses((status = 200, body = StopOut))
)]
pub(crate) async fn stop_everything(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<StopOut>, Problem> {
    let quiet_after = settings::stop_everything(&state.context, &caller.tenant, true).await?;
    Ok(Json(StopOut {
        stopped: true,
        quiet_after: Some(quiet_after),
    }))
}

/// Let everything go on
#[utoipa::path(
    delete, path = "/v1/stop-everything", operation_id = "letEverythingGoOn", tag = "settings",
    responses((status = 200, body = StopOut))
)]
pub(crate) async fn go_on(State(state): State<ApiState>, caller: Caller) -> Result<Json<StopOut>, Problem> {
    settings::stop_everything(&state.context, &caller.tenant, false).await?;
    Ok(Json(StopOut {
        stopped: false,
        quiet_after: None,
    }))
}
