//! Secrets in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use platform::secrets::{Secret, SecretError, Secrets};

use crate::world::World;

#[derive(Default)]
pub(crate) struct Data(BTreeMap<String, Secret>);

#[async_trait]
impl Secrets for World {
    async fn put(&self, name: &str, secret: Secret) -> Result<(), SecretError> {
        self.before_call().await;
        self.state().secrets.0.insert(name.to_owned(), secret);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        self.before_call().await;
        Ok(self.state().secrets.0.get(name).cloned())
    }

    async fn delete(&self, name: &str) -> Result<(), SecretError> {
        self.before_call().await;
        self.state().secrets.0.remove(name);
        Ok(())
    }
}
