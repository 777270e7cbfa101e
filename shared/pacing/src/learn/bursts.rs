//! How abandoned calls cluster.
//!
//! Agents who are late and people who answer at once cost several calls together, so that the number of abandoned
//! calls in a time varies more than a Poisson number does. What is measured is the index of dispersion: the
//! variance of the number in a minute, per mean (Cox & Lewis, The Statistical Analysis of Series of Events, 4.5);
//! 1 for a Poisson process.

use serde::{Deserialize, Serialize};

/// Seconds in which abandoned calls are counted together.
const SLOT: f64 = 60.0;
/// Abandoned calls that are remembered.
const MEMORY: f64 = 200.0;
/// Assumed at first: that so many calls are abandoned at a time,
const ASSUMED: f64 = 2.0;
/// with the weight of so many.
const WEIGHT: f64 = 10.0;

/// Abandoned calls by minutes, decayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bursts {
    /// When the minute began, and what was abandoned in it.
    began: f64,
    count: f64,
    slots: f64,
    sum: f64,
    squares: f64,
}

impl Bursts {
    pub(crate) fn new(now: f64) -> Self {
        Self {
            began: now,
            ..Self::default()
        }
    }

    pub(crate) fn abandoned(&mut self, now: f64) {
        self.advance(now);
        self.count += 1.0;
    }

    /// Closes the minutes that are over.
    pub(crate) fn advance(&mut self, now: f64) {
        let over = libm::floor((now - self.began) / SLOT);
        if over < 1.0 {
            return;
        }
        let kept = libm::exp(-self.count / MEMORY);
        self.slots = (self.slots + over) * kept;
        self.sum = (self.sum + self.count) * kept;
        self.squares = (self.squares + self.count * self.count) * kept;
        self.began += over * SLOT;
        self.count = 0.0;
    }

    /// Variance per mean; not below that of a Poisson number.
    pub(crate) fn dispersion(&self) -> f64 {
        let mean = self.sum / self.slots.max(1.0);
        let raw = (self.squares + ASSUMED * WEIGHT) / (self.sum + WEIGHT);
        (raw - mean).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dispersion(at_a_time: u32) -> f64 {
        let mut bursts = Bursts::new(0.0);
        for burst in 0..400 {
            for _ in 0..at_a_time {
                bursts.abandoned(f64::from(burst) * 600.0);
            }
        }
        bursts.dispersion()
    }

    #[test]
    fn bursts_are_told_from_single_calls() {
        assert!((dispersion(1) - 1.0).abs() < 0.1);
        assert!((dispersion(5) - 4.4).abs() < 0.3, "{}", dispersion(5));
    }

    #[test]
    fn little_is_made_of_little() {
        assert!((Bursts::new(0.0).dispersion() - ASSUMED).abs() < 1e-9);
    }
}
