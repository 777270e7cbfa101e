//! Clients that are made when they are used first: a function pays at its cold start only for what it
//! calls. Setting up TLS alone takes some milliseconds.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use connectors::Factory;
use connectors::web::{AddressPolicy, SafeWebClient};
use platform::connector::{Connector, ConnectorConfig, ConnectorFactory, ConnectorKind, SettingError};
use platform::secrets::Secret;
use platform::web::{WebClient, WebError, WebRequest, WebResponse};

/// Calls webhooks, once there is one to call.
pub(super) struct LazyWeb {
    policy: AddressPolicy,
    client: OnceLock<Result<SafeWebClient, String>>,
}

impl LazyWeb {
    pub(super) fn new(policy: AddressPolicy) -> Self {
        Self {
            policy,
            client: OnceLock::new(),
        }
    }
}

#[async_trait]
impl WebClient for LazyWeb {
    async fn post(&self, request: WebRequest) -> Result<WebResponse, WebError> {
        let make = || SafeWebClient::new(self.policy.clone()).map_err(|error| error.to_string());
        match self.client.get_or_init(make) {
            Ok(client) => client.post(request).await,
            Err(error) => Err(WebError::Connect(error.clone())),
        }
    }
}

type Make = Box<dyn Fn() -> Result<Factory, String> + Send + Sync>;

/// Makes connectors, once one is needed.
pub(super) struct LazyFactory {
    make: Make,
    factory: OnceLock<Result<Factory, String>>,
}

impl LazyFactory {
    pub(super) fn new(make: Make) -> Self {
        Self {
            make,
            factory: OnceLock::new(),
        }
    }

    fn get(&self) -> Result<&Factory, SettingError> {
        let made = self.factory.get_or_init(|| (self.make)()).as_ref();
        made.map_err(|error| SettingError {
            setting: "(none)".into(),
            problem: format!("could not be used: {error}"),
        })
    }
}

impl ConnectorFactory for LazyFactory {
    fn build(
        &self,
        config: &ConnectorConfig,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        self.get()?.build(config, secrets)
    }

    fn secret_names(&self, kind: ConnectorKind) -> &'static [&'static str] {
        self.get().map_or(&[], |factory| factory.secret_names(kind))
    }
}
