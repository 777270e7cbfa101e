//! Caches in front of the table. What they hold is immutable, or at most [`FRESH`] old.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::{CampaignId, ConnectorId, SkillGroupId, TenantId};
use domain::time::{Millis, Timestamp};
use domain::webhook::signature::SigningKey;
use flows::Flow;
use platform::connector::Connector;
use platform::table::Key;

use crate::api_keys::ApiKey;
use crate::campaigns::Campaign;
use crate::connectors::ConnectorRecord;
use crate::error::Error;
use crate::events::Told;
use crate::rate::Leased;
use crate::settings::Settings;
use crate::skill_groups::SkillGroup;
use crate::store::Stored;
use crate::webhooks::{Signing, Slots, Webhook};

/// How old a cached read of something that changes may be.
pub const FRESH: Millis = Millis::new(1_500);
/// How long the reads behind one decision of the gate may take; slower ones are done again.
pub const READ_WITHIN: Millis = Millis::seconds(1);
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
    /// By when they were made, too: one that is deleted and made again begins with the same version.
    pub(crate) connectors: Kept<(TenantId, ConnectorId, Timestamp, u64), Arc<dyn Connector>>,
    pub(crate) webhooks: Fresh<TenantId, Arc<Vec<Stored<Webhook>>>>,
    pub(crate) callback_signing: Fresh<TenantId, Arc<Signing>>,
    pub(crate) signing_keys: Kept<String, Arc<SigningKey>>,
    pub(crate) slots: Slots,
    pub(crate) api_keys: Fresh<String, Option<ApiKey>>,
    pub(crate) leased: Leased,
    pub(crate) skill_groups: Fresh<(TenantId, SkillGroupId), Option<Arc<Stored<SkillGroup>>>>,
    pub(crate) woken: Woken,
    pub(crate) told: Recent<(Key, u64), Arc<Told>>,
}

/// When this process has woken the pacing of groups, or will.
#[derive(Default)]
pub(crate) struct Woken(Mutex<BTreeMap<(TenantId, SkillGroupId), Timestamp>>);

impl Woken {
    /// How long one waking is enough for all.
    const ENOUGH_FOR: Millis = Millis::seconds(1);

    /// After which time the group is to be woken for what has happened now. None where it will be, for another reason:
    /// an owner that was woken before may have given the group up meanwhile.
    pub(crate) fn next(&self, tenant: &TenantId, group: &SkillGroupId, now: Timestamp) -> Option<Millis> {
        let mut woken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if woken.len() >= CAPACITY {
            woken.clear();
        }
        let latest = woken.entry((tenant.clone(), group.clone())).or_default();
        if now < *latest {
            return None;
        }
        *latest = now.max(*latest + Self::ENOUGH_FOR);
        Some(latest.since(now))
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
        self.get_if(key, now, |_| true, load).await
    }

    /// The same; a value that is there must be `good`, too.
    pub(crate) async fn get_if<F>(
        &self,
        key: &K,
        now: Timestamp,
        good: impl Fn(&V) -> bool,
        load: F,
    ) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        if let Some((read, value)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key)
            && now < *read + FRESH
            && good(value)
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
        // Whoever was faster has made it for all: a connector bounds what is under way through it.
        Ok(entries.entry(key.clone()).or_insert(value).clone())
    }
}

/// The latest values that never change under their key, for those who come right behind one another.
pub(crate) struct Recent<K, V>(Mutex<Latest<K, V>>);

struct Latest<K, V> {
    values: BTreeMap<K, V>,
    /// In the order in which they came.
    keys: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Latest {
            values: BTreeMap::new(),
            keys: VecDeque::new(),
        }))
    }
}

impl<K: Ord + Clone, V: Clone> Recent<K, V> {
    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.latest().values.get(key).cloned()
    }

    /// Keeps a value; the oldest gives way.
    pub(crate) fn put(&self, key: K, value: V) {
        let mut latest = self.latest();
        if latest.values.insert(key.clone(), value).is_none() {
            latest.keys.push_back(key);
        }
        if latest.keys.len() > CAPACITY
            && let Some(oldest) = latest.keys.pop_front()
        {
            latest.values.remove(&oldest);
        }
    }

    fn latest(&self) -> MutexGuard<'_, Latest<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept() {
        let recent = Recent::default();
        for number in 0..=CAPACITY {
            recent.put(number, number * 2);
            recent.put(number, number * 2);
        }
        assert_eq!(recent.get(&0), None);
        assert_eq!(recent.get(&1), Some(2));
        assert_eq!(recent.get(&CAPACITY), Some(CAPACITY * 2));
        let latest = recent.latest();
        assert_eq!(latest.values.len(), latest.keys.len());
    }
}
