//! The flow worker: conversations that waited, campaign starts, imports, and receipts to match again.

use application::context::Context;
use application::error::Error;
use application::timers::TimerMessage;
use application::waits;

/// Handles one message. What does not read is dropped: it never will.
pub async fn handle(context: &Context, message: &str) -> Result<(), Error> {
    match TimerMessage::decode(message) {
        Some(message) => waits::due(context, &message).await,
        None => {
            tracing::error!("a message does not read; dropped");
            Ok(())
        }
    }
}
