//! `campaigns simulate`: pacing tried on simulated contact centres before it meets a customer.

mod contender;
mod plot;
mod program;
mod study;
mod table;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use contact_centre::scenario::{LIBRARY, find};
use contact_centre::{Announcement, BusyCount, Order, Readings, Scenario};
use pacing::Mode;

use crate::failure::Failure;
use crate::output::show;
use contender::Contender;
use study::Study;

/// Most runs of a scenario.
const MAX_RUNS: u64 = 100_000;

#[derive(Args)]
pub(crate) struct Simulate {
    /// Scenarios: YAML files, or names of those that come with the program (`--list`).
    #[arg(value_name = "SCENARIO", required_unless_present_any = ["all", "random", "list"])]
    scenarios: Vec<String>,
    /// All scenarios that come with the program.
    #[arg(long)]
    all: bool,
    /// So many scenarios with hidden parameters, drawn from the seeds 1, 2, ...; one run of each.
    #[arg(long, value_name = "N")]
    random: Option<u64>,
    /// Name the scenarios that come with the program, and stop.
    #[arg(long)]
    list: bool,
    /// What to compare. Decided by the engine, as in production: the modes `preview`, `progressive`, `power:2`
    /// (lines per free agent) and `predictive` (`predictive:0.9` aims at this share of the limit), each under
    /// further limits if told (`predictive+30m+24h:0.05`: 3 % in any 30 minutes, 5 % in any 24 hours; or 30d), or
    /// a formula for the calls to start. Without the engine, as baselines: `baseline-progressive`,
    /// `baseline-power:2` (lines rounded up; inbound callers first) and `adaptive` (a level raised while agents are
    /// ready, lowered after a breach). `progressive`, `power:2` and `predictive` if nothing is told.
    #[arg(long, value_name = "MODE|FORMULA", num_args = 1..)]
    compare: Vec<Contender>,
    /// A program to compare, too: it gets the centre's lines on standard input, and answers on standard
    /// output; words are parted by spaces. Example: --program 'campaigns pace'.
    #[arg(long, value_name = "COMMAND")]
    program: Vec<String>,
    /// Runs of each scenario, with the seeds from `--first-seed` on.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=MAX_RUNS))]
    seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first_seed: u64,
    /// How the centre reads the protocol where it is silent; by default most literally.
    #[arg(long, value_name = "READING", value_enum)]
    reading: Vec<Reading>,
    /// Print the table as Markdown.
    #[arg(long)]
    table: bool,
    /// Draw each comparison's first run over time, as SVG files in this directory.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
}

/// A reading of the protocol.
#[derive(Clone, Copy, ValueEnum)]
enum Reading {
    /// An agent who gets free while a call waits is not told as available first.
    ConnectedOnly,
    /// `live_waiting` is told of each live call, also of one that is connected at once.
    EveryLive,
    /// In a blended centre, `talk` and `wrap` count outbound calls alone.
    OutboundBusy,
}

impl Reading {
    fn all(readings: &[Self]) -> Readings {
        readings
            .iter()
            .fold(Readings::default(), |all, reading| match reading {
                Self::ConnectedOnly => Readings {
                    order: Order::ConnectedOnly,
                    ..all
                },
                Self::EveryLive => Readings {
                    announcement: Announcement::EveryLive,
                    ..all
                },
                Self::OutboundBusy => Readings {
                    busy: BusyCount::Outbound,
                    ..all
                },
            })
    }
}

impl Simulate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.list {
            for known in LIBRARY {
                show(&format!(
                    "{:18} {}",
                    known.name,
                    parse(known.name, known.yaml)?.about
                ))?;
            }
            return Ok(());
        }
        let study = Study {
            contenders: self.contenders(),
            readings: Reading::all(&self.reading),
            plots: self.plots.clone(),
        };
        let mut rows = Vec::new();
        for scenario in self.scenarios()? {
            let seeds = self.first_seed..self.first_seed.saturating_add(self.seeds);
            rows.extend(study.compare(&scenario, seeds)?);
        }
        if let Some(count) = self.random {
            rows.extend(
                study.robustness(self.first_seed..self.first_seed.saturating_add(count.min(MAX_RUNS)))?,
            );
        }
        show(&table::render(&rows, self.table))?;
        for row in &rows {
            if let Some(speed) = &row.speed {
                show(&format!("{} / {}: {speed}", row.scenario, row.contender))?;
            }
        }
        Ok(())
    }

    fn contenders(&self) -> Vec<Contender> {
        if self.compare.is_empty() && self.program.is_empty() {
            return vec![
                Contender::Mode(Mode::Progressive, Vec::new()),
                Contender::Mode(Mode::Power(2.0), Vec::new()),
                Contender::Mode(Mode::Predictive(1.0), Vec::new()),
            ];
        }
        let programs = self.program.iter().cloned().map(Contender::Program);
        self.compare.iter().cloned().chain(programs).collect()
    }

    fn scenarios(&self) -> Result<Vec<Scenario>, Failure> {
        let named = self.scenarios.iter().map(|name| load(name));
        let known = LIBRARY.iter().filter(|_| self.all);
        named
            .chain(known.map(|known| parse(known.name, known.yaml)))
            .collect()
    }
}

/// A scenario by its name, or from its file.
fn load(name: &str) -> Result<Scenario, Failure> {
    if let Some(known) = find(name) {
        return parse(name, known.yaml);
    }
    let yaml = std::fs::read_to_string(name).map_err(|error| {
        Failure::Told(format!(
            "cannot read the scenario {name}: {error}; --list names those that come along"
        ))
    })?;
    parse(name, &yaml)
}

fn parse(name: &str, yaml: &str) -> Result<Scenario, Failure> {
    Scenario::parse(yaml).map_err(|error| Failure::Told(format!("the scenario {name} is refused: {error}")))
}
