//! Small texts with rules: names of persons, languages, attributes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Longest name of a person, in characters.
pub const MAX_NAME: usize = 100;
/// Most attributes of a profile, and most columns of a contact beside the known ones.
pub const MAX_ATTRIBUTES: usize = 200;
/// Longest name of an attribute or column, in characters.
pub const MAX_KEY: usize = 64;
/// Longest value of an attribute or column, in characters.
pub const MAX_VALUE: usize = 2_000;

/// Why a text was not accepted. Reads after the name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Longer than allowed.
    #[error("has more than {0} characters")]
    Long(usize),
    /// A control character, which names and values have no use for and terminals and mails obey.
    #[error("holds a control character")]
    Control,
    /// No language tag.
    #[error("is no language tag such as en, de-AT or zh-Hant")]
    Language,
}

/// Trims and checks a text; `breaks` allows tabs and line breaks.
pub(crate) fn checked(text: &str, max: usize, breaks: bool) -> Result<&str, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().count() > max {
        return Err(TextError::Long(max));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !(breaks && matches!(c, '\n' | '\r' | '\t')))
    {
        return Err(TextError::Control);
    }
    Ok(text)
}

/// A name of a person: 1 to [`MAX_NAME`] characters, none of them control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PersonName(String);

impl PersonName {
    /// Reads a name; blanks around it are dropped.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        checked(text, MAX_NAME, false).map(|text| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows the length only: names are personal data and do not belong in logs.
impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(name of {} characters)", self.0.chars().count())
    }
}

/// A language tag (BCP 47) in its usual capitals, such as `en`, `de-AT`, `zh-Hant`.
///
/// The form is checked, not whether the language is registered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Language(String);

impl Language {
    /// Reads a tag; `_` is understood as `-`, as POSIX and Java write it.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > 35 {
            return Err(TextError::Language);
        }
        let mut tag = String::with_capacity(text.len());
        for (i, part) in text.split(['-', '_']).enumerate() {
            let alphabetic = part.bytes().all(|b| b.is_ascii_alphabetic());
            let valid = match i {
                0 => (2..=3).contains(&part.len()) && alphabetic,
                _ => (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()),
            };
            if !valid {
                return Err(TextError::Language);
            }
            match (i, part.len(), alphabetic) {
                (0, ..) => tag.push_str(&part.to_ascii_lowercase()),
                // Regions in capitals, scripts with an initial (RFC 5646, section 2.1.1).
                (_, 2, true) => {
                    tag.push('-');
                    tag.push_str(&part.to_ascii_uppercase());
                }
                (_, 4, true) => {
                    let lower = part.to_ascii_lowercase();
                    let (initial, rest) = lower.split_at(1);
                    tag.push('-');
                    tag.push_str(&initial.to_ascii_uppercase());
                    tag.push_str(rest);
                }
                _ => {
                    tag.push('-');
                    tag.push_str(&part.to_ascii_lowercase());
                }
            }
        }
        Ok(Self(tag))
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first part: the language without region and script.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

macro_rules! deserialize_by_parse {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

deserialize_by_parse!(PersonName, Language);

/// Values by name, as flows and templates read them. Bounded when built by `parse` or an import.
pub type Attributes = BTreeMap<String, String>;

/// Checks the name of an attribute or column.
pub fn attribute_key(text: &str) -> Result<&str, TextError> {
    checked(text, MAX_KEY, false)
}

/// Checks the value of an attribute or column. Line breaks are allowed, and so is nothing.
pub fn attribute_value(text: &str) -> Result<&str, TextError> {
    match checked(text, MAX_VALUE, true) {
        Err(TextError::Empty) => Ok(""),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_get_their_usual_capitals() {
        for (text, tag) in [
            ("EN", "en"),
            ("de_at", "de-AT"),
            (" zh-hant-tw ", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sl-rozaj-biske", "sl-rozaj-biske"),
        ] {
            assert_eq!(Language::parse(text).unwrap().as_str(), tag);
        }
        assert_eq!(Language::parse("pt-BR").unwrap().primary(), "pt");
        for text in ["e", "english", "de-", "-", "d3", "de at", "é", "a-toolonglong"] {
            assert_eq!(Language::parse(text), Err(TextError::Language), "{text}");
        }
        assert_eq!(Language::parse(" "), Err(TextError::Empty));
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(PersonName::parse(" Zoë ").unwrap().as_str(), "Zoë");
        assert_eq!(PersonName::parse(""), Err(TextError::Empty));
        assert_eq!(PersonName::parse(&"é".repeat(101)), Err(TextError::Long(100)));
        assert_eq!(PersonName::parse("A\u{7}n"), Err(TextError::Control));
        assert_eq!(
            format!("{:?}", PersonName::parse("Ann").unwrap()),
            "(name of 3 characters)"
        );
    }
}
