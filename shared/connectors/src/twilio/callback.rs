//! Twilio's callbacks: statuses of our messages, and messages from customers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::activity::receipt::DeliveryStatus;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platform::connector::{Callback, CallbackError, CallbackOutcome, Echo, Inbound, ReplyTarget};
use platform::secrets::Secret;
use serde_json::{Value, json};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use url::{Url, form_urlencoded};

use super::{WHATSAPP, errors};
use crate::http::is_opt_out;
use crate::refusal;

/// Most media of one message (Twilio's own limit).
const MAX_MEDIA: usize = 10;

type Parameters = Vec<(String, String)>;

/// `X-Twilio-Signature`: HMAC-SHA1 over the URL and all parameters, sorted by name, each name
/// followed by its value.
pub(crate) fn signature(token: &Secret, url: &str, parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort();
    sorted.dedup();
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes()) else {
        return String::new(); // HMAC takes keys of any length
    };
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Checks and reads a callback.
pub(super) fn read(
    token: &Secret,
    configured: &Url,
    callback: &Callback,
) -> Result<CallbackOutcome, CallbackError> {
    let url = Url::parse(&callback.url).map_err(|_| CallbackError::Malformed("no URL".into()))?;
    let parameters: Parameters = form_urlencoded::parse(&callback.body).into_owned().collect();
    if !is_genuine(token, configured, &url, callback, &parameters) {
        return Err(CallbackError::Signature);
    }
    let field = |name: &str| {
        parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    };
    let id = field("MessageSid").ok_or_else(|| CallbackError::Malformed("there is no MessageSid".into()))?;
    let events = match field("MessageStatus") {
        Some(status) => receipt(&url, id, status, field("ErrorCode")),
        None => Some(reply(id, &field)?),
    };
    Ok(CallbackOutcome::Events(events.into_iter().collect()))
}

/// The URL that Twilio signed is the one that it was told. Behind a proxy we may see another, so the
/// configured one with the call's query counts as well.
fn is_genuine(
    token: &Secret,
    configured: &Url,
    called: &Url,
    callback: &Callback,
    parameters: &[(String, String)],
) -> bool {
    let Some(given) = callback.headers.get("x-twilio-signature") else {
        return false;
    };
    let mut told = configured.clone();
    told.set_query(called.query());
    [callback.url.as_str(), told.as_str()].into_iter().any(|url| {
        let expected = signature(token, url, parameters);
        bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
    })
}

/// A status. Those before delivery (accepted, scheduled, queued, sending, sent) tell nothing new.
fn receipt(url: &Url, id: &str, status: &str, error: Option<&str>) -> Option<Inbound> {
    let (status, reason) = match status {
        "delivered" => (DeliveryStatus::Delivered, None),
        "read" => (DeliveryStatus::Read, None),
        "undelivered" | "failed" => (DeliveryStatus::Failed, error),
        "canceled" => (DeliveryStatus::Failed, Some(status)),
        _ => return None,
    };
    let echo = url
        .query_pairs()
        .find(|(name, _)| name == "echo")
        .and_then(|(_, text)| Echo::parse(&text));
    Some(Inbound::Receipt {
        echo,
        provider_message_id: Some(id.into()),
        status,
        reason_code: reason.map(Into::into),
        opted_out: is_opt_out(error.and_then(|code| errors::find(code.parse().ok()?))),
        at: None,
    })
}

/// A message from a customer. Senders without a phone number (short codes, names) have no address.
fn reply<'a>(id: &str, field: &impl Fn(&str) -> Option<&'a str>) -> Result<Inbound, CallbackError> {
    let from = field("From").ok_or_else(|| CallbackError::Malformed("there is no From".into()))?;
    let (channel, number) = match from.strip_prefix(WHATSAPP) {
        Some(number) => (Channel::Whatsapp, number),
        None => (Channel::Sms, from),
    };
    Ok(Inbound::Reply {
        id: id.into(),
        in_reply_to: field("OriginalRepliedMessageSid").map(|id| ReplyTarget::ProviderMessage(id.into())),
        channel,
        from: Address::heard(channel, number).ok(),
        body: content(field)?,
        at: None,
    })
}

/// PLAIN for text; MULTIMEDIA, with the addresses of the media, when there are any. Where Twilio takes the text for an
/// opt-out, by whichever keywords are set there, it sends nothing to the customer any more: nor do we.
fn content<'a>(field: &impl Fn(&str) -> Option<&'a str>) -> Result<Body, CallbackError> {
    if field("OptOutType") == Some("STOP") {
        let said = json!({ "optOutType": "STOP", "body": field("Body") });
        return refusal::body("twilio", &said)
            .ok_or_else(|| CallbackError::Malformed("the text is too long".into()));
    }
    let media: Vec<Value> = (0..MAX_MEDIA)
        .map_while(|n| {
            let url = field(&format!("MediaUrl{n}"))?;
            let kind = field(&format!("MediaContentType{n}"));
            Some(json!({ "mediaUrl": url, "mimeType": kind }))
        })
        .collect();
    let text = field("Body");
    let body = match (text, media.is_empty()) {
        (Some(text), true) => json!({ "type": "PLAIN", "markdownText": text }),
        (_, false) => json!({ "type": "MULTIMEDIA", "markdownText": text, "attachments": media }),
        (None, true) => json!({ "type": "CUSTOM" }),
    };
    Body::parse(body).map_err(|error| CallbackError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Twilio's documentation and of its helper libraries' tests.
    #[test]
    fn signs_as_twilio_documents() {
        let parameters: Parameters = [
            ("To", "+18005551212"),
            ("From", "+14158675309"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(
            signature(&Secret::new("12345"), url, &parameters),
            "RSOYDt4T1cUTdK1PDd93/VVr8B8="
        );
    }
}
