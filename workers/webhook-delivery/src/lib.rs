//! The webhook delivery worker: messages about deliveries that are due.

use application::context::Context;
use application::error::Error;
use application::timers::TimerMessage;
use application::{keys, webhooks};
use runtime::fields;

/// Handles one message. What is no message about a delivery is dropped: it would never become one.
pub async fn handle(context: &Context, message: &str) -> Result<(), Error> {
    let Some(message) = TimerMessage::decode(message) else {
        tracing::error!("a message does not read; dropped");
        return Ok(());
    };
    let Some((tenant, webhook, event)) = keys::parse_delivery(&message.key()) else {
        tracing::error!("a message names no delivery; dropped");
        return Ok(());
    };
    tracing::Span::current()
        .record(fields::TENANT, tenant.as_str())
        .record(fields::WEBHOOK, webhook.as_str())
        .record(fields::EVENT, event.as_str());
    let outcome = webhooks::deliver(context, &tenant, &webhook, &event, message.generation).await?;
    tracing::info!({ fields::OUTCOME } = ?outcome, "delivered");
    Ok(())
}
