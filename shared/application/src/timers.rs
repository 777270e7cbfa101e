//! Timers on their way: from the due index, or straight from the use case that set them, to a queue.

use domain::time::{Millis, Timestamp};
use domain::timer::{Timer, TimerKind};
use platform::queues::{MAX_DELAY, OutgoingMessage, QueueName};
use platform::table::Key;
use serde::{Deserialize, Serialize};

use crate::context::Context;

/// What is due within this time is sent by the use case that schedules it; the rest by the sweep.
pub const SELF_SENT: Millis = Millis::minutes(3);

/// A message: whose timer, in which generation. It carries no data: the table is the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerMessage {
    #[serde(rename = "p")]
    partition: String,
    #[serde(rename = "s")]
    sort: String,
    /// The generation that the timer had.
    #[serde(rename = "g")]
    pub generation: u64,
}

impl TimerMessage {
    /// A message about the timer of an item.
    pub fn new(key: &Key, generation: u64) -> Self {
        Self {
            partition: key.partition.clone(),
            sort: key.sort.clone(),
            generation,
        }
    }

    /// The item.
    pub fn key(&self) -> Key {
        Key::new(self.partition.clone(), self.sort.clone())
    }

    /// The text that a queue carries.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads [`TimerMessage::encode`].
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The queue of a kind of timer.
pub const fn queue_of(kind: TimerKind) -> QueueName {
    match kind {
        TimerKind::Activity => QueueName::Dispatch,
        TimerKind::UrgentActivity => QueueName::DispatchUrgent,
        TimerKind::Conversation | TimerKind::Job => QueueName::Flow,
        TimerKind::Pacing => QueueName::Pacing,
        TimerKind::WebhookDelivery => QueueName::WebhookDelivery,
    }
}

/// The tenant of an item's timer: what its partition begins with.
fn group(key: &Key) -> String {
    key.partition.split('#').next().unwrap_or_default().to_owned()
}

/// Sends messages for timers, each to arrive at its moment. A message that is lost on the way is
/// found by the sweep, so failure is only told to the log.
pub async fn hand_over(context: &Context, timers: &[(Key, Timer)], now: Timestamp) {
    for queue in QueueName::ALL {
        let messages: Vec<_> = timers
            .iter()
            .filter(|(_, timer)| queue_of(timer.kind) == queue)
            .map(|(key, timer)| OutgoingMessage {
                body: TimerMessage::new(key, timer.generation).encode(),
                delay: timer.at.since(now).min(MAX_DELAY),
                group: group(key),
            })
            .collect();
        if messages.is_empty() {
            continue;
        }
        let count = messages.len();
        match context.queues.send(queue, messages).await {
            Ok(taken) if taken == count => {}
            Ok(taken) => tracing::warn!(
                ?queue,
                taken,
                count,
                "the queue is full; the sweep hands over the rest"
            ),
            Err(error) => tracing::warn!(?queue, %error, count, "not handed over; the sweep will"),
        }
    }
}

/// Sends messages for those timers that are due so soon that the sweep may have passed them.
pub async fn hand_over_near(context: &Context, timers: Vec<(Key, Timer)>) {
    let now = context.now();
    let near: Vec<_> = timers
        .into_iter()
        .filter(|(_, timer)| timer.at <= now + SELF_SENT)
        .collect();
    hand_over(context, &near, now).await;
}

#[cfg(test)]
mod tests {
    use domain::id::{ActivityId, ConversationId, EventId, SkillGroupId, TenantId, WebhookId};

    use super::*;
    use crate::keys;

    #[test]
    fn messages_are_grouped_by_their_tenant() {
        let tenant = TenantId::parse("acme").unwrap();
        let timed = [
            keys::activity(&tenant, &ActivityId::parse("act_1").unwrap()),
            keys::conversation(&tenant, &ConversationId::parse("cnv_1").unwrap()),
            keys::job(&tenant, "start"),
            keys::delivery(
                &tenant,
                &WebhookId::parse("wh_1").unwrap(),
                &EventId::parse("evt_1").unwrap(),
            ),
            keys::pacing_owner(&tenant, &SkillGroupId::parse("sales").unwrap()),
        ];
        assert!(timed.iter().all(|key| group(key) == "acme"), "{timed:?}");
    }
}
