//! The door for Expertflow's Customer Channel Manager and for connectors: delivery notifications and
//! customers' messages in CIM shape.

use std::borrow::Cow;

use application::error::FieldError;
use application::receipts::{self, About, Arrival, Orphan, Outcome, Receipt, Returned, WrapUpCode};
use axum::Json;
use axum::extract::State;
use compliance::do_not_contact::Subject;
use domain::activity::receipt::DeliveryStatus;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::{Body, Message};
use domain::id::{ActivityId, ConnectorId};
use domain::time::Timestamp;
use domain::voice::CallResult;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::checks::short;
use crate::auth::Caller;
use crate::extract::Input;
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// Longest id of a message, in characters. It becomes part of a key.
const MAX_MESSAGE_ID: usize = 200;
/// Longest reason code that is kept, in characters.
const MAX_REASON: usize = 64;

/// A CIM message. Only what is listed is read; other members are let be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "id": "8d1f",
    "header": {"originalMessageId": "act_01KAR0T5W0000000000000000A", "timestamp": "2026-11-23T09:31:00Z"},
    "body": {"type": "DELIVERYNOTIFICATION", "messageId": "act_01KAR0T5W0000000000000000A", "status": "DELIVERED", "reasonCode": 200}
}))]
#[allow(dead_code, reason = "only its description is used")]
pub struct CimMessageIn {
    /// The message's own id: repeats carry the same.
    #[schema(min_length = 1, max_length = 200)]
    id: String,
    /// `sender`, `channelData.channelCustomerIdentifier`, `originalMessageId` (the id of the activity
    /// that is answered or reported on), `timestamp`.
    #[schema(value_type = Object)]
    header: Value,
    /// A DELIVERYNOTIFICATION (`messageId`, `status`: DELIVERED, READ, CONNECTED or FAILED,
    /// `reasonCode`), a VOICE body (`callId`, `leg`, `reasonCode`) under the intent CALL_LEG_STARTED or
    /// CALL_LEG_ENDED, a WRAPUP (`code`, or `wrapups[0].value`), or what the customer wrote (PLAIN and the
    /// other types).
    #[schema(value_type = schema::CimBody)]
    body: Value,
}

/// What became of a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct TakenOut {
    outcome: OutcomeOut,
}

/// What became of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OutcomeOut {
    /// It changed an activity.
    Folded,
    /// It told nothing new.
    Repeated,
    /// Its activity is not known: it is kept, and matched again for an hour.
    Orphaned,
    /// The customer wrote on their own, for nothing of ours went to that address of late: kept in the customer's
    /// history.
    Unsolicited,
}

impl From<Outcome> for OutcomeOut {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Folded => Self::Folded,
            Outcome::Repeated => Self::Repeated,
            Outcome::Orphaned => Self::Orphaned,
            Outcome::Unsolicited => Self::Unsolicited,
        }
    }
}

/// Deliver a receipt or a customer's message
#[utoipa::path(
    post, path = "/v1/cim-messages", operation_id = "deliverCimMessage", tag = "CIM messages",
    request_body = CimMessageIn, responses((status = 202, body = TakenOut))
)]
pub(crate) async fn take(
    State(state): State<ApiState>,
    caller: Caller,
    Input(message): Input<Message>,
) -> Result<(StatusCode, Json<TakenOut>), Problem> {
    let outcome = match arrival(message, state.context.now())? {
        Some(arrival) => {
            let context = caller.traced(&state.context);
            receipts::take_in(&context, &caller.tenant, arrival).await?
        }
        None => Outcome::Repeated,
    };
    Ok((
        StatusCode::ACCEPTED,
        Json(TakenOut {
            outcome: outcome.into(),
        }),
    ))
}

fn wrong(pointer: &str, detail: impl ToString) -> Problem {
    Problem::invalid(vec![FieldError::new(pointer, detail)])
}

/// What a message tells; `None` when that is nothing of a customer.
fn arrival(message: Message, now: Timestamp) -> Result<Option<Arrival>, Problem> {
    let at = told_at(message.header.rest.get("timestamp")).map_or(now, |at| at.min(now));
    let told = match message.body.kind() {
        "DELIVERYNOTIFICATION" => Some(notification(&message)?),
        "VOICE" => call_leg(&message)?,
        "WRAPUP" => Some(wrap_up(&message)?),
        _ => Some(customers_message(message)?),
    };
    Ok(told.map(|(about, returned)| Arrival { about, returned, at }))
}

/// The call that a message is about: by the id of ours that it answers, or by the `callId` that we gave.
fn call(message: &Message) -> Result<About, Problem> {
    let named = [
        (
            "/header/originalMessageId",
            message.header.original_message_id.as_deref(),
        ),
        ("/body/callId", message.body.text("callId")),
    ];
    let ours = named.into_iter().find_map(|(pointer, id)| {
        id.filter(|id| id.starts_with(ActivityId::PREFIX))
            .map(|id| (pointer, id))
    });
    let (pointer, id) =
        ours.ok_or_else(|| wrong("/header/originalMessageId", "is missing: it names the activity"))?;
    let id = ActivityId::parse(id).map_err(|error| wrong(pointer, error))?;
    Ok(About::Activity { id, attempt: None })
}

/// A leg of a call began or ended. Agents' legs say nothing of the customer's: a desktop reports them
/// with reason codes of its own.
fn call_leg(message: &Message) -> Result<Option<(About, Returned)>, Problem> {
    let header = &message.header;
    if header
        .sender
        .as_ref()
        .is_some_and(|sender| sender.kind == "AGENT")
    {
        return Ok(None);
    }
    let reason = reason_code(&message.body)?;
    let (status, reason) = match header.rest.get("intent").and_then(Value::as_str) {
        Some("CALL_LEG_STARTED") => (DeliveryStatus::Delivered, reason),
        Some("CALL_LEG_ENDED") => {
            let code = reason
                .ok_or_else(|| wrong("/body/reasonCode", "is missing: it tells how the call came out"))?;
            (CallResult::of_reason(&code).status(), Some(code))
        }
        _ => {
            return Err(wrong(
                "/header/intent",
                "must be CALL_LEG_STARTED or CALL_LEG_ENDED",
            ));
        }
    };
    Ok(Some((call(message)?, receipt(status, reason))))
}

/// An agent's wrap-up code: `code`, the first of `wrapups` (`value`), or the text.
fn wrap_up(message: &Message) -> Result<(About, Returned), Problem> {
    let body = &message.body;
    let listed = body
        .field("wrapups")
        .and_then(|list| list.pointer("/0/value"))
        .and_then(Value::as_str);
    let code = body.text("code").or(listed).or_else(|| body.readable());
    let code = code.and_then(WrapUpCode::parse);
    let code = code.ok_or_else(|| wrong("/body/code", "must be a wrap-up code of 1 to 64 bytes"))?;
    Ok((call(message)?, Returned::WrapUp { code }))
}

/// The sender's time: RFC 3339, or milliseconds since 1970 as the object model has it. Others are
/// passed over: when something happened is no reason to lose what happened.
fn told_at(timestamp: Option<&Value>) -> Option<Timestamp> {
    match timestamp? {
        Value::String(text) => Timestamp::parse(text).ok(),
        Value::Number(number) => number
            .as_i64()
            .filter(|millis| *millis > 0)
            .map(Timestamp::from_millis),
        _ => None,
    }
}

fn notification(message: &Message) -> Result<(About, Returned), Problem> {
    let (body, header) = (&message.body, &message.header);
    let (pointer, named) = match (body.text("messageId"), &header.original_message_id) {
        (Some(id), _) => ("/body/messageId", id),
        (None, Some(id)) => ("/header/originalMessageId", id.as_str()),
        (None, None) => return Err(wrong("/body/messageId", "is missing: it names the activity")),
    };
    let id = ActivityId::parse(named).map_err(|error| wrong(pointer, error))?;
    let status = body.text("status").and_then(DeliveryStatus::parse_notification);
    let status = status.ok_or_else(|| {
        wrong(
            "/body/status",
            "must be one of DELIVERED, READ, CONNECTED, FAILED",
        )
    })?;
    let reason = reason_code(body)?;
    Ok((About::Activity { id, attempt: None }, receipt(status, reason)))
}

const fn receipt(status: DeliveryStatus, reason: Option<String>) -> Returned {
    Returned::Receipt(Receipt {
        status,
        reason,
        opted_out: false,
    })
}

/// A body's reason code, cut at [`MAX_REASON`].
fn reason_code(body: &Body) -> Result<Option<String>, Problem> {
    let reason = match body.field("reasonCode") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => return Err(wrong("/body/reasonCode", "must be a number or a text")),
    };
    Ok(reason.map(|text| text.chars().take(MAX_REASON).collect()))
}

fn customers_message(message: Message) -> Result<(About, Returned), Problem> {
    let Message { id, header, body } = message;
    short(&id, MAX_MESSAGE_ID, "/id").map_err(|error| Problem::invalid(vec![error]))?;
    if header
        .sender
        .is_some_and(|sender| matches!(sender.kind.as_str(), "AGENT" | "BOT"))
    {
        return Err(wrong(
            "/header/sender/type",
            "must be CUSTOMER or CONNECTOR: only customers' messages are taken",
        ));
    }
    let address = header.channel_data.map(|data| data.channel_customer_identifier);
    let from = address
        .as_deref()
        .map(|text| Subject::parse_address(&with_plus(text)))
        .transpose();
    let quoted = header
        .original_message_id
        .or_else(|| body.field("messageId")?.as_str().map(str::to_owned));
    let about = quoted.map(|quoted| about_quoted(&quoted));
    let is_ours = matches!(about, Some(About::Activity { .. }));
    let from = match (from, is_ours) {
        (Ok(Some(Subject::Address(address))), _) => Some(address),
        (_, true) => None,
        (Ok(_), false) => {
            let detail = "is missing: it tells who wrote";
            return Err(wrong("/header/channelData/channelCustomerIdentifier", detail));
        }
        (Err(error), false) => return Err(wrong("/header/channelData/channelCustomerIdentifier", error)),
    };
    // A number alone does not tell SMS from WhatsApp.
    let channel = from
        .as_ref()
        .filter(|address| !address.is_phone())
        .map(|_| Channel::Email);
    Ok((
        about.unwrap_or(About::Nothing),
        Returned::Message {
            id,
            channel,
            from,
            body,
        },
    ))
}

/// WhatsApp names people by their numbers without the plus.
fn with_plus(text: &str) -> Cow<'_, str> {
    let is_bare = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_bare {
        Cow::Owned(format!("+{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Ids of ours begin so. What answers anything else is none to a message of ours: an opt-out word in it is honoured
/// at once.
fn about_quoted(id: &str) -> About {
    let ours = id.starts_with(ActivityId::PREFIX);
    match ActivityId::parse(id) {
        Ok(id) if ours => About::Activity { id, attempt: None },
        _ => About::Another,
    }
}

/// A receipt or answer whose activity is not known.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrphanOut {
    id: String,
    /// When it came.
    #[schema(value_type = schema::Instant)]
    since: Timestamp,
    /// When it happened, by the sender's clock.
    #[schema(value_type = schema::Instant)]
    at: Timestamp,
    /// How often it was matched again.
    tries: u32,
    /// The activity that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    activity_id: Option<ActivityId>,
    /// The connector whose provider reported it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    connector_id: Option<ConnectorId>,
    /// The provider's id of the message that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_message_id: Option<String>,
    /// The status, if it is a receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    status: Option<DeliveryStatus>,
    /// The receipt's reason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The id of the customer's message, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// From whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    from: Option<Address>,
    /// What the customer wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::CimBody>)]
    body: Option<Body>,
}

impl From<Orphan> for OrphanOut {
    fn from(
        Orphan {
            id,
            arrival,
            since,
            tries,
        }: Orphan,
    ) -> Self {
        let (activity_id, connector_id, provider_message_id) = match arrival.about {
            About::Activity { id, .. } => (Some(id), None, None),
            About::ProviderMessage { connector, id } => (None, Some(connector), Some(id)),
            About::Another | About::Nothing => (None, None, None),
        };
        let (status, reason, message_id, from, body) = match arrival.returned {
            Returned::Receipt(receipt) => (Some(receipt.status), receipt.reason, None, None, None),
            Returned::WrapUp { .. } => (None, None, None, None, None),
            Returned::Message { id, from, body, .. } => (None, None, Some(id), from, Some(body)),
        };
        Self {
            id,
            since,
            at: arrival.at,
            tries,
            activity_id,
            connector_id,
            provider_message_id,
            status,
            reason,
            message_id,
            from,
            body,
        }
    }
}

/// List receipts and answers whose activity is not known
#[utoipa::path(
    get, path = "/v1/cim-messages/orphans", operation_id = "listOrphans", tag = "CIM messages",
    params(PageParams), responses((status = 200, body = Page<OrphanOut>))
)]
pub(crate) async fn orphans(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<OrphanOut>>, Problem> {
    let found = receipts::orphans(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, OrphanOut::from))
}
