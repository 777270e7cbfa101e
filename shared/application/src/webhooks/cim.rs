//! What the CX Activities sink is told: an event in Expertflow's CIM shape, so that CX shows it in
//! the customer's conversation.
//!
//! | field | content |
//! |---|---|
//! | `id` | the event's id: a repetition carries the same |
//! | `header.sender` | the tenant as `SYSTEM`; the customer as `CUSTOMER` for `customer.*` |
//! | `header.channelData` | the customer's address and the service identifier |
//! | `header.customer._id`, `header.conversationId` | the link to the customer and the conversation |
//! | `header.schedulingMetaData` | activity, attempt, campaign, `assignTo` and the caller's metadata |
//! | `header.timestamp` | when it happened, in milliseconds |
//! | `header.originalMessageId` | the activity: also the id of the message that was sent |
//! | `header.providerMessageId` | the provider's id of that message |
//! | `body` | see below |
//!
//! The body is a `DELIVERYNOTIFICATION` (`messageId`, `status`, `reasonCode`) for
//! `activity.delivered`, `.connected`, `.read` and `.failed`; the customer's own body for
//! `customer.message`; and an `ACTIVITY` for everything else: the event's data with the event's
//! type as `eventType`. `reasonCode` is the provider's where there is one, else 200, or 500 for a
//! failure, as Expertflow's connectors use them.

use domain::activity::Activity;
use domain::cim::{Body, ChannelData, Header, Message, Sender};
use domain::id::{CustomerId, TenantId};
use serde_json::{Map, Value, json};

use crate::dispatch::scheduling_meta_data;
use crate::events::{DomainEvent, Told};
use crate::receipts::UnsolicitedMessage;

/// The CIM message of an event of an activity, or of a customer's message.
pub(super) fn message(told: &Told, event: &DomainEvent) -> Option<Message> {
    match told {
        Told::Activity(activity) => Some(of_activity(activity, event)?),
        Told::Message(_, message) => Some(of_customer(message, event)),
        _ => None,
    }
}

fn of_activity(activity: &Activity, event: &DomainEvent) -> Option<Message> {
    let plan = &activity.plan;
    let mut rest = rest(event, &plan.customer);
    if let Some(step) = &plan.step {
        rest.insert("conversationId".into(), Value::from(step.conversation.as_str()));
    }
    let sender = if event.kind.starts_with("customer.") {
        customer(&plan.customer)
    } else {
        system(&activity.tenant)
    };
    let header = Header {
        sender: Some(sender),
        channel_data: Some(ChannelData {
            channel_customer_identifier: plan.to.to_string(),
            service_identifier: plan.service_identifier.clone(),
            rest: Map::new(),
        }),
        original_message_id: Some(activity.id.to_string()),
        provider_message_id: activity.provider_message_id.clone(),
        scheduling_meta_data: Some(scheduling_meta_data(activity)),
        rest,
    };
    let body = match receipt(&event.kind) {
        Some(status) => notification(activity, event, status),
        None => described(event),
    };
    Some(Message {
        id: event.id.to_string(),
        header,
        body: Body::parse(body).ok()?,
    })
}

fn of_customer(message: &UnsolicitedMessage, event: &DomainEvent) -> Message {
    let header = Header {
        sender: Some(customer(&message.customer)),
        channel_data: message.from.as_ref().map(|from| ChannelData {
            channel_customer_identifier: from.to_string(),
            service_identifier: None,
            rest: Map::new(),
        }),
        rest: rest(event, &message.customer),
        ..Header::default()
    };
    Message {
        id: event.id.to_string(),
        header,
        body: message.body.clone(),
    }
}

fn system(tenant: &TenantId) -> Sender {
    Sender {
        id: Some(tenant.to_string()),
        kind: "SYSTEM".into(),
        rest: Map::new(),
    }
}

fn customer(id: &CustomerId) -> Sender {
    Sender {
        id: Some(id.to_string()),
        kind: "CUSTOMER".into(),
        rest: Map::new(),
    }
}

fn rest(event: &DomainEvent, customer: &CustomerId) -> Map<String, Value> {
    let mut rest = Map::new();
    rest.insert("timestamp".into(), Value::from(event.timestamp.millis()));
    rest.insert("customer".into(), json!({"_id": customer}));
    rest
}

/// The `DeliveryStatus` of an event, if it is one.
fn receipt(kind: &str) -> Option<&'static str> {
    match kind {
        "activity.delivered" => Some("DELIVERED"),
        "activity.connected" => Some("CONNECTED"),
        "activity.read" => Some("READ"),
        "activity.failed" => Some("FAILED"),
        _ => None,
    }
}

fn notification(activity: &Activity, event: &DomainEvent, status: &str) -> Value {
    let usual = if status == "FAILED" { 500 } else { 200 };
    let reason = event.data.get("reason").cloned().unwrap_or(Value::from(usual));
    json!({
        "type": "DELIVERYNOTIFICATION",
        "messageId": activity.id,
        "status": status,
        "reasonCode": reason,
    })
}

fn described(event: &DomainEvent) -> Value {
    let mut body = event.data.as_object().cloned().unwrap_or_default();
    // They stand in the header.
    body.remove("schedulingMetaData");
    body.remove("metadata");
    body.insert("type".into(), Value::from("ACTIVITY"));
    body.insert("eventType".into(), Value::from(event.kind.as_str()));
    Value::Object(body)
}
