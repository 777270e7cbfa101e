//! The simulator's side of `ccm`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::header};
use domain::activity::receipt::DeliveryStatus;
use domain::channel::Channel;
use domain::id::hash_bits;
use domain::time::Timestamp;
use domain::trace::{TRACE_HEADER, TraceId};
use domain::voice::CallResult;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::config::Targets;
use super::courier::{Call, Reporter};
use super::floor::Errand;
use super::script::{Event, Kind, is_quoted};
use super::{Answer, Arrival, Provider, lost};

/// What is read of a CIM message. The metadata come back as they came.
#[derive(Deserialize)]
struct Incoming {
    id: String,
    header: IncomingHeader,
    body: IncomingBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IncomingHeader {
    channel_data: IncomingChannelData,
    #[serde(default)]
    scheduling_meta_data: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IncomingChannelData {
    channel_customer_identifier: String,
    #[serde(default)]
    service_identifier: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IncomingBody {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    abandoned_message: Option<String>,
}

/// `POST /ccm/{service}`.
pub(super) async fn receive(
    State(provider): State<Arc<Provider>>,
    Path(service): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(message) = serde_json::from_slice::<Incoming>(&body) else {
        return refuse("no CIM message");
    };
    let told = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = told("idempotency-key");
    let to = message.header.channel_data.channel_customer_identifier;
    let channel = Channel::parse(&service).unwrap_or(Channel::Sms);
    let is_call = channel == Channel::Voice && message.body.kind == "VOICE";
    let metadata = message.header.scheduling_meta_data.as_deref();
    let arrival = Arrival {
        channel,
        kind: if is_call { Kind::Call } else { Kind::Message },
        key,
        to: &to,
        deduplicates: key.is_some(),
        errand: metadata
            .filter(|_| is_call)
            .and_then(|metadata| Errand::read(metadata, message.body.abandoned_message)),
        trace: told(TRACE_HEADER).and_then(TraceId::of_header),
    };
    let reporter = |provider_message_id| -> Arc<dyn Reporter> {
        Arc::new(Sent {
            message_id: message.id,
            is_call,
            provider_message_id,
            to: to.clone(),
            service: message.header.channel_data.service_identifier,
            metadata: message.header.scheduling_meta_data,
        })
    };
    match provider.take(arrival, reporter).await {
        Answer::Accepted { provider_message_id } => {
            Json(json!({ "providerMessageId": provider_message_id })).into_response()
        }
        Answer::Rejected => refuse("refused by the script"),
        Answer::Deferred { retry_after_seconds } => (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, retry_after_seconds.to_string())],
        )
            .into_response(),
        Answer::Lost => lost(),
    }
}

fn refuse(reason: &str) -> Response {
    let body = Json(json!({ "reasonCode": 400, "message": reason }));
    (StatusCode::BAD_REQUEST, body).into_response()
}

#[derive(Debug)]
struct Sent {
    message_id: String,
    is_call: bool,
    provider_message_id: String,
    to: String,
    service: Option<String>,
    metadata: Option<Box<RawValue>>,
}

impl Reporter for Sent {
    fn call(&self, event: &Event, targets: &Targets, now: Timestamp) -> Option<Call> {
        Some(Call {
            url: targets.cim_messages.clone()?,
            headers: targets.api_headers(),
            body: self.message(event, now).to_string(),
        })
    }
}

impl Sent {
    /// `DeliveryNotification` of `expertflow/object-model`, with the reason codes of the result
    /// notifications that Expertflow publishes for its dialer.
    fn notification(&self, event: &Event, reason: Value) -> Value {
        json!({
            "type": "DELIVERYNOTIFICATION",
            "messageId": self.message_id,
            "status": event.name(),
            "reasonCode": reason,
        })
    }

    /// A message with the `MessageHeader` of `expertflow/object-model`. A repeated telling
    /// carries the same id.
    fn message(&self, event: &Event, now: Timestamp) -> Value {
        let mut channel_data = json!({ "channelCustomerIdentifier": self.to });
        if let (Some(service), Some(fields)) = (&self.service, channel_data.as_object_mut()) {
            fields.insert("serviceIdentifier".into(), json!(service));
        }
        let ours = json!({ "type": "CONNECTOR", "senderName": "provider simulator" });
        let (sender, intent, body) = match event {
            Event::Status(DeliveryStatus::Failed) => (ours, "NONE", self.notification(event, json!(500))),
            Event::Status(_) => (ours, "NONE", self.notification(event, json!(200))),
            Event::PendingDialing => (ours, "NONE", self.notification(event, json!("PENDING DIALING"))),
            Event::Called(result) => (
                ours,
                "NONE",
                self.notification(event, json!(result.reason_code())),
            ),
            Event::HungUp => (
                ours,
                "CALL_LEG_ENDED",
                json!({
                    "type": "VOICE",
                    "callId": self.message_id,
                    "leg": format!("{}:1", self.message_id),
                    "reasonCode": CallResult::Answered.reason_code(),
                }),
            ),
            Event::WrapUp { code, agent } => (
                json!({ "type": "AGENT", "id": agent }),
                "NONE",
                json!({ "type": "WRAPUP", "wrapups": [{ "value": code }] }),
            ),
            Event::Reply(text) => (
                json!({ "type": "CUSTOMER", "id": self.to }),
                "REPLY_TO",
                json!({ "type": "PLAIN", "markdownText": text }),
            ),
        };
        let id = hash_bits(&[&self.provider_message_id, event.name()]);
        // What is said in a call belongs to it.
        let names_ours = self.is_call || !matches!(event, Event::Reply(_)) || is_quoted(&self.message_id);
        let original = names_ours.then_some(&self.message_id);
        json!({
            "id": format!("{id:032x}"),
            "header": {
                "sender": sender,
                "channelData": channel_data,
                "intent": intent,
                "timestamp": now.millis(),
                "originalMessageId": original,
                "providerMessageId": self.provider_message_id,
                "schedulingMetaData": self.metadata,
            },
            "body": body,
        })
    }
}
