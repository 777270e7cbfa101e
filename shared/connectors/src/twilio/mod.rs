//! `twilio`: SMS and WhatsApp by Twilio's Messages API.
//!
//! `POST /2010-04-01/Accounts/{sid}/Messages.json`, form-encoded, with basic authentication. The API
//! knows no idempotency key, and a message cannot be asked for by anything of ours, so an unclear
//! attempt is never repeated. Status callbacks come to `callbackUrl` with `?echo=`, which names the
//! attempt; the signature covers the URL, so the echo cannot be forged. Inbound messages come to the
//! address that is configured at Twilio for the number; let it be the same `callbackUrl`.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `accountSid` | the account | required |
//! | `from` | the sender; the activity's service identifier (a number, or `MG…`) comes before it | this or the next |
//! | `messagingServiceSid` | a Messaging Service that chooses the sender | |
//! | `callbackUrl` | this connector's callback address as Twilio reaches it | required |
//! | `baseUrl` | where the API is | `https://api.twilio.com` |
//! | `timeoutMs` | how long one request may take | `15000` |
//!
//! | secret | meaning |
//! |---|---|
//! | `authToken` | signs requests (basic authentication) and callbacks |
//!
//! | CIM body | becomes |
//! |---|---|
//! | `PLAIN` | `Body` |
//! | `TEMPLATE` with `contentSid` | `ContentSid`, and `ContentVariables` from `contentVariables` (an object, or JSON in a text) |
//! | `TEMPLATE` whose `name` is a content SID (`HX…`) | `ContentSid`, and `ContentVariables` `1`, `2`, … from the texts of its `body` component; Twilio knows the language by the SID |
//!
//! Sources: Twilio's documentation, "Messages resource", "Track the status of outbound messages",
//! "Twilio's request to your incoming message webhook URL", "Webhooks security".

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
use serde_json::{Map, Value};
use url::Url;

pub(crate) use callback::signature;

use crate::http::{Answer, Caller, failure};
use crate::settings::Settings;

/// The secrets that this kind takes.
pub(crate) const SECRETS: &[&str] = &["authToken"];

const SETTINGS: &[&str] = &[
    "accountSid",
    "from",
    "messagingServiceSid",
    "callbackUrl",
    "baseUrl",
    "timeoutMs",
];

/// What stands before a phone number on WhatsApp.
const WHATSAPP: &str = "whatsapp:";

enum Sender {
    From(String),
    Service(String),
}

struct Twilio {
    messages: Url,
    account: String,
    token: Secret,
    sender: Sender,
    callback: Url,
    caller: Caller,
}

/// Makes a connector of this kind.
pub(crate) fn build(
    client: reqwest::Client,
    config: &ConnectorConfig,
    secrets: &BTreeMap<String, Secret>,
) -> Result<Arc<dyn Connector>, SettingError> {
    let settings = Settings::new(config, secrets, &[Channel::Sms, Channel::Whatsapp], SETTINGS)?;
    let account = settings.path_part("accountSid")?;
    let base = settings.url_or("baseUrl", "https://api.twilio.com")?;
    let sender = match (
        settings.optional("from"),
        settings.optional("messagingServiceSid"),
    ) {
        (Some(from), None) => Sender::From(from.trim_start_matches(WHATSAPP).into()),
        (None, Some(service)) => Sender::Service(service.into()),
        (None, None) => {
            return Err(Settings::problem(
                "from",
                "is missing; set it or `messagingServiceSid`",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(Settings::problem(
                "from",
                "and `messagingServiceSid` exclude each other",
            ));
        }
    };
    Ok(Arc::new(Twilio {
        messages: Settings::under(
            "baseUrl",
            &base,
            &["2010-04-01", "Accounts", account, "Messages.json"],
        )?,
        account: account.into(),
        token: settings.secret("authToken")?,
        sender,
        callback: settings.url("callbackUrl")?,
        caller: Caller::new(client, settings.concurrency(), settings.timeout()?),
    }))
}

/// The parts of an answer that are read, of a success and of a refusal.
#[derive(Default, Deserialize)]
struct Reading {
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    code: Option<u32>,
    #[serde(default)]
    message: Option<String>,
}

impl Twilio {
    fn form(&self, request: &SendRequest) -> Result<Vec<(&'static str, String)>, SendFailure> {
        let number = |text: &str| match request.channel {
            Channel::Whatsapp => format!("{WHATSAPP}{text}"),
            _ => text.to_owned(),
        };
        let mut form = vec![("To", number(request.to.as_str()))];
        match (&request.service_identifier, &self.sender) {
            (Some(service), _) if service.starts_with("MG") => {
                form.push(("MessagingServiceSid", service.clone()));
            }
            (Some(from), _) => form.push(("From", number(from.trim_start_matches(WHATSAPP)))),
            (None, Sender::From(from)) => form.push(("From", number(from))),
            (None, Sender::Service(service)) => form.push(("MessagingServiceSid", service.clone())),
        }
        let body = &request.message.body;
        match (body.kind(), body.readable(), body.text("contentSid")) {
            ("PLAIN", Some(text), _) => form.push(("Body", text.to_owned())),
            ("TEMPLATE", _, Some(content)) => {
                form.push(("ContentSid", content.to_owned()));
                match body.field("contentVariables") {
                    None | Some(Value::Null) => {}
                    Some(Value::String(json)) => form.push(("ContentVariables", json.clone())),
                    Some(variables) => form.push(("ContentVariables", variables.to_string())),
                }
            }
            ("TEMPLATE", ..) => {
                let named = body.text("name").filter(|name| is_content_sid(name));
                let Some(content) = named else {
                    return Err(failure(
                        "unsupported-body",
                        "Twilio sends a TEMPLATE only by its content SID: let it be the template's `name`, or `contentSid`",
                    ));
                };
                form.push(("ContentSid", content.to_owned()));
                let variables = variables(body.field("components"));
                if !variables.is_empty() {
                    form.push(("ContentVariables", Value::from(variables).to_string()));
                }
            }
            (kind, ..) => {
                return Err(failure(
                    "unsupported-body",
                    format!("Twilio does not send {kind} bodies"),
                ));
            }
        }
        let mut callback = self.callback.clone();
        callback
            .query_pairs_mut()
            .append_pair("echo", &request.echo.text());
        form.push(("StatusCallback", callback.into()));
        Ok(form)
    }
}

/// Whether a text is the SID of a content template: `HX` and 32 hexadecimal digits.
fn is_content_sid(text: &str) -> bool {
    text.strip_prefix("HX")
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The texts of a template's body by their places, from 1 on.
fn variables(components: Option<&Value>) -> Map<String, Value> {
    let components = components.and_then(Value::as_array).into_iter().flatten();
    let body = components.filter(|component| component.get("type").and_then(Value::as_str) == Some("body"));
    let parameters = body.filter_map(|component| component.get("parameters")?.as_array());
    let texts = parameters.flatten().map(|parameter| parameter.get("text"));
    (1_u32..)
        .zip(texts)
        .filter_map(|(place, text)| Some((place.to_string(), text?.clone())))
        .collect()
}

fn outcome(answer: &Answer) -> SendOutcome {
    let reading: Reading = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status.is_success() {
        return SendOutcome::Accepted {
            provider_message_id: reading.sid,
        };
    }
    let words = reading.message.unwrap_or_default();
    match reading.code {
        Some(code) => answer.refused(code.to_string(), errors::find(code), &words),
        None => answer.refused_by_status(),
    }
}

#[async_trait]
impl Connector for Twilio {
    fn repeat(&self) -> Repeat {
        Repeat::Never
    }

    fn timeout(&self) -> Millis {
        self.caller.longest()
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        let form = match self.form(request) {
            Ok(form) => form,
            Err(failure) => return SendOutcome::Rejected(failure),
        };
        let call = self
            .caller
            .client()
            .post(self.messages.clone())
            .basic_auth(&self.account, Some(self.token.expose()))
            .form(&form);
        match self.caller.call(call).await {
            Ok(answer) => outcome(&answer),
            Err(outcome) => outcome,
        }
    }

    async fn enquire(&self, _request: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(failure(
            "unsupported",
            "Twilio cannot be asked for a message by our own id",
        ))
    }

    async fn read_callback(&self, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        callback::read(&self.token, &self.callback, callback)
    }
}
