//! What comes back by the topics: statuses of our messages, and messages from customers.

use domain::activity::receipt::DeliveryStatus;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::time::Timestamp;
use platform::connector::{Echo, Inbound, ReplyTarget};
use serde::Deserialize;
use serde_json::json;

/// Whose word says that a message was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveredBy {
    Device,
    Carrier,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Status(Status),
    Incoming(Incoming),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    event_type: String,
    message_id: String,
    /// Milliseconds since the epoch.
    #[serde(default)]
    event_timestamp: Option<i64>,
    #[serde(default)]
    is_final: Option<bool>,
    #[serde(default)]
    context: Context,
}

/// The `Context` of the request.
#[derive(Default, Deserialize)]
struct Context {
    #[serde(default)]
    echo: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Incoming {
    inbound_message_id: String,
    origination_number: String,
    message_body: String,
    #[serde(default)]
    previous_published_message_id: Option<String>,
}

/// What a message of a topic says; `None` when it is neither a status nor a customer's message.
pub(super) fn read(message: &str, delivered_by: DeliveredBy) -> Option<Vec<Inbound>> {
    let event = serde_json::from_str(message).ok()?;
    let inbound = match event {
        Event::Status(status) => receipt(status, delivered_by),
        Event::Incoming(incoming) => reply(incoming),
    };
    Some(inbound.into_iter().collect())
}

/// Statuses before delivery tell nothing new, nor do those that may still change, nor `UNKNOWN`, which
/// AWS gives when the carrier has said nothing for 72 hours. A pool may send by RCS, whose events differ
/// in their prefix only.
fn receipt(status: Status, delivered_by: DeliveredBy) -> Option<Inbound> {
    let kind = ["TEXT_", "RCS_"]
        .iter()
        .find_map(|prefix| status.event_type.strip_prefix(prefix))?;
    let told = match (kind, delivered_by) {
        ("DELIVERED", _) | ("SUCCESSFUL", DeliveredBy::Carrier) => DeliveryStatus::Delivered,
        ("READ", _) => DeliveryStatus::Read,
        (
            "INVALID"
            | "INVALID_MESSAGE"
            | "UNREACHABLE"
            | "CARRIER_UNREACHABLE"
            | "BLOCKED"
            | "CARRIER_BLOCKED"
            | "SPAM"
            | "TTL_EXPIRED"
            | "PROTECT_BLOCKED"
            | "FAILED",
            _,
        ) if status.is_final != Some(false) => DeliveryStatus::Failed,
        _ => return None,
    };
    Some(Inbound::Receipt {
        echo: status.context.echo.as_deref().and_then(Echo::parse),
        provider_message_id: Some(status.message_id),
        status: told,
        reason_code: (told == DeliveryStatus::Failed).then(|| kind.to_owned()),
        opted_out: false,
        at: status.event_timestamp.map(Timestamp::from_millis),
    })
}

/// A message from a customer. Senders without a phone number (short codes, names) have no address.
fn reply(incoming: Incoming) -> Option<Inbound> {
    let id = incoming.inbound_message_id;
    let Ok(body) = Body::parse(json!({ "type": "PLAIN", "markdownText": incoming.message_body })) else {
        tracing::info!(message = id, "an inbound message without text is ignored");
        return None;
    };
    Some(Inbound::Reply {
        id,
        in_reply_to: incoming
            .previous_published_message_id
            .filter(|id| !id.is_empty())
            .map(ReplyTarget::ProviderMessage),
        channel: Channel::Sms,
        from: Address::heard(Channel::Sms, &incoming.origination_number).ok(),
        body,
        at: None,
    })
}
