//! Connectors: the configuration of a channel's providers, and the connector for an activity.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::activity::Via;
use domain::channel::Channel;
use domain::id::{ConnectorId, TenantId, hash_word};
use domain::time::Timestamp;
use platform::connector::{Connector, ConnectorConfig};
use platform::secrets::Secret;
use platform::table::{Condition, Write};
use serde::{Deserialize, Serialize};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::expected::{Expected, expect_version};
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};

/// Most connectors of a tenant.
pub const MAX_CONNECTORS: usize = 50;
/// Highest rate of a connector, per second.
pub const MAX_RATE: u32 = 10_000;
/// Most requests under way at once through a connector, per worker.
pub const MAX_CONCURRENCY: u32 = 500;

/// A configured connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorRecord {
    /// What people call it.
    pub name: String,
    /// Its configuration, without secrets.
    #[serde(flatten)]
    pub config: ConnectorConfig,
    /// When it was created.
    pub created_at: Timestamp,
}

impl ConnectorRecord {
    /// Whether it serves a channel, from the service identifier that the activity asks for.
    fn serves(&self, channel: Channel, service: Option<&str>) -> bool {
        let own = self.config.settings.get("serviceIdentifier").map(String::as_str);
        self.config.channels.contains(&channel)
            && service.is_none_or(|asked| own.is_none_or(|own| own == asked))
    }
}

fn secret_name(tenant: &TenantId, connector: &ConnectorId, field: &str) -> String {
    format!("{tenant}/connector/{connector}/{field}")
}

fn listed(tenant: &TenantId) -> Shards {
    Shards::one(keys::connectors(tenant)).ascending()
}

/// All connectors of a tenant, in the order of their ids.
pub async fn list(context: &Context, tenant: &TenantId) -> Result<Vec<Stored<ConnectorRecord>>, Error> {
    listed(tenant).whole(context).await
}

/// One page of them.
pub async fn page(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<ConnectorRecord>>, Error> {
    listed(tenant).values(context, cursor, limit).await
}

/// Reads one connector.
pub async fn get(
    context: &Context,
    tenant: &TenantId,
    id: &ConnectorId,
) -> Result<Stored<ConnectorRecord>, Error> {
    load(context.table.as_ref(), &keys::connector(tenant, id))
        .await?
        .ok_or_else(|| Error::not_found("connector", id))
}

/// Creates a connector, or replaces it. `secrets` replaces those that it names and keeps the rest.
pub async fn put(
    context: &Context,
    tenant: &TenantId,
    name: String,
    config: ConnectorConfig,
    secrets: BTreeMap<String, Secret>,
    expected: Option<Expected>,
) -> Result<Stored<ConnectorRecord>, Error> {
    check(&config)?;
    let key = keys::connector(tenant, &config.id);
    let before = load::<ConnectorRecord>(context.table.as_ref(), &key).await?;
    // Before anything is written: secrets do not stand in the table.
    expect_version(expected, before.map_or(0, |stored| stored.version))?;
    let mut all = stored_secrets(context, tenant, &config).await?;
    all.extend(secrets.clone());
    context.connectors.build(&config, &all).map_err(|error| {
        let secrets = context.connectors.secret_names(config.kind);
        let within = match error.setting.as_str() {
            "channels" => "",
            setting if secrets.contains(&setting) => "/secrets",
            _ => "/settings",
        };
        Error::field(format!("{within}/{}", error.setting), error.problem)
    })?;
    for (field, secret) in secrets {
        context
            .secrets
            .put(&secret_name(tenant, &config.id, &field), secret)
            .await?;
    }
    let stored = commit(context, || async {
        let before = load::<ConnectorRecord>(context.table.as_ref(), &key).await?;
        let version = before.as_ref().map_or(0, |stored| stored.version);
        expect_version(expected, version)?;
        let created_at = before.map_or(context.now(), |stored| stored.value.created_at);
        let record = ConnectorRecord {
            name: name.clone(),
            config: config.clone(),
            created_at,
        };
        let write = Put::over(key.clone(), &record, version).write()?;
        Ok(Decision::one(
            write,
            Stored {
                value: record,
                version: version + 1,
            },
        ))
    })
    .await?;
    context.caches.connector_records.forget(tenant);
    Ok(stored)
}

fn check(config: &ConnectorConfig) -> Result<(), Error> {
    if config.channels.is_empty() {
        return Err(Error::field("/channels", "must name at least one channel"));
    }
    let mut named = BTreeSet::new();
    if let Some(place) = config.channels.iter().position(|channel| !named.insert(*channel)) {
        return Err(Error::field(format!("/channels/{place}"), "stands there twice"));
    }
    if !(1..=MAX_RATE).contains(&config.rate_per_second) {
        return Err(Error::field(
            "/ratePerSecond",
            format!("must lie between 1 and {MAX_RATE}"),
        ));
    }
    if !(1..=MAX_CONCURRENCY).contains(&config.concurrency) {
        return Err(Error::field(
            "/concurrency",
            format!("must lie between 1 and {MAX_CONCURRENCY}"),
        ));
    }
    Ok(())
}

async fn stored_secrets(
    context: &Context,
    tenant: &TenantId,
    config: &ConnectorConfig,
) -> Result<BTreeMap<String, Secret>, Error> {
    let mut secrets = BTreeMap::new();
    for field in context.connectors.secret_names(config.kind) {
        if let Some(secret) = context
            .secrets
            .get(&secret_name(tenant, &config.id, field))
            .await?
        {
            secrets.insert((*field).to_owned(), secret);
        }
    }
    Ok(secrets)
}

/// Deletes a connector and its secrets.
pub async fn delete(
    context: &Context,
    tenant: &TenantId,
    id: &ConnectorId,
    expected: Option<Expected>,
) -> Result<(), Error> {
    let kind = commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        let key = keys::connector(tenant, id);
        let condition = Condition::Version(version);
        Ok(Decision::one(Write::Delete { key, condition }, value.config.kind))
    })
    .await?;
    for field in context.connectors.secret_names(kind) {
        context.secrets.delete(&secret_name(tenant, id, field)).await?;
    }
    context.caches.connector_records.forget(tenant);
    Ok(())
}

/// A connector ready for use.
#[derive(Clone)]
pub struct Ready {
    /// Its configuration.
    pub config: ConnectorConfig,
    /// The connector.
    pub connector: Arc<dyn Connector>,
}

impl Ready {
    /// Where attempts go through it. Its rate and its secrets make no difference: a receiver knows a key again
    /// whatever they are.
    pub(crate) fn via(&self) -> Via {
        let ConnectorConfig {
            id, kind, settings, ..
        } = &self.config;
        let leads = serde_json::to_string(&(kind, settings)).unwrap_or_default();
        Via {
            connector: id.clone(),
            // 0 stands for none.
            way: hash_word(&[&leads]).max(1),
        }
    }
}

/// The connector for a channel and service identifier; the first that serves them. `None` when
/// there is none, which is a mistake of configuration that a person can mend.
pub(crate) async fn serving(
    context: &Context,
    tenant: &TenantId,
    channel: Channel,
    service: Option<&str>,
) -> Result<Option<Ready>, Error> {
    let read = async { list(context, tenant).await.map(Arc::new) };
    let records = context
        .caches
        .connector_records
        .get(tenant, context.now(), read)
        .await?;
    match records
        .iter()
        .find(|stored| stored.value.serves(channel, service))
    {
        Some(stored) => ready(context, tenant, stored).await.map(Some),
        None => Ok(None),
    }
}

/// A connector by its id, ready for use.
pub async fn by_id(context: &Context, tenant: &TenantId, id: &ConnectorId) -> Result<Ready, Error> {
    let stored = get(context, tenant, id).await?;
    ready(context, tenant, &stored).await
}

async fn ready(
    context: &Context,
    tenant: &TenantId,
    stored: &Stored<ConnectorRecord>,
) -> Result<Ready, Error> {
    let config = &stored.value.config;
    let key = (
        tenant.clone(),
        config.id.clone(),
        stored.value.created_at,
        stored.version,
    );
    let build = async {
        let secrets = stored_secrets(context, tenant, config).await?;
        context
            .connectors
            .build(config, &secrets)
            .map_err(|error| Error::conflict("connector-misconfigured", error))
    };
    let connector = context.caches.connectors.get(&key, build).await?;
    Ok(Ready {
        config: config.clone(),
        connector,
    })
}
