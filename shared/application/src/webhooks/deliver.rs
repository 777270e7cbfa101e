//! Delivering: the worker's use case.
//!
//! There is no claim before the call. A receiver must take repetitions anyway (each carries the same
//! `webhook-id`), and a claim would cost a third write per delivery. What bounds them instead: a
//! message makes at most one call; a delivery under way in this process is not begun again; and the
//! result is written only where nobody else has written one for that attempt. So a repetition needs
//! a repeated message that meets another worker within the time of one call, or a crash between call
//! and write, after which the sweep brings the delivery back.

use std::sync::Arc;

use domain::id::{EventId, TenantId, WebhookId};
use domain::time::{Millis, Timestamp};
use domain::webhook::delivery::{self, Delivery, DeliveryState, Target};
use domain::webhook::signature::{self, SigningKey};
use platform::web::{WebError, WebRequest};
use url::Url;

use super::deliveries::put;
use super::slots::Entry;
use super::{registry, signing, targets};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::store::{Stored, load};
use crate::{keys, settings, timers};

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

/// Handles a message about a delivery.
pub async fn deliver(
    context: &Context,
    tenant: &TenantId,
    webhook: &WebhookId,
    event: &EventId,
    generation: u64,
) -> Result<Outcome, Error> {
    let key = keys::delivery(tenant, webhook, event);
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
    let _slot = match context.caches.slots.enter(tenant, webhook, event, now) {
        Entry::Held(slot) => slot,
        Entry::Repeated => return Ok(Outcome::Void),
        Entry::Full(until) => {
            write(context, tenant, stored, |delivery| delivery.defer(until)).await?;
            return Ok(Outcome::Deferred);
        }
    };
    attempt(context, tenant, stored, &endpoint).await
}

/// Makes the call and writes down what became of it.
async fn attempt(
    context: &Context,
    tenant: &TenantId,
    stored: Stored<Delivery>,
    endpoint: &Endpoint,
) -> Result<Outcome, Error> {
    let began = context.now();
    let request = endpoint.request(&stored.value, began);
    let outcome = outcome(context.web.post(request).await);
    let webhook = stored.value.webhook.clone();
    let (ended, random) = (context.now(), context.bits());
    let state = write(context, tenant, stored, |delivery| {
        delivery.settle(&outcome, began, ended, random)
    })
    .await?;
    if targets::is_registered(&webhook) {
        registry::note(context, tenant, &webhook, outcome.sign()).await?;
    }
    Ok(Outcome::Attempted(state))
}

fn outcome(answer: Result<platform::web::WebResponse, WebError>) -> delivery::Outcome {
    match answer {
        Ok(response) => delivery::Outcome::Answered {
            status: response.status,
            retry_after: response.retry_after,
            excerpt: response.excerpt,
        },
        Err(WebError::Forbidden(_)) => delivery::Outcome::Forbidden,
        Err(WebError::Timeout(_)) => delivery::Outcome::TimedOut,
        Err(error @ (WebError::Connect(_) | WebError::Broken(_))) => delivery::Outcome::Unreachable {
            detail: error.to_string(),
        },
    }
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

/// Where a delivery goes, and what signs it.
struct Endpoint {
    url: Url,
    keys: Vec<Arc<SigningKey>>,
}

impl Endpoint {
    /// The endpoint of a delivery, as it stands now; none when it is not to be called any more.
    async fn of(
        context: &Context,
        tenant: &TenantId,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let url = match &delivery.target {
            Target::Webhook => return Self::registered(context, tenant, &delivery.webhook, now).await,
            Target::Callback { url } => url.clone(),
            Target::CxActivities => match &settings::recent(context, tenant).await?.value.cx_activities_url {
                Some(url) => url.clone(),
                None => return Ok(None),
            },
        };
        let signing = signing::of_callbacks(context, tenant).await?;
        Ok(Some(Self {
            url,
            keys: signing::keys(context, &signing, now).await?,
        }))
    }

    async fn registered(
        context: &Context,
        tenant: &TenantId,
        id: &WebhookId,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let callable = |all: &[Stored<super::Webhook>]| {
            let found = all
                .iter()
                .find(|stored| stored.value.id == *id && stored.value.is_enabled());
            found.map(|stored| (stored.value.definition.url.clone(), stored.value.signing.clone()))
        };
        let mut found = callable(&registry::recent(context, tenant).await?);
        if found.is_none() {
            // It may have been created, or enabled, since the list was read: dropping is for good.
            context.caches.webhooks.forget(tenant);
            found = callable(&registry::recent(context, tenant).await?);
        }
        let Some((url, signing)) = found else {
            return Ok(None);
        };
        Ok(Some(Self {
            url,
            keys: signing::keys(context, &signing, now).await?,
        }))
    }

    fn request(&self, delivery: &Delivery, at: Timestamp) -> WebRequest {
        let keys = self.keys.iter().map(Arc::as_ref);
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(signature::headers(
            keys,
            delivery.event.as_str(),
            at,
            &delivery.body,
        ));
        WebRequest {
            url: self.url.clone(),
            headers,
            body: delivery.body.clone(),
            timeout: TIMEOUT,
        }
    }
}
