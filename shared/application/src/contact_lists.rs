//! Contact lists and their contacts.

use contacts::contact::Contact;
use domain::id::{ContactId, ContactListId, TenantId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};

/// A contact list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactList {
    /// Its id.
    pub id: ContactListId,
    /// What people call it.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A contact, and the row that brought it: the same row coming again is no duplicate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedContact {
    /// The contact.
    #[serde(flatten)]
    pub contact: Contact,
    /// The import and row that brought it.
    pub origin: String,
}

/// Creates a list. A repetition of the same request answers with what stands.
pub async fn create(
    context: &Context,
    tenant: &TenantId,
    id: ContactListId,
    name: &str,
) -> Result<Stored<ContactList>, Error> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(Error::field("/name", "must have 1 to 200 characters"));
    }
    commit(context, || async {
        let key = keys::contact_list(tenant, &id);
        if let Some(stored) = load(context.table.as_ref(), &key).await? {
            return Ok(Decision::nothing(stored));
        }
        let list = ContactList {
            id: id.clone(),
            name: name.to_owned(),
            created_at: context.now(),
        };
        Ok(Decision::one(
            Put::new(key, &list).write()?,
            Stored {
                value: list,
                version: 1,
            },
        ))
    })
    .await
}

/// Reads one list.
pub async fn get(
    context: &Context,
    tenant: &TenantId,
    id: &ContactListId,
) -> Result<Stored<ContactList>, Error> {
    load(context.table.as_ref(), &keys::contact_list(tenant, id))
        .await?
        .ok_or_else(|| Error::not_found("contact list", id))
}

/// Whether there is such a list.
pub(crate) async fn exists(context: &Context, tenant: &TenantId, id: &ContactListId) -> Result<bool, Error> {
    match get(context, tenant, id).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// One page of a tenant's lists, newest first.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<ContactList>>, Error> {
    Shards::one(keys::contact_lists(tenant))
        .values(context, cursor, limit)
        .await
}

/// One page of a list's contacts.
pub async fn contacts(
    context: &Context,
    tenant: &TenantId,
    id: &ContactListId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<ListedContact>>, Error> {
    get(context, tenant, id).await?;
    Shards::many(|shard| keys::contacts(tenant, id, shard))
        .ascending()
        .values(context, cursor, limit)
        .await
}

/// Reads one contact.
pub async fn contact(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    id: &ContactId,
) -> Result<Stored<ListedContact>, Error> {
    load(context.table.as_ref(), &keys::contact(tenant, list, id))
        .await?
        .ok_or_else(|| Error::not_found("contact", id))
}
