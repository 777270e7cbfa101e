//! Secrets: kept apart from items, never in logs or errors.

use async_trait::async_trait;
use std::fmt;

/// A secret text. It does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Why a secret was not stored or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The store failed; try again.
    #[error("the secret store did not answer: {0}")]
    Unavailable(String),
}

/// The store of secrets. Names look like `tenant/connector/field`.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Stores it, replacing what stood there.
    async fn put(&self, name: &str, secret: Secret) -> Result<(), SecretError>;

    /// Reads it; may be a few seconds old.
    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError>;

    /// Deletes it, if it is there.
    async fn delete(&self, name: &str) -> Result<(), SecretError>;
}
