//! The typed tree that is evaluated.

use super::builtin::Builtin;
use super::value::{Type, Value};

/// A term. Its operands have the types that the operation needs: the checker saw to it.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Constant(Value),
    /// A declared name.
    Name(String, Type),
    /// Whether a declared name has a value.
    Has(String, Type),
    /// The variable of an enclosing comprehension, counted from the outermost.
    Local(usize),
    Not(Box<Term>),
    And(Box<Term>, Box<Term>),
    Or(Box<Term>, Box<Term>),
    If(Box<Term>, Box<Term>, Box<Term>),
    Negate(Box<Term>),
    Arithmetic(Arithmetic, Box<Term>, Box<Term>),
    /// Two texts, one after the other.
    Join(Box<Term>, Box<Term>),
    /// An instant and a duration; backwards if the flag is set.
    Shift(Box<Term>, Box<Term>, bool),
    /// The duration from the second instant to the first.
    Between(Box<Term>, Box<Term>),
    /// The sum of two durations; the difference if the flag is set.
    Span(Box<Term>, Box<Term>, bool),
    Equal(Box<Term>, Box<Term>),
    Compare(Comparison, Box<Term>, Box<Term>),
    In(Box<Term>, Box<Term>),
    List(Vec<Term>),
    Index(Box<Term>, Box<Term>),
    Builtin(Builtin, Vec<Term>),
    /// A declared function.
    Call(String, Vec<Term>, Type),
    Comprehension(Comprehension, Box<Term>, Box<Term>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comprehension {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

impl Comprehension {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "all" => Some(Self::All),
            "exists" => Some(Self::Exists),
            "exists_one" | "existsOne" => Some(Self::ExistsOne),
            "map" => Some(Self::Map),
            "filter" => Some(Self::Filter),
            _ => None,
        }
    }
}
