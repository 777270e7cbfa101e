//! Delivering: the worker's use case.
//!
//! There is no claim before the call. A receiver must take repetitions anyway (each carries the same
//! `webhook-id`), and a claim would cost one more write per delivery. What bounds them instead: a
//! message makes at most one call; a delivery under way in this process is not begun again; and the
//! result is written only where nobody else has written one for that attempt. So a repetition needs
//! a repeated message that meets another worker within the time of one call, or a crash between call
//! and write, after which the sweep brings the delivery back.

use domain::id::{EventId, TenantId, WebhookId};
use domain::time::Millis;
use domain::timer::Timer;
use domain::webhook::delivery::{Delivery, DeliveryState};

use super::deliveries::put;
use super::endpoint::Endpoint;
use super::registry;
use super::slots::{Entry, Slot};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::store::{Stored, load};
use crate::timers::{self, SELF_SENT};
use crate::{keys, measures};

/// How long a call may take.
const TIMEOUT: Millis = Millis::seconds(15);
/// A message that comes this much too early is handed over again: queues count in whole seconds.
/// What is early by more is a repetition from before a retry was set.
const EARLY: Millis = Millis::seconds(2);

/// What a message about a delivery led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to do: it ended, was started anew, is under way, or waits for a later moment.
    Void,
    /// Too early by a moment: another message comes.
    Later,
    /// Too many calls to its endpoint are under way: it waits for its turn.
    Deferred,
    /// Its endpoint is deleted or disabled: nobody waits for it.
    Dropped,
    /// A call was made; the delivery stands there now.
    Attempted(DeliveryState),
}

impl Outcome {
    /// The name in measures; calls are told by the state that they led to.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Later => "later",
            Self::Deferred => "deferred",
            Self::Dropped => "dropped",
            Self::Attempted(state) => state.name(),
        }
    }
}

/// Handles a message about a delivery.
pub async fn deliver(
    context: &Context,
    tenant: &TenantId,
    webhook: &WebhookId,
    event: &EventId,
    generation: u64,
) -> Result<Outcome, Error> {
    let outcome = handled(context, tenant, webhook, event, generation).await?;
    measures::delivered(outcome.name());
    Ok(outcome)
}

async fn handled(
    context: &Context,
    tenant: &TenantId,
    webhook: &WebhookId,
    event: &EventId,
    generation: u64,
) -> Result<Outcome, Error> {
    let key = keys::delivery(tenant, webhook, event);
    loop {
        let Some(stored) = load::<Delivery>(context.table.as_ref(), &key).await? else {
            return Ok(Outcome::Void);
        };
        let now = context.now();
        let Some(timer) = stored
            .value
            .timer()
            .filter(|timer| timer.generation == generation)
        else {
            return Ok(Outcome::Void);
        };
        if timer.at > now {
            let soon = timer.at <= now + EARLY;
            if soon {
                timers::hand_over_near(context, vec![(key, timer)]).await;
            }
            return Ok(if soon { Outcome::Later } else { Outcome::Void });
        }
        let Some(endpoint) = Endpoint::of(context, tenant, &stored.value, now).await? else {
            write(context, tenant, stored, |delivery| delivery.drop_it(now)).await?;
            return Ok(Outcome::Dropped);
        };
        let slots = &context.caches.slots;
        let is_soon = |until| until <= now + SELF_SENT && slots.is_quick(tenant, webhook, now);
        let slot = match slots.enter(tenant, webhook, event, now) {
            Entry::Held(slot) => slot,
            Entry::Repeated => return Ok(Outcome::Void),
            // Told or not: what was read is old by then.
            Entry::Soon(told) => {
                let _ = told.await;
                continue;
            }
            // Soon enough that it need not be written down: should the message be lost, the sweep finds it.
            Entry::Full(until) if is_soon(until) => {
                timers::hand_over_near(context, vec![(key, Timer { at: until, ..timer })]).await;
                return Ok(Outcome::Deferred);
            }
            Entry::Full(until) => {
                write(context, tenant, stored, |delivery| delivery.defer(until)).await?;
                return Ok(Outcome::Deferred);
            }
        };
        return attempt(context, tenant, stored, &endpoint, slot).await;
    }
}

/// Makes the call and writes down what became of it.
async fn attempt(
    context: &Context,
    tenant: &TenantId,
    stored: Stored<Delivery>,
    endpoint: &Endpoint,
    mut slot: Slot,
) -> Result<Outcome, Error> {
    let webhook = stored.value.webhook.clone();
    let call = endpoint.call(context, &stored.value, TIMEOUT).await;
    let (sign, took) = (call.outcome.sign(), call.ended.since(call.began));
    let slots = &context.caches.slots;
    slots.note(tenant, &webhook, sign, took, call.ended);
    slot.end_call();
    let random = context.bits();
    let state = write(context, tenant, stored, |delivery| {
        delivery.settle(&call.outcome, call.began, call.ended, random)
    })
    .await?;
    registry::note(context, tenant, &webhook, sign).await?;
    Ok(Outcome::Attempted(state))
}

/// Writes what follows for a delivery, unless somebody else has written what followed from the same
/// attempt. The sweep may move its due key meanwhile; that is no reason to lose a result.
async fn write(
    context: &Context,
    tenant: &TenantId,
    read: Stored<Delivery>,
    follow: impl Fn(Delivery) -> Delivery,
) -> Result<DeliveryState, Error> {
    let place = |delivery: &Delivery| (delivery.generation, delivery.attempts, delivery.state);
    let before = place(&read.value);
    let key = keys::delivery(tenant, &read.value.webhook, &read.value.event);
    let mut read = Some(read);
    commit(context, || {
        let known = read.take();
        let (key, follow) = (&key, &follow);
        async move {
            let stored = match known {
                Some(stored) => Some(stored),
                None => load::<Delivery>(context.table.as_ref(), key).await?,
            };
            let Some(Stored { value, version }) = stored else {
                return Ok(Decision::nothing(DeliveryState::Dropped));
            };
            if place(&value) != before {
                return Ok(Decision::nothing(value.state));
            }
            let after = follow(value);
            let write = put(tenant, &after, version)?;
            Ok(Decision::nothing(after.state).and(write))
        }
    })
    .await
}
