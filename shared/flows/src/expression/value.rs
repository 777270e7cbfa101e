//! Values and their types.

use std::fmt;
use std::sync::Arc;

use domain::time::Timestamp;
use serde_json::{Number, Value as Json};

use super::{MAX_LIST, MAX_TEXT_BYTES};

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// True or false.
    Boolean,
    /// A finite double.
    Number,
    /// A text.
    String,
    /// An instant.
    Timestamp,
    /// The time between two instants, negative too.
    Duration,
    /// A list of values of one type.
    List(Box<Type>),
}

impl Type {
    /// A list of texts.
    pub fn strings() -> Self {
        Self::List(Box::new(Self::String))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(item) => write!(f, "list of {item}"),
        }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A double; one that is not finite counts as absent.
    Number(f64),
    /// A text.
    String(Arc<str>),
    /// An instant.
    Timestamp(Timestamp),
    /// Milliseconds between two instants.
    Duration(i64),
    /// Values of one type.
    List(Arc<[Value]>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// Whether it is a value of the type, and within the bounds.
    pub fn is(&self, wanted: &Type) -> bool {
        match (self, wanted) {
            (Self::Boolean(_), Type::Boolean)
            | (Self::Timestamp(_), Type::Timestamp)
            | (Self::Duration(_), Type::Duration) => true,
            (Self::Number(number), Type::Number) => number.is_finite(),
            (Self::String(text), Type::String) => text.len() <= MAX_TEXT_BYTES,
            (Self::List(items), Type::List(item)) => {
                items.len() <= MAX_LIST && items.iter().all(|value| value.is(item))
            }
            _ => false,
        }
    }

    /// Reads JSON as a value of the type. Instants are RFC 3339, durations milliseconds.
    pub fn from_json(json: &Json, wanted: &Type) -> Option<Self> {
        let value = match (json, wanted) {
            (Json::Bool(value), Type::Boolean) => Self::Boolean(*value),
            (Json::Number(number), Type::Number) => Self::Number(number.as_f64()?),
            (Json::Number(number), Type::Duration) => Self::Duration(number.as_i64()?),
            (Json::String(text), Type::String) => Self::text(text.as_str()),
            (Json::String(text), Type::Timestamp) => Self::Timestamp(Timestamp::parse(text).ok()?),
            (Json::Array(items), Type::List(item)) if items.len() <= MAX_LIST => {
                let items = items.iter().map(|json| Self::from_json(json, item));
                Self::List(items.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        value.is(wanted).then_some(value)
    }

    /// Writes what [`Value::from_json`] reads. Whole numbers are written without a fraction.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Boolean(value) => Json::Bool(*value),
            Self::Number(number) => number_to_json(*number),
            Self::String(text) => Json::String(text.to_string()),
            Self::Timestamp(at) => Json::String(at.to_string()),
            Self::Duration(millis) => Json::from(*millis),
            Self::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
        }
    }
}

/// Above this, not every whole number is a double.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

fn number_to_json(number: f64) -> Json {
    // -0.0 stays a double: as an integer it would come back as another value.
    let whole = number.trunc() == number && number.abs() <= MAX_EXACT;
    if whole && (number != 0.0 || number.is_sign_positive()) {
        #[allow(clippy::cast_possible_truncation)]
        let integer = number as i64;
        Json::from(integer)
    } else {
        Number::from_f64(number).map_or(Json::Null, Json::Number)
    }
}

/// As a person would read it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::String(text) => f.write_str(text),
            Self::Timestamp(at) => write!(f, "{at}"),
            Self::Duration(millis) => write!(f, "{millis} ms"),
            Self::List(items) => {
                f.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_str("]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_survive_storage_to_the_bit(bits: u64) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let stored = serde_json::to_string(&Value::Number(number).to_json()).unwrap();
            let read: Json = serde_json::from_str(&stored).unwrap();
            let Some(Value::Number(back)) = Value::from_json(&read, &Type::Number) else {
                return Err(TestCaseError::fail(stored));
            };
            prop_assert_eq!(back.to_bits(), bits);
        }
    }
}
