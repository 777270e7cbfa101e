//! Registering endpoints, changing them, replacing their secrets.

use std::sync::Arc;

use domain::activity::Writing;
use domain::id::{CampaignId, TenantId, WebhookId};
use domain::log::Log;
use domain::webhook::filter::EventFilter;
use domain::webhook::health::{Course, DisabledReason, Health, Sign};
use platform::table::{Condition, Write};
use url::Url;

use super::model::{Definition, MAX_WEBHOOKS, Webhook, WebhookState};
use super::signing::{self, Signing};
use super::targets;
use crate::activities::writing;
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::expected::{Expected, expect_version};
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};
use crate::{campaigns, keys};

/// The write of an endpoint in a new version.
fn put(webhook: &Webhook, version_before: u64) -> Result<Write, Error> {
    Put::over(
        keys::webhook(&webhook.tenant, &webhook.id),
        webhook,
        version_before,
    )
    .announced(webhook.log.added_by(version_before + 1).next().is_some())
    .write()
}

fn decided(webhook: Webhook, version_before: u64) -> Result<Decision<Stored<Webhook>>, Error> {
    let write = put(&webhook, version_before)?;
    Ok(Decision::one(
        write,
        Stored {
            value: webhook,
            version: version_before + 1,
        },
    ))
}

/// A new endpoint, and its secret: the only time that it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    /// The endpoint.
    pub webhook: Stored<Webhook>,
    /// What signs: `whsec_...`.
    pub secret: String,
}

/// Registers an endpoint. A repetition of the same request answers with what stands.
pub async fn create(
    context: &Context,
    tenant: &TenantId,
    id: WebhookId,
    definition: Definition,
) -> Result<Created, Error> {
    definition.check()?;
    let (name, _) = signing::make(context, tenant, id.as_str()).await?;
    let created = commit(context, || async {
        let all = list(context, tenant).await?;
        if let Some(stands) = all.iter().find(|stored| stored.value.id == id) {
            return Ok(Decision::nothing(stands.clone()));
        }
        if all.len() >= MAX_WEBHOOKS {
            let detail = format!("there are {MAX_WEBHOOKS} webhooks already; delete one first");
            return Err(Error::conflict("too-many-webhooks", detail));
        }
        check_campaign(context, tenant, definition.campaign_id.as_ref()).await?;
        let webhook = Webhook {
            id: id.clone(),
            tenant: tenant.clone(),
            definition: definition.clone(),
            state: WebhookState::Enabled,
            created_at: context.now(),
            signing: Signing::new(&name),
            health: Health::default(),
            log: Log::default(),
        };
        decided(webhook, 0)
    })
    .await;
    let webhook = signing::unless_named(context, name.clone(), created).await?;
    if webhook.value.signing.current() != name {
        signing::forget(context, vec![name]).await;
    }
    context.caches.webhooks.forget(tenant);
    let key = signing::key(context, webhook.value.signing.current()).await?;
    Ok(Created {
        webhook,
        secret: key.text(),
    })
}

/// An endpoint that is bound to a campaign that is not there would be told nothing, without a word.
async fn check_campaign(
    context: &Context,
    tenant: &TenantId,
    campaign: Option<&CampaignId>,
) -> Result<(), Error> {
    let Some(id) = campaign else { return Ok(()) };
    match campaigns::get(context, tenant, id).await {
        Err(Error::NotFound { .. }) => {
            let detail = format!("names no campaign: there is no {id}");
            Err(Error::field("/campaignId", detail))
        }
        found => found.map(|_| ()),
    }
}

/// Reads one endpoint.
pub async fn get(context: &Context, tenant: &TenantId, id: &WebhookId) -> Result<Stored<Webhook>, Error> {
    load(context.table.as_ref(), &keys::webhook(tenant, id))
        .await?
        .ok_or_else(|| Error::not_found("webhook", id))
}

fn listed(tenant: &TenantId) -> Shards {
    Shards::one(keys::webhooks(tenant)).ascending()
}

/// All endpoints of a tenant, in the order of their ids.
pub async fn list(context: &Context, tenant: &TenantId) -> Result<Vec<Stored<Webhook>>, Error> {
    listed(tenant).whole(context).await
}

/// One page of them.
pub async fn page(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<Webhook>>, Error> {
    listed(tenant).values(context, cursor, limit).await
}

/// All endpoints of a tenant, at most a moment old.
pub(super) async fn recent(context: &Context, tenant: &TenantId) -> Result<Arc<Vec<Stored<Webhook>>>, Error> {
    let read = async { list(context, tenant).await.map(Arc::new) };
    context.caches.webhooks.get(tenant, context.now(), read).await
}

/// What a change asks for; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// A new URL.
    pub url: Option<Url>,
    /// New event types.
    pub event_types: Option<EventFilter>,
    /// A new campaign; `Some(None)` for all of them.
    pub campaign_id: Option<Option<CampaignId>>,
    /// A new description.
    pub description: Option<String>,
    /// Whether it is told anything. Enabling forgets its failures.
    pub enabled: Option<bool>,
}

impl Revision {
    fn apply(&self, webhook: &mut Webhook, writing: Writing) {
        let definition = &mut webhook.definition;
        if let Some(url) = &self.url {
            definition.url = url.clone();
        }
        if let Some(event_types) = &self.event_types {
            definition.event_types = event_types.clone();
        }
        if let Some(campaign_id) = &self.campaign_id {
            definition.campaign_id = campaign_id.clone();
        }
        if let Some(description) = &self.description {
            definition.description = description.clone();
        }
        match (self.enabled, webhook.is_enabled()) {
            (Some(true), false) => webhook.enable(),
            (Some(false), true) => webhook.disable(DisabledReason::Requested, writing),
            _ => {}
        }
    }
}

/// Changes an endpoint.
pub async fn change(
    context: &Context,
    tenant: &TenantId,
    id: &WebhookId,
    expected: Option<Expected>,
    revision: Revision,
) -> Result<Stored<Webhook>, Error> {
    let campaign = revision.campaign_id.as_ref().and_then(Option::as_ref);
    check_campaign(context, tenant, campaign).await?;
    let stored = commit(context, || async {
        let Stored {
            value: before,
            version,
        } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        let mut webhook = before.clone();
        revision.apply(&mut webhook, writing(context, version));
        webhook.definition.check()?;
        Decision::replace(Some(&before), webhook, version, |webhook| put(webhook, version))
    })
    .await?;
    context.caches.webhooks.forget(tenant);
    Ok(stored)
}

/// Deletes an endpoint and its secrets. What it was still to be told is dropped.
pub async fn delete(
    context: &Context,
    tenant: &TenantId,
    id: &WebhookId,
    expected: Option<Expected>,
) -> Result<(), Error> {
    let signing = commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        let key = keys::webhook(tenant, id);
        Ok(Decision::one(
            Write::Delete {
                key,
                condition: Condition::Version(version),
            },
            value.signing,
        ))
    })
    .await?;
    context.caches.webhooks.forget(tenant);
    signing::forget(context, signing.into_names()).await;
    Ok(())
}

/// Replaces the secret of an endpoint. The old one signs along for [`signing::RETIRED_FOR`].
pub async fn rotate_secret(
    context: &Context,
    tenant: &TenantId,
    id: &WebhookId,
    expected: Option<Expected>,
) -> Result<Created, Error> {
    // Nothing is made for an endpoint that is not there.
    get(context, tenant, id).await?;
    let (name, key) = signing::make(context, tenant, id.as_str()).await?;
    let rotated = commit(context, || async {
        let stored = get(context, tenant, id).await?;
        if stored.value.signing.current() == name {
            // Our own write, whose answer was lost.
            return Ok(Decision::nothing((stored, Vec::new())));
        }
        expect_version(expected, stored.version)?;
        let Stored {
            value: webhook,
            version,
        } = stored;
        let (signing, gone) = webhook.signing.rotate(&name, context.now());
        Ok(decided(Webhook { signing, ..webhook }, version)?.map(|stored| (stored, gone)))
    })
    .await;
    let (webhook, gone) = signing::unless_named(context, name, rotated).await?;
    context.caches.webhooks.forget(tenant);
    signing::forget(context, gone).await;
    Ok(Created {
        webhook,
        secret: key.text(),
    })
}

/// Takes in what a call says about its endpoint. Most calls say nothing new, and write nothing.
pub(super) async fn note(
    context: &Context,
    tenant: &TenantId,
    id: &WebhookId,
    sign: Sign,
) -> Result<(), Error> {
    if !targets::is_registered(id) {
        return Ok(());
    }
    let all = recent(context, tenant).await?;
    let Some(known) = all.iter().find(|stored| stored.value.id == *id) else {
        return Ok(());
    };
    let Webhook { health, .. } = &known.value;
    if !known.value.is_enabled() || health.after(sign, context.now()) == Course::Unchanged {
        return Ok(());
    }
    commit(context, || async {
        let stored = load::<Webhook>(context.table.as_ref(), &keys::webhook(tenant, id)).await?;
        let Some(Stored { value, version }) = stored else {
            return Ok(Decision::nothing(()));
        };
        match value.after(sign, writing(context, version)) {
            Some(webhook) => Ok(decided(webhook, version)?.map(|_| ())),
            None => Ok(Decision::nothing(())),
        }
    })
    .await?;
    context.caches.webhooks.forget(tenant);
    Ok(())
}
