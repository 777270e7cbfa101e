//! `cargo run --release -p simulation -- --seeds 10000`, and `-- sweep --due 1000000`.

use clap::{Args, Parser, Subcommand};
use domain::time::Millis;
use platform_memory::Fault;
use simulation::parallel::for_each;
use simulation::sweeping::{Model, Setting, sweep};
use simulation::{Plant, run};
use std::collections::BTreeMap;
use std::time::Instant;

/// Runs the seeded simulation.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
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

#[derive(Subcommand)]
enum Command {
    /// Sweeps a crowded due index in virtual time, with modelled latencies, and says how late messages are.
    Sweep(Crowd),
}

/// What comes due, and how it is swept.
#[derive(Args)]
struct Crowd {
    /// How many activities come due.
    #[arg(long, default_value_t = 1_000_000)]
    due: u32,
    /// Evenly over how many seconds; 0 for all at once.
    #[arg(long, default_value_t = 60)]
    spread: u64,
    /// Invocations each minute, for a portion of the shards each.
    #[arg(long, default_value_t = 1)]
    portions: u16,
    /// Memory of the function, in MB; a vCPU comes with 1,769.
    #[arg(long, default_value_t = Model::default().memory_mb)]
    memory: u32,
    /// After how many seconds Lambda ends an invocation.
    #[arg(long, default_value_t = 50)]
    timeout: u64,
    /// Computing time of a SendMessageBatch on a whole vCPU, in milliseconds.
    #[arg(long, default_value_t = Model::default().batch_cpu)]
    batch_cpu: f64,
}

impl Crowd {
    fn setting(&self) -> Setting {
        Setting {
            due: self.due,
            spread: Millis::seconds(self.spread),
            portions: self.portions,
            timeout: Millis::seconds(self.timeout),
            model: Model {
                memory_mb: self.memory,
                batch_cpu: self.batch_cpu,
                ..Model::default()
            },
        }
    }
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    if let Some(Command::Sweep(crowd)) = arguments.command {
        println!("{}", sweep(crowd.setting()));
        return std::process::ExitCode::SUCCESS;
    }
    let seeds = arguments.first..arguments.first + arguments.seeds;
    let begun = Instant::now();
    let good = if arguments.plants {
        plants(seeds)
    } else {
        simulate(seeds)
    };
    println!("{:.1} s", begun.elapsed().as_secs_f64());
    if good {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    }
}

fn simulate(seeds: std::ops::Range<u64>) -> bool {
    let mut faults = BTreeMap::from(Fault::ALL.map(|fault| (fault, 0)));
    let (mut failed, mut effects, mut calls) = (0, 0, 0);
    for report in for_each(seeds.clone(), |seed| run(seed, None)) {
        for (fault, count) in report.faults {
            *faults.entry(fault).or_insert(0) += count;
        }
        effects += report.effects;
        calls += report.calls;
        if !report.violations.is_empty() {
            failed += 1;
            println!("seed {}: {} violations", report.seed, report.violations.len());
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
    for (fault, count) in &faults {
        println!("  {count:>9}  {fault:?}");
    }
    let never = faults.values().any(|count| *count == 0);
    if never {
        println!("a kind of fault never occurred: more seeds are needed");
    }
    failed == 0 && !never
}

fn plants(seeds: std::ops::Range<u64>) -> bool {
    let number = |plant: usize| u64::try_from(plant).unwrap_or(u64::MAX);
    let caught = for_each(0..number(Plant::ALL.len()), |place| {
        let plant = usize::try_from(place)
            .ok()
            .and_then(|place| Plant::ALL.get(place));
        let mut seeds = seeds.clone();
        seeds.find_map(|seed| Some((seed, run(seed, plant.copied()).violations.into_iter().next()?)))
    });
    for (plant, caught) in Plant::ALL.into_iter().zip(&caught) {
        match caught {
            Some((seed, violation)) => println!("{plant:?}: seed {seed}: {violation}"),
            None => println!("{plant:?}: not caught"),
        }
    }
    caught.iter().all(Option::is_some)
}
