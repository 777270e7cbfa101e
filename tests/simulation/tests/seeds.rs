//! A small part of the seeded simulation, for every test run: without optimisation a seed takes twenty times as
//! long. The command `cargo run --release -p simulation -- --seeds 10000` runs as many as wanted, and `--plants`
//! looks for the planted faults.

use std::collections::BTreeMap;

use platform_memory::Fault;
use simulation::{Plant, run};

const SEEDS: std::ops::Range<u64> = 0..4;

#[test]
fn seeds_hold_under_most_kinds_of_faults() {
    let mut occurred: BTreeMap<Fault, u64> = BTreeMap::new();
    for seed in SEEDS {
        let report = run(seed, None);
        assert_eq!(report.violations, Vec::<String>::new(), "seed {seed}");
        for (fault, count) in report.faults {
            *occurred.entry(fault).or_default() += count;
        }
    }
    let kinds = occurred.values().filter(|count| **count > 0).count();
    assert!(kinds > Fault::ALL.len() / 2, "{occurred:?}");
}

#[test]
fn a_seed_replays_exactly() {
    let planted = || {
        let report = run(0, Some(Plant::StaleGate));
        (report.calls, report.effects, report.faults, report.violations)
    };
    assert_eq!(planted(), planted());
}

#[test]
fn a_planted_fault_is_caught() {
    assert_ne!(
        run(0, Some(Plant::UnconditionalClaim)).violations,
        Vec::<String>::new()
    );
}
