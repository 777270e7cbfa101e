//! Who is told an event, and in which words.

use std::sync::Arc;

use domain::id::{CampaignId, TenantId, WebhookId};
use domain::time::Timestamp;
use domain::webhook::delivery::{NewDelivery, Target};
use serde_json::json;
use url::Url;

use super::model::Webhook;
use super::{cim, registry};
use crate::context::Context;
use crate::error::Error;
use crate::events::{DomainEvent, Told};
use crate::settings;
use crate::store::Stored;

/// Largest body of a call, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// What stands for a `callbackUrl` where deliveries are listed by endpoint.
pub fn callback_endpoint(url: &Url) -> WebhookId {
    WebhookId::derive(Timestamp::default(), &["callback", url.as_str()])
}

/// What stands for the CX Activities endpoint of a tenant where deliveries are listed by endpoint.
pub fn cx_activities_endpoint() -> WebhookId {
    WebhookId::derive(Timestamp::default(), &["cx-activities"])
}

/// Whether an endpoint has a record: those that only stand for one are derived from no instant.
pub(super) fn is_registered(id: &WebhookId) -> bool {
    !id.as_str().starts_with("whk_0000000000")
}

/// The event as the body of a call. One that is too large is told without its data: the receiver
/// can still ask for them.
pub(super) fn body(event: &DomainEvent) -> Result<String, Error> {
    let render = |event: &DomainEvent| {
        serde_json::to_string(event).map_err(|error| Error::Corrupt(format!("{}: {error}", event.id)))
    };
    let body = render(event)?;
    if body.len() <= MAX_BODY {
        return Ok(body);
    }
    render(&DomainEvent {
        data: json!({"omitted": "too-large"}),
        ..event.clone()
    })
}

fn delivery(event: &DomainEvent, webhook: WebhookId, target: Target, body: String) -> NewDelivery {
    NewDelivery {
        event: event.id.clone(),
        event_type: event.kind.clone(),
        webhook,
        target,
        body,
    }
}

/// Who listens to what happens to one item: asked before an event is made, which costs more.
pub(super) enum Audience {
    /// Somebody takes events of every type.
    All,
    /// At most these, of this campaign.
    Webhooks(Arc<Vec<Stored<Webhook>>>, Option<CampaignId>),
}

impl Audience {
    /// Of an item. A bus that is heard takes everything.
    pub(super) async fn of(context: &Context, told: &Told) -> Result<Self, Error> {
        if context.bus.is_heard() || takes_every_type(context, told).await? {
            return Ok(Self::All);
        }
        let webhooks = registry::recent(context, told.tenant()).await?;
        Ok(Self::Webhooks(webhooks, told.campaign().cloned()))
    }

    /// Whether anybody wants events of this type.
    pub(super) fn wants(&self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Webhooks(all, campaign) => all
                .iter()
                .any(|stored| stored.value.wants_of(kind, campaign.as_ref())),
        }
    }
}

/// Whether a callback of the activity, or CX Activities, is told whatever happens to an item.
async fn takes_every_type(context: &Context, told: &Told) -> Result<bool, Error> {
    Ok(match told {
        Told::Activity(activity) if activity.plan.callback_url.is_some() => true,
        Told::Activity(_) | Told::Message(..) => {
            let settings = settings::recent(context, told.tenant()).await?;
            settings.value.cx_activities_url.is_some()
        }
        _ => false,
    })
}

/// The deliveries of one event: to every endpoint that wants it, to the activity's callback, and to
/// CX Activities.
pub(super) async fn of(
    context: &Context,
    told: &Told,
    event: &DomainEvent,
) -> Result<Vec<NewDelivery>, Error> {
    let mut deliveries = Vec::new();
    let tenant: &TenantId = told.tenant();
    for stored in registry::recent(context, tenant)
        .await?
        .iter()
        .filter(|s| s.value.wants(event))
    {
        let id = stored.value.id.clone();
        deliveries.push(delivery(event, id, Target::Webhook, body(event)?));
    }
    if let Told::Activity(activity) = told
        && let Some(url) = &activity.plan.callback_url
    {
        let target = Target::Callback { url: url.clone() };
        deliveries.push(delivery(event, callback_endpoint(url), target, body(event)?));
    }
    if matches!(told, Told::Activity(_) | Told::Message(..))
        && settings::recent(context, tenant)
            .await?
            .value
            .cx_activities_url
            .is_some()
        && let Some(message) = cim::message(told, event)
    {
        let body = serde_json::to_string(&message).map_err(|error| Error::Corrupt(error.to_string()))?;
        deliveries.push(delivery(
            event,
            cx_activities_endpoint(),
            Target::CxActivities,
            body,
        ));
    }
    Ok(deliveries)
}
