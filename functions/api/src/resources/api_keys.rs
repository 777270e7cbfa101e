//! API keys.

use application::api_keys::{self, ApiKey, Role};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::id::ApiKeyId;
use domain::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Ids, Input};
use crate::idempotency::KeptBody;
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// A new API key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyIn {
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    name: Text<100>,
    #[schema(value_type = RoleDoc)]
    role: Role,
}

/// What a key may do.
#[derive(ToSchema)]
#[schema(as = Role, rename_all = "camelCase")]
#[allow(dead_code, reason = "only its description is used")]
pub(crate) enum RoleDoc {
    /// Everything.
    Admin,
    /// Read.
    Reader,
    /// POST to cim-messages, nothing else.
    Connector,
}

/// An API key as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyOut {
    #[schema(value_type = schema::Id)]
    id: ApiKeyId,
    name: String,
    #[schema(value_type = RoleDoc)]
    role: Role,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    revoked_at: Option<Timestamp>,
    /// The key itself: shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl From<ApiKey> for ApiKeyOut {
    fn from(key: ApiKey) -> Self {
        let ApiKey {
            id,
            name,
            role,
            created_at,
            revoked_at,
            ..
        } = key;
        Self {
            id,
            name,
            role,
            created_at,
            revoked_at,
            key: None,
        }
    }
}

/// Create an API key
///
/// The answer shows it, once.
#[utoipa::path(
    post, path = "/v1/api-keys", operation_id = "createApiKey", tag = "API keys",
    request_body = ApiKeyIn, responses((status = 201, body = ApiKeyOut))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Input(ApiKeyIn { name, role }): Input<ApiKeyIn>,
) -> Result<Response, Problem> {
    let (key, text) = api_keys::create(&state.context, &caller.tenant, name.as_str(), role).await?;
    let out = ApiKeyOut::from(key);
    let kept = serde_json::to_string(&out).map_err(Problem::internal)?;
    let mut response = (
        StatusCode::CREATED,
        Json(ApiKeyOut {
            key: Some(text),
            ..out
        }),
    )
        .into_response();
    response.extensions_mut().insert(KeptBody(kept));
    Ok(response)
}

/// List the API keys, newest first
#[utoipa::path(
    get, path = "/v1/api-keys", operation_id = "listApiKeys", tag = "API keys",
    params(PageParams), responses((status = 200, body = Page<ApiKeyOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<ApiKeyOut>>, Problem> {
    let found = api_keys::list(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, ApiKeyOut::from))
}

/// Revoke an API key
///
/// It is refused everywhere within two seconds.
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", operation_id = "revokeApiKey", tag = "API keys",
    params(("id" = schema::Id, Path)), responses((status = 204))
)]
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    api_keys::revoke(&state.context, &caller.tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
