//! Messages in Expertflow's CIM shape (Common Interaction Model): `{id, header, body}`.
//!
//! Only what the product reads is typed; everything else is kept as it came and passed on.
//! Source: the public object model (`expertflow/object-model`, class `CimMessage`).

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use crate::channel::Channel;

/// Largest message body, in bytes of JSON.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Longest text of a PLAIN message, in characters.
pub const MAX_TEXT_CHARACTERS: usize = 10_000;

/// Body types of the object model, by their `type` discriminator.
pub const BODY_TYPES: [&str; 25] = [
    "DELIVERYNOTIFICATION",
    "DELETEDNOTIFICATION",
    "CUSTOM",
    "StructuredMessage",
    "NOTIFICATION",
    "MULTIMEDIA",
    "VIDEO",
    "IMAGE",
    "AUDIO",
    "FILE",
    "CONTACT",
    "LOCATION",
    "CAROUSEL",
    "BUTTON",
    "PLAIN",
    "VOICE",
    "URL",
    "STICKER",
    "RECEIPT",
    "WRAPUP",
    "TEMPLATE",
    "ACTION",
    "COMMENT",
    "EMAIL",
    "ACTIVITY",
];

/// Why a JSON value is not a message body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not an object.
    #[error("must be a JSON object")]
    NotAnObject,
    /// No `type`, or an unknown one.
    #[error("`type` must be one of the CIM body types, such as PLAIN or TEMPLATE")]
    Type,
    /// A field that the type requires is missing or not a text.
    #[error("a {0} body needs `{1}`, a text")]
    Missing(&'static str, &'static str),
    /// Too large.
    #[error("may have at most {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// Too long a text.
    #[error("`markdownText` may have at most {MAX_TEXT_CHARACTERS} characters")]
    TooLong,
}

/// A message body: a JSON object with a known `type` and what that type requires.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Body(Map<String, Value>);

impl Body {
    /// Checks a JSON value.
    pub fn parse(value: Value) -> Result<Self, BodyError> {
        let Value::Object(map) = value else {
            return Err(BodyError::NotAnObject);
        };
        let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
        if !BODY_TYPES.contains(&kind) {
            return Err(BodyError::Type);
        }
        let text = |field: &str| {
            map.get(field)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        match kind {
            "PLAIN" => {
                let text = text("markdownText").ok_or(BodyError::Missing("PLAIN", "markdownText"))?;
                if text.chars().count() > MAX_TEXT_CHARACTERS {
                    return Err(BodyError::TooLong);
                }
            }
            "TEMPLATE" => {
                text("name").ok_or(BodyError::Missing("TEMPLATE", "name"))?;
                text("language").ok_or(BodyError::Missing("TEMPLATE", "language"))?;
            }
            "DELIVERYNOTIFICATION" => {
                text("status").ok_or(BodyError::Missing("DELIVERYNOTIFICATION", "status"))?;
            }
            _ => {}
        }
        let body = Self(map);
        let bytes = serde_json::to_string(&body).map_or(usize::MAX, |json| json.len());
        if bytes > MAX_BODY_BYTES {
            Err(BodyError::TooLarge)
        } else {
            Ok(body)
        }
    }

    /// Whether it can be sent by a channel: what reports on messages only comes back, and a call needs a line.
    pub fn can_be_sent_by(&self, channel: Channel) -> bool {
        match self.kind() {
            "DELIVERYNOTIFICATION" | "DELETEDNOTIFICATION" | "RECEIPT" | "WRAPUP" => false,
            "VOICE" => channel == Channel::Voice,
            _ => true,
        }
    }

    /// A PLAIN body with this text.
    pub fn plain(text: impl Into<String>) -> Self {
        let mut map = Map::new();
        map.insert("type".into(), "PLAIN".into());
        map.insert("markdownText".into(), Value::String(text.into()));
        Self(map)
    }

    /// The `type` discriminator.
    pub fn kind(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// A text field of the body.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Value::as_str)
    }

    /// Any field of the body.
    pub fn field(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Sets a text field of the body.
    pub fn set(&mut self, field: &str, text: impl Into<String>) {
        self.0.insert(field.into(), Value::String(text.into()));
    }

    /// What a person would read: `markdownText`, if the type has one.
    pub fn readable(&self) -> Option<&str> {
        self.text("markdownText")
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A whole CIM message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The message's own id.
    pub id: String,
    /// Who, to whom, about what.
    pub header: Header,
    /// The content.
    pub body: Body,
}

/// `MessageHeader` of the object model; fields that the product does not read stand in `rest`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// The customer's address and the channel's service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_data: Option<ChannelData>,
    /// The message that this one answers or reports on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_message_id: Option<String>,
    /// The provider's id of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_message_id: Option<String>,
    /// What the scheduler wants back, spelled as the object model spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling_meta_data: Option<Map<String, Value>>,
    /// All other fields.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Who sent a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sender {
    /// The sender's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// AGENT, BOT, CUSTOMER, APP, CONNECTOR or SYSTEM.
    #[serde(rename = "type")]
    pub kind: String,
    /// All other fields.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The customer's address and the channel's service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelData {
    /// The customer's address on the channel.
    pub channel_customer_identifier: String,
    /// The company's address on the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_identifier: Option<String>,
    /// All other fields, `additionalAttributes` among them.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bodies_are_checked() {
        assert!(Body::parse(json!({"type": "PLAIN", "markdownText": "Hello"})).is_ok());
        assert_eq!(Body::parse(json!("Hello")), Err(BodyError::NotAnObject));
        assert_eq!(Body::parse(json!({"type": "plain"})), Err(BodyError::Type));
        assert_eq!(
            Body::parse(json!({"type": "PLAIN", "markdownText": ""})),
            Err(BodyError::Missing("PLAIN", "markdownText"))
        );
        assert_eq!(
            Body::parse(json!({"type": "PLAIN", "markdownText": "é".repeat(10_001)})),
            Err(BodyError::TooLong)
        );
    }

    #[test]
    fn what_is_not_read_is_kept() {
        let wire = json!({
            "id": "m1",
            "header": {
                "sender": {"type": "CUSTOMER", "senderName": "Ann"},
                "channelData": {"channelCustomerIdentifier": "+442079460958", "requestPriority": 3},
                "originalMessageId": "m0", "intent": "REPLY_TO"
            },
            "body": {"type": "PLAIN", "markdownText": "Yes", "extra": [1]}
        });
        let message: Message = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(message).unwrap(), wire);
    }
}
