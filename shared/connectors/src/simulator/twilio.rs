//! The simulator's side of Twilio's Messages API.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::activity::receipt::DeliveryStatus;
use domain::channel::Channel;
use domain::id::hash_bits;
use domain::time::Timestamp;
use serde_json::json;
use url::{Url, form_urlencoded};

use super::config::Targets;
use super::courier::{Call, Reporter};
use super::script::{Event, Kind};
use super::{Answer, Arrival, Provider, lost};
use crate::twilio::signature;

const WHATSAPP: &str = "whatsapp:";

/// What is read of a message.
struct Incoming {
    to: String,
    from: String,
    status_callback: Option<Url>,
}

impl Incoming {
    /// Reads a form; an error is Twilio's code and text.
    fn read(form: &[u8]) -> Result<Self, (u32, &'static str)> {
        let field = |name: &str| {
            form_urlencoded::parse(form)
                .find(|(key, value)| key == name && !value.is_empty())
                .map(|(_, value)| value.into_owned())
        };
        let message = Self {
            to: field("To").ok_or((21604, "A 'To' phone number is required."))?,
            from: field("From")
                .or_else(|| field("MessagingServiceSid"))
                .ok_or((21603, "A 'From' phone number is required."))?,
            status_callback: field("StatusCallback").and_then(|url| Url::parse(&url).ok()),
        };
        if field("Body").is_none() && field("ContentSid").is_none() {
            return Err((21602, "Message body is required."));
        }
        Ok(message)
    }
}

/// `POST /2010-04-01/Accounts/{sid}/Messages.json`.
pub(super) async fn receive(
    State(provider): State<Arc<Provider>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !knows_token(&provider.targets(), &account, &headers) {
        return refuse(StatusCode::UNAUTHORIZED, 20003, "Authenticate");
    }
    let message = match Incoming::read(&body) {
        Ok(message) => message,
        Err((code, text)) => return refuse(StatusCode::BAD_REQUEST, code, text),
    };
    let key = message.status_callback.as_ref().and_then(|url| {
        let mut pairs = url.query_pairs();
        pairs
            .find(|(name, _)| name == "echo")
            .map(|(_, echo)| echo.into_owned())
    });
    let is_whatsapp = message.to.starts_with(WHATSAPP);
    let arrival = Arrival {
        channel: if is_whatsapp {
            Channel::Whatsapp
        } else {
            Channel::Sms
        },
        kind: Kind::Message,
        key: key.as_deref(),
        to: message.to.trim_start_matches(WHATSAPP),
        deduplicates: false,
        errand: None,
        trace: None,
    };
    let reporter = |id: String| -> Arc<dyn Reporter> {
        Arc::new(Sent {
            account: account.clone(),
            sid: format!("SM{id}"),
            to: message.to.clone(),
            from: message.from.clone(),
            callback: message.status_callback.clone(),
        })
    };
    match provider.take(arrival, reporter).await {
        Answer::Accepted { provider_message_id } => {
            let body = json!({
                "sid": format!("SM{provider_message_id}"),
                "account_sid": account,
                "status": "queued",
                "error_code": null,
                "error_message": null,
            });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Answer::Rejected => refuse(
            StatusCode::BAD_REQUEST,
            21211,
            &format!("The 'To' number {} is not a valid phone number.", message.to),
        ),
        Answer::Deferred { retry_after_seconds } => {
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, 20429, "Too Many Requests");
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, retry_after_seconds.into());
            response
        }
        Answer::Lost => lost(),
    }
}

/// Whether basic authentication fits, if a token is set at all.
fn knows_token(targets: &Targets, account: &str, headers: &HeaderMap) -> bool {
    targets.twilio_auth_token.as_ref().is_none_or(|token| {
        let expected = format!(
            "Basic {}",
            STANDARD.encode(format!("{account}:{}", token.expose()))
        );
        headers
            .get(header::AUTHORIZATION)
            .is_some_and(|given| given.as_bytes() == expected.as_bytes())
    })
}

fn refuse(status: StatusCode, code: u32, message: &str) -> Response {
    let body = json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    });
    (status, Json(body)).into_response()
}

#[derive(Debug)]
struct Sent {
    account: String,
    sid: String,
    to: String,
    from: String,
    callback: Option<Url>,
}

impl Reporter for Sent {
    fn call(&self, event: &Event, targets: &Targets, _now: Timestamp) -> Option<Call> {
        let (url, parameters) = match event {
            Event::Status(status) => (self.callback.clone()?, self.status(*status)),
            Event::Reply(text) => (targets.twilio_inbound.clone()?, self.reply(text)),
            // Calls are the CCM's.
            Event::PendingDialing | Event::Called(_) | Event::HungUp | Event::WrapUp { .. } => return None,
        };
        let parameters: Vec<(String, String)> = parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let token = targets.twilio_auth_token.as_ref()?;
        let signed = signature(token, url.as_str(), &parameters);
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&parameters)
            .finish();
        Some(Call {
            url,
            headers: vec![
                ("content-type", "application/x-www-form-urlencoded".into()),
                ("x-twilio-signature", signed),
            ],
            body,
        })
    }
}

impl Sent {
    fn status(&self, status: DeliveryStatus) -> Vec<(&'static str, String)> {
        let name = match status {
            DeliveryStatus::Failed => "undelivered",
            DeliveryStatus::Read | DeliveryStatus::Replied => "read",
            DeliveryStatus::Delivered | DeliveryStatus::Connected => "delivered",
        };
        let mut parameters = vec![
            ("AccountSid", self.account.clone()),
            ("ApiVersion", "2010-04-01".into()),
            ("From", self.from.clone()),
            ("To", self.to.clone()),
            ("MessageSid", self.sid.clone()),
            ("MessageStatus", name.into()),
            ("SmsSid", self.sid.clone()),
            ("SmsStatus", name.into()),
        ];
        if status == DeliveryStatus::Failed {
            parameters.push(("ErrorCode", "30003".into()));
        }
        parameters
    }

    fn reply(&self, text: &str) -> Vec<(&'static str, String)> {
        let sid = format!("SM{:032x}", hash_bits(&[&self.sid, "reply"]));
        let mut parameters = vec![
            ("AccountSid", self.account.clone()),
            ("ApiVersion", "2010-04-01".into()),
            ("Body", text.to_owned()),
            ("From", self.to.clone()),
            ("To", self.from.clone()),
            ("MessageSid", sid),
            ("NumMedia", "0".into()),
        ];
        if self.to.starts_with(WHATSAPP) {
            parameters.push(("OriginalRepliedMessageSid", self.sid.clone()));
            parameters.push(("OriginalRepliedMessageSender", self.from.clone()));
        }
        parameters
    }
}
