//! The simulator's side of the WhatsApp Cloud API.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::channel::Channel;
use domain::id::hash_bits;
use domain::time::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::config::Targets;
use super::courier::{Call, Reporter};
use super::script::{Event, Kind, is_quoted};
use super::{Answer, Arrival, Provider, lost};
use crate::whatsapp_cloud::signature;

/// What is read of a message.
#[derive(Deserialize)]
struct Incoming {
    to: String,
    #[serde(default)]
    text: Option<IgnoredAny>,
    #[serde(default)]
    template: Option<IgnoredAny>,
    #[serde(default)]
    biz_opaque_callback_data: Option<String>,
}

/// `POST /{version}/{phone-number-id}/messages`.
pub(super) async fn receive(
    State(provider): State<Arc<Provider>>,
    Path((_version, phone_number_id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let message: Incoming = match serde_json::from_slice::<Incoming>(&body) {
        Ok(message) if message.text.is_some() || message.template.is_some() => message,
        _ => return refuse(StatusCode::BAD_REQUEST, 100, "Invalid parameter"),
    };
    let arrival = Arrival {
        channel: Channel::Whatsapp,
        kind: Kind::Message,
        key: message.biz_opaque_callback_data.as_deref(),
        to: &message.to,
        deduplicates: false,
        errand: None,
        trace: None,
    };
    let wa_id = message.to.trim_start_matches('+').to_owned();
    let reporter = |id: String| -> Arc<dyn Reporter> {
        Arc::new(Sent {
            id: format!("wamid.{id}"),
            wa_id: wa_id.clone(),
            phone_number_id,
            echo: message.biz_opaque_callback_data.clone(),
        })
    };
    match provider.take(arrival, reporter).await {
        Answer::Accepted { provider_message_id } => Json(json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": message.to, "wa_id": wa_id }],
            "messages": [{ "id": format!("wamid.{provider_message_id}"), "message_status": "accepted" }],
        }))
        .into_response(),
        Answer::Rejected => refuse(
            StatusCode::BAD_REQUEST,
            131030,
            "(#131030) Recipient phone number not in allowed list",
        ),
        Answer::Deferred { retry_after_seconds } => {
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, 130429, "(#130429) Rate limit hit");
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, retry_after_seconds.into());
            response
        }
        Answer::Lost => lost(),
    }
}

fn refuse(status: StatusCode, code: u32, message: &str) -> Response {
    let body = json!({ "error": {
        "message": message,
        "type": "OAuthException",
        "code": code,
        "error_data": { "messaging_product": "whatsapp", "details": message },
        "fbtrace_id": "simulated",
    }});
    (status, Json(body)).into_response()
}

#[derive(Debug)]
struct Sent {
    id: String,
    wa_id: String,
    phone_number_id: String,
    echo: Option<String>,
}

impl Reporter for Sent {
    fn call(&self, event: &Event, targets: &Targets, now: Timestamp) -> Option<Call> {
        let url = targets.meta_webhook.clone()?;
        let secret = targets.meta_app_secret.as_ref()?;
        let body = self.notification(event, now)?.to_string();
        Some(Call {
            url,
            headers: vec![
                ("content-type", "application/json".into()),
                ("x-hub-signature-256", signature(secret, body.as_bytes())),
            ],
            body,
        })
    }
}

impl Sent {
    fn notification(&self, event: &Event, now: Timestamp) -> Option<Value> {
        let seconds = (now.millis() / 1_000).to_string();
        let (name, content) = match event {
            Event::Status(_) => {
                let mut status = json!({
                    "id": self.id,
                    "status": event.name().to_lowercase(),
                    "timestamp": seconds,
                    "recipient_id": self.wa_id,
                });
                if let Some(fields) = status.as_object_mut() {
                    if let Some(echo) = &self.echo {
                        fields.insert("biz_opaque_callback_data".into(), json!(echo));
                    }
                    if event.name() == "FAILED" {
                        let errors = json!([{ "code": 131026, "title": "Message undeliverable" }]);
                        fields.insert("errors".into(), errors);
                    }
                }
                ("statuses", status)
            }
            Event::Reply(text) => {
                let mut message = json!({
                    "id": format!("wamid.{:032x}", hash_bits(&[&self.id, "reply"])),
                    "from": self.wa_id,
                    "timestamp": seconds,
                    "type": "text",
                    "text": { "body": text },
                });
                if is_quoted(&self.id)
                    && let Some(fields) = message.as_object_mut()
                {
                    fields.insert("context".into(), json!({ "id": self.id }));
                }
                ("messages", message)
            }
            // Calls are the CCM's.
            Event::PendingDialing | Event::Called(_) | Event::HungUp | Event::WrapUp { .. } => return None,
        };
        Some(json!({
            "object": "whatsapp_business_account",
            "entry": [{ "id": "simulated", "changes": [{ "field": "messages", "value": {
                "messaging_product": "whatsapp",
                "metadata": { "phone_number_id": self.phone_number_id },
                name: [content],
            }}]}],
        }))
    }
}
