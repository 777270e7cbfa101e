//! The `webhooks` consumer of the change stream: what use cases announced becomes deliveries, and
//! goes out on the event bus.

use domain::time::Timestamp;
use platform::bus::{BusError, BusEvent};
use platform::changes::{Change, Consumer, ShardId};
use platform::table::TableError;
use serde::Serialize;

use super::deliveries::put;
use super::first::{self, Content, Telling};
use super::registry;
use super::targets::{self, Audience};
use crate::commit::MAX_TRIES;
use crate::context::Context;
use crate::error::Error;
use crate::events::{self, DomainEvent};
use crate::{keys, timers};

/// Deliveries told at once.
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
/// carry an event again, and so may a first call before a crash; it has the same id.
///
/// A crash between the write of a delivery and its message is made good by the sweep.
pub async fn consume(context: &Context, shard: &ShardId, changes: &[Change]) -> Result<(), Error> {
    consume_of_batch(context, shard, changes, context.now()).await
}

/// The same for a part of a batch that began at `began`: first calls are made for a while of the whole batch.
pub async fn consume_of_batch(
    context: &Context,
    _shard: &ShardId,
    changes: &[Change],
    began: Timestamp,
) -> Result<(), Error> {
    let mut tellings = Vec::new();
    let mut published = Vec::new();
    for change in changes {
        let Some(told) = events::told_once(context, Consumer::Webhooks, change) else {
            continue;
        };
        let content = Content::of(&told, change.version);
        let audience = Audience::of(context, &told).await?;
        for event in told.events_of(change.version, |kind| audience.wants(kind)) {
            for new in targets::of(context, &told, &event).await? {
                tellings.push(Telling::new(told.tenant(), new, content, context.now()));
            }
            if context.bus.is_heard() {
                published.push(bus_event(&event)?);
            }
        }
        if tellings.len() >= AT_ONCE {
            tell(context, std::mem::take(&mut tellings), began).await?;
        }
    }
    tell(context, tellings, began).await?;
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

/// Calls endpoints where that may be at once, and writes what came of it, each for itself.
async fn tell(context: &Context, new: Vec<Telling>, began: Timestamp) -> Result<(), Error> {
    let mut open = first::calls(context, new, began).await?;
    let signs: Vec<_> = open
        .iter()
        .filter_map(|telling| {
            Some((
                telling.tenant.clone(),
                telling.delivery.webhook.clone(),
                telling.sign?,
            ))
        })
        .collect();
    for _ in 0..MAX_TRIES {
        if open.is_empty() {
            for (tenant, webhook, sign) in signs {
                registry::note(context, &tenant, &webhook, sign).await?;
            }
            return Ok(());
        }
        open = write_once(context, open).await?;
    }
    Err(TableError::Conflict.into())
}

/// Writes once those that do not stand yet, and hands them over; what has to be tried again comes back.
async fn write_once(context: &Context, open: Vec<Telling>) -> Result<Vec<Telling>, Error> {
    let transactions: Vec<_> = open
        .iter()
        .map(|telling| Ok(vec![put(&telling.tenant, &telling.delivery, 0)?]))
        .collect::<Result<_, Error>>()?;
    let results = context.table.transact_each(transactions).await;
    let (mut again, mut near, mut failed) = (Vec::new(), Vec::new(), None);
    for (telling, result) in open.into_iter().zip(results) {
        let Telling { tenant, delivery, .. } = &telling;
        let key = keys::delivery(tenant, &delivery.webhook, &delivery.event);
        let timer = delivery.timer().map(|timer| (key, timer));
        match result {
            Ok(()) => near.extend(timer),
            // The change was told before.
            Err(TableError::ConditionFailed(_)) => {}
            Err(TableError::Conflict) => again.push(telling),
            Err(TableError::Unavailable(_)) => {
                // It may stand: then the next try finds it, and nobody else hands it over.
                near.extend(timer);
                again.push(telling);
            }
            Err(error) => failed = Some(error),
        }
    }
    timers::hand_over_near(context, near).await;
    failed.map_or(Ok(again), |error| Err(error.into()))
}
