//! Names in flow documents. All are identifiers, so that expressions and templates can spell them.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::limits::{MAX_NAME, MAX_VARIABLE_NAME};

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must start with a letter and have at most {0} letters, digits and '_'")]
pub struct NameError(usize);

fn check(text: &str, longest: usize) -> Result<(), NameError> {
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let goes_on = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if starts && goes_on && text.len() <= longest {
        Ok(())
    } else {
        Err(NameError(longest))
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident <= $longest:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks a name.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check(text, $longest).map(|()| Self(text.to_owned()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": format!("^[A-Za-z][A-Za-z0-9_]{{0,{}}}$", $longest - 1),
                })
            }
        }
    )*};
}

names! {
    /// Names a node of a flow.
    NodeId <= MAX_NAME;
    /// Names an outcome of a node: an exit that is wired to another node.
    Outcome <= MAX_NAME;
    /// Names the way in which a flow ends.
    Label <= MAX_NAME;
    /// Names an event from outside.
    EventName <= MAX_NAME;
    /// Names a variable of the conversation data.
    VariableName <= MAX_VARIABLE_NAME;
}

impl From<&str> for Outcome {
    /// For the outcomes that node types define themselves, which are names by construction.
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}
