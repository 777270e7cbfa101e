//! What is wrong with a field of an input.

use std::fmt;

use serde::Serialize;

/// One thing wrong with an input, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) from the value that was parsed, e.g. `/days/mon/0`; empty for the
    /// value itself.
    pub pointer: String,
    /// Stable code in camel case.
    pub code: &'static str,
    /// What is wrong, in words that follow the field's name.
    pub message: String,
}

impl FieldError {
    /// An error at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            message: message.into(),
        }
    }

    /// The same error seen from a value that holds the parsed one at `prefix`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{} {}", self.pointer, self.message)
        }
    }
}

impl std::error::Error for FieldError {}

/// Several errors as one line, for serde, which knows only one message.
pub fn joined(errors: &[FieldError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

/// A member name as a reference token of a JSON pointer (RFC 6901, section 3).
pub fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
