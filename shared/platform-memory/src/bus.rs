//! The event bus in memory: keeps what was published.

use async_trait::async_trait;
use platform::bus::{BusError, BusEvent, EventBus};

use crate::faults::Fault;
use crate::world::World;

#[derive(Default)]
pub(crate) struct Data(Vec<BusEvent>);

impl World {
    /// What was published.
    pub fn published(&self) -> Vec<BusEvent> {
        self.state().bus.0.clone()
    }
}

#[async_trait]
impl EventBus for World {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<(), BusError> {
        self.before_call().await;
        let mut state = self.state();
        if state.occurs(Fault::LostCall) {
            return Err(BusError::Unavailable("the call was lost".into()));
        }
        state.bus.0.extend(events);
        Ok(())
    }
}
