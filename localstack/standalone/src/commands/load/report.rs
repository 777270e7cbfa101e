//! The line that a workload prints.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::usage::{Usage, rounded};

/// Counts by name.
pub(super) type Counts = BTreeMap<String, u64>;

/// What was measured. What a workload does not measure is null.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) workload: &'static str,
    pub(super) activities: u32,
    /// By batches, until the last was answered.
    pub(super) creates_per_second: Option<f64>,
    /// Until history and counters had caught up.
    pub(super) dispatches_per_second: Option<f64>,
    /// From creation to READ, until history, counters and webhooks had caught up.
    pub(super) life_cycles_per_second: Option<f64>,
    /// From the due time to the arrival at the provider.
    pub(super) lateness_ms: Option<Lateness>,
    /// What the numbers per second are over.
    pub(super) seconds: f64,
    pub(super) synchronous: String,
    pub(super) commits: u64,
    pub(super) transactions: u64,
    pub(super) server: Usage,
    pub(super) generator: Usage,
    pub(super) simulator: Usage,
    /// As listed one by one, as counted along the way, as the provider and the webhook saw it.
    pub(super) counts: BTreeMap<&'static str, Counts>,
    /// What does not agree among the counts.
    pub(super) differences: Vec<String>,
    /// What this workload alone measures.
    #[serde(flatten)]
    pub(super) further: Map<String, Value>,
}

/// How late, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Lateness {
    pub(super) p50: i64,
    pub(super) p95: i64,
    pub(super) p99: i64,
    pub(super) max: i64,
    /// Negative if one was early, which must not be.
    pub(super) min: i64,
}

impl Lateness {
    pub(super) fn of(mut all: Vec<i64>) -> Option<Self> {
        all.sort_unstable();
        let at = |percent: usize| {
            all.get((all.len() * percent).div_ceil(100).saturating_sub(1))
                .copied()
        };
        Some(Self {
            p50: at(50)?,
            p95: at(95)?,
            p99: at(99)?,
            max: at(100)?,
            min: *all.first()?,
        })
    }
}

/// How many per second.
pub(super) fn per_second(count: u32, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| rounded(f64::from(count) / seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let lateness = Lateness::of((1..=200).rev().collect()).unwrap();
        assert_eq!(
            lateness,
            Lateness {
                p50: 100,
                p95: 190,
                p99: 198,
                max: 200,
                min: 1
            }
        );
        assert_eq!(
            Lateness::of(vec![7]),
            Some(Lateness {
                p50: 7,
                p95: 7,
                p99: 7,
                max: 7,
                min: 7
            })
        );
        assert_eq!(Lateness::of(Vec::new()), None);
    }
}
