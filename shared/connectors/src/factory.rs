//! Makes connectors of every kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use platform::connector::{Connector, ConnectorConfig, ConnectorFactory, ConnectorKind, SettingError};
use platform::secrets::Secret;
use platform::world::Clock;

use crate::aws::Surroundings;
use crate::http::{self, ClientError};
use crate::{amazon_connect, aws, aws_ses, aws_sms, aws_whatsapp, ccm, smtp, twilio, whatsapp_cloud};

/// The factory. All HTTP connectors that it makes share one client and its pool of connections.
///
/// A connector's address is written by an administrator of the tenant, and Expertflow's components
/// run inside the company's network: private addresses are allowed. Addresses that strangers choose
/// are called through [`crate::web::SafeWebClient`] instead.
#[derive(Clone)]
pub struct Factory {
    client: reqwest::Client,
    surroundings: Surroundings,
}

impl Factory {
    /// Sets the shared client up. The clock dates what is signed.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let surroundings = Surroundings {
            clock,
            credentials: None,
        };
        http::client().map(|client| Self { client, surroundings })
    }

    /// Lets connectors of AWS's services that have no keys of their own sign with the machine's: those
    /// of a function's role ([`aws::from_environment`], or the SDK's chain). Every tenant of this
    /// installation can then send in that role's name.
    #[must_use]
    pub fn with_aws_credentials(mut self, credentials: SharedCredentialsProvider) -> Self {
        self.surroundings.credentials = Some(credentials);
        self
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
            ConnectorKind::AwsSms => aws_sms::build(client, config, secrets, &self.surroundings),
            ConnectorKind::AwsWhatsapp => aws_whatsapp::build(client, config, secrets, &self.surroundings),
            ConnectorKind::AwsSes => aws_ses::build(client, config, secrets, &self.surroundings),
            ConnectorKind::AmazonConnect => {
                amazon_connect::build(client, config, secrets, &self.surroundings)
            }
        }
    }

    /// Every secret that a kind takes; its module's documentation says which are optional.
    fn secret_names(&self, kind: ConnectorKind) -> &'static [&'static str] {
        match kind {
            ConnectorKind::Ccm => ccm::SECRETS,
            ConnectorKind::Twilio => twilio::SECRETS,
            ConnectorKind::WhatsappCloud => whatsapp_cloud::SECRETS,
            ConnectorKind::Smtp => smtp::SECRETS,
            ConnectorKind::AwsSms
            | ConnectorKind::AwsWhatsapp
            | ConnectorKind::AwsSes
            | ConnectorKind::AmazonConnect => aws::SECRETS,
        }
    }
}
