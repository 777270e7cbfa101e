//! Customer profiles.

use contacts::profile::CustomerProfile;
use domain::id::{CustomerId, TenantId};
use platform::table::{Condition, Write};

use crate::activities::expect_version;
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, decode, load};

/// A profile and the customer whose it is.
pub type Customer = (CustomerId, Stored<CustomerProfile>);

/// Reads one profile.
pub async fn get(
    context: &Context,
    tenant: &TenantId,
    id: &CustomerId,
) -> Result<Stored<CustomerProfile>, Error> {
    load(context.table.as_ref(), &keys::customer(tenant, id))
        .await?
        .ok_or_else(|| Error::not_found("customer", id))
}

/// Creates or changes a profile. `change` gets the present one, if there is one.
pub async fn change(
    context: &Context,
    tenant: &TenantId,
    id: &CustomerId,
    expected: Option<u64>,
    change: impl Fn(Option<CustomerProfile>) -> Result<CustomerProfile, Error>,
) -> Result<Stored<CustomerProfile>, Error> {
    let key = keys::customer(tenant, id);
    commit(context, || async {
        let stored = load::<CustomerProfile>(context.table.as_ref(), &key).await?;
        let version = stored.as_ref().map_or(0, |stored| stored.version);
        expect_version(expected, version)?;
        let before = stored.map(|stored| stored.value);
        let profile = change(before.clone())?;
        if before.as_ref() == Some(&profile) {
            return Ok(Decision::nothing(Stored {
                value: profile,
                version,
            }));
        }
        let write = Put::over(key.clone(), &profile, version).write()?;
        Ok(Decision::one(
            write,
            Stored {
                value: profile,
                version: version + 1,
            },
        ))
    })
    .await
}

/// Deletes a profile. History, do-not-contact entries and the contact ledger stay: they protect the
/// person.
pub async fn delete(
    context: &Context,
    tenant: &TenantId,
    id: &CustomerId,
    expected: Option<u64>,
) -> Result<(), Error> {
    commit(context, || async {
        let Stored { version, .. } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        let key = keys::customer(tenant, id);
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

/// One page of a tenant's customers.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Customer>, Error> {
    let page = Shards::many(|shard| keys::customers(tenant, shard))
        .ascending()
        .items(context, cursor, limit)
        .await?;
    page.try_map(|item| {
        let id = CustomerId::parse(&item.key.sort)
            .map_err(|error| Error::Corrupt(format!("{:?}: {error}", item.key)))?;
        Ok((id, decode(&item)?))
    })
}
