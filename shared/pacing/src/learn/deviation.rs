//! How far announcements of an end are off.

use serde::{Deserialize, Serialize};

/// Seconds before the announced end that are told apart.
const EARLY: f64 = 30.0;
/// Seconds after it that are told apart.
const LATE: f64 = 90.0;
/// How many ends are remembered.
const MEMORY: f64 = 300.0;

/// Ends, by whole seconds after they were announced for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deviation {
    ends: Vec<f64>,
}

impl Deviation {
    /// Assumes at first that ends follow within so many seconds after the announced one, with the
    /// weight of so many ends.
    pub(crate) fn new(within: f64, weight: f64) -> Self {
        let ends = bins()
            .map(|late| {
                if late >= 0.0 && late < within {
                    weight / within
                } else {
                    0.0
                }
            })
            .collect();
        Self { ends }
    }

    /// It ended so many seconds after it was announced for.
    pub(crate) fn happen(&mut self, late: f64) {
        for ends in &mut self.ends {
            *ends *= 1.0 - 1.0 / MEMORY;
        }
        let bin = bin(late);
        if let Some(ends) = self.ends.get_mut(bin) {
            *ends += 1.0;
        }
    }

    /// Ends later than each of the bins' starts, to be asked with [`chance`].
    pub(crate) fn later(&self) -> Vec<f64> {
        let mut later: Vec<f64> = self
            .ends
            .iter()
            .rev()
            .scan(0.0, |sum, ends| {
                *sum += ends;
                Some(*sum)
            })
            .collect();
        later.reverse();
        later
    }
}

/// The probability that it ends within so many seconds, if it has not ended yet and the announced end
/// is `late` seconds ago (negative: to come).
pub(crate) fn chance(later: &[f64], late: f64, within: f64) -> f64 {
    let open = at(later, late);
    if open <= 1e-9 {
        // Later than ever seen: as likely as not within half a minute.
        return 1.0 - libm::exp(-within / 30.0);
    }
    (1.0 - at(later, late + within) / open).clamp(0.0, 1.0)
}

/// Between the starts of bins, ends are spread evenly.
fn at(later: &[f64], late: f64) -> f64 {
    let place = (late + EARLY).clamp(0.0, EARLY + LATE);
    let bin = bin(late);
    let (Some(from), to) = (later.get(bin), later.get(bin + 1)) else {
        return 0.0;
    };
    let share = place - libm::floor(place);
    from + share * (to.copied().unwrap_or(0.0) - from)
}

fn bin(late: f64) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let bin = (late + EARLY).clamp(0.0, EARLY + LATE) as usize;
    bin
}

fn bins() -> impl Iterator<Item = f64> {
    (-30..=90).map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_announcements_become_exact_predictions() {
        let mut deviation = Deviation::new(60.0, 2.0);
        for _ in 0..200 {
            deviation.happen(0.2);
        }
        let later = deviation.later();
        assert!(chance(&later, -10.0, 8.0) < 0.05);
        assert!(chance(&later, -10.0, 11.5) > 0.95);
    }

    #[test]
    fn what_is_later_than_ever_seen_ends_some_time() {
        let deviation = Deviation::new(5.0, 1.0);
        let later = deviation.later();
        let soon = chance(&later, 200.0, 5.0);
        assert!(soon > 0.0 && soon < chance(&later, 200.0, 50.0));
    }
}
