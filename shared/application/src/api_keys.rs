//! API keys: shown once, kept as a hash. The tenant comes from the key.

use domain::id::{ApiKeyId, TenantId};
use domain::time::Timestamp;
use platform::table::Write;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Everything.
    Admin,
    /// Read.
    Reader,
    /// Deliver receipts and customers' messages, nothing else: for channel connectors.
    Connector,
}

/// A key, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was created.
    pub created_at: Timestamp,
    /// The hash of its text, hexadecimal.
    pub hash: String,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// The hash under which a key is kept. Keys are 128 random bits, so a plain hash cannot be guessed.
fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn writes(key: &ApiKey, versions: (u64, u64)) -> Result<Vec<Write>, Error> {
    Ok(vec![
        Put::over(keys::api_key(&key.hash), key, versions.0).write()?,
        Put::over(keys::listed_api_key(&key.tenant, &key.id), key, versions.1).write()?,
    ])
}

/// Creates a key; its text is never to be had again.
pub async fn create(
    context: &Context,
    tenant: &TenantId,
    name: &str,
    role: Role,
) -> Result<(ApiKey, String), Error> {
    if name.trim().is_empty() || name.chars().count() > 100 {
        return Err(Error::field("/name", "must have 1 to 100 characters"));
    }
    let now = context.now();
    let text = format!("oc_{}", context.token());
    let key = ApiKey {
        id: ApiKeyId::generate(now, context.bits()),
        tenant: tenant.clone(),
        name: name.trim().to_owned(),
        role,
        created_at: now,
        hash: hash(&text),
        revoked_at: None,
    };
    commit(context, || async {
        let stands = load::<ApiKey>(context.table.as_ref(), &keys::api_key(&key.hash))
            .await?
            .is_some();
        if stands {
            return Ok(Decision::nothing(()));
        }
        let mut decision = Decision::nothing(());
        writes(&key, (0, 0))?
            .into_iter()
            .for_each(|write| decision.push(write));
        Ok(decision)
    })
    .await?;
    Ok((key, text))
}

/// Revokes a key. Processes that know it stop taking it within [`crate::cache::FRESH`].
pub async fn revoke(context: &Context, tenant: &TenantId, id: &ApiKeyId) -> Result<(), Error> {
    commit(context, || async {
        let listed = load::<ApiKey>(context.table.as_ref(), &keys::listed_api_key(tenant, id))
            .await?
            .ok_or_else(|| Error::not_found("API key", id))?;
        let by_hash = load::<ApiKey>(context.table.as_ref(), &keys::api_key(&listed.value.hash))
            .await?
            .ok_or_else(|| Error::not_found("API key", id))?;
        if listed.value.revoked_at.is_some() {
            return Ok(Decision::nothing(()));
        }
        let key = ApiKey {
            revoked_at: Some(context.now()),
            ..listed.value
        };
        let mut decision = Decision::nothing(());
        let versions = (by_hash.version, listed.version);
        writes(&key, versions)?
            .into_iter()
            .for_each(|write| decision.push(write));
        Ok(decision)
    })
    .await
}

/// One page of a tenant's keys, newest first.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<ApiKey>, Error> {
    let page = Shards::one(keys::api_keys(tenant))
        .values::<ApiKey>(context, cursor, limit)
        .await?;
    Ok(page.map(|stored| stored.value))
}

/// The key with this text, unless it is unknown or revoked.
pub async fn authenticate(context: &Context, text: &str) -> Result<Option<ApiKey>, Error> {
    if text.len() > 100 {
        return Ok(None);
    }
    let hash = hash(text);
    let read = async {
        let stored: Option<Stored<ApiKey>> = load(context.table.as_ref(), &keys::api_key(&hash)).await?;
        Ok(stored.map(|stored| stored.value))
    };
    let key = context.caches.api_keys.get(&hash, context.now(), read).await?;
    Ok(key.filter(|key| key.revoked_at.is_none()))
}
