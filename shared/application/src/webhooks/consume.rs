//! The `webhooks` consumer of the change stream: what use cases announced becomes deliveries, and
//! goes out on the event bus.

use domain::id::TenantId;
use domain::webhook::delivery::{Delivery, NewDelivery};
use platform::bus::{BusError, BusEvent};
use platform::changes::{Change, ShardId};
use platform::table::TableError;
use serde::Serialize;

use super::deliveries::put;
use super::targets;
use crate::commit::MAX_TRIES;
use crate::context::Context;
use crate::error::Error;
use crate::events::{self, DomainEvent};
use crate::{keys, timers};

/// Deliveries written at once.
const AT_ONCE: usize = 1_000;

/// An event as the bus carries it: the event's own fields, and the version of this shape.
///
/// ```json
/// {"version": 1, "id": "evt_...", "type": "activity.sent", "timestamp": "2026-11-23T09:30:00.000Z",
///  "tenantId": "...", "campaignId": "...", "customerId": "...", "data": {}}
/// ```
///
/// Fields may be added within a version; `detail-type` is the event's type.
#[derive(Clone, Debug, Serialize)]
pub struct BusDetail<'a> {
    version: u32,
    #[serde(flatten)]
    event: &'a DomainEvent,
}

impl<'a> BusDetail<'a> {
    /// The present shape of an event.
    pub fn new(event: &'a DomainEvent) -> Self {
        Self { version: 1, event }
    }
}

/// Takes in a batch of changes of one shard, in order. Repeating it, or any part of it, tells every
/// endpoint each event once all the same: a delivery is found by endpoint and event. The bus may
/// carry an event again; it has the same id.
///
/// A crash between the write of a delivery and its message is made good by the sweep.
pub async fn consume(context: &Context, _shard: &ShardId, changes: &[Change]) -> Result<(), Error> {
    let mut deliveries = Vec::new();
    let mut published = Vec::new();
    for change in changes {
        let Some(told) = events::told(change) else {
            continue;
        };
        for event in told.events(change.version) {
            for new in targets::of(context, &told, &event).await? {
                deliveries.push((told.tenant().clone(), new));
            }
            published.push(bus_event(&event)?);
        }
        if deliveries.len() >= AT_ONCE {
            write(context, std::mem::take(&mut deliveries)).await?;
        }
    }
    write(context, deliveries).await?;
    publish(context, published).await
}

fn bus_event(event: &DomainEvent) -> Result<BusEvent, Error> {
    let detail = serde_json::to_string(&BusDetail::new(event));
    let detail = detail.map_err(|error| Error::Corrupt(format!("{}: {error}", event.id)))?;
    Ok(BusEvent {
        detail_type: event.kind.clone(),
        detail,
    })
}

async fn publish(context: &Context, events: Vec<BusEvent>) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let published = context.bus.publish(events).await;
    published.map_err(|error @ BusError::Unavailable(_)| Error::Platform(error.to_string()))
}

/// Writes deliveries that do not stand yet, each for itself, and hands them over.
async fn write(context: &Context, new: Vec<(TenantId, NewDelivery)>) -> Result<(), Error> {
    let now = context.now();
    let mut open: Vec<(TenantId, Delivery)> = new
        .into_iter()
        .map(|(tenant, new)| (tenant, Delivery::new(new, now)))
        .collect();
    for _ in 0..MAX_TRIES {
        if open.is_empty() {
            return Ok(());
        }
        open = write_once(context, open).await?;
    }
    Err(TableError::Conflict.into())
}

/// Writes once; what has to be tried again comes back.
async fn write_once(
    context: &Context,
    open: Vec<(TenantId, Delivery)>,
) -> Result<Vec<(TenantId, Delivery)>, Error> {
    let transactions: Vec<_> = open
        .iter()
        .map(|(tenant, delivery)| Ok(vec![put(tenant, delivery, 0)?]))
        .collect::<Result<_, Error>>()?;
    let results = context.table.transact_each(transactions).await;
    let (mut again, mut near, mut failed) = (Vec::new(), Vec::new(), None);
    for ((tenant, delivery), result) in open.into_iter().zip(results) {
        let key = keys::delivery(&tenant, &delivery.webhook, &delivery.event);
        match result {
            Ok(()) => near.extend(delivery.timer().map(|timer| (key, timer))),
            // The change was told before.
            Err(TableError::ConditionFailed(_)) => {}
            Err(TableError::Conflict) => again.push((tenant, delivery)),
            Err(TableError::Unavailable(_)) => {
                // It may stand: then the next try finds it, and nobody else hands it over.
                near.extend(delivery.timer().map(|timer| (key, timer)));
                again.push((tenant, delivery));
            }
            Err(error) => failed = Some(error),
        }
    }
    timers::hand_over_near(context, near).await;
    failed.map_or(Ok(again), |error| Err(error.into()))
}
