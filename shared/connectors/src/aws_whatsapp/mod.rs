//! `aws-whatsapp`: WhatsApp by AWS End User Messaging Social (`SendWhatsAppMessage`).
//!
//! The service passes Meta's own message on, and Meta's own events come back inside those of SNS, so
//! that bodies and events are those of [`crate::whatsapp_cloud`]; our echo travels in
//! `biz_opaque_callback_data`. AWS accepts a message before Meta does: Meta's refusals come as `failed`
//! statuses with Meta's code.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `phoneNumberId` | the sender, `phone-number-id-…` or its ARN; the activity's service identifier comes before it | required |
//! | `metaApiVersion` | the Graph API's version that the message is written for | `v20.0` |
//!
//! The further settings and the secrets are those of [`crate::aws`].
//!
//! AWS answers with an id of its own, while a customer's answer names Meta's: such an answer is not
//! matched to the activity that it quotes.
//!
//! Sources: service model `socialmessaging` 2024-01-01; user guide, "Message and event format".

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::channel::Channel;
use domain::time::Millis;
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, EnquiryOutcome, Inbound, Repeat,
    SendFailure, SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::{self, Endpoint, Service, Surroundings, Topics, Verb};
use crate::http::Verdict::{Passing, Permanent, Unclear};
use crate::http::{Answer, Known, failure};
use crate::settings::Settings;
use crate::whatsapp_cloud;

const ENDPOINT: Endpoint = Endpoint {
    verb: Verb::Post,
    host: "social-messaging",
    service: "social-messaging",
    path: &["v1", "whatsapp", "send"],
    headers: &[("content-type", "application/json")],
};

const SETTINGS: &[&str] = &[
    "region",
    "phoneNumberId",
    "metaApiVersion",
    "topicArns",
    "baseUrl",
    "snsUrl",
    "timeoutMs",
];

struct AwsWhatsapp {
    service: Service,
    topics: Topics,
    phone_number_id: String,
    meta_api_version: String,
}

/// Makes a connector of this kind.
pub(crate) fn build(
    client: reqwest::Client,
    config: &ConnectorConfig,
    secrets: &BTreeMap<String, Secret>,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Connector>, SettingError> {
    let settings = Settings::new(config, secrets, &[Channel::Whatsapp], SETTINGS)?;
    let phone_number_id = settings.required("phoneNumberId")?;
    if !is_sender(phone_number_id) {
        return Err(Settings::problem(
            "phoneNumberId",
            "must be AWS's id of the number, `phone-number-id-…`, or its ARN",
        ));
    }
    Ok(Arc::new(AwsWhatsapp {
        service: Service::new(&ENDPOINT, client.clone(), &settings, surroundings)?,
        topics: Topics::new(client, &settings, surroundings)?,
        phone_number_id: phone_number_id.into(),
        meta_api_version: settings.optional("metaApiVersion").unwrap_or("v20.0").into(),
    }))
}

/// The service's own pattern of a sender.
fn is_sender(text: &str) -> bool {
    text.len() <= 115
        && (text.starts_with("phone-number-id-")
            || text.starts_with("arn:") && text.contains(":phone-number-id/"))
}

impl AwsWhatsapp {
    fn body(&self, request: &SendRequest) -> Result<Value, SendFailure> {
        let sender = request
            .service_identifier
            .as_ref()
            .unwrap_or(&self.phone_number_id);
        if !is_sender(sender) {
            return Err(failure(
                "service-identifier",
                "the service identifier is no phone number id of AWS's",
            ));
        }
        let message = whatsapp_cloud::message(request)?;
        Ok(json!({
            "originationPhoneNumberId": sender,
            "message": STANDARD.encode(message.to_string()),
            "metaApiVersion": self.meta_api_version,
        }))
    }
}

fn outcome(answer: &Answer) -> SendOutcome {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reading {
        message_id: Option<String>,
    }
    if answer.status.is_success() {
        let reading: Reading = serde_json::from_slice(&answer.body).unwrap_or_default();
        return SendOutcome::Accepted {
            provider_message_id: reading.message_id,
        };
    }
    aws::outcome(answer, |name, _| find(name))
}

/// The service's own errors.
fn find(name: &str) -> Option<Known> {
    Some(match name {
        "AccessDeniedException" => (Passing, "the credentials do not permit it"),
        "AccessDeniedByMetaException" => (Passing, "Meta denied access to the account"),
        "ThrottledRequestException" => (Passing, "too many requests"),
        "ValidationException" | "InvalidParametersException" => (Permanent, "the request is not valid"),
        "ResourceNotFoundException" => (Permanent, "the sender does not exist"),
        "DependencyException" => (Unclear, "Meta did not answer AWS as it should"),
        _ => return None,
    })
}

/// What a message of a topic says; `None` when it holds no entry of Meta's webhook.
fn events(message: &str) -> Option<Vec<Inbound>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Event {
        whats_app_webhook_entry: String,
    }
    let event: Event = serde_json::from_str(message).ok()?;
    let mut events = whatsapp_cloud::entry(&event.whats_app_webhook_entry).ok()?;
    for event in &mut events {
        // Meta's id, which nothing of ours is known by.
        match event {
            Inbound::Receipt {
                provider_message_id, ..
            } => *provider_message_id = None,
            Inbound::Reply { in_reply_to, .. } => *in_reply_to = None,
        }
    }
    // Without our echo a status is about a message of somebody else's.
    events.retain(|event| !matches!(event, Inbound::Receipt { echo: None, .. }));
    Some(events)
}

#[async_trait]
impl Connector for AwsWhatsapp {
    fn repeat(&self) -> Repeat {
        Repeat::Never
    }

    fn timeout(&self) -> Millis {
        self.service.longest()
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        let body = match self.body(request) {
            Ok(body) => body,
            Err(failure) => return SendOutcome::Rejected(failure),
        };
        match self.service.call(&body).await {
            Ok(answer) => outcome(&answer),
            Err(outcome) => outcome,
        }
    }

    async fn enquire(&self, _request: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(failure("unsupported", "AWS cannot be asked for a message"))
    }

    async fn read_callback(&self, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        self.topics.take(callback, events).await
    }
}
