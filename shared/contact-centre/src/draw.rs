//! Seeded randomness.
//!
//! Each purpose draws from a stream of its own, so that staff and inbound calls of a seed are the same
//! whatever a pacer dials. The distributions are written out over `libm`, because those of the libraries
//! call the machine's own logarithm, and a run would differ in its last bits from machine to machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::scenario::{Lognormal, Share, Time};

/// What is drawn for.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Staff = 1,
    Calls = 2,
    Talk = 3,
    Inbound = 4,
    Scenario = 5,
}

/// A stream of random numbers.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    pub(crate) fn new(seed: u64, stream: Stream) -> Self {
        let mut source = ChaCha8Rng::seed_from_u64(seed);
        source.set_stream(stream as u64);
        Self(source)
    }

    /// Uniform in (0, 1].
    pub(crate) fn unit(&mut self) -> f64 {
        let bits = self.0.next_u64() >> 11;
        (bits + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform between two numbers.
    pub(crate) fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.unit()
    }

    pub(crate) fn chance(&mut self, share: Share) -> bool {
        self.unit() <= share.get()
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -libm::log(self.unit()) * mean
    }

    /// Standard normal, by Box and Muller (1958).
    fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    fn lognormal(&mut self, shape: Lognormal) -> f64 {
        let (mean, sigma) = (shape.mean.get(), shape.sigma.get());
        mean * libm::exp(sigma * self.normal() - sigma * sigma / 2.0)
    }

    /// Seconds.
    pub(crate) fn time(&mut self, time: &Time) -> f64 {
        match time {
            Time::Fixed(seconds) => seconds.get(),
            Time::Exponential(mean) => self.exponential(mean.get()),
            Time::Lognormal(shape) => self.lognormal(*shape),
            Time::Bimodal {
                short_share,
                short,
                long,
            } => {
                let shape = if self.chance(*short_share) { short } else { long };
                self.lognormal(*shape)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Factor, Seconds};

    fn mean_of(time: &Time) -> f64 {
        let mut draw = Draw::new(7, Stream::Talk);
        (0..200_000).map(|_| draw.time(time)).sum::<f64>() / 200_000.0
    }

    #[test]
    fn times_have_their_means() {
        let lognormal = |mean, sigma| Lognormal {
            mean: Seconds::new(mean).unwrap(),
            sigma: Factor::new(sigma).unwrap(),
        };
        let bimodal = Time::Bimodal {
            short_share: Share::new(0.75).unwrap(),
            short: lognormal(20.0, 0.4),
            long: lognormal(300.0, 0.5),
        };
        for (time, mean) in [
            (Time::Fixed(Seconds::new(12.0).unwrap()), 12.0),
            (Time::Exponential(Seconds::new(180.0).unwrap()), 180.0),
            (Time::Lognormal(lognormal(150.0, 0.7)), 150.0),
            (bimodal, 90.0),
        ] {
            let found = mean_of(&time);
            assert!((found / mean - 1.0).abs() < 0.01, "{time:?}: {found}");
        }
    }

    #[test]
    fn streams_of_a_seed_differ_and_repeat() {
        let first = |seed, stream| Draw::new(seed, stream).unit();
        assert_eq!(first(1, Stream::Calls), first(1, Stream::Calls));
        assert_ne!(first(1, Stream::Calls), first(1, Stream::Talk));
        assert_ne!(first(1, Stream::Calls), first(2, Stream::Calls));
    }
}
