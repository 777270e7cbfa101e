//! Runs and what was told in them.

use contact_centre::scenario::{Known, find};
use contact_centre::{Fact, Metrics, Pacer, Readings, Scenario, simulate};

pub(crate) fn scenario(name: &str) -> Scenario {
    let known: &Known = find(name).unwrap();
    Scenario::parse(known.yaml).unwrap()
}

/// All facts of a run, and its metrics.
pub(crate) fn run(scenario: &Scenario, seed: u64, pacer: &mut dyn Pacer) -> (Vec<(f64, Fact)>, Metrics) {
    let (mut facts, mut metrics) = (Vec::new(), Metrics::new(scenario));
    simulate(scenario, Readings::default(), seed, pacer, &mut |t, fact| {
        metrics.tell(t, fact);
        facts.push((t, fact));
    })
    .unwrap();
    (facts, metrics)
}
