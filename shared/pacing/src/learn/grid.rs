//! Ages in bins: fine where much happens, wide where little does.

use serde::{Deserialize, Serialize};

/// How ages are cut into bins. The last bin is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Grid {
    /// Conversations and wrap-up: to half an hour, ever wider.
    Handling,
    /// From dialing to answer: a minute by the second.
    Ringing,
    /// From answer to the verdict, person or machine: ten seconds by the half second.
    Detection,
}

/// Bins of one width.
struct Segment {
    /// Where the first of them begins, in seconds.
    start: f64,
    /// The width of each, in seconds.
    width: f64,
    /// How many bins there are before.
    first: usize,
}

const HANDLING: &[Segment] = &[
    segment(0.0, 4.0, 0),
    segment(60.0, 8.0, 15),
    segment(180.0, 30.0, 30),
    segment(600.0, 120.0, 44),
];
const RINGING: &[Segment] = &[segment(0.0, 1.0, 0)];
const DETECTION: &[Segment] = &[segment(0.0, 0.5, 0)];

const fn segment(start: f64, width: f64, first: usize) -> Segment {
    Segment { start, width, first }
}

impl Grid {
    const fn segments(self) -> &'static [Segment] {
        match self {
            Self::Handling => HANDLING,
            Self::Ringing => RINGING,
            Self::Detection => DETECTION,
        }
    }

    /// How many bins there are.
    pub(crate) const fn bins(self) -> usize {
        match self {
            Self::Handling => 55,
            Self::Ringing => 61,
            Self::Detection => 21,
        }
    }

    /// The seconds of exposure, at the mean rate, that a bin's estimate begins with. Hazards that compete have
    /// the same, so that none gains where all end at one age; elsewhere it is as much as one event takes.
    pub(crate) fn prior_exposure(self, mean: f64) -> f64 {
        match self {
            Self::Handling => 1.0 / mean,
            Self::Ringing => 40.0,
            Self::Detection => 2.0,
        }
    }

    /// The bin of an age.
    pub(crate) fn bin(self, age: f64) -> usize {
        let Some(segment) = self.segments().iter().rev().find(|segment| age >= segment.start) else {
            return 0;
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let within = ((age - segment.start) / segment.width) as usize;
        segment.first.saturating_add(within).min(self.bins() - 1)
    }

    /// The bin of what happens at the end of an exposure: an age on a border counts to the bin before it, or
    /// a centre whose clock knows whole seconds only would see everything happen where nobody was exposed.
    pub(crate) fn bin_up_to(self, age: f64) -> usize {
        let bin = self.bin(age);
        if self.start(bin) < age {
            bin
        } else {
            bin.saturating_sub(1)
        }
    }

    /// The age at which a bin begins.
    pub(crate) fn start(self, bin: usize) -> f64 {
        let Some(segment) = self.segments().iter().rev().find(|segment| bin >= segment.first) else {
            return 0.0;
        };
        #[allow(clippy::cast_precision_loss)]
        let within = (bin - segment.first) as f64;
        within.mul_add(segment.width, segment.start)
    }

    /// The age at which a bin ends; infinite for the last.
    pub(crate) fn end(self, bin: usize) -> f64 {
        if bin + 1 >= self.bins() {
            f64::INFINITY
        } else {
            self.start(bin + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_age_is_in_the_bin_that_begins_before_and_ends_after_it() {
        for grid in [Grid::Handling, Grid::Ringing, Grid::Detection] {
            for tenth in 0..40_000 {
                let age = f64::from(tenth) / 10.0;
                let bin = grid.bin(age);
                assert!(
                    grid.start(bin) <= age && age < grid.end(bin),
                    "{grid:?} {age} {bin}"
                );
            }
            assert_eq!(grid.end(grid.bins() - 1), f64::INFINITY);
        }
    }
}
