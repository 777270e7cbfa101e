//! The flow worker: conversations that waited, campaign starts, imports, and receipts to match again.

use application::context::Context;
use application::error::Error;
use application::timers::TimerMessage;
use application::{keys, waits};
use runtime::fields;

/// Handles one message. What does not read is dropped: it never will.
pub async fn handle(context: &Context, message: &str) -> Result<(), Error> {
    let Some(message) = TimerMessage::decode(message) else {
        tracing::error!("a message does not read; dropped");
        return Ok(());
    };
    if let Some((tenant, conversation)) = keys::parse_conversation(&message.key()) {
        tracing::Span::current()
            .record(fields::TENANT, tenant.as_str())
            .record(fields::CONVERSATION, conversation.as_str());
    }
    waits::due(context, &message).await
}
