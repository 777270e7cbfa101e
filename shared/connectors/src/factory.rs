//! Makes connectors of every kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use platform::connector::{Connector, ConnectorConfig, ConnectorFactory, ConnectorKind, SettingError};
use platform::secrets::Secret;

use crate::http::{self, ClientError};
use crate::{ccm, smtp, twilio, whatsapp_cloud};

/// The factory. All HTTP connectors that it makes share one client and its pool of connections.
///
/// A connector's address is written by an administrator of the tenant, and Expertflow's components
/// run inside the company's network: private addresses are allowed. Addresses that strangers choose
/// are called through [`crate::web::SafeWebClient`] instead.
#[derive(Clone)]
pub struct Factory {
    client: reqwest::Client,
}

impl Factory {
    /// Sets the shared client up.
    pub fn new() -> Result<Self, ClientError> {
        http::client().map(|client| Self { client })
    }
}

impl ConnectorFactory for Factory {
    fn build(
        &self,
        config: &ConnectorConfig,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        let client = self.client.clone();
        match config.kind {
            ConnectorKind::Ccm => ccm::build(client, config, secrets),
            ConnectorKind::Twilio => twilio::build(client, config, secrets),
            ConnectorKind::WhatsappCloud => whatsapp_cloud::build(client, config, secrets),
            ConnectorKind::Smtp => smtp::build(config, secrets),
        }
    }

    /// Every secret that a kind takes; its module's documentation says which are optional.
    fn secret_names(&self, kind: ConnectorKind) -> &'static [&'static str] {
        match kind {
            ConnectorKind::Ccm => ccm::SECRETS,
            ConnectorKind::Twilio => twilio::SECRETS,
            ConnectorKind::WhatsappCloud => whatsapp_cloud::SECRETS,
            ConnectorKind::Smtp => smtp::SECRETS,
        }
    }
}
