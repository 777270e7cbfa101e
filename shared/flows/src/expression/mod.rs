//! Expressions in CEL that cannot go wrong by type and cannot run long.
//!
//! CEL by itself neither types nor bounds. [`Checker`] lowers the parsed tree into a typed one, and
//! only that is evaluated: what does not lower does not run. Departures from CEL, all towards fewer
//! surprises:
//!
//! - There is one kind of number, a double. Integer literals become doubles, so that `2 * 1.5`
//!   works and `7 / 2` is `3.5`; what is not finite is an error, never a value.
//! - Names are dotted paths declared in a [`Vocabulary`] with their types. `contact["First name"]`
//!   is the same as `contact.name` for names that are no identifiers. A declared name may have no
//!   value; reading it is an error, `has(name)` asks first.
//! - A text or list is bounded, and so is what one evaluation builds: see the constants below.
//! - `all`, `exists`, `exists_one`, `map` and `filter` are refused or bounded, see [`Options`].
//!
//! Operators: `?:`, `||`, `&&`, `== != < <= > >= in`, `+ -`, `* / %`, `!`, `-`, `list[place]`. Functions,
//! also as methods: `size`, `contains`, `startsWith`, `endsWith`, `lowerAscii`, `upperAscii`, `trim`,
//! `string`, `double`, `int`, `timestamp`, `duration`, `getHours`, `getMinutes`, `getSeconds`, `min`,
//! `max`, `abs`, `floor`, `ceil`, `round`, `sqrt`, `exp`, `ln`, `pow`, and those of the vocabulary.

mod builtin;
mod check;
mod evaluate;
mod lower;
mod syntax;
mod term;
#[cfg(test)]
mod tests;
mod token;
mod value;
mod vocabulary;

pub use check::{Checked, Checker, Comprehensions, ExpressionProblem, Options};
pub use evaluate::EvaluationError;
pub use value::{Type, Value};
pub use vocabulary::{Range, Scope, Signature, Values, Vocabulary};

/// Longest source of an expression, in bytes.
pub const MAX_SOURCE_BYTES: usize = 2_000;
/// Deepest nesting of an expression.
pub const MAX_DEPTH: usize = 64;
/// Highest static cost of an expression: roughly the operations of its worst run.
pub const MAX_COST: u64 = 100_000;
/// Longest list.
pub const MAX_LIST: usize = 100;
/// Longest text, in bytes.
pub const MAX_TEXT_BYTES: usize = 10_000;
/// What one evaluation may build altogether, in bytes.
pub const MAX_BUILT_BYTES: usize = 1_000_000;
