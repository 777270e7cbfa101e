//! Customer profiles.

use std::collections::BTreeSet;

use compliance::Channels;
use compliance::consent::{self, Standing};
use compliance::do_not_contact::{Entry, Subject};
use contacts::profile::CustomerProfile;
use domain::channel::Channel;
use domain::id::{CustomerId, TenantId};
use platform::table::{Condition, Write};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::expected::{Expected, expect_version};
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, decode, load};
use crate::{do_not_contact, keys};

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
    expected: Option<Expected>,
    change: impl Fn(Option<CustomerProfile>) -> Result<CustomerProfile, Error>,
) -> Result<Stored<CustomerProfile>, Error> {
    let key = keys::customer(tenant, id);
    commit(context, || async {
        let stored = load::<CustomerProfile>(context.table.as_ref(), &key).await?;
        let version = stored.as_ref().map_or(0, |stored| stored.version);
        expect_version(expected, version)?;
        let before = stored.map(|stored| stored.value);
        let profile = change(before.clone())?;
        Decision::replace(before.as_ref(), profile, version, |profile| {
            Put::over(key.clone(), profile, version).write()
        })
    })
    .await
}

/// Deletes a profile. History, do-not-contact entries and the contact ledger stay: they protect the
/// person. So does a refusal that stood in the profile: it becomes a do-not-contact entry.
pub async fn delete(
    context: &Context,
    tenant: &TenantId,
    id: &CustomerId,
    expected: Option<Expected>,
) -> Result<(), Error> {
    commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        let key = keys::customer(tenant, id);
        let condition = Condition::Version(version);
        let mut decision = Decision::one(Write::Delete { key, condition }, ());
        if let Some(channels) = refused(&value) {
            let entry = Entry {
                subject: Subject::CustomerId(id.clone()),
                channels,
                reason: "had refused when the profile was deleted".into(),
                source: "profile".into(),
                at: context.now(),
                expires: None,
            };
            decision.push(do_not_contact::write(context, tenant, entry).await?);
        }
        Ok(decision)
    })
    .await
}

/// The channels by which a customer has refused to be contacted, for whatever purpose.
fn refused(profile: &CustomerProfile) -> Option<Channels> {
    let refuses = |channel: &Channel| {
        let standing = consent::standing(&profile.consent, *channel, None);
        matches!(standing, Standing::Denied { .. } | Standing::OptedOut { .. })
    };
    let channels: BTreeSet<Channel> = Channel::ALL.into_iter().filter(refuses).collect();
    match channels.len() {
        0 => None,
        all if all == Channel::ALL.len() => Some(Channels::All),
        _ => Some(Channels::Only(channels)),
    }
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
