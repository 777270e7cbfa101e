//! What comes back by the topic: contact events, as EventBridge publishes them.

use domain::activity::receipt::DeliveryStatus;
use domain::time::Timestamp;
use domain::voice::{ANSWERED_ALONE, CallResult};
use platform::connector::Inbound;
use serde::Deserialize;

/// EventBridge's envelope.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "detail-type")]
    kind: String,
    #[serde(default)]
    time: Option<String>,
    detail: Contact,
}

/// A contact as it stands at the event. The guide's examples spell `AgentInfo` both ways.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contact {
    event_type: String,
    contact_id: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    initiation_method: String,
    #[serde(default)]
    connected_to_system_timestamp: Option<String>,
    #[serde(default)]
    disconnect_reason: Option<String>,
    #[serde(default)]
    answering_machine_detection_status: Option<String>,
    #[serde(default)]
    queue_info: Option<serde::de::IgnoredAny>,
    #[serde(default, alias = "AgentInfo")]
    agent_info: Option<serde::de::IgnoredAny>,
}

/// What a message of the topic says; `None` when it is no contact event.
pub(super) fn read(message: &str) -> Option<Vec<Inbound>> {
    let envelope: Envelope = serde_json::from_str(message).ok()?;
    if envelope.kind != "Amazon Connect Contact Event" {
        return None;
    }
    Some(receipt(envelope).into_iter().collect())
}

/// Calls that customers or agents placed are none of ours.
fn receipt(Envelope { time, detail, .. }: Envelope) -> Option<Inbound> {
    let is_ours = detail.channel.eq_ignore_ascii_case("VOICE")
        && ["API", "OUTBOUND"].contains(&detail.initiation_method.as_str());
    if !is_ours {
        return None;
    }
    let (status, reason) = match detail.event_type.as_str() {
        "INITIATED" => (DeliveryStatus::Delivered, None),
        "CONNECTED_TO_AGENT" => told(CallResult::Answered),
        "DISCONNECTED" => over(&detail),
        _ => return None,
    };
    Some(Inbound::Receipt {
        echo: None,
        provider_message_id: Some(detail.contact_id),
        status,
        reason_code: reason,
        opted_out: false,
        at: time.as_deref().and_then(|time| Timestamp::parse(time).ok()),
    })
}

fn told(result: CallResult) -> (DeliveryStatus, Option<String>) {
    (result.status(), Some(result.reason_code().to_owned()))
}

/// A call that is over. A person who was put into no queue and heard no agent has had what they were called for from a
/// machine, or was abandoned before the queue: the contact does not tell which.
fn over(contact: &Contact) -> (DeliveryStatus, Option<String>) {
    let result = result(contact);
    if result == CallResult::Answered && contact.agent_info.is_none() {
        return (DeliveryStatus::Connected, Some(ANSWERED_ALONE.to_owned()));
    }
    told(result)
}

/// How a call came out that is over. Where machine detection did not decide, whoever answered is taken
/// for a person: it is they whom the law protects.
fn result(contact: &Contact) -> CallResult {
    if contact.agent_info.is_some() {
        return CallResult::Answered;
    }
    match contact.answering_machine_detection_status.as_deref() {
        Some("VOICEMAIL_BEEP" | "VOICEMAIL_NO_BEEP") => CallResult::Machine,
        Some("FAX_MACHINE_DETECTED") => CallResult::Fax,
        Some("SIT_TONE_BUSY") => CallResult::Busy,
        Some("SIT_TONE_INVALID_NUMBER") => CallResult::Invalid,
        Some("SIT_TONE_DETECTED") => CallResult::Failed,
        Some("AMD_UNANSWERED") => CallResult::NoAnswer,
        Some("HUMAN_ANSWERED" | "ANSWERED" | "AMD_UNRESOLVED") => answered(contact),
        _ if contact.connected_to_system_timestamp.is_some() => answered(contact),
        _ => match contact.disconnect_reason.as_deref() {
            Some("CUSTOMER_DISCONNECT") => CallResult::Rejected,
            Some(
                "TELECOM_PROBLEM"
                | "OUTBOUND_DESTINATION_ENDPOINT_ERROR"
                | "OUTBOUND_RESOURCE_ERROR"
                | "OUTBOUND_ATTEMPT_FAILED",
            ) => CallResult::Failed,
            _ => CallResult::NoAnswer,
        },
    }
}

/// A person answered and no agent came: abandoned, if an agent was to come.
fn answered(contact: &Contact) -> CallResult {
    if contact.queue_info.is_some() {
        CallResult::Abandoned
    } else {
        CallResult::Answered
    }
}
