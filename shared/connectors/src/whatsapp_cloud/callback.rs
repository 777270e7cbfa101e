//! Meta's callbacks: verification, statuses of our messages, messages from customers, and what they have set in
//! WhatsApp.

use std::fmt::Write as _;

use domain::activity::receipt::DeliveryStatus;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::time::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platform::connector::{Callback, CallbackError, CallbackOutcome, Echo, Inbound, ReplyTarget};
use platform::secrets::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use url::Url;

use super::errors;
use crate::http::is_opt_out;
use crate::refusal;

/// `X-Hub-Signature-256`: `sha256=` and HMAC-SHA256 over the raw body, in hexadecimal.
pub(crate) fn signature(secret: &Secret, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return String::new(); // HMAC takes keys of any length
    };
    mac.update(body);
    let mut text = "sha256=".to_owned();
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
    }
    text
}

/// The `GET` by which Meta verifies the address: it must know the verify token.
pub(super) fn challenge(token: &Secret, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
    let url = Url::parse(&callback.url).map_err(|_| CallbackError::Malformed("no URL".into()))?;
    let parameter = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let given = parameter("hub.verify_token");
    if parameter("hub.mode") != "subscribe" || !bool::from(given.as_bytes().ct_eq(token.expose().as_bytes()))
    {
        return Err(CallbackError::Signature);
    }
    Ok(CallbackOutcome::Challenge(parameter("hub.challenge")))
}

/// Checks and reads a callback.
pub(super) fn read(secret: &Secret, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
    let expected = signature(secret, &callback.body);
    let genuine = callback
        .headers
        .get("x-hub-signature-256")
        .is_some_and(|given| bool::from(expected.as_bytes().ct_eq(given.as_bytes())));
    if !genuine {
        return Err(CallbackError::Signature);
    }
    let notification: Notification = serde_json::from_slice(&callback.body)
        .map_err(|error| CallbackError::Malformed(error.to_string()))?;
    let events = notification.entry.into_iter().flat_map(Entry::events);
    Ok(CallbackOutcome::Events(events.collect()))
}

/// Reads one entry of a notification, for who gets them one by one.
pub(crate) fn entry(json: &str) -> Result<Vec<Inbound>, serde_json::Error> {
    serde_json::from_str(json).map(Entry::events)
}

#[derive(Deserialize)]
struct Notification {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Change>,
}

impl Entry {
    fn events(self) -> Vec<Inbound> {
        let mut events = Vec::new();
        for change in self.changes {
            let Contents {
                statuses,
                messages,
                user_preferences,
            } = change.value;
            match change.field.as_str() {
                "messages" => {
                    events.extend(readable(statuses).filter_map(|status| receipt(&status)));
                    events.extend(readable(messages).filter_map(reply));
                }
                "user_preferences" => events.extend(readable(user_preferences).filter_map(opt_out)),
                _ => {}
            }
        }
        events
    }
}

/// A part that does not read is passed over: the others are other customers'.
fn readable<T: DeserializeOwned>(parts: Vec<Value>) -> impl Iterator<Item = T> {
    parts.into_iter().filter_map(|part| {
        let id = part.get("id").and_then(Value::as_str).map(str::to_owned);
        let read = serde_json::from_value(part);
        if read.is_err() {
            tracing::warn!(id, "a part of a notification does not read and is passed over");
        }
        read.ok()
    })
}

#[derive(Deserialize)]
struct Change {
    field: String,
    #[serde(default)]
    value: Contents,
}

/// Other fields of the two webhooks, and other webhooks' values, are of no interest.
#[derive(Default, Deserialize)]
struct Contents {
    #[serde(default)]
    statuses: Vec<Value>,
    #[serde(default)]
    messages: Vec<Value>,
    #[serde(default)]
    user_preferences: Vec<Value>,
}

#[derive(Deserialize)]
struct Status {
    id: String,
    status: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    errors: Vec<StatusError>,
}

#[derive(Deserialize)]
struct StatusError {
    code: u32,
}

#[derive(Deserialize)]
struct Incoming {
    id: String,
    /// Absent where the customer has a user name and does not show the number.
    #[serde(default)]
    from: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    context: Option<Context>,
    /// The content stands under the name of its type.
    #[serde(flatten)]
    content: Map<String, Value>,
}

/// What a customer has set in WhatsApp itself.
#[derive(Deserialize)]
struct Preference {
    #[serde(default)]
    wa_id: Option<String>,
    category: String,
    value: String,
    /// Seconds since the epoch.
    timestamp: i64,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    id: Option<String>,
}

/// Seconds since the epoch, in a text.
fn instant(seconds: Option<&String>) -> Option<Timestamp> {
    let seconds: i64 = seconds?.parse().ok()?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1_000)))
}

/// That the customer wants no more of our marketing. That they want it again opens nothing: who has refused is asked by
/// the company.
fn opt_out(preference: Preference) -> Option<Inbound> {
    if preference.value != "stop" {
        return None;
    }
    let Preference { category, value, .. } = preference;
    let said = json!({ "type": "user_preferences", "category": category, "value": value });
    Some(Inbound::Reply {
        id: format!("preference-{}", preference.timestamp),
        in_reply_to: None,
        channel: Channel::Whatsapp,
        from: preference.wa_id.as_deref().and_then(customer),
        body: refusal::body("whatsapp", &said)?,
        at: Some(Timestamp::from_millis(preference.timestamp.saturating_mul(1_000))),
    })
}

/// A status. `sent`, `deleted` and what may come later tell nothing new.
fn receipt(status: &Status) -> Option<Inbound> {
    let kind = match status.status.as_str() {
        "delivered" => DeliveryStatus::Delivered,
        "read" => DeliveryStatus::Read,
        "failed" => DeliveryStatus::Failed,
        _ => return None,
    };
    let code = status.errors.first().map(|error| error.code);
    Some(Inbound::Receipt {
        echo: status.biz_opaque_callback_data.as_deref().and_then(Echo::parse),
        provider_message_id: Some(status.id.clone()),
        status: kind,
        reason_code: code.map(|code| code.to_string()),
        opted_out: is_opt_out(code.and_then(errors::find)),
        at: instant(status.timestamp.as_ref()),
    })
}

/// Meta writes numbers without the plus sign.
fn customer(id: &str) -> Option<Address> {
    Address::heard(Channel::Whatsapp, &format!("+{id}")).ok()
}

/// A message from a customer; nothing for Meta's own notices.
fn reply(message: Incoming) -> Option<Inbound> {
    let (body, reacts_to) = content(&message)?;
    let target = message.context.and_then(|context| context.id).or(reacts_to);
    Some(Inbound::Reply {
        id: message.id,
        in_reply_to: target.map(ReplyTarget::ProviderMessage),
        channel: Channel::Whatsapp,
        from: message.from.as_deref().and_then(customer),
        body,
        at: instant(message.timestamp.as_ref()),
    })
}

/// Text, buttons, list choices and reactions become PLAIN; media and the rest become CUSTOM with
/// Meta's own object under `whatsapp`. The second part is the message that a reaction is about.
fn content(message: &Incoming) -> Option<(Body, Option<String>)> {
    let text = |path: &[&str]| {
        let mut value = message.content.get(*path.first()?)?;
        for name in path.iter().skip(1) {
            value = value.get(name)?;
        }
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let plain = match message.kind.as_str() {
        "text" => text(&["text", "body"]),
        "button" => text(&["button", "text"]),
        "interactive" => text(&["interactive", "button_reply", "title"])
            .or_else(|| text(&["interactive", "list_reply", "title"])),
        "reaction" => text(&["reaction", "emoji"]),
        "system" | "unsupported" | "request_welcome" => return None,
        _ => None,
    };
    let body = match plain {
        Some(text) => json!({ "type": "PLAIN", "markdownText": text }),
        // A reaction without emoji takes an earlier one back.
        None if message.kind == "reaction" => return None,
        None => json!({ "type": "CUSTOM", "whatsapp": {
            "type": message.kind,
            &message.kind: message.content.get(&message.kind),
        }}),
    };
    match Body::parse(body) {
        Ok(body) => Some((body, text(&["reaction", "message_id"]))),
        Err(error) => {
            tracing::warn!(message = message.id, %error, "an inbound message is ignored");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HMAC-SHA256 of RFC 4231, test case 2.
    #[test]
    fn signs_as_the_standard_says() {
        assert_eq!(
            signature(&Secret::new("Jefe"), b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
