//! Addresses of customers, one syntax per channel.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::channel::Channel;

/// Why a text is no address of a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a phone number in international form.
    #[error("is not a valid phone number in international form, such as +442079460958")]
    Phone,
    /// Not an e-mail address.
    #[error("is not a valid e-mail address")]
    Email,
}

/// A customer's address, normalised: E.164 for phone channels; for e-mail the domain in lower case.
///
/// Two spellings of one address are equal after parsing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// Reads an address of the channel. Spaces, dashes and brackets in phone numbers are dropped; a
    /// number without `+` and country code is refused rather than guessed.
    pub fn parse(channel: Channel, text: &str) -> Result<Self, AddressError> {
        match channel {
            Channel::Email => parse_email(text),
            Channel::Sms | Channel::Whatsapp | Channel::Voice => parse_phone(text),
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a phone number.
    pub fn is_phone(&self) -> bool {
        self.0.starts_with('+')
    }
}

fn parse_phone(text: &str) -> Result<Address, AddressError> {
    let text = text.trim();
    if text.len() > 40 || !text.starts_with('+') {
        return Err(AddressError::Phone);
    }
    let compact: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '/'))
        .collect();
    let digits = compact.get(1..).unwrap_or_default();
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::Phone);
    }
    let number = phonenumber::PhoneNumber::from_str(&compact).map_err(|_| AddressError::Phone)?;
    if !phonenumber::is_valid(&number) {
        return Err(AddressError::Phone);
    }
    Ok(Address(number.format().mode(phonenumber::Mode::E164).to_string()))
}

fn parse_email(text: &str) -> Result<Address, AddressError> {
    let text = text.trim();
    let email = email_address::EmailAddress::parse_with_options(
        text,
        email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld(),
    )
    .map_err(|_| AddressError::Email)?;
    // RFC 5321 (2.4) lets a host tell Ann from ann, and none does: who is not to be contacted as the one is not to be
    // contacted as the other.
    Ok(Address(email.as_str().to_lowercase()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the kind and the length only: addresses are personal data and do not belong in logs.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "({} of {} characters)",
            if self.is_phone() { "phone" } else { "email" },
            self.0.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_one_address() {
        let address = |text| Address::parse(Channel::Sms, text);
        assert_eq!(address("+44 (20) 7946-0958"), address(" +442079460958"));
        assert_eq!(address("+442079460958").unwrap().as_str(), "+442079460958");
    }

    #[test]
    fn numbers_are_not_guessed() {
        for text in [
            "",
            "+",
            "2079460958",
            "0044 20 7946 0958",
            "+1",
            "+999123456789",
            "+44٢٠٧٩٤٦٠٩٥٨",
        ] {
            assert_eq!(
                Address::parse(Channel::Voice, text),
                Err(AddressError::Phone),
                "{text}"
            );
        }
    }

    #[test]
    fn mail_addresses_ignore_case() {
        assert_eq!(
            Address::parse(Channel::Email, "Ann@EXAMPLE.Org")
                .unwrap()
                .as_str(),
            "ann@example.org"
        );
        for text in [
            "",
            "ann",
            "ann@",
            "@example.org",
            "a b@example.org",
            "Ann <ann@example.org>",
        ] {
            assert_eq!(
                Address::parse(Channel::Email, text),
                Err(AddressError::Email),
                "{text}"
            );
        }
    }
}
