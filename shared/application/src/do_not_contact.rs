//! The tenant's do-not-contact list.

use compliance::do_not_contact::{Entry, Subject};
use domain::id::TenantId;
use platform::table::{Condition, Key, Write};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};

/// Most entries of one address or person.
pub const MAX_ENTRIES: usize = 20;

/// Where the entries of a subject stand.
pub(crate) fn key(tenant: &TenantId, subject: &Subject) -> Key {
    match subject {
        Subject::Address(address) => keys::barred_address(tenant, address),
        Subject::CustomerId(customer) => keys::barred_person(tenant, customer),
    }
}

/// The write that adds an entry. Entries that are over or say no more than the new one are replaced; nobody's "no" ends
/// because of a passing one.
pub(crate) async fn write(context: &Context, tenant: &TenantId, entry: Entry) -> Result<Write, Error> {
    let key = key(tenant, &entry.subject);
    let stored = load::<Vec<Entry>>(context.table.as_ref(), &key).await?;
    let (mut entries, version) = stored.map_or((Vec::new(), 0), |s| (s.value, s.version));
    entries.retain(|old| !old.is_over(entry.at) && !entry.covers(old));
    if entries.len() >= MAX_ENTRIES {
        return Err(Error::conflict(
            "too-many-entries",
            "remove entries of this subject first",
        ));
    }
    entries.push(entry);
    Put::over(key, &entries, version).write()
}

/// Adds an entry.
pub async fn enter(context: &Context, tenant: &TenantId, entry: Entry) -> Result<Entry, Error> {
    commit(context, || async {
        Ok(Decision::one(
            write(context, tenant, entry.clone()).await?,
            entry.clone(),
        ))
    })
    .await
}

/// Removes all entries of a subject.
pub async fn remove(context: &Context, tenant: &TenantId, subject: &Subject) -> Result<(), Error> {
    commit(context, || async {
        let key = key(tenant, subject);
        let Some(Stored { version, .. }) = load::<Vec<Entry>>(context.table.as_ref(), &key).await? else {
            return Err(Error::not_found("do-not-contact entry", &key.sort));
        };
        Ok(Decision::one(
            Write::Delete {
                key,
                condition: Condition::Version(version),
            },
            (),
        ))
    })
    .await
}

/// The entries of a subject.
pub async fn of(context: &Context, tenant: &TenantId, subject: &Subject) -> Result<Vec<Entry>, Error> {
    let stored = load::<Vec<Entry>>(context.table.as_ref(), &key(tenant, subject)).await?;
    Ok(stored.map(|stored| stored.value).unwrap_or_default())
}

/// One page of the list.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Entry>, Error> {
    let page = Shards::many(|shard| keys::do_not_contact_shard(tenant, shard))
        .values::<Vec<Entry>>(context, cursor, limit)
        .await?;
    Ok(Listing {
        data: page.data.into_iter().flat_map(|stored| stored.value).collect(),
        next: page.next,
    })
}
