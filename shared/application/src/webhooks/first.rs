//! The first call of a delivery, made by the consumer of the change stream before the delivery is
//! written: one that is taken at once costs one write instead of two, no entry in the due index and
//! no message.
//!
//! Until the delivery is written, the change is the obligation: it comes again after a crash, and so
//! does the call, with the same id. Calls are made only where nobody has to wait for them for long:
//! to endpoints that were quick lately, and within [`BUDGET`] of a batch. Everything else is written as
//! pending, and the worker makes its first call.

use domain::id::TenantId;
use domain::time::{Millis, Timestamp};
use domain::webhook::delivery::{Delivery, NewDelivery, Outcome as CallOutcome};
use domain::webhook::health::Sign;
use futures::StreamExt;
use futures::stream;
use platform::table::Consistency;

use super::deliver::Outcome;
use super::endpoint::Endpoint;
use super::slots::FIRST_AT_ONCE;
use crate::context::Context;
use crate::error::Error;
use crate::events::Told;
use crate::{keys, measures};

/// How long a first call may take. One that takes longer is made again by the worker, with more patience:
/// it says that the endpoint is slow, not that it fails.
const TIMEOUT: Millis = Millis::seconds(2);
/// For how long first calls are begun in one batch, from its beginning on. What is left is written as pending.
const BUDGET: Millis = Millis::new(500);

/// Whether a delivery's content can be another when its change comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// It cannot: it may be told before it is written.
    Fixed,
    /// It can: it is written first, so that it is told in one way only.
    Open,
}

impl Content {
    /// Of what a version tells. An activity's events name its plan as it stands when they are told, so
    /// they are fixed once the plan is; an endpoint may be described anew.
    pub(super) fn of(told: &Told, version: u64) -> Self {
        let is_fixed = match told {
            Told::Activity(activity) => {
                let mut events = activity.log.added_by(version);
                !activity.state.is_revisable() && events.all(|(_, event)| !event.to.is_revisable())
            }
            Told::Webhook(_) => false,
            Told::Conversation(_) | Told::Campaign(_) | Told::Message(..) => true,
            // Its skill groups may change meanwhile.
            Told::Agent(_) => false,
        };
        if is_fixed { Self::Fixed } else { Self::Open }
    }
}

/// A delivery on its way to be written.
#[derive(Clone)]
pub(super) struct Telling {
    pub(super) tenant: TenantId,
    pub(super) delivery: Delivery,
    content: Content,
    /// What a first call said about the endpoint.
    pub(super) sign: Option<Sign>,
}

impl Telling {
    pub(super) fn new(tenant: &TenantId, new: NewDelivery, content: Content, now: Timestamp) -> Self {
        Self {
            tenant: tenant.clone(),
            delivery: Delivery::new(new, now),
            content,
            sign: None,
        }
    }
}

/// Makes first calls where that may be, and leaves out what was told before. A batch may come in parts: all of them
/// have one budget.
pub(super) async fn calls(
    context: &Context,
    all: Vec<Telling>,
    batch_began: Timestamp,
) -> Result<Vec<Telling>, Error> {
    let now = context.now();
    let (mut callable, mut rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|telling| {
        let Telling { tenant, delivery, .. } = telling;
        let slots = &context.caches.slots;
        telling.content == Content::Fixed && slots.is_quick(tenant, &delivery.webhook, now)
    });
    let wanted: Vec<_> = callable
        .iter()
        .map(|Telling { tenant, delivery, .. }| keys::delivery(tenant, &delivery.webhook, &delivery.event))
        .collect();
    if wanted.is_empty() {
        return Ok(rest);
    }
    // A moment old will do: the worst is a repeated call.
    let standing = context.table.get_many(&wanted, Consistency::Eventual).await?;
    let mut stands = standing.iter().map(Option::is_some);
    callable.retain(|_| !stands.next().unwrap_or(false));
    let called: Vec<Telling> = stream::iter(callable)
        .map(|telling| call(context, telling, batch_began + BUDGET))
        .buffered(FIRST_AT_ONCE)
        .collect()
        .await;
    rest.extend(called);
    Ok(rest)
}

/// Makes the first call, unless the time is up, or the endpoint is slow, busy or gone. One whose endpoint
/// cannot be read is left to the worker: those that were called must be written all the same.
async fn call(context: &Context, telling: Telling, until: Timestamp) -> Telling {
    let now = context.now();
    let Telling { tenant, delivery, .. } = &telling;
    let slots = &context.caches.slots;
    if now >= until || !slots.is_quick(tenant, &delivery.webhook, now) {
        return telling;
    }
    let endpoint = match Endpoint::of(context, tenant, delivery, now).await {
        Ok(Some(endpoint)) => endpoint,
        Ok(None) => return telling,
        Err(error) => {
            tracing::warn!(%error, webhook = delivery.webhook.as_str(), "an endpoint could not be read");
            return telling;
        }
    };
    let Some(_slot) = slots.enter_first(tenant, &delivery.webhook, &delivery.event) else {
        return telling;
    };
    let call = endpoint.call(context, delivery, TIMEOUT).await;
    let sign = call.outcome.sign();
    let took = call.ended.since(call.began);
    slots.note(tenant, &delivery.webhook, sign, took, call.ended);
    if call.outcome == CallOutcome::TimedOut {
        return telling;
    }
    let settled = telling
        .delivery
        .settle(&call.outcome, call.began, call.ended, context.bits());
    measures::delivered(Outcome::Attempted(settled.state).name());
    Telling {
        delivery: settled,
        sign: Some(sign),
        ..telling
    }
}
