//! Queues: accelerators. Any message may be lost, late, repeated or reordered.

use async_trait::async_trait;
use domain::time::Millis;
use domain::trace::TraceId;

/// Longest delay of a message (SQS's bound).
pub const MAX_DELAY: Millis = Millis::seconds(900);
/// Most messages that a worker takes at once (SQS's bound).
pub const MAX_RECEIVE: usize = 10;

/// The queues, one per worker; dispatch has a second one for high priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QueueName {
    /// Activities of normal priority.
    Dispatch,
    /// Activities of high priority.
    DispatchUrgent,
    /// Conversations that waited, and jobs: campaign starts, imports, stops.
    Flow,
    /// Skill groups whose calls nobody paces at present.
    Pacing,
    /// Webhook deliveries.
    WebhookDelivery,
}

impl QueueName {
    /// All queues.
    pub const ALL: [Self; 5] = [
        Self::DispatchUrgent,
        Self::Dispatch,
        Self::Flow,
        Self::Pacing,
        Self::WebhookDelivery,
    ];
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// At most 1 KB here: messages carry references, not data.
    pub body: String,
    /// Not delivered before this much time has passed; at most [`MAX_DELAY`].
    pub delay: Millis,
    /// The tenant: one tenant's burst does not delay another's.
    pub group: String,
}

/// A message received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// For [`Queues::delete`].
    pub receipt: String,
    /// As sent.
    pub body: String,
    /// How often it has been received, this time included.
    pub receive_count: u32,
    /// The trace of whoever sent it, where the platform carries it.
    pub trace: Option<TraceId>,
}

/// Why a queue did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// Not taken, or not known whether it was.
    #[error("the queue did not answer: {0}")]
    Unavailable(String),
}

/// The queues.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Sends messages; the result says how many were surely taken. The rest is found by the sweep.
    async fn send(&self, queue: QueueName, messages: Vec<OutgoingMessage>) -> Result<usize, QueueError>;

    /// Takes up to `max` messages (at most [`MAX_RECEIVE`]) and hides them for `visibility`.
    /// Waits a moment when there is none.
    async fn receive(
        &self,
        queue: QueueName,
        max: usize,
        visibility: Millis,
    ) -> Result<Vec<ReceivedMessage>, QueueError>;

    /// Deletes received messages. One that is not deleted comes back.
    async fn delete(&self, queue: QueueName, receipts: Vec<String>) -> Result<(), QueueError>;
}
