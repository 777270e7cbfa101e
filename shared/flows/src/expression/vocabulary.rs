//! What an expression may name, and where its values come from.

use std::collections::BTreeMap;

use super::value::{Type, Value};

/// The declared names and functions.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    names: BTreeMap<String, Type>,
    functions: BTreeMap<String, Signature>,
}

/// What a function takes and gives.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Types of the parameters.
    pub parameters: Vec<Type>,
    /// Type of the result.
    pub result: Type,
    /// Its worst cost, in operations.
    pub cost: u64,
    /// What an argument may be that is a number and the same at every moment; any number if there is none.
    pub range: Option<Range>,
}

/// The numbers that make sense.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// One of them, for who wrote another.
    pub example: f64,
}

impl Range {
    /// What is wrong with an argument of a function, and what to write.
    pub(super) fn refuses(self, function: &str, number: f64) -> Option<String> {
        let Self { least, most, example } = self;
        if number >= least && number <= most {
            return None;
        }
        let write = if most == 1.0 && number > 1.0 && number <= 100.0 {
            format!("for {number} % write `{function}({})`", number / 100.0)
        } else {
            format!("write for example `{function}({example})`")
        };
        Some(format!(
            "`{function}` takes {least} to {most}, not {number}: {write}"
        ))
    }
}

impl Vocabulary {
    /// Declares a name: a path such as `contact.age`.
    pub fn name(&mut self, path: impl Into<String>, of: Type) -> &mut Self {
        self.names.insert(path.into(), of);
        self
    }

    /// Declares a function, over those that every expression has. It must be pure.
    pub fn function(&mut self, name: impl Into<String>, signature: Signature) -> &mut Self {
        self.functions.insert(name.into(), signature);
        self
    }

    /// The type of a name.
    pub fn type_of(&self, path: &str) -> Option<&Type> {
        self.names.get(path)
    }

    /// What a declared function takes and gives.
    pub fn signature(&self, function: &str) -> Option<&Signature> {
        self.functions.get(function)
    }

    /// Whether names begin with this path and a dot.
    pub fn is_namespace(&self, path: &str) -> bool {
        let start = format!("{path}.");
        self.names
            .range(start.clone()..)
            .next()
            .is_some_and(|(name, _)| name.starts_with(&start))
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.names.iter().map(|(name, of)| (name.as_str(), of))
    }
}

/// Where values come from when an expression is evaluated.
pub trait Scope {
    /// The value of a declared name, if it has one. A value of another type counts as absent.
    fn value(&self, name: &str) -> Option<Value>;

    /// Calls a declared function. None, or a value of another type, counts as absent.
    fn call(&self, _function: &str, _arguments: &[Value]) -> Option<Value> {
        None
    }
}

/// Values in a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(pub BTreeMap<String, Value>);

impl Scope for Values {
    fn value(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(values: I) -> Self {
        Self(
            values
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }
}
