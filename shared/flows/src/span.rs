//! Lengths of time as flow documents write them: `90s`, `5m`, `36h`, `2d`, `1h30m`.

use std::fmt;

use domain::time::Millis;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::MAX_WAIT;

/// A length of time between a second and [`MAX_WAIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Millis);

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Not numbers with units.
    #[error("must be a length of time such as 90s, 5m, 36h, 2d or 1h30m")]
    Syntax,
    /// Too short or too long.
    #[error("must be between 1s and 366d")]
    Range,
}

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Span {
    /// Reads whole numbers, each with its unit, the largest unit first.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        if text.is_empty() || text.len() > 32 {
            return Err(SpanError::Syntax);
        }
        let mut rest = text;
        let mut seconds: u64 = 0;
        for (unit, length) in UNITS {
            let Some((count, after)) = rest.split_once(unit) else {
                continue;
            };
            if count.is_empty() || count.len() > 9 || !count.bytes().all(|b| b.is_ascii_digit()) {
                return Err(SpanError::Syntax);
            }
            let count: u64 = count.parse().map_err(|_| SpanError::Syntax)?;
            seconds += count * length;
            rest = after;
        }
        if !rest.is_empty() {
            return Err(SpanError::Syntax);
        }
        let span = Millis::seconds(seconds);
        if (Millis::seconds(1)..=MAX_WAIT).contains(&span) {
            Ok(Self(span))
        } else {
            Err(SpanError::Range)
        }
    }

    /// In milliseconds.
    pub const fn millis(self) -> Millis {
        self.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.get() / 1_000;
        for (unit, length) in UNITS {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time from 1s to 366d: 90s, 5m, 36h, 2d or 1h30m.",
            "pattern": "^(?=.)([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["1s", "90m", "36h", "2d", "1h30m", "1d1h1m1s"] {
            let span = Span::parse(text).unwrap();
            assert_eq!(Span::parse(&span.to_string()), Ok(span), "{text}");
        }
        assert_eq!(Span::parse("36h").unwrap().millis(), Millis::hours(36));
        assert_eq!(Span::parse("1h30m").unwrap().millis(), Millis::minutes(90));
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "5m1h",
            "1.5h",
            "5M",
            "9999999999s",
            "1h1h",
        ] {
            assert_eq!(Span::parse(text), Err(SpanError::Syntax), "{text}");
        }
        for text in ["0s", "367d", "999999999d"] {
            assert_eq!(Span::parse(text), Err(SpanError::Range), "{text}");
        }
    }
}
