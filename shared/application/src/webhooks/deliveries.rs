//! Deliveries as people see them: listed, looked at, started anew.

use domain::id::{EventId, TenantId, WebhookId};
use domain::webhook::delivery::{Delivery, DeliveryState, NewDelivery, Target};
use platform::table::Write;
use serde_json::json;

use super::{registry, targets};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::events::DomainEvent;
use crate::keys;
use crate::listing::{Listing, MAX_LIMIT, Shards};
use crate::store::{Put, Stored, load};

/// How many deliveries one page of a list looks at when it filters. Then it ends early, with a cursor.
const MAX_EXAMINED: usize = 1_000;

/// The write of a delivery in a new version.
pub(super) fn put(tenant: &TenantId, delivery: &Delivery, version_before: u64) -> Result<Write, Error> {
    let key = keys::delivery(tenant, &delivery.webhook, &delivery.event);
    let put = Put::over(key, delivery, version_before).due(delivery.timer());
    match delivery.expires() {
        Some(expires) => put.expires(expires).write(),
        None => put.write(),
    }
}

/// What callbacks and the CX Activities sink are told is listed though they have no record.
async fn check_endpoint(context: &Context, tenant: &TenantId, webhook: &WebhookId) -> Result<(), Error> {
    if targets::is_registered(webhook) {
        registry::get(context, tenant, webhook).await?;
    }
    Ok(())
}

/// One page of an endpoint's deliveries, newest event first, of one state or of all.
pub async fn list_deliveries(
    context: &Context,
    tenant: &TenantId,
    webhook: &WebhookId,
    state: Option<DeliveryState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<Delivery>>, Error> {
    check_endpoint(context, tenant, webhook).await?;
    let limit = limit.clamp(1, MAX_LIMIT);
    let shards = Shards::one(keys::deliveries(tenant, webhook));
    let mut page = Listing {
        data: Vec::new(),
        next: cursor.map(str::to_owned),
    };
    let mut examined = 0;
    loop {
        let asked = limit - page.data.len();
        let more = shards
            .values::<Delivery>(context, page.next.as_deref(), asked)
            .await?;
        // An empty page has been looked at, too.
        examined += more.data.len().max(1);
        page.data.extend(
            more.data
                .into_iter()
                .filter(|s| state.is_none_or(|state| s.value.state == state)),
        );
        page.next = more.next;
        if page.next.is_none() || page.data.len() >= limit || examined >= MAX_EXAMINED {
            return Ok(page);
        }
    }
}

/// Reads one delivery.
pub async fn delivery(
    context: &Context,
    tenant: &TenantId,
    webhook: &WebhookId,
    event: &EventId,
) -> Result<Stored<Delivery>, Error> {
    load(context.table.as_ref(), &keys::delivery(tenant, webhook, event))
        .await?
        .ok_or_else(|| Error::not_found("delivery", event))
}

/// Delivers again, now, whatever became of it before, with the whole schedule before it.
pub async fn redeliver(
    context: &Context,
    tenant: &TenantId,
    webhook: &WebhookId,
    event: &EventId,
) -> Result<Stored<Delivery>, Error> {
    check_callable(context, tenant, webhook).await?;
    commit(context, || async {
        let Stored { value, version } = delivery(context, tenant, webhook, event).await?;
        let value = value.redeliver(context.now());
        let write = put(tenant, &value, version)?;
        Ok(Decision::nothing(Stored {
            value,
            version: version + 1,
        })
        .and(write))
    })
    .await
}

async fn check_callable(context: &Context, tenant: &TenantId, webhook: &WebhookId) -> Result<(), Error> {
    if targets::is_registered(webhook) && !registry::get(context, tenant, webhook).await?.value.is_enabled() {
        return Err(Error::conflict(
            "webhook-disabled",
            "the webhook is disabled; enable it first",
        ));
    }
    Ok(())
}

/// Sends a `webhook.test` event to an endpoint, whatever its filter, by the same path as all others.
pub async fn test(
    context: &Context,
    tenant: &TenantId,
    webhook: &WebhookId,
    event: EventId,
) -> Result<Stored<Delivery>, Error> {
    registry::get(context, tenant, webhook).await?;
    check_callable(context, tenant, webhook).await?;
    let key = keys::delivery(tenant, webhook, &event);
    commit(context, || async {
        if let Some(stands) = load::<Delivery>(context.table.as_ref(), &key).await? {
            return Ok(Decision::nothing(stands));
        }
        let now = context.now();
        let told = DomainEvent {
            id: event.clone(),
            kind: "webhook.test".into(),
            timestamp: now,
            tenant_id: tenant.clone(),
            campaign_id: None,
            customer_id: None,
            data: json!({"webhookId": webhook, "message": "It works."}),
        };
        let new = NewDelivery {
            event: told.id.clone(),
            event_type: told.kind.clone(),
            webhook: webhook.clone(),
            target: Target::Webhook,
            body: targets::body(&told)?,
        };
        let value = Delivery::new(new, now);
        let write = put(tenant, &value, 0)?;
        Ok(Decision::nothing(Stored { value, version: 1 }).and(write))
    })
    .await
}
