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

    /// Whether the entry binds no more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// Whether it forbids all that another forbids, for as long.
    pub fn covers(&self, other: &Self) -> bool {
        self.channels.covers(&other.channels) && !other.outlasts(self)
    }

    /// Whether the entry binds for longer than another.
    pub fn outlasts(&self, other: &Self) -> bool {
        other
            .expires
            .is_some_and(|end| self.expires.is_none_or(|own| own > end))
    }
}

#[cfg(test)]
mod tests {
    use domain::channel::Channel;

    use super::*;

    #[test]
    fn an_entry_covers_what_says_no_more() {
        let entry = |channels: Channels, expires: Option<i64>| Entry {
            subject: Subject::CustomerId(CustomerId::parse("ann").unwrap()),
            channels,
            reason: String::new(),
            source: String::new(),
            at: Timestamp::from_millis(0),
            expires: expires.map(Timestamp::from_millis),
        };
        let sms = || Channels::one(Channel::Sms);
        let every = || Channels::Only(Channel::ALL.into_iter().collect());
        for (one, other, covers) in [
            (entry(Channels::All, None), entry(sms(), None), true),
            (entry(sms(), None), entry(Channels::All, Some(9)), false),
            (entry(sms(), Some(9)), entry(sms(), None), false),
            (entry(sms(), Some(9)), entry(sms(), Some(9)), true),
            (entry(sms(), Some(9)), entry(sms(), Some(10)), false),
            (entry(every(), None), entry(Channels::All, None), true),
        ] {
            assert_eq!(one.covers(&other), covers, "{one:?} {other:?}");
        }
        assert!(entry(sms(), Some(9)).is_over(Timestamp::from_millis(9)));
        assert!(!entry(sms(), None).is_over(Timestamp::MAX));
    }
}
