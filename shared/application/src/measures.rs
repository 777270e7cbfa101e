//! What is measured, with its names, units and dimensions. Names are CloudWatch's; whoever runs the
//! use cases decides whether and how they are recorded.
//!
//! | measure | unit | dimension | what it tells |
//! |---|---|---|---|
//! | `DispatchLateness` | ms | – | from the moment for which an activity was due to its claim |
//! | `DispatchOutcomes` | count | `Outcome` | what messages about activities led to |
//! | `GateVerdicts` | count | `Verdict` | what the compliance gate said at the claim |
//! | `WebhookOutcomes` | count | `Outcome` | what messages about webhook deliveries led to |
//! | `SweepDuration` | ms | – | how long a sweep over all shards took |
//! | `SweepHandedOver` | count | – | timers that a sweep handed over in time |
//! | `SweepStrays` | count | – | timers that a sweep handed over again, because nobody had claimed them |
//! | `QueueAge` | ms | `Queue` | from sending a message to handling it, with the delay that was asked for |
//! | `QueueHeld` | ms | `Queue` | from a message's first receipt to this one: above 0 where it came again |
//! | `StreamSkipped` | count | `Consumer` | records of the change stream that do not read or cannot be handled, as often as they were passed over |

use domain::time::Millis;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use platform::changes::Consumer;

/// See the table above; so for all names here.
pub const DISPATCH_LATENESS: &str = "DispatchLateness";
/// By [`OUTCOME`].
pub const DISPATCH_OUTCOMES: &str = "DispatchOutcomes";
/// By [`VERDICT`].
pub const GATE_VERDICTS: &str = "GateVerdicts";
/// By [`OUTCOME`].
pub const WEBHOOK_OUTCOMES: &str = "WebhookOutcomes";
/// Milliseconds.
pub const SWEEP_DURATION: &str = "SweepDuration";
/// Timers.
pub const SWEEP_HANDED_OVER: &str = "SweepHandedOver";
/// Timers.
pub const SWEEP_STRAYS: &str = "SweepStrays";
/// By [`QUEUE`].
pub const QUEUE_AGE: &str = "QueueAge";
/// By [`QUEUE`].
pub const QUEUE_HELD: &str = "QueueHeld";
/// By [`CONSUMER`].
pub const STREAM_SKIPPED: &str = "StreamSkipped";

/// A dimension: what came of it.
pub const OUTCOME: &str = "Outcome";
/// A dimension: what the gate said.
pub const VERDICT: &str = "Verdict";
/// A dimension: the queue's name.
pub const QUEUE: &str = "Queue";
/// A dimension: which consumer of the change stream.
pub const CONSUMER: &str = "Consumer";

/// Tells the recorder the units. Called once, after it was installed.
pub fn describe() {
    for name in [DISPATCH_LATENESS, SWEEP_DURATION, QUEUE_AGE, QUEUE_HELD] {
        describe_histogram!(name, Unit::Milliseconds, "");
    }
    for name in [
        DISPATCH_OUTCOMES,
        GATE_VERDICTS,
        WEBHOOK_OUTCOMES,
        SWEEP_HANDED_OVER,
        SWEEP_STRAYS,
        STREAM_SKIPPED,
    ] {
        describe_counter!(name, Unit::Count, "");
    }
}

fn millis(span: Millis) -> f64 {
    // Exact up to 2^53 ms: longer than the product's calendar.
    #[allow(clippy::cast_precision_loss)]
    let value = span.get() as f64;
    value
}

/// An activity was claimed so late.
pub(crate) fn dispatch_lateness(late: Millis) {
    histogram!(DISPATCH_LATENESS).record(millis(late));
}

/// A message about an activity led to this.
pub(crate) fn dispatched(outcome: &'static str) {
    counter!(DISPATCH_OUTCOMES, OUTCOME => outcome).increment(1);
}

/// The gate said this about a claim.
pub(crate) fn gate_verdict(verdict: &'static str) {
    counter!(GATE_VERDICTS, VERDICT => verdict).increment(1);
}

/// A message about a webhook delivery led to this.
pub(crate) fn delivered(outcome: &'static str) {
    counter!(WEBHOOK_OUTCOMES, OUTCOME => outcome).increment(1);
}

/// A sweep over all shards took so long and found so much.
pub fn swept(duration: Millis, handed_over: usize, strays: usize) {
    histogram!(SWEEP_DURATION).record(millis(duration));
    counter!(SWEEP_HANDED_OVER).increment(handed_over as u64);
    counter!(SWEEP_STRAYS).increment(strays as u64);
}

/// A message was sent so long ago.
pub fn queue_age(queue: String, age: Millis) {
    histogram!(QUEUE_AGE, QUEUE => queue).record(millis(age));
}

/// A message was received for the first time so long ago.
pub fn queue_held(queue: String, held: Millis) {
    histogram!(QUEUE_HELD, QUEUE => queue).record(millis(held));
}

/// A record of the change stream does not read or cannot be handled, and was passed over.
pub fn stream_skipped(consumer: Consumer) {
    counter!(STREAM_SKIPPED, CONSUMER => consumer.name()).increment(1);
}
