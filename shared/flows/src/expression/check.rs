//! The checker's face: source in, checked expression out.

use super::evaluate::{Evaluation, EvaluationError};
use super::lower::Lowering;
use super::term::Term;
use super::value::{Type, Value};
use super::vocabulary::{Scope, Values, Vocabulary};
use super::{MAX_COST, MAX_SOURCE_BYTES};

/// Checks expressions against a vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Checker<'v> {
    vocabulary: &'v Vocabulary,
}

/// How strictly an expression is checked.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What becomes of `all`, `exists`, `exists_one`, `map` and `filter`.
    pub comprehensions: Comprehensions,
}

/// What becomes of expressions that go through a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comprehensions {
    /// They are problems.
    Refused,
    /// They count as often as the longest list has items.
    Bounded,
}

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {message}")]
pub struct ExpressionProblem {
    /// Characters before the part at fault.
    pub position: usize,
    /// What is wrong with it.
    pub message: String,
}

/// An expression that evaluates to one known type in bounded time.
#[derive(Clone, Debug)]
pub struct Checked {
    term: Term,
    of: Type,
    names: Vec<String>,
    cost: u64,
    constant: bool,
}

impl<'v> Checker<'v> {
    /// A checker for these names and functions.
    pub const fn new(vocabulary: &'v Vocabulary) -> Self {
        Self { vocabulary }
    }

    /// Parses and checks. What passes has the expected type.
    pub fn check(
        &self,
        source: &str,
        expected: &Type,
        options: Options,
    ) -> Result<Checked, ExpressionProblem> {
        if source.len() > MAX_SOURCE_BYTES {
            return Err(ExpressionProblem {
                position: 0,
                message: format!("is longer than {MAX_SOURCE_BYTES} bytes"),
            });
        }
        let mut lowering = Lowering::new(self.vocabulary, options, source);
        let typed = lowering.run()?;
        if typed.of != *expected {
            return Err(ExpressionProblem {
                position: 0,
                message: format!("is a {}, but a {expected} is needed", typed.of),
            });
        }
        if typed.cost > MAX_COST {
            return Err(ExpressionProblem {
                position: 0,
                message: format!("could take {} operations, more than {MAX_COST}", typed.cost),
            });
        }
        Ok(Checked {
            term: typed.term,
            of: typed.of,
            constant: lowering.is_constant(),
            names: lowering.into_names(),
            cost: typed.cost,
        })
    }
}

impl Checked {
    /// Evaluates. Same values, same bits.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, EvaluationError> {
        Evaluation::new(scope).value(&self.term)
    }

    /// Evaluates what was checked to be a boolean.
    pub fn is_true(&self, scope: &dyn Scope) -> Result<bool, EvaluationError> {
        Evaluation::new(scope).boolean(&self.term)
    }

    /// Evaluates what was checked to be a number.
    pub fn number(&self, scope: &dyn Scope) -> Result<f64, EvaluationError> {
        Evaluation::new(scope).number(&self.term)
    }

    /// Its value, or why it has none, if it reads nothing and so is the same at every moment.
    pub fn constant(&self) -> Option<Result<Value, EvaluationError>> {
        self.constant.then(|| self.evaluate(&Values::default()))
    }

    /// The type of its value.
    pub const fn of(&self) -> &Type {
        &self.of
    }

    /// The names that it reads, in the order of their first use.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A bound on the operations of one evaluation.
    pub const fn cost(&self) -> u64 {
        self.cost
    }
}
