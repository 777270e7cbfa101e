//! Whose an address is. Callers name customers by ids of their own, and the row of a list is one person with
//! several addresses; what is written from an address has to find that person all the same.

use std::collections::BTreeMap;

use domain::address::Address;
use domain::id::{CustomerId, TenantId};
use platform::table::{Consistency, Item, Key, TableError};
use serde::{Deserialize, Serialize};

use crate::activities::customer_of;
use crate::commit::{MAX_TRIES, commit_each};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::store::{Put, Stored, decode, load};

/// Most persons of one address: a family shares a phone, a company a switchboard. The longest known leaves first.
const MOST: usize = 8;

/// The persons whom callers have named for an address, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Persons(Vec<CustomerId>);

impl Persons {
    /// With further persons; none if they are known.
    fn with(&self, further: &[CustomerId]) -> Option<Self> {
        let mut all = self.0.clone();
        for person in further {
            if !all.contains(person) {
                all.push(person.clone());
            }
        }
        let longest_known = all.len().saturating_sub(MOST);
        all.drain(..longest_known);
        (all != self.0).then_some(Self(all))
    }
}

/// Where it is written down whose an address is; none if the address itself tells.
pub(crate) fn place(tenant: &TenantId, address: &Address, person: &CustomerId) -> Option<Key> {
    (*person != customer_of(tenant, address)).then(|| keys::persons(tenant, address))
}

/// Whether a person is among those who are written down for an address.
pub(crate) fn knows(item: Option<&Item>, person: &CustomerId) -> Result<bool, Error> {
    let stored = item.map(decode::<Persons>).transpose()?;
    Ok(stored.is_some_and(|stored| stored.value.0.contains(person)))
}

/// Writes down whose addresses are.
pub(crate) async fn learn(
    context: &Context,
    tenant: &TenantId,
    named: Vec<(Address, CustomerId)>,
) -> Result<(), Error> {
    let mut open: BTreeMap<Key, Vec<CustomerId>> = BTreeMap::new();
    for (address, person) in named {
        if let Some(key) = place(tenant, &address, &person) {
            open.entry(key).or_default().push(person);
        }
    }
    for _ in 0..MAX_TRIES {
        if open.is_empty() {
            return Ok(());
        }
        open = learn_once(context, open).await?;
    }
    Err(TableError::Conflict.into())
}

/// Returns what is to be tried again.
async fn learn_once(
    context: &Context,
    open: BTreeMap<Key, Vec<CustomerId>>,
) -> Result<BTreeMap<Key, Vec<CustomerId>>, Error> {
    let wanted: Vec<Key> = open.keys().cloned().collect();
    let present = context.table.get_many(&wanted, Consistency::Strong).await?;
    let mut decided = Vec::new();
    for ((key, further), item) in open.into_iter().zip(present) {
        let stored = item.as_ref().map(decode::<Persons>).transpose()?;
        let (known, version) =
            stored.map_or((Persons::default(), 0), |stored| (stored.value, stored.version));
        if let Some(persons) = known.with(&further) {
            let write = Put::over(key.clone(), &persons, version).write()?;
            decided.push(((key, further), vec![write]));
        }
    }
    Ok(commit_each(context, decided).await?.into_iter().collect())
}

/// Whose an address may be: the latest named first, and last the customer who is known by it alone.
pub(crate) async fn of(
    context: &Context,
    tenant: &TenantId,
    address: &Address,
) -> Result<Vec<CustomerId>, Error> {
    let stored: Option<Stored<Persons>> =
        load(context.table.as_ref(), &keys::persons(tenant, address)).await?;
    let named = stored.map(|stored| stored.value.0).unwrap_or_default();
    let by_address = customer_of(tenant, address);
    Ok(named.into_iter().rev().chain([by_address]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: usize) -> CustomerId {
        CustomerId::parse(&format!("cus_{n}")).unwrap()
    }

    #[test]
    fn the_longest_known_person_of_a_busy_address_leaves_first() {
        let all: Vec<_> = (0..MOST + 2).map(person).collect();
        let persons = Persons::default().with(&all).unwrap();
        assert_eq!(persons.0, all[2..]);
        assert_eq!(persons.with(&[person(5)]), None);
        assert_eq!(persons.with(&[person(0)]).unwrap().0[MOST - 1], person(0));
    }
}
