//! What is known about a customer.

use std::collections::BTreeMap;

use compliance::Channels;
use compliance::consent::{Consent, ConsentStatus, MAX_RECORDS, MAX_TEXT};
use compliance::field::{FieldError, token};
use compliance::zones::TimeZone;
use domain::address::Address;
use domain::channel::Channel;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contact::{Addresses, Contact};
use crate::text::{
    Attributes, Language, MAX_ATTRIBUTES, PersonName, TextError, attribute_key, attribute_value, checked,
};

/// A customer's profile. Its id is the key under which it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerProfile {
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<PersonName>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<PersonName>,
    /// Where the customer can be reached, one address per channel.
    #[serde(default)]
    pub addresses: Addresses,
    /// The zone in which the customer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// The language to address the customer in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Further values, by name.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// Consent records, as they came in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consent: Vec<Consent>,
}

/// A profile as it stands on the wire, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileIn {
    /// First name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// Addresses by channel (`sms`, `whatsapp`, `email`, `voice`).
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
    /// An IANA zone, such as `Europe/Berlin`.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// A language tag, such as `de-AT`.
    #[serde(default)]
    pub language: Option<String>,
    /// Further values, by name.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Consent records.
    #[serde(default)]
    pub consent: Vec<ConsentIn>,
}

/// A consent record as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentIn {
    /// The channels it is about; absent: all.
    #[serde(default, alias = "channel")]
    pub channels: Channels,
    /// Granted or denied.
    pub status: ConsentStatus,
    /// What for; absent: everything.
    #[serde(default)]
    pub purpose: Option<String>,
    /// Where it was given.
    #[serde(default)]
    pub source: Option<String>,
    /// When; absent: now.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// Collects what is wrong, field by field.
struct Check(Vec<FieldError>);

impl Check {
    fn ok<T>(&mut self, pointer: impl Into<String>, result: Result<T, TextError>) -> Option<T> {
        result
            .map_err(|error| self.wrong(pointer, text_code(error), error.to_string()))
            .ok()
    }

    fn wrong(&mut self, pointer: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.0.push(FieldError::new(pointer, code, message));
    }
}

/// The stable code of a text error.
pub(crate) const fn text_code(error: TextError) -> &'static str {
    match error {
        TextError::Empty => "empty",
        TextError::Long(_) => "tooLong",
        TextError::Control => "controlCharacter",
        TextError::Language => "language",
    }
}

impl ProfileIn {
    /// The profile, or everything that is wrong with it, by JSON pointer. `now` dates consent records
    /// that carry no time; one dated later than `now` is refused.
    pub fn parse(&self, now: Timestamp) -> Result<CustomerProfile, Vec<FieldError>> {
        let mut check = Check(Vec::new());
        let name = |check: &mut Check, pointer: &str, text: &Option<String>| {
            text.as_deref()
                .and_then(|text| check.ok(pointer, PersonName::parse(text)))
        };
        let profile = CustomerProfile {
            first_name: name(&mut check, "/firstName", &self.first_name),
            last_name: name(&mut check, "/lastName", &self.last_name),
            addresses: self.addresses(&mut check),
            time_zone: self.time_zone.as_deref().and_then(|text| {
                TimeZone::parse(text)
                    .map_err(|error| check.wrong("/timeZone", "timeZone", error.to_string()))
                    .ok()
            }),
            language: self
                .language
                .as_deref()
                .and_then(|text| check.ok("/language", Language::parse(text))),
            attributes: self.attributes(&mut check),
            consent: self.consent(now, &mut check),
        };
        if check.0.is_empty() {
            Ok(profile)
        } else {
            Err(check.0)
        }
    }

    fn addresses(&self, check: &mut Check) -> Addresses {
        let mut addresses = Addresses::new();
        for (name, text) in &self.addresses {
            let pointer = format!("/addresses/{}", token(name));
            let Some(channel) = Channel::ALL.into_iter().find(|channel| channel.name() == name) else {
                check.wrong(
                    pointer,
                    "channel",
                    "is no channel: name them whatsapp, sms, email, voice",
                );
                continue;
            };
            match Address::parse(channel, text) {
                Ok(address) => {
                    addresses.insert(channel, address);
                }
                Err(error) => check.wrong(pointer, "address", error.to_string()),
            }
        }
        addresses
    }

    fn attributes(&self, check: &mut Check) -> Attributes {
        if self.attributes.len() > MAX_ATTRIBUTES {
            check.wrong(
                "/attributes",
                "tooMany",
                format!("has more than {MAX_ATTRIBUTES} entries"),
            );
            return Attributes::new();
        }
        let mut attributes = Attributes::new();
        for (name, value) in &self.attributes {
            let pointer = format!("/attributes/{}", token(name));
            let key = check.ok(pointer.clone(), attribute_key(name));
            let value = check.ok(pointer, attribute_value(value));
            if let (Some(key), Some(value)) = (key, value) {
                attributes.insert(key.to_owned(), value.to_owned());
            }
        }
        attributes
    }

    fn consent(&self, now: Timestamp, check: &mut Check) -> Vec<Consent> {
        if self.consent.len() > MAX_RECORDS {
            check.wrong(
                "/consent",
                "tooMany",
                format!("has more than {MAX_RECORDS} records"),
            );
            return Vec::new();
        }
        let mut records = Vec::new();
        for (i, record) in self.consent.iter().enumerate() {
            let mut text = |field: &str, text: &Option<String>| {
                text.as_deref()
                    .and_then(|text| {
                        check.ok(format!("/consent/{i}/{field}"), checked(text, MAX_TEXT, false))
                    })
                    .map(ToOwned::to_owned)
            };
            let purpose = text("purpose", &record.purpose);
            let source = text("source", &record.source);
            let at = record.at.unwrap_or(now);
            if at > now {
                check.wrong(format!("/consent/{i}/at"), "future", "lies in the future");
            }
            records.push(Consent {
                channels: record.channels.clone(),
                status: record.status,
                purpose,
                source: source.unwrap_or_else(|| "api".to_owned()),
                at,
            });
        }
        records
    }
}

impl CustomerProfile {
    /// The profile after an import named this customer: what the row gives replaces what was there,
    /// what it leaves out stays, its consent records are added. Its further columns stay with the
    /// contact.
    #[must_use]
    pub fn with_contact(mut self, contact: &Contact) -> Self {
        self.first_name = contact.first_name.clone().or(self.first_name);
        self.last_name = contact.last_name.clone().or(self.last_name);
        self.time_zone = contact.time_zone.or(self.time_zone);
        self.language = contact.language.clone().or(self.language);
        for (channel, address) in &contact.addresses {
            self.addresses.insert(*channel, address.clone());
        }
        for record in &contact.consent {
            self.record_consent(record.clone());
        }
        self
    }

    /// Adds a consent record; one that is there already is not added again.
    ///
    /// Beyond [`MAX_RECORDS`] the oldest agreement leaves first: forgetting an agreement can only make
    /// us contact the person less, forgetting a refusal could make us contact them again.
    pub fn record_consent(&mut self, record: Consent) {
        if self.consent.contains(&record) {
            return;
        }
        let place = self.consent.partition_point(|known| known.at <= record.at);
        self.consent.insert(place, record);
        while self.consent.len() > MAX_RECORDS {
            let oldest = self
                .consent
                .iter()
                .position(|known| known.status == ConsentStatus::Granted)
                .unwrap_or(0);
            self.consent.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests;
