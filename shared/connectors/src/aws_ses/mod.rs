//! `aws-ses`: e-mail by Amazon SES (`SendEmail`, API version 2).
//!
//! The e-mail is written as for `smtp` and sent raw; SES puts a `Message-ID` of its own in. Our echo
//! travels as the tags `tenant`, `activity` and `attempt`, and comes back in every event of the
//! configuration set's event destination.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `from` | the sender, `a@example.org` or `Name <a@example.org>`; the activity's service identifier comes before it | required |
//! | `replyTo` | where replies go | |
//! | `defaultSubject` | the subject of bodies without one | |
//! | `configurationSet` | whose event destination reports | the identity's |
//!
//! The further settings and the secrets are those of [`crate::aws`].
//!
//! | CIM body | becomes |
//! |---|---|
//! | `EMAIL`, `PLAIN` | as for [`crate::smtp`] |
//!
//! Sources: service model `sesv2` 2019-09-27; developer guide, "Contents of event data that Amazon SES
//! publishes to Amazon SNS".

mod events;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::channel::Channel;
use domain::time::Millis;
use lettre::message::Mailbox;
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, EnquiryOutcome, Repeat,
    SendFailure, SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::{self, Endpoint, Service, Surroundings, Topics, Verb};
use crate::http::Verdict::{Passing, Permanent};
use crate::http::{Answer, Known, failure};
use crate::settings::Settings;
use crate::smtp::{letter, mailbox};

const ENDPOINT: Endpoint = Endpoint {
    verb: Verb::Post,
    host: "email",
    service: "ses",
    path: &["v2", "email", "outbound-emails"],
    headers: &[("content-type", "application/json")],
};

const SETTINGS: &[&str] = &[
    "region",
    "from",
    "replyTo",
    "defaultSubject",
    "configurationSet",
    "topicArns",
    "baseUrl",
    "snsUrl",
    "timeoutMs",
];

struct AwsSes {
    service: Service,
    topics: Topics,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    default_subject: Option<String>,
    configuration_set: Option<String>,
}

/// Makes a connector of this kind.
pub(crate) fn build(
    client: reqwest::Client,
    config: &ConnectorConfig,
    secrets: &BTreeMap<String, Secret>,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Connector>, SettingError> {
    let settings = Settings::new(config, secrets, &[Channel::Email], SETTINGS)?;
    Ok(Arc::new(AwsSes {
        service: Service::new(&ENDPOINT, client.clone(), &settings, surroundings)?,
        topics: Topics::new(client, &settings, surroundings)?,
        from: mailbox("from", settings.required("from")?)?,
        reply_to: settings
            .optional("replyTo")
            .map(|text| mailbox("replyTo", text))
            .transpose()?,
        default_subject: settings.optional("defaultSubject").map(Into::into),
        configuration_set: settings.optional("configurationSet").map(Into::into),
    }))
}

impl AwsSes {
    fn body(&self, request: &SendRequest) -> Result<Value, SendFailure> {
        let letter = letter::write(
            request,
            &self.from,
            self.reply_to.as_ref(),
            self.default_subject.as_deref(),
        )?;
        let tag = |name: &str, value: &str| json!({ "Name": name, "Value": value });
        let echo = &request.echo;
        let mut body = json!({
            "Destination": { "ToAddresses": [request.to] },
            "Content": { "Raw": { "Data": STANDARD.encode(letter.message.formatted()) } },
            "EmailTags": [
                tag("tenant", echo.tenant.as_str()),
                tag("activity", echo.activity.as_str()),
                tag("attempt", &echo.attempt.to_string()),
            ],
        });
        if let (Some(set), Some(members)) = (&self.configuration_set, body.as_object_mut()) {
            members.insert("ConfigurationSetName".into(), set.as_str().into());
        }
        Ok(body)
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
    aws::outcome(answer, |name, _| find(name))
}

/// The service's own errors.
fn find(name: &str) -> Option<Known> {
    Some(match name {
        "AccountSuspendedException" => (Passing, "the account may no longer send"),
        "SendingPausedException" => (Passing, "the account's sending is paused"),
        "LimitExceededException" => (Passing, "a quota of the account is used up"),
        "TooManyRequestsException" => (Passing, "the send rate was exceeded"),
        "MailFromDomainNotVerifiedException" => (Passing, "the MAIL FROM domain is not verified"),
        "MessageRejected" => (
            Permanent,
            "SES rejected it: its content, or an address that is not verified",
        ),
        "NotFoundException" => (Permanent, "the configuration set does not exist"),
        "BadRequestException" => (Permanent, "the request is not valid"),
        _ => return None,
    })
}

#[async_trait]
impl Connector for AwsSes {
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
        EnquiryOutcome::Unclear(failure("unsupported", "SES cannot be asked for an e-mail"))
    }

    async fn read_callback(&self, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        self.topics.take(callback, events::read).await
    }
}
