//! The endpoint of a delivery, as it stands when it is called.

use std::sync::Arc;

use domain::id::{TenantId, WebhookId};
use domain::time::{Millis, Timestamp};
use domain::webhook::delivery::{Delivery, Outcome, Target};
use domain::webhook::signature::{self, SigningKey};
use platform::web::{WebError, WebRequest, WebResponse};
use url::Url;

use super::{registry, signing};
use crate::context::Context;
use crate::error::Error;
use crate::settings;
use crate::store::Stored;

/// What people are told of a call that could not be signed; the cause is the service's own matter.
const UNSIGNED: &str = "the call was not made: what signs it could not be read";

/// Where a delivery goes, and what signs it.
pub(super) struct Endpoint {
    url: Url,
    keys: Result<Keys, Error>,
}

type Keys = Vec<Arc<SigningKey>>;

impl Endpoint {
    /// The endpoint of a delivery, as it stands now; none when it is not to be called any more.
    pub(super) async fn of(
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
        let keys = async {
            let signing = signing::of_callbacks(context, tenant).await?;
            signing::keys(context, &signing, now).await
        };
        Ok(Some(Self {
            url,
            keys: keys.await,
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
            keys: signing::keys(context, &signing, now).await,
        }))
    }

    /// Calls it. A call that cannot be signed has not reached it: that is tried again by the schedule,
    /// and comes to an end like all others.
    pub(super) async fn call(&self, context: &Context, delivery: &Delivery, timeout: Millis) -> Call {
        let began = context.now();
        let outcome = match &self.keys {
            Ok(keys) => {
                let request = self.request(keys, delivery, began, timeout);
                outcome(context.web.post(request).await)
            }
            Err(error) => {
                tracing::warn!(%error, webhook = delivery.webhook.as_str(), "a call could not be signed");
                Outcome::Unreachable {
                    detail: UNSIGNED.into(),
                }
            }
        };
        Call {
            outcome,
            began,
            ended: context.now(),
        }
    }

    fn request(
        &self,
        keys: &[Arc<SigningKey>],
        delivery: &Delivery,
        at: Timestamp,
        timeout: Millis,
    ) -> WebRequest {
        let keys = keys.iter().map(Arc::as_ref);
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
            timeout,
        }
    }
}

/// A call that was made.
pub(super) struct Call {
    pub(super) outcome: Outcome,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
}

fn outcome(answer: Result<WebResponse, WebError>) -> Outcome {
    match answer {
        Ok(response) => Outcome::Answered {
            status: response.status,
            retry_after: response.retry_after,
            excerpt: response.excerpt,
        },
        Err(WebError::Forbidden(_)) => Outcome::Forbidden,
        Err(WebError::Timeout(_)) => Outcome::TimedOut,
        Err(error @ (WebError::Connect(_) | WebError::Broken(_))) => Outcome::Unreachable {
            detail: error.to_string(),
        },
    }
}
