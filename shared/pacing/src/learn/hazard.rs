//! How likely something is to happen in the next second, by how long it has not happened.
//!
//! Events per second of exposure, bin by bin. What has not ended yet counts as exposure, so that
//! nothing is biased towards what ends soon (censoring). A bin with little exposure is drawn to the
//! mean of all bins, and that to what is assumed before anything is known.

use serde::{Deserialize, Serialize};

use super::grid::Grid;

/// Events that the mean is drawn to the assumption with.
const MEAN_WEIGHT: f64 = 2.0;

/// Events and exposure, decayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hazard {
    grid: Grid,
    /// Events per second that are assumed at first.
    assumed: f64,
    /// How many events are remembered.
    memory: f64,
    events: Vec<f64>,
    exposure: Vec<f64>,
}

impl Hazard {
    pub(crate) fn new(grid: Grid, assumed: f64, memory: f64) -> Self {
        Self {
            grid,
            assumed,
            memory,
            events: vec![0.0; grid.bins()],
            exposure: vec![0.0; grid.bins()],
        }
    }

    /// It has not happened between two ages; `weight` scales the exposure.
    pub(crate) fn expose(&mut self, from: f64, to: f64, weight: f64) {
        for (bin, seconds) in overlaps(self.grid, from, to) {
            if let Some(exposure) = self.exposure.get_mut(bin) {
                *exposure += weight * seconds;
            }
        }
    }

    /// It happened at this age; `weight` counts it partly.
    pub(crate) fn happen(&mut self, age: f64, weight: f64) {
        if let Some(events) = self.events.get_mut(self.grid.bin_up_to(age)) {
            *events += weight;
        }
    }

    /// Forgets as much as these many new events replace.
    pub(crate) fn forget(&mut self, events: f64) {
        let kept = libm::exp(-events / self.memory);
        for value in self.events.iter_mut().chain(&mut self.exposure) {
            *value *= kept;
        }
    }

    /// How many events are remembered.
    pub(crate) fn events(&self) -> f64 {
        self.events.iter().sum()
    }

    /// Events per second, bin by bin.
    pub(crate) fn rates(&self) -> Vec<f64> {
        let events: f64 = self.events.iter().sum();
        let exposure: f64 = self.exposure.iter().sum();
        let mean = (events + MEAN_WEIGHT) / (exposure + MEAN_WEIGHT / self.assumed);
        let prior = self.grid.prior_exposure(mean);
        self.events
            .iter()
            .zip(&self.exposure)
            .map(|(events, exposure)| (events + prior * mean) / (exposure + prior))
            .collect()
    }
}

/// The bins that two ages span, and the seconds in each.
pub(crate) fn overlaps(grid: Grid, from: f64, to: f64) -> impl Iterator<Item = (usize, f64)> {
    let last = grid.bin(to.max(from));
    (grid.bin(from)..=last).map(move |bin| {
        let start = grid.start(bin).max(from);
        (bin, (grid.end(bin).min(to) - start).max(0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_a_rate_that_changes_with_age() {
        let mut hazard = Hazard::new(Grid::Ringing, 0.1, 1e9);
        for call in 0..10_000 {
            // Half end at 4.5 s, the rest at 20.5 s.
            let end = if call % 2 == 0 { 4.5 } else { 20.5 };
            hazard.expose(0.0, end, 1.0);
            hazard.happen(end, 1.0);
        }
        let rates = hazard.rates();
        // 5,000 events in 5,000 x 0.5 + 5,000 x 1 seconds.
        assert!((rates[4] - 5_000.0 / 7_500.0).abs() < 0.01, "{}", rates[4]);
        assert!(rates[10] < 0.001);
        // 5,000 events in 2,500 seconds, drawn to the mean by 40 seconds of it.
        assert!((rates[20] - 5_003.2 / 2_540.0).abs() < 0.01, "{}", rates[20]);
    }

    #[test]
    fn what_happens_on_the_second_happens_at_the_end_of_what_was_exposed() {
        let mut hazard = Hazard::new(Grid::Ringing, 0.1, 1e9);
        for _ in 0..1_000 {
            hazard.expose(0.0, 3.0, 1.0);
            hazard.happen(3.0, 1.0);
        }
        let rates = hazard.rates();
        assert!((rates[2] - 1.0).abs() < 0.05 && rates[3] < 0.5, "{rates:?}");
    }

    #[test]
    fn what_has_not_ended_counts() {
        let mut hazard = Hazard::new(Grid::Handling, 0.01, 1e9);
        hazard.happen(3.0, 1.0);
        hazard.expose(0.0, 3.0, 1.0);
        let hasty = hazard.rates()[0];
        for _ in 0..99 {
            hazard.expose(0.0, 3.0, 1.0);
        }
        assert!(hazard.rates()[0] < hasty / 2.0);
    }

    #[test]
    fn overlaps_add_up() {
        let seconds: f64 = overlaps(Grid::Handling, 1.5, 700.0).map(|(_, s)| s).sum();
        assert!((seconds - 698.5).abs() < 1e-9);
        assert_eq!(
            overlaps(Grid::Ringing, 5.0, 5.0).map(|(_, s)| s).sum::<f64>(),
            0.0
        );
    }
}
