//! Evaluation of typed terms.

use std::cmp::Ordering;
use std::sync::Arc;

use domain::time::{Millis, Timestamp};

use super::term::{Arithmetic, Comparison, Comprehension, Term};
use super::value::Value;
use super::vocabulary::Scope;
use super::{MAX_BUILT_BYTES, MAX_LIST, MAX_TEXT_BYTES};

/// Why a checked expression has no value. None of these depends on the machine or the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A name has no value. `has(name)` asks first.
    #[error("{0} has no value")]
    Absent(String),
    /// A division by zero, or its remainder.
    #[error("division by zero")]
    DivisionByZero,
    /// A number became too large, or is not defined, such as `sqrt(-1)`.
    #[error("a number is too large or not defined")]
    NotFinite,
    /// No item at this place of a list.
    #[error("no such item in the list")]
    Index,
    /// A text that is no number, instant or duration.
    #[error("a text could not be converted")]
    Conversion,
    /// A text or list became too long.
    #[error("a text or list became too long")]
    TooLarge,
    /// A value of a type that the checker excludes: kept instead of a panic, never seen.
    #[error("a value of the wrong type")]
    Type,
}

impl EvaluationError {
    /// A short stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Absent(_) => "absent",
            Self::DivisionByZero => "division_by_zero",
            Self::NotFinite => "not_finite",
            Self::Index => "index",
            Self::Conversion => "conversion",
            Self::TooLarge => "too_large",
            Self::Type => "type",
        }
    }
}

/// One run of an expression.
pub(super) struct Evaluation<'a> {
    scope: &'a dyn Scope,
    locals: Vec<Value>,
    /// Bytes that may still be built. The checker bounds time; this bounds memory.
    left: usize,
}

type Outcome<T> = Result<T, EvaluationError>;

impl<'a> Evaluation<'a> {
    pub(super) fn new(scope: &'a dyn Scope) -> Self {
        Self {
            scope,
            locals: Vec::new(),
            left: MAX_BUILT_BYTES,
        }
    }

    pub(super) fn boolean(&mut self, term: &Term) -> Outcome<bool> {
        match self.value(term)? {
            Value::Boolean(value) => Ok(value),
            _ => Err(EvaluationError::Type),
        }
    }

    pub(super) fn number(&mut self, term: &Term) -> Outcome<f64> {
        match self.value(term)? {
            Value::Number(number) => Ok(number),
            _ => Err(EvaluationError::Type),
        }
    }

    fn text(&mut self, term: &Term) -> Outcome<Arc<str>> {
        match self.value(term)? {
            Value::String(text) => Ok(text),
            _ => Err(EvaluationError::Type),
        }
    }

    fn instant(&mut self, term: &Term) -> Outcome<Timestamp> {
        match self.value(term)? {
            Value::Timestamp(at) => Ok(at),
            _ => Err(EvaluationError::Type),
        }
    }

    fn duration(&mut self, term: &Term) -> Outcome<i64> {
        match self.value(term)? {
            Value::Duration(millis) => Ok(millis),
            _ => Err(EvaluationError::Type),
        }
    }

    fn list(&mut self, term: &Term) -> Outcome<Arc<[Value]>> {
        match self.value(term)? {
            Value::List(items) => Ok(items),
            _ => Err(EvaluationError::Type),
        }
    }

    fn values(&mut self, terms: &[Term]) -> Outcome<Vec<Value>> {
        self.build(terms.len() * size_of::<Value>())?;
        terms.iter().map(|term| self.value(term)).collect()
    }

    pub(super) fn value(&mut self, term: &Term) -> Outcome<Value> {
        Ok(match term {
            Term::Constant(value) => value.clone(),
            Term::Name(name, of) => {
                let value = self.scope.value(name).filter(|value| value.is(of));
                value.ok_or_else(|| EvaluationError::Absent(name.clone()))?
            }
            Term::Has(name, of) => Value::Boolean(self.scope.value(name).is_some_and(|value| value.is(of))),
            Term::Local(place) => self.locals.get(*place).cloned().ok_or(EvaluationError::Type)?,
            Term::Not(a) => Value::Boolean(!self.boolean(a)?),
            Term::And(a, b) => Value::Boolean(!self.either(a, b, false)?),
            Term::Or(a, b) => Value::Boolean(self.either(a, b, true)?),
            Term::If(condition, a, b) => {
                let chosen = if self.boolean(condition)? { a } else { b };
                self.value(chosen)?
            }
            Term::Negate(a) => match self.value(a)? {
                Value::Number(number) => Value::Number(-number),
                Value::Duration(millis) => Value::Duration(millis.saturating_neg()),
                _ => return Err(EvaluationError::Type),
            },
            Term::Arithmetic(operation, a, b) => self.arithmetic(*operation, a, b)?,
            Term::Join(a, b) => {
                let (a, b) = (self.text(a)?, self.text(b)?);
                self.build(a.len() + b.len())?;
                self.bounded(Value::text([&*a, &*b].concat()))?
            }
            Term::Shift(at, by, back) => {
                let (at, by) = (self.instant(at)?, self.duration(by)?);
                let by = if *back { by.saturating_neg() } else { by };
                let length = Millis::new(by.unsigned_abs());
                Value::Timestamp(if by < 0 { at - length } else { at + length })
            }
            Term::Between(a, b) => {
                let (a, b) = (self.instant(a)?, self.instant(b)?);
                Value::Duration(a.millis().saturating_sub(b.millis()))
            }
            Term::Span(a, b, minus) => {
                let (a, b) = (self.duration(a)?, self.duration(b)?);
                Value::Duration(if *minus {
                    a.saturating_sub(b)
                } else {
                    a.saturating_add(b)
                })
            }
            Term::Equal(a, b) => Value::Boolean(self.value(a)? == self.value(b)?),
            Term::Compare(comparison, a, b) => self.compare(*comparison, a, b)?,
            Term::In(item, list) => {
                let item = self.value(item)?;
                Value::Boolean(self.list(list)?.contains(&item))
            }
            Term::List(items) => Value::List(self.values(items)?.into()),
            Term::Index(list, place) => {
                let (list, place) = (self.list(list)?, self.number(place)?);
                let item = (0..list.len()).zip(&*list).find(|(i, _)| to_f64(*i) == place);
                item.map(|(_, item)| item.clone()).ok_or(EvaluationError::Index)?
            }
            Term::Builtin(builtin, arguments) => {
                let arguments = self.values(arguments)?;
                let value = builtin.apply(&arguments)?;
                self.bounded(value)?
            }
            Term::Call(function, arguments, of) => {
                let arguments = self.values(arguments)?;
                let value = self.scope.call(function, &arguments).filter(|value| value.is(of));
                value.ok_or_else(|| EvaluationError::Absent(format!("{function}()")))?
            }
            Term::Comprehension(kind, list, body) => self.comprehension(*kind, list, body)?,
        })
    }

    /// Counts what is built.
    fn build(&mut self, bytes: usize) -> Outcome<()> {
        self.left = self.left.checked_sub(bytes).ok_or(EvaluationError::TooLarge)?;
        Ok(())
    }

    /// Passes values on that keep the bounds.
    fn bounded(&mut self, value: Value) -> Outcome<Value> {
        match &value {
            Value::Number(number) if !number.is_finite() => return Err(EvaluationError::NotFinite),
            Value::String(text) if text.len() > MAX_TEXT_BYTES => return Err(EvaluationError::TooLarge),
            Value::List(items) if items.len() > MAX_LIST => return Err(EvaluationError::TooLarge),
            Value::String(text) => self.build(text.len())?,
            _ => {}
        }
        Ok(value)
    }

    /// Whether either side is `wanted` (for `and`: false). As in CEL, one side that decides makes
    /// up for an error on the other.
    fn either(&mut self, a: &Term, b: &Term, wanted: bool) -> Outcome<bool> {
        let first = self.boolean(a);
        if first == Ok(wanted) {
            return Ok(true);
        }
        match self.boolean(b) {
            Ok(second) if second == wanted => Ok(true),
            second => {
                first?;
                second?;
                Ok(false)
            }
        }
    }

    fn arithmetic(&mut self, operation: Arithmetic, a: &Term, b: &Term) -> Outcome<Value> {
        let (a, b) = (self.number(a)?, self.number(b)?);
        let result = match operation {
            Arithmetic::Add => a + b,
            Arithmetic::Subtract => a - b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Divide | Arithmetic::Remainder if b == 0.0 => {
                return Err(EvaluationError::DivisionByZero);
            }
            Arithmetic::Divide => a / b,
            Arithmetic::Remainder => libm::fmod(a, b),
        };
        self.bounded(Value::Number(result))
    }

    fn compare(&mut self, comparison: Comparison, a: &Term, b: &Term) -> Outcome<Value> {
        let order = match (self.value(a)?, self.value(b)?) {
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(&b),
            (Value::String(a), Value::String(b)) => Some(a.cmp(&b)),
            (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(&b)),
            (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(&b)),
            (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(&b)),
            _ => None,
        };
        let order = order.ok_or(EvaluationError::Type)?;
        Ok(Value::Boolean(match comparison {
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
        }))
    }

    fn comprehension(&mut self, kind: Comprehension, list: &Term, body: &Term) -> Outcome<Value> {
        let items = self.list(list)?;
        if kind == Comprehension::Map {
            self.build(items.len() * size_of::<Value>())?;
            let mapped: Outcome<Vec<_>> = items.iter().map(|item| self.with(item, body)).collect();
            return Ok(Value::List(mapped?.into()));
        }
        let mut kept = Vec::new();
        for item in &*items {
            match (self.with(item, body)?, kind) {
                (Value::Boolean(true), Comprehension::Exists) => return Ok(Value::Boolean(true)),
                (Value::Boolean(false), Comprehension::All) => return Ok(Value::Boolean(false)),
                (Value::Boolean(true), _) => kept.push(item.clone()),
                (Value::Boolean(false), _) => {}
                _ => return Err(EvaluationError::Type),
            }
        }
        Ok(match kind {
            Comprehension::All => Value::Boolean(true),
            Comprehension::Exists => Value::Boolean(false),
            Comprehension::ExistsOne => Value::Boolean(kept.len() == 1),
            Comprehension::Filter | Comprehension::Map => {
                self.build(kept.len() * size_of::<Value>())?;
                Value::List(kept.into())
            }
        })
    }

    fn with(&mut self, item: &Value, body: &Term) -> Outcome<Value> {
        self.locals.push(item.clone());
        let value = self.value(body);
        self.locals.pop();
        value
    }
}

fn to_f64(place: usize) -> f64 {
    u32::try_from(place).map_or(f64::INFINITY, f64::from)
}
