//! Caches in front of the table. What they hold is immutable, or at most [`FRESH`] old.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::{CampaignId, ConnectorId, SkillGroupId, TenantId};
use domain::time::{Millis, Timestamp};
use domain::webhook::signature::SigningKey;
use flows::Flow;
use platform::connector::Connector;

use crate::api_keys::ApiKey;
use crate::campaigns::Campaign;
use crate::connectors::ConnectorRecord;
use crate::error::Error;
use crate::rate::Leased;
use crate::settings::Settings;
use crate::skill_groups::SkillGroup;
use crate::store::Stored;
use crate::webhooks::{Signing, Slots, Webhook};

/// How old a cached read of something that changes may be.
pub const FRESH: Millis = Millis::new(1_500);
/// How long the reads behind one decision of the gate may take; slower ones are done again.
pub const READ_WITHIN: Millis = Millis::new(500);
/// So no decision of the gate rests on a campaign's or tenant's state older than this. The answers to
/// pause, stop and "stop everything" name the instant after which nothing more leaves; it counts
/// this in.
pub const OLDEST_READ: Millis = Millis::new(FRESH.get() + READ_WITHIN.get());
/// Entries per cache; when it is full it starts anew.
const CAPACITY: usize = 1_000;

/// All caches of a process.
#[derive(Default)]
pub struct Caches {
    pub(crate) campaigns: Fresh<(TenantId, CampaignId), Option<Arc<Stored<Campaign>>>>,
    pub(crate) flows: Kept<(TenantId, CampaignId, u64), Arc<Flow>>,
    pub(crate) settings: Fresh<TenantId, Arc<Stored<Settings>>>,
    pub(crate) connector_records: Fresh<TenantId, Arc<Vec<Stored<ConnectorRecord>>>>,
    pub(crate) connectors: Kept<(TenantId, ConnectorId, u64), Arc<dyn Connector>>,
    pub(crate) webhooks: Fresh<TenantId, Arc<Vec<Stored<Webhook>>>>,
    pub(crate) callback_signing: Fresh<TenantId, Arc<Signing>>,
    pub(crate) signing_keys: Kept<String, Arc<SigningKey>>,
    pub(crate) slots: Slots,
    pub(crate) api_keys: Fresh<String, Option<ApiKey>>,
    pub(crate) leased: Leased,
    pub(crate) skill_groups: Fresh<(TenantId, SkillGroupId), Option<Arc<Stored<SkillGroup>>>>,
    pub(crate) woken: Woken,
}

/// Groups whose pacing this process has woken a moment ago.
#[derive(Default)]
pub(crate) struct Woken(Mutex<BTreeMap<(TenantId, SkillGroupId), Timestamp>>);

impl Woken {
    /// How long one waking is enough for all.
    const ENOUGH_FOR: Millis = Millis::seconds(1);

    /// Whether nobody has woken the group a moment ago; whoever asks is to do it then.
    pub(crate) fn is_first(&self, tenant: &TenantId, group: &SkillGroupId, now: Timestamp) -> bool {
        let mut woken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if woken.len() >= CAPACITY {
            woken.clear();
        }
        let last = woken.entry((tenant.clone(), group.clone())).or_default();
        let first = now >= *last + Self::ENOUGH_FOR;
        if first {
            *last = now;
        }
        first
    }
}

/// Values that change: read again after [`FRESH`].
pub(crate) struct Fresh<K, V>(Mutex<BTreeMap<K, (Timestamp, V)>>);

impl<K, V> Default for Fresh<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone, V: Clone> Fresh<K, V> {
    /// The value of a key, read by `load` unless a fresh one is there. Its age counts from before
    /// the read.
    pub(crate) async fn get<F>(&self, key: &K, now: Timestamp, load: F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        if let Some((read, value)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key)
            && now < *read + FRESH
        {
            return Ok(value.clone());
        }
        let value = load.await?;
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY {
            entries.clear();
        }
        entries.insert(key.clone(), (now, value.clone()));
        Ok(value)
    }

    /// Forgets a key, so that whoever changed it sees the change.
    pub(crate) fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Values that never change under their key.
pub(crate) struct Kept<K, V>(Mutex<BTreeMap<K, V>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone, V: Clone> Kept<K, V> {
    /// The value of a key, made by `make` unless it is there.
    pub(crate) async fn get<F>(&self, key: &K, make: F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        if let Some(value) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Ok(value.clone());
        }
        let value = make.await?;
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY {
            entries.clear();
        }
        entries.insert(key.clone(), value.clone());
        Ok(value)
    }
}
