//! What history, webhooks and the event bus are told: the domain events that one change holds.
//!
//! An event's id is derived from the item, its version and the event's place in that version, so
//! that a change seen twice tells the same events.

use std::sync::Arc;

use domain::activity::Activity;
use domain::activity::event::{ActivityEvent, Happening};
use domain::agent::{Agent, AgentChange};
use domain::id::{CampaignId, CustomerId, EventId, TenantId};
use domain::time::Timestamp;
use flows::Conversation;
use flows::conversation::log::ConversationEvent;
use platform::changes::{Change, Consumer};
use platform::table::Item;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::campaigns::{Campaign, CampaignEvent};
use crate::context::Context;
use crate::dispatch::scheduling_meta_data;
use crate::error::Error;
use crate::receipts::UnsolicitedMessage;
use crate::store::decode;
use crate::webhooks::{Webhook, WebhookEvent};
use crate::{keys, measures};

/// An item whose change is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// An activity.
    Activity(Box<Activity>),
    /// A conversation.
    Conversation(Box<Conversation>),
    /// A campaign.
    Campaign(Box<Campaign>),
    /// A customer's message that answers nothing.
    Message(TenantId, Box<UnsolicitedMessage>),
    /// A webhook endpoint.
    Webhook(Box<Webhook>),
    /// An agent.
    Agent(Box<Agent>),
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// To an activity.
    Activity(ActivityEvent),
    /// To a conversation.
    Conversation(ConversationEvent),
    /// To a campaign.
    Campaign(CampaignEvent),
    /// A customer wrote on their own.
    Message,
    /// To a webhook endpoint.
    Webhook(WebhookEvent),
    /// To an agent.
    Agent(AgentChange),
}

impl Happened {
    /// The type of its event.
    fn kind(&self) -> &str {
        match self {
            Self::Activity(event) => event.happening.event_type(),
            Self::Conversation(event) => event.name(),
            Self::Campaign(event) => &event.kind,
            Self::Message => "customer.message",
            Self::Webhook(event) => &event.kind,
            Self::Agent(_) => "agent.state_changed",
        }
    }
}

/// An event, as webhooks and the bus carry it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainEvent {
    /// The same however often it is told.
    pub id: EventId,
    /// Such as `activity.delivered`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// Whose.
    pub tenant_id: TenantId,
    /// In which campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    /// To which customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// What happened.
    pub data: Value,
}

/// Every event type that webhooks can subscribe to.
pub const EVENT_TYPES: [&str; 32] = [
    "activity.scheduled",
    "activity.rescheduled",
    "activity.deferred",
    "activity.attempt_failed",
    "activity.sent",
    "activity.delivered",
    "activity.connected",
    "activity.read",
    "activity.failed",
    "activity.refused",
    "activity.expired",
    "activity.cancelled",
    "activity.unknown",
    "activity.redriven",
    "activity.wrapped_up",
    "customer.response",
    "customer.message",
    "conversation.started",
    "conversation.moved",
    "conversation.route_requested",
    "conversation.data_changed",
    "conversation.ended",
    "campaign.published",
    "campaign.paused",
    "campaign.resumed",
    "campaign.stopped",
    "campaign.unpublished",
    "campaign.formula_failed",
    "agent.state_changed",
    "webhook.disabled",
    "webhook.recovered",
    "webhook.test",
];

/// The item of a change, if its kind is told and it still stands. One that does not read is a defect;
/// it is logged, counted and passed over, so that it does not hold up everything behind it in the stream.
pub fn told(consumer: Consumer, change: &Change) -> Option<Told> {
    read(change.item.as_ref()?).unwrap_or_else(|error| {
        measures::stream_skipped(consumer);
        tracing::error!(
            %error, sequence = %change.sequence, consumer = consumer.name(), "a changed item does not read; passed over"
        );
        None
    })
}

/// The same. Both consumers of the stream come by here: where they are one process, the second finds what
/// the first one read. Of activities only, which are most of what changes, and never deleted: another one
/// cannot come by the same key and version.
pub(crate) fn told_once(context: &Context, consumer: Consumer, change: &Change) -> Option<Arc<Told>> {
    let item = change.item.as_ref()?;
    let key = (item.key.clone(), item.version);
    if let Some(known) = context.caches.told.get(&key) {
        return Some(known);
    }
    let told = Arc::new(told(consumer, change)?);
    if matches!(*told, Told::Activity(_)) {
        context.caches.told.put(key, told.clone());
    }
    Some(told)
}

/// The item, if its kind is told.
pub(crate) fn read(item: &Item) -> Result<Option<Told>, Error> {
    let mut parts = item.key.partition.split('#');
    let tenant = parts.next().unwrap_or_default();
    let told = match (parts.next(), item.key.sort.as_str()) {
        (Some("A"), "A") => Told::Activity(Box::new(decode::<Activity>(item)?.value)),
        (Some("V"), "V") => Told::Conversation(Box::new(decode::<Conversation>(item)?.value)),
        (Some("C"), _) => Told::Campaign(Box::new(decode::<Campaign>(item)?.value)),
        (Some("W"), _) => Told::Webhook(Box::new(decode::<Webhook>(item)?.value)),
        (Some("AG"), _) => Told::Agent(Box::new(decode::<Agent>(item)?.value)),
        (Some("H"), sort) if keys::is_message(sort) => {
            let tenant =
                TenantId::parse(tenant).map_err(|e| Error::Corrupt(format!("{:?}: {e}", item.key)))?;
            Told::Message(tenant, Box::new(decode::<UnsolicitedMessage>(item)?.value))
        }
        _ => return Ok(None),
    };
    Ok(Some(told))
}

impl Told {
    /// What the write of this version added, with its place in that version.
    pub fn added_by(&self, version: u64) -> Vec<(usize, Happened)> {
        match self {
            Self::Activity(a) => a
                .log
                .added_by(version)
                .map(|(i, e)| (i, Happened::Activity(e.clone())))
                .collect(),
            Self::Conversation(c) => c
                .log
                .added_by(version)
                .map(|(i, e)| (i, Happened::Conversation(e.clone())))
                .collect(),
            Self::Campaign(c) => c
                .log
                .added_by(version)
                .map(|(i, e)| (i, Happened::Campaign(e.clone())))
                .collect(),
            Self::Message(..) => vec![(0, Happened::Message)],
            Self::Webhook(w) => w
                .log
                .added_by(version)
                .map(|(i, e)| (i, Happened::Webhook(e.clone())))
                .collect(),
            Self::Agent(a) => a
                .log
                .added_by(version)
                .map(|(i, e)| (i, Happened::Agent(e.clone())))
                .collect(),
        }
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Activity(activity) => &activity.tenant,
            Self::Conversation(conversation) => &conversation.tenant,
            Self::Campaign(campaign) => &campaign.tenant,
            Self::Message(tenant, _) => tenant,
            Self::Webhook(webhook) => &webhook.tenant,
            Self::Agent(agent) => &agent.tenant,
        }
    }

    /// In which campaign it stands.
    pub fn campaign(&self) -> Option<&CampaignId> {
        match self {
            Self::Activity(activity) => activity.plan.campaign.as_ref(),
            Self::Conversation(conversation) => Some(&conversation.campaign),
            Self::Campaign(campaign) => Some(&campaign.id),
            Self::Message(..) | Self::Webhook(_) | Self::Agent(_) => None,
        }
    }

    fn customer(&self) -> Option<&CustomerId> {
        match self {
            Self::Activity(activity) => Some(&activity.plan.customer),
            Self::Conversation(conversation) => Some(&conversation.customer),
            Self::Campaign(_) | Self::Webhook(_) | Self::Agent(_) => None,
            Self::Message(_, message) => Some(&message.customer),
        }
    }

    /// The events of one version, as they are told.
    pub fn events(&self, version: u64) -> Vec<DomainEvent> {
        self.events_of(version, |_| true)
    }

    /// The same, of those types only that are `wanted`: an event costs more than to ask for it.
    pub(crate) fn events_of(&self, version: u64, wanted: impl Fn(&str) -> bool) -> Vec<DomainEvent> {
        self.added_by(version)
            .into_iter()
            .filter(|(_, happened)| wanted(happened.kind()))
            .map(|(place, happened)| self.event(version, place, &happened))
            .collect()
    }

    fn event(&self, version: u64, place: usize, happened: &Happened) -> DomainEvent {
        let (timestamp, data) = self.describe(happened);
        // The tenant is part of it: tenants choose the ids of their agents themselves.
        let (tenant, version, place) = (self.tenant().as_str(), version.to_string(), place.to_string());
        let id = EventId::derive(timestamp, &[tenant, self.name(), &version, &place]);
        DomainEvent {
            id,
            kind: happened.kind().to_owned(),
            timestamp,
            tenant_id: self.tenant().clone(),
            campaign_id: self.campaign().cloned(),
            customer_id: self.customer().cloned(),
            data,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Activity(activity) => activity.id.as_str(),
            Self::Conversation(conversation) => conversation.id.as_str(),
            Self::Campaign(campaign) => campaign.id.as_str(),
            Self::Message(_, message) => &message.id,
            Self::Webhook(webhook) => webhook.id.as_str(),
            Self::Agent(agent) => agent.id.as_str(),
        }
    }

    fn describe(&self, happened: &Happened) -> (Timestamp, Value) {
        match (self, happened) {
            (Self::Activity(activity), Happened::Activity(event)) => {
                (event.at, activity_data(activity, event))
            }
            (Self::Conversation(conversation), Happened::Conversation(event)) => {
                let mut data = object(event);
                data.remove("type");
                data.insert("conversationId".into(), Value::from(conversation.id.as_str()));
                data.insert(
                    "campaignVersion".into(),
                    Value::from(conversation.campaign_version),
                );
                (event.at(), Value::Object(data))
            }
            (Self::Campaign(_), Happened::Campaign(event)) => {
                let mut data = json!({"state": event.state, "publishedVersion": event.published_version});
                if let (Some(detail), Some(data)) = (&event.detail, data.as_object_mut()) {
                    data.insert("detail".into(), json!(detail));
                }
                (event.at, data)
            }
            (Self::Message(_, message), _) => {
                let data = json!({
                    "messageId": message.id,
                    "from": message.from,
                    "channel": message.channel,
                    "body": message.body,
                });
                (message.at, data)
            }
            (Self::Webhook(webhook), Happened::Webhook(event)) => {
                let description = &webhook.definition.description;
                let mut data = json!({"webhookId": webhook.id, "description": description});
                if let (Some(reason), Some(data)) = (event.reason, data.as_object_mut()) {
                    data.insert("reason".into(), json!(reason));
                }
                (event.at, data)
            }
            (Self::Agent(agent), Happened::Agent(change)) => {
                let mut data = object(change);
                data.remove("at");
                data.insert("agentId".into(), Value::from(agent.id.as_str()));
                data.insert("skillGroups".into(), json!(agent.skill_groups));
                (change.at, Value::Object(data))
            }
            // An item holds only its own kind of events.
            _ => (Timestamp::default(), Value::Null),
        }
    }
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// What an activity's event tells: where it stands, what happened, and what the caller gave along.
fn activity_data(activity: &Activity, event: &ActivityEvent) -> Value {
    let mut data = object(event);
    data.remove("happening");
    data.remove("from");
    data.remove("to");
    if event.happening == Happening::Response
        && let Some(text) = data.remove("detail")
    {
        data.insert("text".into(), text);
    }
    let plan = &activity.plan;
    data.insert("activityId".into(), Value::from(activity.id.as_str()));
    data.insert("state".into(), Value::from(event.to.name()));
    data.insert("channel".into(), Value::from(plan.channel.name()));
    data.insert("to".into(), Value::from(plan.to.as_str()));
    data.insert("dueAt".into(), json!(plan.due_at));
    data.insert("metadata".into(), json!(plan.metadata));
    data.insert(
        "schedulingMetaData".into(),
        Value::Object(scheduling_meta_data(activity)),
    );
    if let Some(step) = &plan.step {
        data.insert("conversationId".into(), Value::from(step.conversation.as_str()));
    }
    Value::Object(data)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, Gauge, Histogram, Key as Measure, KeyName, Metadata, Recorder, SharedString, Unit,
        with_local_recorder,
    };
    use platform::changes::Sequence;
    use platform::table::Key;

    use super::*;

    /// Keeps what was counted, by name and dimension.
    #[derive(Default)]
    struct Counted(Mutex<Vec<(String, Arc<AtomicU64>)>>);

    impl Counted {
        fn all(&self) -> Vec<(String, u64)> {
            let counted = self.0.lock().unwrap();
            let read =
                |(name, count): &(String, Arc<AtomicU64>)| (name.clone(), count.load(Ordering::Relaxed));
            counted.iter().map(read).collect()
        }
    }

    impl Recorder for Counted {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, measure: &Measure, _: &Metadata<'_>) -> Counter {
            let labels: Vec<_> = measure
                .labels()
                .map(|l| format!("{}={}", l.key(), l.value()))
                .collect();
            let count = Arc::new(AtomicU64::new(0));
            let name = format!("{} {}", measure.name(), labels.join(" "));
            self.0.lock().unwrap().push((name, count.clone()));
            Counter::from_arc(count)
        }

        fn register_gauge(&self, _: &Measure, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Measure, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn an_item_that_does_not_read_is_counted_for_its_consumer() {
        let key = Key::new("acme#A#act_1", "A");
        let change = |body: &str| Change {
            sequence: Sequence("7".into()),
            key: key.clone(),
            version: 1,
            item: Some(Item {
                key: key.clone(),
                version: 1,
                due: None,
                expires: None,
                announced: true,
                body: body.into(),
            }),
        };
        let counted = Counted::default();
        with_local_recorder(&counted, || {
            assert!(told(Consumer::Webhooks, &change(r#"{"a shape": "of tomorrow"}"#)).is_none());
        });
        assert_eq!(counted.all(), [("StreamSkipped Consumer=webhooks".to_owned(), 1)]);
    }
}
