//! What may be written in several ways: whole numbers as `2` or `2.0`, and questions that are not known.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};
use serde_json::Value;

use super::{Id, Question};

/// Beyond this, a number of JSON may stand for several whole ones: 2^53.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The whole number that a float is, if it is one.
pub(super) fn exact(number: f64) -> Option<u64> {
    let whole = (0.0..=MOST_EXACT).contains(&number) && libm::trunc(number) == number;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    whole.then_some(number as u64)
}

/// A count, if there is one.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    struct Count;

    impl Visitor<'_> for Count {
        type Value = Option<u32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of 0 to 4294967295")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
            u32::try_from(number)
                .map(Some)
                .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
            match exact(number) {
                Some(number) => self.visit_u64(number),
                None => Err(E::invalid_value(serde::de::Unexpected::Float(number), &self)),
            }
        }
    }

    deserializer.deserialize_any(Count)
}

/// A question; none if it is not known.
pub(super) fn question<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Question>, D::Error> {
    let text = text(deserializer)?;
    Ok(match text.as_deref() {
        Some("dial") => Some(Question::Dial),
        Some("seize") => Some(Question::Seize),
        _ => None,
    })
}

/// A value that is not read, whatever it is.
pub(super) fn unread<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    deserializer.deserialize_ignored_any(IgnoredAny)?;
    Ok(None)
}

/// What is written, as a text; none for null.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::String(text)) => Some(text),
        other => other.map(|value| value.to_string()),
    })
}

/// A name of an agent or a call.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
    struct Name;

    impl Visitor<'_> for Name {
        type Value = Id;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a name: a whole number or a text")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Id, E> {
            Ok(Id::Number(number))
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<Id, E> {
            match exact(number) {
                Some(number) => Ok(Id::Number(number)),
                None => Err(E::invalid_value(serde::de::Unexpected::Float(number), &self)),
            }
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
            Ok(Id::Text(text.into()))
        }
    }

    deserializer.deserialize_any(Name)
}
