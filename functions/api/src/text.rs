//! Short texts from outside, within bounds.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A text of 1 to `MAX` characters, none of them a control character, without blanks at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Checks a text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !(1..=MAX).contains(&text.chars().count()) {
            return Err(format!("must have 1 to {MAX} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("must not hold control characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const MAX: usize>;
        impl<const MAX: usize> de::Visitor<'_> for Visitor<MAX> {
            type Value = Text<MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of 1 to {MAX} characters")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<MAX>, E> {
                Text::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}
