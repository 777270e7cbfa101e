//! `whatsapp-cloud`: Meta's WhatsApp Cloud API.
//!
//! `POST /{version}/{phone-number-id}/messages` with a bearer token. The API knows no idempotency key
//! and cannot be asked about a message, so an unclear attempt is never repeated. Our echo travels in
//! `biz_opaque_callback_data` and comes back in every status; callbacks are signed with the app secret.
//! The app's webhook fields are `messages`, and `user_preferences`, by which customers stop marketing in WhatsApp.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `phoneNumberId` | the sender; the activity's service identifier comes before it | required |
//! | `apiVersion` | the Graph API's version | `v24.0` |
//! | `baseUrl` | where the API is | `https://graph.facebook.com` |
//! | `timeoutMs` | how long one request may take | `15000` |
//!
//! | secret | meaning |
//! |---|---|
//! | `accessToken` | a system user's token |
//! | `appSecret` | checks `X-Hub-Signature-256` |
//! | `verifyToken` | is asked of the `GET` by which Meta verifies the callback address |
//!
//! | CIM body | becomes |
//! |---|---|
//! | `PLAIN` | `text` |
//! | `TEMPLATE` | `template`: `name`, `language`, `components` as they stand |
//!
//! Sources: Meta's documentation, "Cloud API: Messages", "Webhooks: messages, statuses", "Error codes".

mod callback;
mod errors;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::channel::Channel;
use domain::time::Millis;
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, EnquiryOutcome, Repeat,
    SendFailure, SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

pub(crate) use callback::{entry, signature};

use crate::http::{Answer, Caller, failure};
use crate::settings::Settings;

/// The secrets that this kind takes.
pub(crate) const SECRETS: &[&str] = &["accessToken", "appSecret", "verifyToken"];

const SETTINGS: &[&str] = &["phoneNumberId", "apiVersion", "baseUrl", "timeoutMs"];

struct WhatsappCloud {
    /// Base address and version; the sender and `messages` come behind.
    base: Url,
    phone_number_id: String,
    access_token: Secret,
    app_secret: Secret,
    verify_token: Secret,
    caller: Caller,
}

/// Makes a connector of this kind.
pub(crate) fn build(
    client: reqwest::Client,
    config: &ConnectorConfig,
    secrets: &BTreeMap<String, Secret>,
) -> Result<Arc<dyn Connector>, SettingError> {
    let settings = Settings::new(config, secrets, &[Channel::Whatsapp], SETTINGS)?;
    let base = settings.url_or("baseUrl", "https://graph.facebook.com")?;
    let version = match settings.optional("apiVersion") {
        Some(_) => settings.path_part("apiVersion")?,
        None => "v24.0",
    };
    Ok(Arc::new(WhatsappCloud {
        base: Settings::under("baseUrl", &base, &[version])?,
        phone_number_id: settings.path_part("phoneNumberId")?.into(),
        access_token: settings.secret("accessToken")?,
        app_secret: settings.secret("appSecret")?,
        verify_token: settings.secret("verifyToken")?,
        caller: Caller::new(client, settings.concurrency(), settings.timeout()?),
    }))
}

/// The parts of an answer that are read, of a success and of a refusal.
#[derive(Default, Deserialize)]
struct Reading {
    #[serde(default)]
    messages: Vec<ReadMessage>,
    #[serde(default)]
    error: Option<ReadError>,
}

#[derive(Deserialize)]
struct ReadMessage {
    id: String,
}

#[derive(Deserialize)]
struct ReadError {
    code: u32,
    #[serde(default)]
    message: String,
}

/// Meta's message object of a request, with our echo in it.
pub(crate) fn message(request: &SendRequest) -> Result<Value, SendFailure> {
    let body = &request.message.body;
    let (kind, content) = match (body.kind(), body.readable()) {
        ("PLAIN", Some(text)) => ("text", json!({ "preview_url": false, "body": text })),
        ("TEMPLATE", _) => {
            let mut template = json!({
                "name": body.text("name"),
                "language": { "code": body.text("language") },
            });
            if let (Some(components), Some(fields)) = (body.field("components"), template.as_object_mut()) {
                fields.insert("components".into(), components.clone());
            }
            ("template", template)
        }
        (kind, _) => {
            return Err(failure(
                "unsupported-body",
                format!("this connector does not send {kind} bodies"),
            ));
        }
    };
    Ok(json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": request.to,
        "type": kind,
        kind: content,
        "biz_opaque_callback_data": request.echo.text(),
    }))
}

impl WhatsappCloud {
    fn messages(&self, request: &SendRequest) -> Result<Url, SendFailure> {
        let sender = request
            .service_identifier
            .as_ref()
            .unwrap_or(&self.phone_number_id);
        if sender.is_empty() || !sender.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(failure(
                "service-identifier",
                "the service identifier is no phone number id of Meta's",
            ));
        }
        Settings::under("baseUrl", &self.base, &[sender, "messages"])
            .map_err(|error| failure("setting", error.to_string()))
    }
}

fn outcome(answer: &Answer) -> SendOutcome {
    let reading: Reading = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status.is_success() {
        return SendOutcome::Accepted {
            provider_message_id: reading.messages.into_iter().next().map(|message| message.id),
        };
    }
    match reading.error {
        Some(error) => answer.refused(error.code.to_string(), errors::find(error.code), &error.message),
        None => answer.refused_by_status(),
    }
}

#[async_trait]
impl Connector for WhatsappCloud {
    fn repeat(&self) -> Repeat {
        Repeat::Never
    }

    fn timeout(&self) -> Millis {
        self.caller.longest()
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        let (url, body) = match (self.messages(request), message(request)) {
            (Ok(url), Ok(body)) => (url, body),
            (Err(failure), _) | (_, Err(failure)) => return SendOutcome::Rejected(failure),
        };
        let call = self
            .caller
            .client()
            .post(url)
            .bearer_auth(self.access_token.expose())
            .json(&body);
        match self.caller.call(call).await {
            Ok(answer) => outcome(&answer),
            Err(outcome) => outcome,
        }
    }

    async fn enquire(&self, _request: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(failure(
            "unsupported",
            "the Cloud API cannot be asked about a message",
        ))
    }

    async fn read_callback(&self, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        match callback.method.as_str() {
            "GET" => callback::challenge(&self.verify_token, callback),
            _ => callback::read(&self.app_secret, callback),
        }
    }
}
