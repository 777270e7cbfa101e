//! `cargo run --release -p simulation -- --seeds 10000`

use clap::Parser;
use simulation::{Plant, run};
use std::collections::BTreeMap;

/// Runs the seeded simulation.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Plants each known fault and says after how many seeds it was caught.
    #[arg(long)]
    plants: bool,
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let seeds = arguments.first..arguments.first + arguments.seeds;
    let good = if arguments.plants {
        plants(seeds)
    } else {
        simulate(seeds)
    };
    if good {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    }
}

fn simulate(seeds: std::ops::Range<u64>) -> bool {
    let (mut faults, mut failed, mut effects, mut calls) = (BTreeMap::new(), 0, 0, 0);
    for seed in seeds.clone() {
        let report = run(seed, None);
        for (fault, count) in report.faults {
            *faults.entry(fault).or_insert(0) += count;
        }
        effects += report.effects;
        calls += report.calls;
        if !report.violations.is_empty() {
            failed += 1;
            println!("seed {seed}: {} violations", report.violations.len());
            report
                .violations
                .iter()
                .take(5)
                .for_each(|violation| println!("  {violation}"));
        }
    }
    println!(
        "{} seeds, {failed} failed; {calls} port calls, {effects} messages reached customers",
        seeds.count()
    );
    for (fault, count) in faults {
        println!("  {count:>9}  {fault:?}");
    }
    failed == 0
}

fn plants(seeds: std::ops::Range<u64>) -> bool {
    let mut all = true;
    for plant in Plant::ALL {
        let caught = seeds
            .clone()
            .find_map(|seed| Some((seed, run(seed, Some(plant)).violations.into_iter().next()?)));
        match caught {
            Some((seed, violation)) => println!("{plant:?}: seed {seed}: {violation}"),
            None => {
                all = false;
                println!("{plant:?}: not caught");
            }
        }
    }
    all
}
