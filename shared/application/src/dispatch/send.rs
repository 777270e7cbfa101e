//! The attempt itself: the only place from which something leaves for a customer.

use domain::activity::settle::{AttemptResult, Reporter, Trouble};
use domain::activity::{Activity, AssignTo};
use domain::cim::{ChannelData, Header, Message, Sender};
use domain::time::{Millis, Timestamp};
use platform::connector::{Echo, EnquiryOutcome, Repeat, SendFailure, SendOutcome, SendRequest};
use serde_json::{Map, Value, json};

use super::claim::Held;
use super::{Outcome, settle};
use crate::connectors::Ready;
use crate::context::Context;
use crate::error::Error;
use crate::rate;
use crate::store::Stored;

/// Makes the attempt of a held activity and settles it.
pub(super) async fn attempt(context: &Context, held: Held, holder: &str) -> Result<Outcome, Error> {
    let Held {
        activity,
        version,
        ready,
        taken_over_from,
    } = held;
    let request = request(&activity);
    let reporter = Reporter {
        holder: holder.to_owned(),
        attempt: activity.attempt,
    };
    let result = match (ready.connector.repeat(), taken_over_from) {
        (Repeat::AfterEnquiry { settles_within }, Some(lost_at)) => {
            let sure_from = lost_at + ready.connector.timeout() + settles_within;
            enquire(context, &ready, &request, sure_from).await
        }
        _ => {
            let in_time = activity.may_send(holder, ready.connector.timeout(), context.now());
            let sent = if in_time {
                send(&ready, &request).await
            } else {
                None
            };
            match sent {
                Some(result) => result,
                None => {
                    settle::give_back(context, &activity.tenant, &activity.id, holder).await?;
                    return Ok(Outcome::GivenBack);
                }
            }
        }
    };
    let connector = &ready.config.id;
    if ready.connector.names_by_provider_id() {
        settle::remember(context, &activity, connector, &result).await?;
    }
    let (tenant, pause) = (activity.tenant.clone(), asked_pause(&result));
    let held = Stored {
        value: activity,
        version,
    };
    let outcome = settle::settle(context, held, &reporter, result).await?;
    if let Some(pause) = pause
        && let Err(error) = rate::rest(context, &tenant, connector, pause).await
    {
        tracing::warn!(%error, connector = connector.as_str(), "a connector does not rest as its provider asked");
    }
    Ok(outcome)
}

/// Makes the request. `None` when none was made.
async fn send(ready: &Ready, request: &SendRequest) -> Option<AttemptResult> {
    Some(match ready.connector.send(request).await {
        SendOutcome::Accepted { provider_message_id } => AttemptResult::Accepted { provider_message_id },
        SendOutcome::Rejected(SendFailure { code, detail }) => AttemptResult::Rejected { code, detail },
        SendOutcome::OptedOut(SendFailure { code, detail }) => AttemptResult::OptedOut { code, detail },
        SendOutcome::Deferred {
            failure: SendFailure { code, detail },
            retry_after,
            trouble,
        } => AttemptResult::NotTaken {
            code,
            detail,
            retry_after,
            trouble,
        },
        SendOutcome::Unclear(SendFailure { code, detail }) => match ready.connector.repeat() {
            Repeat::WithSameKey | Repeat::AfterEnquiry { .. } => {
                AttemptResult::UnclearRepeatable { code, detail }
            }
            Repeat::Never => AttemptResult::UnclearFinal { code, detail },
        },
        SendOutcome::Busy => return None,
    })
}

/// The pause that a provider asks of its connector: whatever goes next would be refused, too.
fn asked_pause(result: &AttemptResult) -> Option<Millis> {
    match result {
        AttemptResult::NotTaken {
            retry_after,
            trouble: Trouble::Connector,
            ..
        } => *retry_after,
        _ => None,
    }
}

/// Asks the provider what became of an attempt. "Not found" counts only once no request of it can
/// be under way any more.
async fn enquire(
    context: &Context,
    ready: &Ready,
    request: &SendRequest,
    sure_from: Timestamp,
) -> AttemptResult {
    let unclear = |code: &str, detail: &str| AttemptResult::UnclearRepeatable {
        code: code.to_owned(),
        detail: detail.to_owned(),
    };
    match ready.connector.enquire(request).await {
        EnquiryOutcome::Found { provider_message_id } => AttemptResult::Accepted { provider_message_id },
        EnquiryOutcome::NotFound if context.now() >= sure_from => AttemptResult::NotTaken {
            code: "not-found".into(),
            detail: "the provider does not know the message".into(),
            retry_after: None,
            trouble: Trouble::Message,
        },
        EnquiryOutcome::NotFound => unclear("not-found-yet", "the provider does not know the message yet"),
        EnquiryOutcome::Unclear(SendFailure { code, detail }) => unclear(&code, &detail),
    }
}

/// The request of the current attempt.
fn request(activity: &Activity) -> SendRequest {
    let echo = Echo {
        tenant: activity.tenant.clone(),
        activity: activity.id.clone(),
        attempt: activity.attempt,
    };
    SendRequest {
        tenant: activity.tenant.clone(),
        activity: activity.id.clone(),
        attempt: activity.attempt,
        idempotency_key: format!("{}.{}", activity.id, activity.attempt),
        echo,
        channel: activity.plan.channel,
        to: activity.plan.to.clone(),
        service_identifier: activity.plan.service_identifier.clone(),
        message: message(activity),
        trace: activity.trace.clone(),
    }
}

/// The whole CIM message of an activity: its id is the activity's.
fn message(activity: &Activity) -> Message {
    let plan = &activity.plan;
    let mut rest = Map::new();
    rest.insert("timestamp".into(), Value::from(plan.due_at.millis()));
    rest.insert("intent".into(), Value::from("AGENT_OUTBOUND"));
    rest.insert("customer".into(), json!({"_id": plan.customer}));
    if let Some(step) = &plan.step {
        rest.insert("conversationId".into(), Value::from(step.conversation.as_str()));
    }
    let sender = Sender {
        id: Some(activity.tenant.to_string()),
        kind: "SYSTEM".into(),
        rest: Map::new(),
    };
    let mut data = scheduling_meta_data(activity);
    // Callers' own metadata are texts, so that this cannot come from them.
    if activity.released.is_some() {
        data.insert("paced".into(), Value::Bool(true));
    }
    let header = Header {
        sender: Some(sender),
        channel_data: Some(ChannelData {
            channel_customer_identifier: plan.to.to_string(),
            service_identifier: plan.service_identifier.clone(),
            rest: Map::new(),
        }),
        scheduling_meta_data: Some(data),
        rest,
        ..Header::default()
    };
    Message {
        id: activity.id.to_string(),
        header,
        body: plan.message.clone(),
    }
}

/// What Expertflow's scheduler passes along as `schedulingMetaData`: the activity, its campaign, how a
/// call is paced, for whom the answer is meant, and the caller's metadata.
pub(crate) fn scheduling_meta_data(activity: &Activity) -> Map<String, Value> {
    let plan = &activity.plan;
    let mut data: Map<String, Value> = plan
        .metadata
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect();
    data.insert("activityId".into(), Value::from(activity.id.as_str()));
    data.insert("attempt".into(), Value::from(activity.attempt));
    if let Some(campaign) = &plan.campaign {
        data.insert("campaignId".into(), Value::from(campaign.as_str()));
    }
    if let Some(dialing) = plan
        .dialing
        .as_ref()
        .and_then(|dialing| serde_json::to_value(dialing).ok())
    {
        data.insert("dialing".into(), dialing);
    }
    // The agent who is kept for a call goes before whom the caller wished for.
    let kept = activity
        .released
        .as_ref()
        .and_then(|released| released.agent.as_ref());
    let kept = kept.map(|agent| AssignTo::AgentId(agent.to_string()));
    if let Some(assign_to) = kept
        .as_ref()
        .or(plan.assign_to.as_ref())
        .and_then(|to| serde_json::to_value(to).ok())
    {
        data.insert("assignTo".into(), assign_to);
    }
    data
}
