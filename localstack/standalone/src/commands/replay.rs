//! `campaigns replay`: a recorded run under another plan.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use comfy_table::{Table, presets};
use pacing::Engine;
use pacing::protocol::{Answer, Pacer, Pool};

use super::pace::log::Record;
use super::pace::plan::Choice;
use crate::failure::Failure;
use crate::output::show;

/// Answer every question of a recorded run under another plan, and compare.
///
/// The inputs are those of the recorded day: the other plan is asked what it would have done at each
/// moment as it was, but what its own calls would have brought about is not simulated. So a plan that wants
/// more calls than the recorded one wants them again at each question. For its effect, see `campaigns simulate`.
#[derive(Args)]
pub(crate) struct Replay {
    /// A log of `campaigns pace --log`.
    log: PathBuf,
    #[command(flatten)]
    choice: Choice,
}

/// What was decided.
#[derive(Clone, Copy, Default)]
struct Sum {
    calls: u64,
    outbound: u64,
    inbound: u64,
}

impl Sum {
    fn add(&mut self, answer: Option<Answer>) {
        match answer {
            Some(Answer::Dial(calls)) => self.calls += u64::from(calls),
            Some(Answer::Seize(Pool::Outbound)) => self.outbound += 1,
            Some(Answer::Seize(Pool::Inbound)) => self.inbound += 1,
            None => {}
        }
    }
}

/// The questions of an hour.
#[derive(Clone, Copy, Default)]
struct Hour {
    questions: u64,
    differ: u64,
    recorded: Sum,
    replayed: Sum,
}

impl Replay {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if !self.choice.is_some() {
            return Err(Failure::Told(
                "name another plan with --mode, --init or --seize; \
                 `campaigns audit replay` decides again under the recorded one"
                    .to_owned(),
            ));
        }
        let (header, mut record) = Record::open(&self.log)?;
        let mut engine = Engine::new(self.choice.over(header.plan)?);
        let mut hours: BTreeMap<u64, Hour> = BTreeMap::new();
        while let Some((_, entry)) = record.next()? {
            let Some(line) = entry.line else { continue };
            let answer = engine.tell(&line);
            if line.question.is_none() {
                continue;
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let hour = hours.entry((line.t / 3_600.0) as u64).or_default();
            hour.questions += 1;
            hour.differ += u64::from(answer != entry.out);
            hour.recorded.add(entry.out);
            hour.replayed.add(answer);
        }
        show(&format!(
            "{}\nThe inputs are those of the recorded run; what the other plan's calls bring about is not \
             simulated.",
            table(&hours)
        ))
    }
}

const HEAD: [&str; 9] = [
    "hour",
    "questions",
    "answers that differ",
    "calls recorded",
    "calls replayed",
    "to outbound recorded",
    "to outbound replayed",
    "to inbound recorded",
    "to inbound replayed",
];

fn table(hours: &BTreeMap<u64, Hour>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(HEAD);
    let mut all = Hour::default();
    for (number, hour) in hours {
        table.add_row(row((number + 1).to_string(), hour));
        all.questions += hour.questions;
        all.differ += hour.differ;
        for (all, hour) in [
            (&mut all.recorded, hour.recorded),
            (&mut all.replayed, hour.replayed),
        ] {
            all.calls += hour.calls;
            all.outbound += hour.outbound;
            all.inbound += hour.inbound;
        }
    }
    table.add_row(row("all".to_owned(), &all));
    table
}

fn row(name: String, hour: &Hour) -> Vec<String> {
    let (recorded, replayed) = (hour.recorded, hour.replayed);
    let numbers = [
        hour.questions,
        hour.differ,
        recorded.calls,
        replayed.calls,
        recorded.outbound,
        replayed.outbound,
        recorded.inbound,
        replayed.inbound,
    ];
    std::iter::once(name)
        .chain(numbers.map(|number| number.to_string()))
        .collect()
}
