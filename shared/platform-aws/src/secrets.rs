//! Secrets in the Parameter Store of Systems Manager, as `SecureString`s, encrypted with the account's key.
//!
//! Not in Secrets Manager: there a secret costs 0.40 USD a month, and there are several per connector and
//! webhook of each tenant; parameters up to 4 KB cost nothing. What Secrets Manager does beyond, rotation
//! by a schedule, is not the product's: tenants put new secrets themselves.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::time::{Millis, Timestamp};
use platform::secrets::{Secret, SecretError, Secrets};
use platform::world::Clock;
use serde_json::{Value, json};

use crate::signed::{CallError, Service, Signed};

/// How long a secret that was read is taken for true. The Parameter Store answers 40 reads a second by
/// default; many workers that each send all the time must not ask for each message.
const HELD: Millis = Millis::seconds(15);
/// Most secrets held at once.
const MOST_HELD: usize = 1_000;

const SYSTEMS_MANAGER: Service = Service {
    signing: "ssm",
    host: "ssm",
    target: "AmazonSSM",
    media: "application/x-amz-json-1.1",
};

struct Held {
    secret: Option<Secret>,
    until: Timestamp,
}

/// The store of secrets.
pub struct ParameterStore {
    signed: Arc<Signed>,
    prefix: String,
    clock: Arc<dyn Clock>,
    held: Mutex<HashMap<String, Held>>,
}

impl fmt::Debug for ParameterStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterStore")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl ParameterStore {
    pub(crate) fn new(signed: Arc<Signed>, prefix: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            signed,
            prefix: prefix.to_owned(),
            clock,
            held: Mutex::new(HashMap::new()),
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

    /// What is held of a name, if it is still fresh.
    fn fresh(&self, name: &str) -> Option<Option<Secret>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = held.get(name)?;
        (self.clock.now() < held.until).then(|| held.secret.clone())
    }

    fn hold(&self, name: &str, secret: Option<Secret>) {
        let now = self.clock.now();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST_HELD {
            held.retain(|_, held| now < held.until);
        }
        if held.len() < MOST_HELD {
            let until = now + HELD;
            held.insert(name.to_owned(), Held { secret, until });
        }
    }

    fn forget(&self, name: &str) {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
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
        let answer = self.call("PutParameter", input).await;
        self.forget(name);
        answer.map(drop).map_err(unavailable)
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        if let Some(secret) = self.fresh(name) {
            return Ok(secret);
        }
        let input = json!({"Name": self.parameter(name), "WithDecryption": true});
        let secret = match self.call("GetParameter", input).await {
            Ok(answer) => {
                let value = answer.pointer("/Parameter/Value").and_then(Value::as_str);
                Some(
                    value
                        .map(Secret::new)
                        .ok_or_else(|| SecretError::Unavailable("an answer without the secret".to_owned()))?,
                )
            }
            Err(error) if error.is("ParameterNotFound") => None,
            Err(error) => return Err(unavailable(error)),
        };
        self.hold(name, secret.clone());
        Ok(secret)
    }

    async fn delete(&self, name: &str) -> Result<(), SecretError> {
        let answer = self
            .call("DeleteParameter", json!({"Name": self.parameter(name)}))
            .await;
        self.forget(name);
        match answer {
            Err(error) if !error.is("ParameterNotFound") => Err(unavailable(error)),
            _ => Ok(()),
        }
    }
}
