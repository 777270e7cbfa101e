//! How often people answer now, against what is usual: a belief over factors.
//!
//! A hidden Markov model on a grid of factors. People who answer are Poisson with a mean of factor x
//! expected; the factor drifts, and now and then jumps (another list, another hour). Expected is what the
//! usual hazards give for the calls in flight, second by second, so that it does not matter which calls
//! resolve first. Everything that is unknown about the answer rate is in the width of the belief: at
//! first it is wide.

use serde::{Deserialize, Serialize};

/// Factors on either side of 1.
const HALF: i32 = 14;
/// Natural logarithm from one factor to the next.
const STEP: f64 = 0.18;
/// Standard deviation of the logarithm at first, and after a jump.
const SPREAD: f64 = 0.8;
/// Drift: probability a second of a step up, and of one down.
const DRIFT: f64 = 0.002;
/// Probability a second of a jump.
const JUMP: f64 = 1.0 / 1_800.0;

/// Weights of the factors; they sum to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Level {
    weights: Vec<f64>,
}

/// A factor and its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor {
    pub(crate) value: f64,
    pub(crate) weight: f64,
}

impl Default for Level {
    fn default() -> Self {
        Self { weights: prior() }
    }
}

fn logarithms() -> impl Iterator<Item = f64> {
    (-HALF..=HALF).map(|step| f64::from(step) * STEP)
}

fn prior() -> Vec<f64> {
    let mut weights: Vec<f64> = logarithms()
        .map(|log| libm::exp(-log * log / (2.0 * SPREAD * SPREAD)))
        .collect();
    normalise(&mut weights);
    weights
}

fn normalise(weights: &mut [f64]) {
    let sum: f64 = weights.iter().sum();
    for weight in weights {
        *weight /= sum;
    }
}

impl Level {
    /// So many seconds passed, in which so many people were expected to answer and so many did.
    pub(crate) fn observe(&mut self, seconds: f64, expected: f64, answered: f64) {
        self.drift(seconds);
        let best = answered * libm::log((answered / expected.max(1e-9)).clamp(0.05, 20.0));
        for (weight, log) in self.weights.iter_mut().zip(logarithms()) {
            let likelihood = answered * log - expected * libm::exp(log) - best + answered;
            *weight = weight.max(1e-12) * libm::exp(likelihood.clamp(-500.0, 50.0));
        }
        normalise(&mut self.weights);
    }

    fn drift(&mut self, seconds: f64) {
        let step = (DRIFT * seconds).min(0.3);
        let jump = (JUMP * seconds).min(1.0);
        let old = &self.weights;
        let near = |place: usize| old.get(place).copied().unwrap_or(0.0);
        let moved = (0..old.len()).zip(prior()).map(|(place, prior)| {
            let here = near(place);
            let below = place.checked_sub(1).map_or(here, near);
            let above = if place + 1 < old.len() {
                near(place + 1)
            } else {
                here
            };
            let drifted = (1.0 - 2.0 * step) * here + step * (below + above);
            (1.0 - jump) * drifted + jump * prior
        });
        self.weights = moved.collect();
    }

    /// The mean factor.
    pub(crate) fn mean(&self) -> f64 {
        logarithms()
            .zip(&self.weights)
            .map(|(log, weight)| weight * libm::exp(log))
            .sum()
    }

    /// Three factors with the mean and the variance of the logarithm: low, middle, high.
    pub(crate) fn three(&self) -> [Factor; 3] {
        let moment = |power: fn(f64) -> f64| -> f64 {
            logarithms()
                .zip(&self.weights)
                .map(|(log, weight)| weight * power(log))
                .sum()
        };
        let mean = moment(|log| log);
        let variance = (moment(|log| log * log) - mean * mean).max(0.0);
        let off = libm::sqrt(3.0 * variance);
        [(-off, 1.0 / 6.0), (0.0, 2.0 / 3.0), (off, 1.0 / 6.0)].map(|(off, weight)| Factor {
            value: libm::exp(mean + off),
            weight,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_a_shock_and_comes_back() {
        let mut level = Level::default();
        let mut run = |rate: f64, seconds: u32| {
            for _ in 0..seconds {
                level.observe(1.0, 2.0, 2.0 * rate);
            }
            level.mean()
        };
        assert!((run(1.0, 600) - 1.0).abs() < 0.1);
        assert!((run(3.0, 30) - 3.0).abs() < 0.4);
        assert!((run(0.3, 30) - 0.3).abs() < 0.15);
    }

    #[test]
    fn knows_that_it_does_not_know() {
        let mut level = Level::default();
        let [low, _, high] = level.three();
        assert!(low.value < 0.3 && high.value > 3.0);
        for _ in 0..600 {
            level.observe(1.0, 1.0, 1.0);
        }
        let [low, middle, high] = level.three();
        assert!(low.value > 0.75 && high.value < 1.35 && (middle.value - 1.0).abs() < 0.1);
    }
}
