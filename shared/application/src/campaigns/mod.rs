//! Campaigns: whom, how, when and how hard.

mod failures;
mod lifecycle;
mod model;

pub(crate) use failures::{TOLD_AGAIN, formula_failed};
pub use lifecycle::{ChangeState, act, create, delete, duplicate, edit};
pub(crate) use model::KNOWN_FIELDS;
pub use model::{Campaign, CampaignEvent, Definition, FieldType, Published, Standing, declarations};

use std::sync::Arc;

use domain::id::{CampaignId, TenantId};
use flows::Flow;

use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::store::{Stored, load};

/// Reads one campaign.
pub async fn get(context: &Context, tenant: &TenantId, id: &CampaignId) -> Result<Stored<Campaign>, Error> {
    load(context.table.as_ref(), &keys::campaign(tenant, id))
        .await?
        .ok_or_else(|| Error::not_found("campaign", id))
}

/// One page of a tenant's campaigns, newest first.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<Campaign>>, Error> {
    Shards::one(keys::campaigns(tenant))
        .values(context, cursor, limit)
        .await
}

/// A campaign, at most a moment old.
pub(crate) async fn recent(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
) -> Result<Option<Arc<Stored<Campaign>>>, Error> {
    recent_if(context, tenant, id, |_| true).await
}

/// A campaign as those see it that walk a published version, or none in particular: at most a moment old while it runs.
/// That it does not run is read anew, since what is held, cancelled or stopped on that word stays so.
pub(crate) async fn surely(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    version: Option<u64>,
) -> Result<Option<Arc<Stored<Campaign>>>, Error> {
    recent_if(context, tenant, id, |campaign| {
        campaign.is_some_and(|campaign| campaign.standing(version) == Standing::Running)
    })
    .await
}

/// A campaign, read anew unless a `good` one, or none where that is `good`, is at hand.
async fn recent_if(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    good: impl Fn(Option<&Campaign>) -> bool,
) -> Result<Option<Arc<Stored<Campaign>>>, Error> {
    let key = (tenant.clone(), id.clone());
    let read = async {
        let stored = load::<Campaign>(context.table.as_ref(), &keys::campaign(tenant, id)).await?;
        Ok(stored.map(Arc::new))
    };
    let good = |found: &Option<Arc<Stored<Campaign>>>| good(found.as_ref().map(|stored| &stored.value));
    context
        .caches
        .campaigns
        .get_if(&key, context.now(), good, read)
        .await
}

/// Whether new activities may be scheduled for a campaign.
pub(crate) async fn takes_activities(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
) -> Result<(), Error> {
    match recent(context, tenant, id).await? {
        None => Err(Error::field(
            "/campaignId",
            format!("names no campaign: there is no {id}"),
        )),
        Some(stored) => match stored.value.standing(None) {
            Standing::Running | Standing::Paused => Ok(()),
            Standing::Over => Err(Error::conflict(
                "campaign-not-running",
                format!("campaign {id} is {}; publish it first", stored.value.state.name()),
            )),
        },
    }
}

/// The flow of a published version. It never changes.
pub(crate) async fn flow(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    version: u64,
) -> Result<Arc<Flow>, Error> {
    let key = (tenant.clone(), id.clone(), version);
    let make = async {
        let published = published(context, tenant, id, version).await?;
        let flow = model::checked_flow(&published.definition)
            .map_err(|_| Error::Corrupt(format!("version {version} of {id} no longer checks")))?;
        Ok(Arc::new(flow))
    };
    context.caches.flows.get(&key, make).await
}

/// A published version of a campaign.
pub async fn published(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    version: u64,
) -> Result<Published, Error> {
    let stored = load::<Published>(context.table.as_ref(), &keys::published(tenant, id, version)).await?;
    stored
        .map(|stored| stored.value)
        .ok_or_else(|| Error::not_found("version of the campaign", version))
}
