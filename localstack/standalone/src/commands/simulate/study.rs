//! Runs of scenarios with contenders.

use std::ops::Range;
use std::path::PathBuf;

use contact_centre::scenario::random;
use contact_centre::{Metrics, Readings, Scenario, Series, simulate};
use indicatif::{ProgressBar, ProgressStyle};

use super::contender::{Contender, Player};
use super::plot;
use super::program::Speed;
use crate::failure::Failure;

/// Samples of a plot.
const SAMPLES: u32 = 600;

/// What is compared, and how.
pub(super) struct Study {
    pub(super) contenders: Vec<Contender>,
    pub(super) readings: Readings,
    pub(super) plots: Option<PathBuf>,
}

/// A contender's runs.
pub(super) struct Row {
    pub(super) scenario: String,
    pub(super) contender: String,
    pub(super) aim: contact_centre::scenario::Aim,
    pub(super) blended: bool,
    pub(super) runs: Vec<Run>,
    /// How fast a program answered, over all runs.
    pub(super) speed: Option<Speed>,
}

/// A run.
pub(super) struct Run {
    pub(super) metrics: Metrics,
    /// Share of live calls that it was allowed to abandon.
    pub(super) limit: f64,
    series: Series,
}

impl Study {
    /// Every contender on the same seeds of a scenario.
    pub(super) fn compare(&self, scenario: &Scenario, seeds: Range<u64>) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for contender in &self.contenders {
            let cases = seeds.clone().map(|seed| (scenario.clone(), seed));
            rows.push(self.row(&scenario.name, contender, cases, seeds.end - seeds.start)?);
        }
        if let Some(directory) = &self.plots {
            let drawn = rows.iter().filter_map(|row| {
                let run = row.runs.first()?;
                Some((row.contender.as_str(), run.series.samples()))
            });
            plot::draw(directory, scenario, &drawn.collect::<Vec<_>>())?;
        }
        Ok(rows)
    }

    /// Every contender on one run of each of many scenarios with hidden parameters.
    pub(super) fn robustness(&self, seeds: Range<u64>) -> Result<Vec<Row>, Failure> {
        let name = format!("random {}..{}", seeds.start, seeds.end - 1);
        let row = |contender| {
            let cases = seeds.clone().map(|seed| (random(seed), seed));
            self.row(&name, contender, cases, seeds.end - seeds.start)
        };
        self.contenders.iter().map(row).collect()
    }

    fn row(
        &self,
        name: &str,
        contender: &Contender,
        cases: impl Iterator<Item = (Scenario, u64)>,
        count: u64,
    ) -> Result<Row, Failure> {
        let mut row = Row {
            scenario: name.to_owned(),
            contender: contender.to_string(),
            aim: Default::default(),
            blended: false,
            runs: Vec::new(),
            speed: None,
        };
        let bar = bar(&format!("{name}: {contender}"), count);
        for (scenario, seed) in cases {
            row.aim = scenario.aim;
            row.blended = scenario.inbound.is_some();
            let (run, speed) = self.run(&scenario, seed, contender)?;
            row.runs.push(run);
            if let Some(speed) = speed {
                let all = row.speed.get_or_insert_default();
                all.answers += speed.answers;
                all.spent += speed.spent;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(row)
    }

    fn run(
        &self,
        scenario: &Scenario,
        seed: u64,
        contender: &Contender,
    ) -> Result<(Run, Option<Speed>), Failure> {
        let mut run = Run {
            metrics: Metrics::new(scenario),
            limit: scenario.limit.get(),
            series: Series::new(scenario, if self.plots.is_some() { SAMPLES } else { 1 }),
        };
        let mut player = contender.player()?;
        let pacer: &mut dyn contact_centre::Pacer = match &mut player {
            Player::Own(pacer) => pacer.as_mut(),
            Player::Program(program) => program,
        };
        let ran = simulate(scenario, self.readings, seed, pacer, &mut |t, fact| {
            run.metrics.tell(t, fact);
            run.series.tell(t, fact);
        });
        let speed = match player {
            Player::Own(_) => None,
            Player::Program(program) => Some(program.finish()?),
        };
        ran.map_err(|silent| Failure::Told(format!("{contender} on {}: {silent}", scenario.name)))?;
        Ok((run, speed))
    }
}

fn bar(name: &str, count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count).with_message(name.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    bar
}
