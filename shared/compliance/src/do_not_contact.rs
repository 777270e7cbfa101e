//! The tenant's own do-not-contact list: persons and addresses that are not to be contacted.

use domain::address::{Address, AddressError};
use domain::channel::Channel;
use domain::id::CustomerId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channels::Channels;

/// Longest reason and source, in bytes.
pub const MAX_TEXT: usize = 200;

/// Whom an entry protects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// The person, at every address.
    CustomerId(CustomerId),
    /// The address, whoever answers there. Matching is by exact number, whichever of its spellings.
    Address(Address),
}

impl Subject {
    /// Reads an address of either kind: with `@` an e-mail address, else a phone number. Who wants no more may name a
    /// number that no plan knows.
    pub fn parse_address(text: &str) -> Result<Self, AddressError> {
        let channel = if text.contains('@') {
            Channel::Email
        } else {
            Channel::Voice
        };
        Address::heard(channel, text).map(Self::Address)
    }
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The person or address.
    pub subject: Subject,
    /// The channels that are closed.
    #[serde(default)]
    pub channels: Channels,
    /// Why, in the tenant's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who entered it: a person, an import, a registry.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// When it was entered.
    pub at: Timestamp,
    /// From when it no longer binds; absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl Entry {
    /// Whether the entry forbids this contact. It binds up to, not including, its expiry. An entry
    /// dated in the future (a clock ahead of ours) binds already: in doubt for the person.
    pub fn forbids(
        &self,
        customer: Option<&CustomerId>,
        address: &Address,
        channel: Channel,
        now: Timestamp,
    ) -> bool {
        let subject = match &self.subject {
            Subject::CustomerId(id) => customer == Some(id),
            Subject::Address(own) => own.key() == address.key(),
        };
        subject && self.channels.contains(channel) && self.expires.is_none_or(|end| now < end)
    }

    /// Whether the entry binds for longer than another.
    pub fn outlasts(&self, other: &Self) -> bool {
        other
            .expires
            .is_some_and(|end| self.expires.is_none_or(|own| own > end))
    }
}
