//! What the flow worker handles: conversations that waited, jobs, and orphans to match again.

use domain::id::TenantId;

use crate::context::Context;
use crate::error::Error;
use crate::timers::TimerMessage;
use crate::{conversations, jobs, keys, receipts};

/// Handles a message about a timer of the flow queue. A message about anything else is void.
pub async fn due(context: &Context, message: &TimerMessage) -> Result<(), Error> {
    let key = message.key();
    if let Some((tenant, id)) = keys::parse_conversation(&key) {
        return conversations::timer_due(context, &tenant, &id, message.generation).await;
    }
    if let Some((tenant, name)) = jobs::of_key(&key) {
        return jobs::due(context, &tenant, name, message.generation).await;
    }
    if let Some(tenant) = key
        .partition
        .strip_suffix("#O")
        .and_then(|tenant| TenantId::parse(tenant).ok())
    {
        return receipts::orphan_due(context, &tenant, &key.sort).await;
    }
    tracing::warn!(
        partition = key.partition,
        "a message names no timer that this worker handles"
    );
    Ok(())
}
