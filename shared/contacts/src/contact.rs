//! A row of a contact list.

use std::collections::BTreeMap;

use compliance::consent::Consent;
use compliance::zones::TimeZone;
use domain::address::Address;
use domain::channel::Channel;
use domain::id::{ContactId, ContactListId, CustomerId, TenantId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::{Attributes, Language, PersonName};

/// The addresses of a person, one per channel.
pub type Addresses = BTreeMap<Channel, Address>;

/// A person in a contact list, as one row of an import gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Derived from the list and the person, so that importing a row again finds the same contact.
    pub id: ContactId,
    /// The customer, given by the row or derived from its first address.
    pub customer_id: CustomerId,
    /// Where the person can be reached; never empty.
    pub addresses: Addresses,
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<PersonName>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<PersonName>,
    /// The zone in which the person is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// The language to address the person in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The consent that the row states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consent: Vec<Consent>,
    /// Columns beside the known ones, by the header's name; empty cells are left out.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub columns: Attributes,
}

/// The address by which a person is known where no customer id is given: the first phone number,
/// else the e-mail address.
///
/// A phone number comes first, because one `phone` column gives it to three channels; the order does
/// not depend on that of the columns.
pub fn identity(addresses: &Addresses) -> Option<&Address> {
    [Channel::Sms, Channel::Whatsapp, Channel::Voice, Channel::Email]
        .iter()
        .find_map(|channel| addresses.get(channel))
}

/// The id of the customer that is known by an address only.
pub fn derived_customer_id(tenant: &TenantId, address: &Address) -> CustomerId {
    CustomerId::derive(Timestamp::default(), &[tenant.as_str(), &address.key()])
}

/// The id of a customer's row in a list. A person stands in a list once.
pub fn derived_contact_id(list: &ContactListId, customer: &CustomerId) -> ContactId {
    ContactId::derive(Timestamp::default(), &[list.as_str(), customer.as_str()])
}
