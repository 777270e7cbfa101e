//! A part of the seeded simulation that fits into every test run; the command
//! `cargo run --release -p simulation -- --seeds 10000` runs as many as wanted.

use std::collections::BTreeMap;

use platform_memory::Fault;
use simulation::{Plant, run};

const SEEDS: std::ops::Range<u64> = 0..15;
/// Planted faults are looked for until one seed shows them.
const PLANT_SEEDS: std::ops::Range<u64> = 0..100;

#[test]
fn seeds_hold_and_every_kind_of_fault_occurs() {
    let mut occurred: BTreeMap<Fault, u64> = BTreeMap::new();
    for seed in SEEDS {
        let report = run(seed, None);
        assert_eq!(report.violations, Vec::<String>::new(), "seed {seed}");
        for (fault, count) in report.faults {
            *occurred.entry(fault).or_default() += count;
        }
    }
    for fault in Fault::ALL {
        assert!(
            occurred.get(&fault).is_some_and(|count| *count > 0),
            "{fault:?} never occurred"
        );
    }
}

#[test]
fn a_seed_replays_exactly() {
    let (first, second) = (run(7, None), run(7, None));
    assert_eq!(
        (first.calls, first.effects, &first.faults),
        (second.calls, second.effects, &second.faults)
    );
    let planted = |seed| run(seed, Some(Plant::StaleGate)).violations;
    assert_eq!(planted(0), planted(0));
}

#[test]
fn every_planted_fault_is_caught() {
    for plant in Plant::ALL {
        let caught = PLANT_SEEDS
            .into_iter()
            .any(|seed| !run(seed, Some(plant)).violations.is_empty());
        assert!(caught, "{plant:?} was not caught");
    }
}
