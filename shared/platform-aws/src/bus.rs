//! The event bus on EventBridge.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use futures::StreamExt;
use platform::bus::{BusError, BusEvent, EventBus};

use crate::batch::{Bounds, batches};
use crate::calls::Recorder;

/// The source of our events, as rules match it.
pub const SOURCE: &str = "outbound-campaigns";

/// What one call holds (EventBridge's bounds).
const BOUNDS: Bounds = Bounds {
    entries: 10,
    bytes: 256 * 1024,
};
/// Batches of one call that are under way at once.
const BATCHES_AT_ONCE: usize = 8;
/// How often entries that were not taken are sent again.
const TRIES: u32 = 4;
/// The longest first pause between these; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// The bus.
#[derive(Clone, Debug)]
pub struct EventBridge {
    client: Client,
    name: String,
}

impl EventBridge {
    pub(crate) fn new(config: &SdkConfig, name: &str) -> Self {
        let config = aws_sdk_eventbridge::config::Builder::from(config).interceptor(Recorder);
        Self {
            client: Client::from_conf(config.build()),
            name: name.to_owned(),
        }
    }

    /// Sends a batch within the bounds until all of it is taken.
    async fn put(&self, mut batch: Vec<BusEvent>) -> Result<(), BusError> {
        let mut reason = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                let longest = PAUSE.saturating_mul(2_u32.saturating_pow(attempt));
                tokio::time::sleep(longest.mul_f64(rand::random())).await;
            }
            let entries = batch.iter().map(|event| self.entry(event)).collect();
            let answer = self
                .client
                .put_events()
                .set_entries(Some(entries))
                .send()
                .await
                .map_err(|error| BusError::Unavailable(DisplayErrorContext(error).to_string()))?;
            if answer.failed_entry_count() == 0 {
                return Ok(());
            }
            // Answers stand in the order of the entries.
            let mut left = Vec::new();
            for (event, answer) in batch.into_iter().zip(answer.entries()) {
                if let Some(code) = answer.error_code() {
                    reason = format!("{code}: {}", answer.error_message().unwrap_or("no message"));
                    left.push(event);
                }
            }
            batch = left;
        }
        Err(BusError::Unavailable(format!(
            "{} events were not taken: {reason}",
            batch.len()
        )))
    }

    fn entry(&self, event: &BusEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(&event.detail_type)
            .detail(&event.detail)
            .build()
    }
}

/// Bytes of an entry, as EventBridge counts them: texts only, since no time is given.
fn bytes(event: &BusEvent) -> usize {
    SOURCE.len() + event.detail_type.len() + event.detail.len()
}

/// Whether EventBridge takes an event at all. One that is too large is left out: it would hold up all that
/// come behind it, for ever. The table and the webhooks have it.
fn fits(event: &BusEvent) -> bool {
    let bytes = bytes(event);
    let fits = bytes <= BOUNDS.bytes;
    if !fits {
        tracing::error!(
            detail_type = event.detail_type,
            bytes,
            "an event is too large for the bus; left out"
        );
    }
    fits
}

#[async_trait]
impl EventBus for EventBridge {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<(), BusError> {
        let events = events.into_iter().filter(fits).collect();
        // All are put, whatever becomes of one: what failed comes again with all others.
        let answers: Vec<Result<(), BusError>> = futures::stream::iter(batches(events, BOUNDS, bytes))
            .map(|batch| self.put(batch))
            .buffer_unordered(BATCHES_AT_ONCE)
            .collect()
            .await;
        answers.into_iter().collect()
    }
}

/// No bus: nobody is to hear, and nothing is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence;

#[async_trait]
impl EventBus for Silence {
    fn is_heard(&self) -> bool {
        false
    }

    async fn publish(&self, _: Vec<BusEvent>) -> Result<(), BusError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_the_documented_one() {
        let documented = include_str!("../../../infra/EVENTS.md");
        for shape in [
            format!("\"source\": \"{SOURCE}\""),
            format!("\"source\": [\"{SOURCE}\"]"),
        ] {
            assert!(documented.contains(&shape), "{shape}");
        }
    }

    #[test]
    fn what_fits_in_no_call_is_left_out() {
        let event = |bytes: usize| BusEvent {
            detail_type: "t".to_owned(),
            detail: "x".repeat(bytes),
        };
        let own = SOURCE.len() + 1;
        assert!(fits(&event(BOUNDS.bytes - own)));
        assert!(!fits(&event(BOUNDS.bytes - own + 1)));
    }
}
