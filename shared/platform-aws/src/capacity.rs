//! What the table's calls consumed, as DynamoDB tells it, for accounts of cost.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Sums of consumed capacity, in tenths of a unit. DynamoDB tells it of calls that succeed; a failed
/// condition also costs a write unit per KB, which is not in these sums.
#[derive(Debug)]
pub struct Capacity {
    counts: bool,
    read: AtomicU64,
    written: AtomicU64,
}

/// Capacity units consumed since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Consumed {
    /// Read request units: one for 4 KB read consistently, half of it otherwise.
    pub read: f64,
    /// Write request units: one for 1 KB, two of it within a transaction; the due index is in them.
    pub written: f64,
}

impl Capacity {
    pub(crate) fn new(counts: bool) -> Self {
        Self {
            counts,
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
        }
    }

    /// Whether calls are asked what they consume.
    pub(crate) fn counts(&self) -> bool {
        self.counts
    }

    pub(crate) fn read<'a>(&self, consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        self.read.fetch_add(tenths(consumed), Ordering::Relaxed);
    }

    pub(crate) fn wrote<'a>(&self, consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        self.written.fetch_add(tenths(consumed), Ordering::Relaxed);
    }

    /// The sums.
    #[allow(clippy::cast_precision_loss, reason = "sums far below 2^53")]
    pub fn consumed(&self) -> Consumed {
        Consumed {
            read: self.read.load(Ordering::Relaxed) as f64 / 10.0,
            written: self.written.load(Ordering::Relaxed) as f64 / 10.0,
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole halves of units, never negative"
)]
fn tenths<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) -> u64 {
    let units: f64 = consumed
        .into_iter()
        .filter_map(ConsumedCapacity::capacity_units)
        .sum();
    (units * 10.0).round() as u64
}
