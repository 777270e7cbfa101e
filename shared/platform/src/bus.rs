//! The event bus to which domain events are published for the customer's own rules.

use async_trait::async_trait;

/// An event as the bus carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusEvent {
    /// The type, e.g. `activity.delivered`.
    pub detail_type: String,
    /// A JSON object.
    pub detail: String,
}

/// Why the bus did not take it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Not taken, or not known whether it was. Publishing again is safe: events carry their id.
    #[error("the event bus did not answer: {0}")]
    Unavailable(String),
}

/// The event bus. At least once.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Whether anybody may listen. What nobody hears need not be made, or published.
    fn is_heard(&self) -> bool {
        true
    }

    /// Publishes events.
    async fn publish(&self, events: Vec<BusEvent>) -> Result<(), BusError>;
}
