//! Whether the service works.

use axum::Json;
use axum::extract::State;
use platform::table::{Consistency, Key};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::ApiState;

/// The service works.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthOut {
    /// `ok`.
    status: &'static str,
    /// The version of the program.
    version: &'static str,
}

/// Ask whether the service works
///
/// Reads from the table. Needs no API key.
#[utoipa::path(
    get, path = "/v1/health", operation_id = "getHealth", tag = "health", security(()),
    responses((status = 200, body = HealthOut))
)]
pub(crate) async fn health(State(state): State<ApiState>) -> Result<Json<HealthOut>, Problem> {
    let key = Key::new("health", "health");
    state
        .context
        .table
        .get(&key, Consistency::Eventual)
        .await
        .map_err(Problem::unavailable)?;
    Ok(Json(HealthOut {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    }))
}
