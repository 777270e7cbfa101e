//! What goes wrong while a campaign runs, and is told as an event of the campaign.

use domain::id::{CampaignId, TenantId};
use domain::time::Millis;

use super::model::CampaignEvent;
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::store::{Put, Stored};

/// The event's type.
const FORMULA_FAILED: &str = "campaign.formula_failed";
/// A formula that goes on failing is told again after this time.
pub(crate) const TOLD_AGAIN: Millis = Millis::hours(1);

/// A formula of a campaign had no value: it is told, once an hour for each published version.
pub(crate) async fn formula_failed(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    why: &str,
) -> Result<(), Error> {
    commit(context, || async {
        let Stored {
            value: mut campaign,
            version,
        } = super::get(context, tenant, id).await?;
        let (now, published_version) = (context.now(), campaign.published_version);
        let is_told = campaign.log.entries().iter().any(|entry| {
            let event = &entry.event;
            event.kind == FORMULA_FAILED
                && event.published_version == published_version
                && now < event.at + TOLD_AGAIN
        });
        if is_told {
            return Ok(Decision::nothing(()));
        }
        let event = CampaignEvent {
            kind: FORMULA_FAILED.into(),
            at: now,
            state: campaign.state,
            published_version,
            detail: Some(why.to_owned()),
        };
        campaign.log.append(version + 1, event);
        let write = Put::over(keys::campaign(tenant, id), &campaign, version)
            .announced(true)
            .write()?;
        Ok(Decision::one(write, ()))
    })
    .await
}
