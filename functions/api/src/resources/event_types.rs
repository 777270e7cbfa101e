//! The event types that webhooks can subscribe to.

use application::events::EVENT_TYPES;
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The event types.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventTypesOut {
    /// Such as `activity.delivered`.
    data: Vec<&'static str>,
}

/// List the event types
#[utoipa::path(
    get, path = "/v1/event-types", operation_id = "listEventTypes", tag = "webhooks",
    responses((status = 200, body = EventTypesOut))
)]
pub(crate) async fn list() -> Json<EventTypesOut> {
    Json(EventTypesOut {
        data: EVENT_TYPES.to_vec(),
    })
}
