//! Contact lists and their contacts. Contacts come in by imports.

use std::collections::BTreeMap;

use application::contact_lists::{self, ContactList, ListedContact};
use application::store::Stored;
use axum::Json;
use axum::extract::State;
use compliance::TimeZone;
use compliance::consent::Consent;
use contacts::text::{Language, PersonName};
use domain::address::Address;
use domain::channel::Channel;
use domain::id::{ContactId, ContactListId, CustomerId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::etag::Resource;
use crate::extract::{Ids, Input};
use crate::idempotency::WriteRequest;
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// A new contact list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactListIn {
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Text<200>,
}

/// A contact list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactListOut {
    #[schema(value_type = schema::Id)]
    id: ContactListId,
    version: u64,
    name: String,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
}

impl From<Stored<ContactList>> for ContactListOut {
    fn from(
        Stored {
            value: ContactList { id, name, created_at },
            version,
        }: Stored<ContactList>,
    ) -> Self {
        Self {
            id,
            version,
            name,
            created_at,
        }
    }
}

/// Create a contact list
#[utoipa::path(
    post, path = "/v1/contact-lists", operation_id = "createContactList", tag = "contact lists",
    request_body = ContactListIn, responses((status = 201, body = ContactListOut))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Input(ContactListIn { name }): Input<ContactListIn>,
) -> Result<Resource<ContactListOut>, Problem> {
    let id = write.id(ContactListId::derive, 0);
    let location = format!("/v1/contact-lists/{id}");
    let stored = contact_lists::create(&state.context, &caller.tenant, id, name.as_str()).await?;
    Ok(Resource::created(location, stored.version, stored.into()))
}

/// List the contact lists, newest first
#[utoipa::path(
    get, path = "/v1/contact-lists", operation_id = "listContactLists", tag = "contact lists",
    params(PageParams), responses((status = 200, body = Page<ContactListOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<ContactListOut>>, Problem> {
    let found = contact_lists::list(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, ContactListOut::from))
}

/// Read a contact list
#[utoipa::path(
    get, path = "/v1/contact-lists/{id}", operation_id = "getContactList", tag = "contact lists",
    params(("id" = schema::Id, Path)), responses((status = 200, body = ContactListOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ContactListId>,
) -> Result<Resource<ContactListOut>, Problem> {
    let stored = contact_lists::get(&state.context, &caller.tenant, &id).await?;
    Ok(Resource::ok(stored.version, stored.into()))
}

/// A person in a contact list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactOut {
    #[schema(value_type = schema::Id)]
    id: ContactId,
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    /// Addresses by channel.
    #[schema(value_type = BTreeMap<String, String>)]
    addresses: BTreeMap<Channel, Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    first_name: Option<PersonName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    last_name: Option<PersonName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<TimeZone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    language: Option<Language>,
    /// The consent that the row states.
    #[schema(value_type = Vec<super::customers::ConsentOut>)]
    consent: Vec<Consent>,
    /// Further columns by the header's name.
    columns: BTreeMap<String, String>,
    /// The import and row that brought it.
    origin: String,
}

impl From<Stored<ListedContact>> for ContactOut {
    fn from(stored: Stored<ListedContact>) -> Self {
        let ListedContact { contact, origin } = stored.value;
        Self {
            id: contact.id,
            customer_id: contact.customer_id,
            addresses: contact.addresses,
            first_name: contact.first_name,
            last_name: contact.last_name,
            time_zone: contact.time_zone,
            language: contact.language,
            consent: contact.consent,
            columns: contact.columns,
            origin,
        }
    }
}

/// List the contacts of a list
#[utoipa::path(
    get, path = "/v1/contact-lists/{id}/contacts", operation_id = "listContacts", tag = "contact lists",
    params(("id" = schema::Id, Path), PageParams), responses((status = 200, body = Page<ContactOut>))
)]
pub(crate) async fn contacts(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<ContactListId>,
    page: PageParams,
) -> Result<Json<Page<ContactOut>>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    let found = contact_lists::contacts(context, tenant, &id, page.cursor(), page.limit).await?;
    Ok(Page::of(found, ContactOut::from))
}
