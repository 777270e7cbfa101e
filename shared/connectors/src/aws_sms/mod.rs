//! `aws-sms`: SMS by AWS End User Messaging (`SendTextMessage`, `pinpoint-sms-voice-v2`).
//!
//! AWS JSON 1.0, signed. Our echo travels in `Context` and comes back in every event. Two-way messages
//! come by the topic that is set for the number; name it in `topicArns` too.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `originationIdentity` | a number, sender id, pool or their ARN; the activity's service identifier comes before it | AWS chooses |
//! | `configurationSet` | whose event destination reports | the account's |
//! | `messageType` | `TRANSACTIONAL` or `PROMOTIONAL` | AWS's |
//! | `maxPrice` | the most that a message may cost, in US dollars | AWS's |
//! | `timeToLiveSeconds` | after which AWS gives the message up, 5 to 259200 | 72 hours |
//! | `deliveredBy` | `device`, or `carrier`: the carrier's acceptance counts as delivery, where carriers tell no more | `device` |
//!
//! The further settings and the secrets are those of [`crate::aws`].
//!
//! | CIM body | becomes |
//! |---|---|
//! | `PLAIN` | `MessageBody` |
//!
//! Sources: service model `pinpoint-sms-voice-v2` 2022-03-31; user guide, "Event types for SMS, MMS, and
//! voice", "Example event data", "Example of a two-way SMS message payload".

mod errors;
mod events;

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
use serde_json::{Map, Value, json};

use crate::aws::{self, Endpoint, Service, Surroundings, Topics, Verb};
use crate::http::{Answer, failure};
use crate::settings::Settings;
use events::DeliveredBy;

const ENDPOINT: Endpoint = Endpoint {
    verb: Verb::Post,
    host: "sms-voice",
    service: "sms-voice",
    path: &[],
    headers: &[
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "PinpointSMSVoiceV2.SendTextMessage"),
    ],
};

const SETTINGS: &[&str] = &[
    "region",
    "originationIdentity",
    "configurationSet",
    "messageType",
    "maxPrice",
    "timeToLiveSeconds",
    "deliveredBy",
    "topicArns",
    "baseUrl",
    "snsUrl",
    "timeoutMs",
];

struct AwsSms {
    service: Service,
    topics: Topics,
    /// What every request has, but for the recipient, the text and the echo.
    common: Map<String, Value>,
    delivered_by: DeliveredBy,
}

/// Makes a connector of this kind.
pub(crate) fn build(
    client: reqwest::Client,
    config: &ConnectorConfig,
    secrets: &BTreeMap<String, Secret>,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Connector>, SettingError> {
    let settings = Settings::new(config, secrets, &[Channel::Sms], SETTINGS)?;
    let delivered_by = match settings.optional("deliveredBy").unwrap_or("device") {
        "device" => DeliveredBy::Device,
        "carrier" => DeliveredBy::Carrier,
        _ => return Err(Settings::problem("deliveredBy", "must be `device` or `carrier`")),
    };
    Ok(Arc::new(AwsSms {
        service: Service::new(&ENDPOINT, client.clone(), &settings, surroundings)?,
        topics: Topics::new(client, &settings, surroundings)?,
        common: common(&settings)?,
        delivered_by,
    }))
}

/// The parts of a request that the settings give.
fn common(settings: &Settings<'_>) -> Result<Map<String, Value>, SettingError> {
    if let Some(kind) = settings.optional("messageType")
        && !["TRANSACTIONAL", "PROMOTIONAL"].contains(&kind)
    {
        return Err(Settings::problem(
            "messageType",
            "must be `TRANSACTIONAL` or `PROMOTIONAL`",
        ));
    }
    let texts = [
        ("OriginationIdentity", "originationIdentity"),
        ("ConfigurationSetName", "configurationSet"),
        ("MessageType", "messageType"),
        ("MaxPrice", "maxPrice"),
    ];
    let mut common = Map::new();
    for (member, setting) in texts {
        if let Some(text) = settings.optional(setting) {
            common.insert(member.into(), text.into());
        }
    }
    if settings.optional("timeToLiveSeconds").is_some() {
        let seconds: u32 = settings.number("timeToLiveSeconds", 5..=259_200, 259_200)?;
        common.insert("TimeToLive".into(), seconds.into());
    }
    Ok(common)
}

impl AwsSms {
    fn body(&self, request: &SendRequest) -> Result<Value, SendFailure> {
        let body = &request.message.body;
        let ("PLAIN", Some(text)) = (body.kind(), body.readable()) else {
            return Err(failure(
                "unsupported-body",
                format!("this connector does not send {} bodies", body.kind()),
            ));
        };
        let mut members = self.common.clone();
        members.insert("DestinationPhoneNumber".into(), request.to.as_str().into());
        members.insert("MessageBody".into(), text.into());
        members.insert("Context".into(), json!({ "echo": request.echo.text() }));
        if let Some(service) = &request.service_identifier {
            members.insert("OriginationIdentity".into(), service.as_str().into());
        }
        Ok(Value::Object(members))
    }
}

fn outcome(answer: &Answer) -> SendOutcome {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reading {
        message_id: Option<String>,
    }
    if answer.status.is_success() {
        let reading: Reading = serde_json::from_slice(&answer.body).unwrap_or_default();
        return SendOutcome::Accepted {
            provider_message_id: reading.message_id,
        };
    }
    aws::outcome(answer, errors::find)
}

#[async_trait]
impl Connector for AwsSms {
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
        self.topics
            .take(callback, |message| events::read(message, self.delivered_by))
            .await
    }
}
