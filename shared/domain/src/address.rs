//! Addresses of customers, one syntax per channel.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Host;

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

/// A customer's address, normalised: E.164 for phone channels; for e-mail lower case, and the
/// domain as the DNS has it.
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

    /// The address that something came from. What has the form of a phone number is taken as it is, though its
    /// country's plan may not know it: somebody wrote from there, and may have written that they want no more.
    pub fn heard(channel: Channel, text: &str) -> Result<Self, AddressError> {
        Self::parse(channel, text).or_else(|error| match channel {
            Channel::Email => Err(error),
            Channel::Sms | Channel::Whatsapp | Channel::Voice => {
                compact(text).map(|number| Self(renewed(number)))
            }
        })
    }

    /// What the address is known by, whichever of the spellings in use it has.
    ///
    /// Argentina's mobile numbers have a 9 after the country code for callers from abroad, and for WhatsApp; lists
    /// often lack it. Without it some networks do not connect, and with it no landline is reached: each is used as it
    /// was written, but who is known by the one is known by the other.
    pub fn key(&self) -> Cow<'_, str> {
        match self.0.strip_prefix("+549") {
            Some(rest) if rest.len() == 10 => Cow::Owned(format!("+54{rest}")),
            _ => Cow::Borrowed(&self.0),
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
    let number = renewed(compact(text)?);
    let number = phonenumber::PhoneNumber::from_str(&number).map_err(|_| AddressError::Phone)?;
    if !phonenumber::is_valid(&number) {
        return Err(AddressError::Phone);
    }
    Ok(Address(number.format().mode(phonenumber::Mode::E164).to_string()))
}

/// A plus sign and 7 to 15 digits, without what stands between them.
fn compact(text: &str) -> Result<String, AddressError> {
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
    Ok(compact)
}

/// A number of a plan that has ended, as it is dialed today. WhatsApp names customers by the number with which they
/// once registered: in Mexico with a 1 before the area code, in much of Brazil without the ninth digit of mobiles.
fn renewed(number: String) -> String {
    if let Some(rest) = number.strip_prefix("+521").filter(|rest| rest.len() == 10) {
        return format!("+52{rest}");
    }
    let brazil = number.strip_prefix("+55").filter(|rest| rest.len() == 10);
    match brazil.and_then(|rest| rest.split_at_checked(2)) {
        Some((area, mobile)) if mobile.starts_with(['6', '7', '8', '9']) => format!("+55{area}9{mobile}"),
        _ => number,
    }
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
    let email = email.as_str().to_lowercase();
    let (local, domain) = email.rsplit_once('@').ok_or(AddressError::Email)?;
    Ok(Address(format!("{local}@{}", in_dns(domain)?)))
}

/// A domain in letters that every mail server takes: müller.de is xn--mller-kva.de.
fn in_dns(domain: &str) -> Result<String, AddressError> {
    if domain.is_ascii() {
        return Ok(domain.to_owned());
    }
    match Host::parse(domain) {
        Ok(Host::Domain(domain)) => Ok(domain),
        _ => Err(AddressError::Email),
    }
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
    fn numbers_of_former_plans_are_those_of_today() {
        for (former, today) in [
            ("+5215512345678", "+525512345678"),
            ("+52 1 55 1234 5678", "+525512345678"),
            ("+558587654321", "+5585987654321"),
            ("+554177654321", "+5541977654321"),
        ] {
            let parsed = |text| Address::parse(Channel::Whatsapp, text);
            assert_eq!(parsed(former).unwrap().as_str(), today);
            assert_eq!(parsed(former), parsed(today));
            assert_eq!(Address::heard(Channel::Whatsapp, former), parsed(today));
        }
        // A landline in Fortaleza.
        let landline = Address::parse(Channel::Voice, "+558532345678").unwrap();
        assert_eq!(landline.as_str(), "+558532345678");
    }

    #[test]
    fn a_number_of_argentina_is_known_with_and_without_its_nine() {
        let address = |text| Address::parse(Channel::Whatsapp, text).unwrap();
        let (with, without) = (address("+5491123456789"), address("+541123456789"));
        assert_eq!(with.as_str(), "+5491123456789");
        assert_ne!(with, without);
        assert_eq!(with.key(), without.key());
        assert_ne!(with.key(), address("+541123456780").key());
        assert_eq!(address("+442079460958").key(), "+442079460958");
    }

    #[test]
    fn what_has_the_form_of_a_number_is_heard() {
        let heard = |text| Address::heard(Channel::Sms, text);
        assert_eq!(heard("+999 123456789").unwrap().as_str(), "+999123456789");
        for text in ["12345", "+12345", "Bank", "442079460958", "+1234567890123456"] {
            assert_eq!(heard(text), Err(AddressError::Phone), "{text}");
        }
        let mail = Address::heard(Channel::Email, "+999123456789");
        assert_eq!(mail, Err(AddressError::Email));
    }

    #[test]
    fn a_domain_of_other_letters_is_as_the_dns_has_it() {
        let address = |text| Address::parse(Channel::Email, text);
        for text in ["ann@müller.de", "Ann@MÜLLER.de", "ann@XN--MLLER-KVA.de"] {
            assert_eq!(address(text).unwrap().as_str(), "ann@xn--mller-kva.de", "{text}");
        }
        assert_eq!(address("jörg@example.org").unwrap().as_str(), "jörg@example.org");
        assert_eq!(address("ann@１.２.３.４"), Err(AddressError::Email));
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
