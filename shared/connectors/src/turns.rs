//! The bound on how many requests of one connector are under way at once.

use domain::time::Millis;
use platform::connector::SendOutcome;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The longest that a request waits for its turn. Short: the worker holds a lease meanwhile.
pub(crate) const LONGEST_WAIT: Millis = Millis::seconds(5);

/// Turns to send.
pub(crate) struct Turns(Semaphore);

impl Turns {
    /// As many as the configuration allows.
    pub(crate) fn new(concurrency: u32) -> Self {
        Self(Semaphore::new(
            usize::try_from(concurrency)
                .unwrap_or(1)
                .clamp(1, Semaphore::MAX_PERMITS),
        ))
    }

    /// Waits for a turn; without one in time nothing was sent.
    pub(crate) async fn take(&self) -> Result<SemaphorePermit<'_>, SendOutcome> {
        match tokio::time::timeout(LONGEST_WAIT.duration(), self.0.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(SendOutcome::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_turn_in_time_is_put_off() {
        let turns = Turns::new(1);
        let held = turns.take().await.unwrap();
        assert_eq!(turns.take().await.err(), Some(SendOutcome::Busy));
        drop(held);
        assert!(turns.take().await.is_ok());
    }
}
