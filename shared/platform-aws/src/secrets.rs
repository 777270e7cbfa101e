//! Secrets in the Parameter Store of Systems Manager, as `SecureString`s, encrypted with the account's key.
//!
//! Not in Secrets Manager: there a secret costs 0.40 USD a month, and there are several per connector and
//! webhook of each tenant; parameters up to 4 KB cost nothing. What Secrets Manager does beyond, rotation
//! by a schedule, is not the product's: tenants put new secrets themselves.
//!
//! Nothing is held here: what needs a secret keeps it with the version that named it (a connector, a signing key), and a
//! secret that was held for however short a time would be kept with a version that it does not belong to.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use platform::secrets::{Secret, SecretError, Secrets};
use serde_json::{Value, json};

use crate::signed::{CallError, Service, Signed};

const SYSTEMS_MANAGER: Service = Service {
    signing: "ssm",
    host: "ssm",
    target: "AmazonSSM",
    media: "application/x-amz-json-1.1",
};

/// The store of secrets.
pub struct ParameterStore {
    signed: Arc<Signed>,
    prefix: String,
}

impl fmt::Debug for ParameterStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterStore")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl ParameterStore {
    pub(crate) fn new(signed: Arc<Signed>, prefix: &str) -> Self {
        Self {
            signed,
            prefix: prefix.to_owned(),
        }
    }

    fn parameter(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    async fn call(&self, action: &str, input: Value) -> Result<Value, CallError> {
        self.signed
            .call(&SYSTEMS_MANAGER, action, "parameter", &input)
            .await
    }
}

fn unavailable(error: CallError) -> SecretError {
    SecretError::Unavailable(error.to_string())
}

#[async_trait]
impl Secrets for ParameterStore {
    async fn put(&self, name: &str, secret: Secret) -> Result<(), SecretError> {
        let input = json!({
            "Name": self.parameter(name),
            "Value": secret.expose(),
            "Type": "SecureString",
            // Free up to 4 KB; larger ones, which are paid for, up to 8 KB.
            "Tier": "Intelligent-Tiering",
            "Overwrite": true,
        });
        self.call("PutParameter", input)
            .await
            .map(drop)
            .map_err(unavailable)
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        let input = json!({"Name": self.parameter(name), "WithDecryption": true});
        match self.call("GetParameter", input).await {
            Ok(answer) => {
                let value = answer.pointer("/Parameter/Value").and_then(Value::as_str);
                value
                    .map(|value| Some(Secret::new(value)))
                    .ok_or_else(|| SecretError::Unavailable("an answer without the secret".to_owned()))
            }
            Err(error) if error.is("ParameterNotFound") => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), SecretError> {
        let answer = self
            .call("DeleteParameter", json!({"Name": self.parameter(name)}))
            .await;
        match answer {
            Err(error) if !error.is("ParameterNotFound") => Err(unavailable(error)),
            _ => Ok(()),
        }
    }
}
