//! The time that an invocation has left.

use domain::time::{Millis, Timestamp};
use tokio::time::Instant;

/// The instant after which the platform ends the process, whatever it is doing.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    /// The time that there was in all.
    given: Millis,
}

impl Deadline {
    /// The deadline `at`, seen at `now`. From then on it is kept by the monotonic clock.
    pub fn new(at: Timestamp, now: Timestamp) -> Self {
        let given = at.since(now);
        Self {
            at: Instant::now() + given.duration(),
            given,
        }
    }

    /// Whether there is time for something that takes up to `longest`. Where a function is given less
    /// than twice that in all, the first half of its time counts as enough: it would never begin anything else.
    pub fn allows(&self, longest: Millis) -> bool {
        let needed = longest.min(Millis::new(self.given.get() / 2));
        self.at.saturating_duration_since(Instant::now()) > needed.duration()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(time: Millis) -> Deadline {
        let now = Timestamp::from_millis(1_000_000);
        Deadline::new(now + time, now)
    }

    #[tokio::test(start_paused = true)]
    async fn allows_what_ends_in_time() {
        let deadline = given(Millis::seconds(60));
        assert!(deadline.allows(Millis::seconds(20)));
        tokio::time::advance(Millis::seconds(39).duration()).await;
        assert!(deadline.allows(Millis::seconds(20)));
        tokio::time::advance(Millis::seconds(1).duration()).await;
        assert!(!deadline.allows(Millis::seconds(20)));
        tokio::time::advance(Millis::seconds(60).duration()).await;
        assert!(!deadline.allows(Millis::ZERO), "it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_time_is_used_for_its_first_half() {
        let deadline = given(Millis::seconds(10));
        assert!(deadline.allows(Millis::seconds(20)));
        tokio::time::advance(Millis::seconds(5).duration()).await;
        assert!(!deadline.allows(Millis::seconds(20)));
    }
}
