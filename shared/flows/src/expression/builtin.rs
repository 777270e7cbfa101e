//! The functions that every expression has. `f(a, b)` and `a.f(b)` are the same.

use domain::time::Timestamp;

use super::evaluate::EvaluationError;
use super::value::{Type, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Lower,
    Upper,
    Trim,
    Text,
    Number,
    Truncate,
    Instant,
    Length,
    Hours,
    Minutes,
    Seconds,
    Minimum,
    Maximum,
    Absolute,
    Floor,
    Ceiling,
    Round,
    Root,
    Exponential,
    Logarithm,
    Power,
}

use Builtin as B;
use Type::{Boolean, Duration, Number, String as Text, Timestamp as Instant};

/// One row per overload: name, parameters, result, function.
const TABLE: &[(&str, &[Type], Type, Builtin)] = &[
    ("size", &[Text], Number, B::Size),
    ("contains", &[Text, Text], Boolean, B::Contains),
    ("startsWith", &[Text, Text], Boolean, B::StartsWith),
    ("endsWith", &[Text, Text], Boolean, B::EndsWith),
    ("lowerAscii", &[Text], Text, B::Lower),
    ("upperAscii", &[Text], Text, B::Upper),
    ("trim", &[Text], Text, B::Trim),
    ("string", &[Text], Text, B::Text),
    ("string", &[Number], Text, B::Text),
    ("string", &[Boolean], Text, B::Text),
    ("string", &[Instant], Text, B::Text),
    ("double", &[Text], Number, B::Number),
    ("double", &[Number], Number, B::Number),
    ("int", &[Text], Number, B::Truncate),
    ("int", &[Number], Number, B::Truncate),
    ("timestamp", &[Text], Instant, B::Instant),
    ("timestamp", &[Instant], Instant, B::Instant),
    ("duration", &[Text], Duration, B::Length),
    ("duration", &[Duration], Duration, B::Length),
    ("getHours", &[Duration], Number, B::Hours),
    ("getMinutes", &[Duration], Number, B::Minutes),
    ("getSeconds", &[Duration], Number, B::Seconds),
    ("min", &[Number, Number], Number, B::Minimum),
    ("max", &[Number, Number], Number, B::Maximum),
    ("abs", &[Number], Number, B::Absolute),
    ("floor", &[Number], Number, B::Floor),
    ("ceil", &[Number], Number, B::Ceiling),
    ("round", &[Number], Number, B::Round),
    ("sqrt", &[Number], Number, B::Root),
    ("exp", &[Number], Number, B::Exponential),
    ("ln", &[Number], Number, B::Logarithm),
    ("pow", &[Number, Number], Number, B::Power),
];

/// What a name and argument types stand for.
pub(super) enum Found {
    Overload(Builtin, Type),
    WrongArguments,
    Unknown,
}

impl Builtin {
    pub(super) fn find(name: &str, arguments: &[Type]) -> Found {
        if name == "size" && matches!(arguments, [Type::List(_)]) {
            return Found::Overload(Self::Size, Number);
        }
        let mut found = Found::Unknown;
        for (row, parameters, result, builtin) in TABLE {
            if *row == name {
                if *parameters == arguments {
                    return Found::Overload(*builtin, result.clone());
                }
                found = Found::WrongArguments;
            }
        }
        found
    }

    /// The worst cost of one call, in operations: those on texts go through the text.
    pub(super) const fn cost(self) -> u64 {
        match self {
            Self::Contains
            | Self::StartsWith
            | Self::EndsWith
            | Self::Lower
            | Self::Upper
            | Self::Trim
            | Self::Text
            | Self::Number
            | Self::Truncate
            | Self::Size => 20,
            _ => 2,
        }
    }

    /// Applies it. Results are checked for their bounds by the caller.
    pub(super) fn apply(self, arguments: &[Value]) -> Result<Value, EvaluationError> {
        match arguments {
            [Value::String(text)] => self.of_text(text),
            [Value::Number(x)] => self.of_number(*x),
            [Value::Duration(millis)] => self.of_duration(*millis),
            [Value::Boolean(value)] if self == Self::Text => Ok(Value::text(value.to_string())),
            [Value::Timestamp(at)] if self == Self::Text => Ok(Value::text(at.to_string())),
            [Value::Timestamp(at)] if self == Self::Instant => Ok(Value::Timestamp(*at)),
            [Value::List(items)] if self == Self::Size => Ok(count(items.len())),
            [Value::String(a), Value::String(b)] => self.of_texts(a, b),
            [Value::Number(x), Value::Number(y)] => self.of_numbers(*x, *y),
            _ => Err(EvaluationError::Type),
        }
    }

    fn of_text(self, text: &str) -> Result<Value, EvaluationError> {
        Ok(match self {
            Self::Size => count(text.chars().count()),
            Self::Lower => Value::text(text.to_ascii_lowercase()),
            Self::Upper => Value::text(text.to_ascii_uppercase()),
            Self::Trim => Value::text(text.trim()),
            Self::Text => Value::text(text),
            Self::Number => Value::Number(parse_number(text)?),
            Self::Truncate => Value::Number(libm::trunc(parse_number(text)?)),
            Self::Instant => {
                Value::Timestamp(Timestamp::parse(text).map_err(|_| EvaluationError::Conversion)?)
            }
            Self::Length => Value::Duration(parse_duration(text)?),
            _ => return Err(EvaluationError::Type),
        })
    }

    fn of_number(self, x: f64) -> Result<Value, EvaluationError> {
        Ok(Value::Number(match self {
            Self::Text => return Ok(Value::text(x.to_string())),
            Self::Number => x,
            Self::Truncate => libm::trunc(x),
            Self::Absolute => x.abs(),
            Self::Floor => libm::floor(x),
            Self::Ceiling => libm::ceil(x),
            Self::Round => libm::round(x),
            Self::Root => libm::sqrt(x),
            Self::Exponential => libm::exp(x),
            Self::Logarithm => libm::log(x),
            _ => return Err(EvaluationError::Type),
        }))
    }

    fn of_duration(self, millis: i64) -> Result<Value, EvaluationError> {
        let unit = match self {
            Self::Length => return Ok(Value::Duration(millis)),
            Self::Hours => 3_600_000,
            Self::Minutes => 60_000,
            Self::Seconds => 1_000,
            _ => return Err(EvaluationError::Type),
        };
        #[allow(clippy::cast_precision_loss)]
        let whole = (millis / unit) as f64;
        Ok(Value::Number(whole))
    }

    fn of_texts(self, a: &str, b: &str) -> Result<Value, EvaluationError> {
        Ok(Value::Boolean(match self {
            Self::Contains => a.contains(b),
            Self::StartsWith => a.starts_with(b),
            Self::EndsWith => a.ends_with(b),
            _ => return Err(EvaluationError::Type),
        }))
    }

    fn of_numbers(self, x: f64, y: f64) -> Result<Value, EvaluationError> {
        Ok(Value::Number(match self {
            Self::Minimum => {
                if y < x {
                    y
                } else {
                    x
                }
            }
            Self::Maximum => {
                if y > x {
                    y
                } else {
                    x
                }
            }
            Self::Power => libm::pow(x, y),
            _ => return Err(EvaluationError::Type),
        }))
    }
}

fn count(length: usize) -> Value {
    Value::Number(u32::try_from(length).map_or(f64::from(u32::MAX), f64::from))
}

fn parse_number(text: &str) -> Result<f64, EvaluationError> {
    text.trim().parse().map_err(|_| EvaluationError::Conversion)
}

/// A duration as flow documents write them, with an optional sign.
fn parse_duration(text: &str) -> Result<i64, EvaluationError> {
    let (sign, length) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let span = crate::span::Span::parse(length).map_err(|_| EvaluationError::Conversion)?;
    Ok(sign * i64::try_from(span.millis().get()).unwrap_or(i64::MAX))
}
