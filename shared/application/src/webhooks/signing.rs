//! The secrets that sign: kept in the secret store, named in the item. A name is used for one secret
//! only, so that what is read once can be kept, and two who write at once do not overwrite each
//! other.

use std::sync::Arc;

use domain::id::TenantId;
use domain::time::{Millis, Timestamp};
use domain::webhook::signature::SigningKey;
use platform::secrets::Secret;
use serde::{Deserialize, Serialize};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::store::{Put, Stored, load};

/// For how long a replaced secret signs along.
pub const RETIRED_FOR: Millis = Millis::hours(24);
/// Replaced secrets that sign along at most.
const MAX_RETIRED: usize = 3;
/// In the names of secrets, what stands for all callbacks and the CX Activities sink of a tenant.
const CALLBACKS: &str = "callbacks";

/// The names of the secrets that sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signing {
    current: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<Retired>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Retired {
    name: String,
    until: Timestamp,
}

impl Signing {
    pub(super) fn new(name: &str) -> Self {
        Self {
            current: name.to_owned(),
            retired: Vec::new(),
        }
    }

    /// The name of the secret that signs for good.
    pub(super) fn current(&self) -> &str {
        &self.current
    }

    /// Until when replaced secrets sign along, newest first.
    pub fn retired_until(&self) -> impl Iterator<Item = Timestamp> {
        self.retired.iter().map(|retired| retired.until)
    }

    /// Replaces the secret; tells which ones are of no use any more.
    pub(super) fn rotate(self, name: &str, now: Timestamp) -> (Self, Vec<String>) {
        let last = Retired {
            name: self.current,
            until: now + RETIRED_FOR,
        };
        let (mut kept, gone): (Vec<_>, Vec<_>) = std::iter::once(last)
            .chain(self.retired)
            .partition(|retired| retired.until > now);
        let surplus = kept.split_off(kept.len().min(MAX_RETIRED));
        let gone = gone
            .into_iter()
            .chain(surplus)
            .map(|retired| retired.name)
            .collect();
        (
            Self {
                current: name.to_owned(),
                retired: kept,
            },
            gone,
        )
    }

    fn names(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let retired = self.retired.iter().filter(move |retired| retired.until > now);
        std::iter::once(self.current.as_str()).chain(retired.map(|retired| retired.name.as_str()))
    }

    /// All names, for whoever deletes them.
    pub(super) fn into_names(self) -> Vec<String> {
        std::iter::once(self.current)
            .chain(self.retired.into_iter().map(|retired| retired.name))
            .collect()
    }
}

/// Makes a secret and stores it; answers with its name.
pub(super) async fn make(
    context: &Context,
    tenant: &TenantId,
    owner: &str,
) -> Result<(String, SigningKey), Error> {
    let name = format!("{tenant}/webhook/{owner}/{}", context.token());
    let key = SigningKey::generate([context.bits(), context.bits()]);
    context.secrets.put(&name, Secret::new(key.text())).await?;
    Ok((name, key))
}

/// The keys that sign now, the current one first.
pub(super) async fn keys(
    context: &Context,
    signing: &Signing,
    now: Timestamp,
) -> Result<Vec<Arc<SigningKey>>, Error> {
    let mut keys = Vec::new();
    for name in signing.names(now) {
        keys.push(key(context, name).await?);
    }
    Ok(keys)
}

/// The key of a name.
pub(super) async fn key(context: &Context, name: &str) -> Result<Arc<SigningKey>, Error> {
    let name = name.to_owned();
    let read = async {
        // Stored before it was named, but reads may be a moment old.
        let secret = context.secrets.get(&name).await?;
        let secret = secret.ok_or_else(|| Error::Platform(format!("the secret {name} is not there")))?;
        let key = SigningKey::parse(secret.expose());
        key.map(Arc::new)
            .map_err(|error| Error::Corrupt(format!("the secret {name} {error}")))
    };
    context.caches.signing_keys.get(&name, read).await
}

/// Deletes secrets that nothing names any more. What fails is left behind, unused.
pub(super) async fn forget(context: &Context, names: Vec<String>) {
    for name in names {
        if let Err(error) = context.secrets.delete(&name).await {
            tracing::warn!(%error, name, "a secret of no use was not deleted");
        }
    }
}

/// Gives up a secret that nothing came to name. Where the answer was lost, something may.
pub(super) async fn unless_named<T>(
    context: &Context,
    name: String,
    result: Result<T, Error>,
) -> Result<T, Error> {
    if result
        .as_ref()
        .is_err_and(|error| !matches!(error, Error::Platform(_) | Error::Busy { .. }))
    {
        forget(context, vec![name]).await;
    }
    result
}

/// What signs the callbacks and the CX Activities sink of a tenant; made the first time.
pub(super) async fn of_callbacks(context: &Context, tenant: &TenantId) -> Result<Arc<Signing>, Error> {
    let read = async {
        let stored = load::<Signing>(context.table.as_ref(), &keys::callback_signing(tenant)).await?;
        match stored {
            Some(stored) => Ok(Arc::new(stored.value)),
            None => make_for_callbacks(context, tenant).await.map(Arc::new),
        }
    };
    context
        .caches
        .callback_signing
        .get(tenant, context.now(), read)
        .await
}

/// Whoever comes second takes what the first one made. A secret of the second stays behind, unused: whoever
/// delivers may make secrets and not delete them.
async fn make_for_callbacks(context: &Context, tenant: &TenantId) -> Result<Signing, Error> {
    let (name, _) = make(context, tenant, CALLBACKS).await?;
    let item = keys::callback_signing(tenant);
    commit(context, || async {
        let stands = load::<Signing>(context.table.as_ref(), &item).await?;
        Ok(match stands {
            Some(stored) => Decision::nothing(stored.value),
            None => {
                let signing = Signing::new(&name);
                Decision::one(Put::new(item.clone(), &signing).write()?, signing)
            }
        })
    })
    .await
}

/// Replaces the secret that signs callbacks and the CX Activities sink, and shows the new one: the
/// only time that it is shown. The old one signs along for [`RETIRED_FOR`].
pub async fn rotate_callback_secret(context: &Context, tenant: &TenantId) -> Result<String, Error> {
    let (name, key) = make(context, tenant, CALLBACKS).await?;
    let item = keys::callback_signing(tenant);
    let gone = commit(context, || async {
        let stored = load::<Signing>(context.table.as_ref(), &item).await?;
        let (signing, gone, version) = match stored {
            // Our own write, whose answer was lost.
            Some(Stored { value, .. }) if value.current == name => return Ok(Decision::nothing(Vec::new())),
            Some(Stored { value, version }) => {
                let (signing, gone) = value.rotate(&name, context.now());
                (signing, gone, version)
            }
            None => (Signing::new(&name), Vec::new(), 0),
        };
        Ok(Decision::one(
            Put::over(item.clone(), &signing, version).write()?,
            gone,
        ))
    })
    .await?;
    forget(context, gone).await;
    context.caches.callback_signing.forget(tenant);
    Ok(key.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_secrets_sign_along_for_a_day() {
        let at = |hours| Timestamp::from_millis(1_800_000_000_000) + Millis::hours(hours);
        let (signing, gone) = Signing::new("a").rotate("b", at(0));
        assert!(gone.is_empty());
        assert_eq!(signing.names(at(23)).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(signing.names(at(24)).collect::<Vec<_>>(), ["b"]);
        let (signing, gone) = signing.rotate("c", at(25));
        assert_eq!(
            (gone.as_slice(), signing.names(at(25)).collect::<Vec<_>>()),
            (&["a".to_owned()][..], vec!["c", "b"])
        );
    }

    #[test]
    fn only_so_many_sign_along() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let mut signing = Signing::new("0");
        let mut gone = Vec::new();
        for name in ["1", "2", "3", "4", "5"] {
            let rotated = signing.rotate(name, now);
            signing = rotated.0;
            gone.extend(rotated.1);
        }
        assert_eq!(signing.names(now).collect::<Vec<_>>(), ["5", "4", "3", "2"]);
        assert_eq!(gone, ["0", "1"]);
    }
}
