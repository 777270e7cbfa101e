//! The dispatch worker: messages about due activities.

use application::context::Context;
use application::error::Error;
use application::timers::TimerMessage;
use application::{dispatch, keys};
use runtime::fields;

/// Handles one message. What is no message about an activity is dropped: it would never become one.
pub async fn handle(context: &Context, message: &str) -> Result<(), Error> {
    let Some(message) = TimerMessage::decode(message) else {
        tracing::error!("a message does not read; dropped");
        return Ok(());
    };
    let Some((tenant, id)) = keys::parse_activity(&message.key()) else {
        tracing::error!("a message names no activity; dropped");
        return Ok(());
    };
    let span = tracing::Span::current();
    span.record(fields::TENANT, tenant.as_str())
        .record(fields::ACTIVITY, id.as_str());
    let outcome = dispatch::due(context, &tenant, &id, message.generation).await?;
    tracing::info!({ fields::OUTCOME } = ?outcome, "dispatched");
    Ok(())
}
