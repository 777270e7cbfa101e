//! A connector and a web client that call nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::activity::receipt::DeliveryStatus;
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, ConnectorFactory, ConnectorKind, Echo,
    EnquiryOutcome, Inbound, Repeat, SendFailure, SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use platform::web::{WebClient, WebError, WebRequest, WebResponse};
use domain::time::Millis;

/// Makes [`Fake`]s. They need the setting `webhookUrl` and take the secrets `token` and `signing`.
pub(crate) struct Fakes;

struct Fake {
    signing: Option<Secret>,
}

impl ConnectorFactory for Fakes {
    fn build(
        &self,
        config: &ConnectorConfig,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        if !config.settings.contains_key("webhookUrl") {
            return Err(SettingError { setting: "webhookUrl".into(), problem: "is missing".into() });
        }
        Ok(Arc::new(Fake { signing: secrets.get("signing").cloned() }))
    }

    fn secret_names(&self, _: ConnectorKind) -> &'static [&'static str] {
        &["token", "signing"]
    }
}

#[async_trait]
impl Connector for Fake {
    fn repeat(&self) -> Repeat {
        Repeat::WithSameKey
    }

    fn timeout(&self) -> Millis {
        Millis::seconds(10)
    }

    async fn send(&self, _: &SendRequest) -> SendOutcome {
        SendOutcome::Accepted { provider_message_id: None }
    }

    async fn enquire(&self, _: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(SendFailure { code: "unsupported".into(), detail: String::new() })
    }

    /// `x-signature` must be the secret; the body is an echo that was delivered.
    fn read_callback(&self, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        let signature = callback.headers.get("x-signature").map(String::as_str);
        let secret = self.signing.as_ref().map(Secret::expose);
        if signature.is_none() || signature != secret {
            return Err(CallbackError::Signature);
        }
        if callback.method == "GET" {
            return Ok(CallbackOutcome::Challenge(callback.url.clone()));
        }
        let text = std::str::from_utf8(&callback.body).map_err(|_| CallbackError::Malformed("no text".into()))?;
        let receipt = |text: &str| Inbound::Receipt {
            echo: Echo::parse(text),
            provider_message_id: None,
            status: DeliveryStatus::Delivered,
            reason_code: None,
            at: None,
        };
        Ok(CallbackOutcome::Events(text.lines().map(receipt).collect()))
    }
}

/// Reaches nobody.
pub(crate) struct NoWeb;

#[async_trait]
impl WebClient for NoWeb {
    async fn post(&self, _: WebRequest) -> Result<WebResponse, WebError> {
        Err(WebError::Connect("there is no web".into()))
    }
}
