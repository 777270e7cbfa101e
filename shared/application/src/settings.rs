//! What a tenant sets for everything that it sends, and its emergency stop.

use std::sync::Arc;

use compliance::gate::TenantPolicy;
use domain::id::TenantId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::expected::{Expected, expect_version};
use crate::store::{Put, Stored, load};
use crate::{keys, quiet_after};

/// Whether the contacts of a person are counted where no cap asks for it today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContactLedger {
    /// Every contact is counted, so that a cap set tomorrow, or by another campaign, knows them.
    #[default]
    Always,
    /// Only contacts to which a cap of the tenant or of their campaign applies.
    WhenCapped,
}

/// The settings of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// What the compliance gate asks for.
    #[serde(default)]
    pub policy: TenantPolicy,
    /// Which contacts are counted.
    #[serde(default)]
    pub contact_ledger: ContactLedger,
    /// Where activities are told in CIM shape: an Expertflow CX endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cx_activities_url: Option<Url>,
    /// Since when everything is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
}

/// Reads the settings; version 0 where none were ever set.
pub async fn get(context: &Context, tenant: &TenantId) -> Result<Stored<Settings>, Error> {
    let stored = load::<Settings>(context.table.as_ref(), &keys::settings(tenant)).await?;
    Ok(stored.unwrap_or(Stored {
        value: Settings::default(),
        version: 0,
    }))
}

/// The settings, at most a moment old.
pub(crate) async fn recent(context: &Context, tenant: &TenantId) -> Result<Arc<Stored<Settings>>, Error> {
    recent_if(context, tenant, |_| true).await
}

/// The same; that everything is stopped is read anew, as what is cancelled on that word stays so.
pub(crate) async fn surely(context: &Context, tenant: &TenantId) -> Result<Arc<Stored<Settings>>, Error> {
    recent_if(context, tenant, |settings| settings.stopped_at.is_none()).await
}

/// The settings, read anew unless `good` ones are at hand.
async fn recent_if(
    context: &Context,
    tenant: &TenantId,
    good: impl Fn(&Settings) -> bool,
) -> Result<Arc<Stored<Settings>>, Error> {
    let read = async { get(context, tenant).await.map(Arc::new) };
    let good = |found: &Arc<Stored<Settings>>| good(&found.value);
    context
        .caches
        .settings
        .get_if(tenant, context.now(), good, read)
        .await
}

/// Changes the settings.
pub async fn change(
    context: &Context,
    tenant: &TenantId,
    expected: Option<Expected>,
    change: impl Fn(Settings) -> Settings,
) -> Result<Stored<Settings>, Error> {
    let stored = commit(context, || async {
        let Stored { value, version } = get(context, tenant).await?;
        // They are there before they are set for the first time, too.
        expect_version(
            expected.filter(|expected| *expected != Expected::Present),
            version,
        )?;
        let value = change(value);
        let write = Put::over(keys::settings(tenant), &value, version).write()?;
        Ok(Decision::one(
            write,
            Stored {
                value,
                version: version + 1,
            },
        ))
    })
    .await?;
    context.caches.settings.forget(tenant);
    Ok(stored)
}

/// Stops everything of a tenant, or lets it go on; tells the instant after which nothing more
/// leaves. What comes up while everything is stopped is cancelled.
pub async fn stop_everything(context: &Context, tenant: &TenantId, stop: bool) -> Result<Timestamp, Error> {
    let now = context.now();
    change(context, tenant, None, |settings| Settings {
        stopped_at: stop.then(|| settings.stopped_at.unwrap_or(now)),
        ..settings
    })
    .await?;
    Ok(quiet_after(context.now()))
}
