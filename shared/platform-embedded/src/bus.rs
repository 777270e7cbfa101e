//! The event bus of one process.
//!
//! Nothing in the product listens to it: customers who run their own rules on events do so on AWS. Here
//! it is written to the log at debug level and passed to whoever subscribed within the process.

use async_trait::async_trait;
use platform::bus::{BusError, BusEvent, EventBus};
use tokio::sync::broadcast;

/// Events kept for a subscriber that is slow; older ones it misses.
const KEPT: usize = 1_024;

/// The bus.
#[derive(Clone, Debug)]
pub struct LocalBus {
    events: broadcast::Sender<BusEvent>,
}

impl Default for LocalBus {
    fn default() -> Self {
        Self {
            events: broadcast::Sender::new(KEPT),
        }
    }
}

impl LocalBus {
    /// Events published from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<BusEvent> {
        self.events.subscribe()
    }
}

#[async_trait]
impl EventBus for LocalBus {
    fn is_heard(&self) -> bool {
        self.events.receiver_count() > 0 || tracing::enabled!(tracing::Level::DEBUG)
    }

    async fn publish(&self, events: Vec<BusEvent>) -> Result<(), BusError> {
        for event in events {
            tracing::debug!(detail_type = %event.detail_type, "event published");
            // It fails when nobody has subscribed.
            let _ = self.events.send(event);
        }
        Ok(())
    }
}
