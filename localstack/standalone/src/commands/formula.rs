//! `campaigns formula`: what a formula would do, before it does it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use pacing::protocol::{Answer, Pacer, Pool, Question};
use pacing::trial::{self, Kind, Trial};
use pacing::{Engine, Plan};

use super::pace::log::Record;
use super::pace::plan::wrong;
use crate::failure::Failure;
use crate::output::show;

#[derive(Args)]
pub(crate) struct Formula {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Check formulas, and show what they would have done at many moments.
    ///
    /// Moments come from a recorded run, or are made up: teams of 10 and 100 with few and many free agents,
    /// low and high answer rates, and a limit of abandoned calls of 3 % that is unused, nearly used up and
    /// broken; for SEIZE, quiet and busy queues on both sides. Rates are shown as the engine estimates them.
    Try(Try),
}

#[derive(Args)]
struct Try {
    /// INIT: calls to start now, beside what `progressive()` starts.
    #[arg(
        long,
        value_name = "FORMULA",
        required_unless_present = "seize",
        allow_hyphen_values = true
    )]
    init: Option<String>,
    /// SEIZE: whether to seize an idle agent of the inbound side, or how many agents to have seized; beside
    /// what `credit()` decides.
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true)]
    seize: Option<String>,
    /// A value that formulas read as `parameters.<name>`.
    #[arg(long = "parameter", value_name = "NAME=NUMBER", value_parser = parameter)]
    parameters: Vec<(String, f64)>,
    /// A log of `campaigns pace --log`, whose questions are the moments; made-up ones otherwise.
    #[arg(long, value_name = "LOG")]
    moments: Option<PathBuf>,
    /// Most moments of a log that are shown, spread over it evenly.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    rows: u64,
}

fn parameter(text: &str) -> Result<(String, f64), String> {
    let (name, number) = text.split_once('=').ok_or("it must be NAME=NUMBER")?;
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((name.to_owned(), number)),
        _ => Err(format!("`{number}` is not a number")),
    }
}

impl Formula {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let What::Try(these) = self.what;
        for (kind, formula) in [(Kind::Init, &these.init), (Kind::Seize, &these.seize)] {
            if let Some(formula) = formula {
                let trials = these.trials(kind, formula)?;
                show(&format!("{formula}\n{}", table(kind, &trials)))?;
            }
        }
        Ok(())
    }
}

impl Try {
    fn trials(&self, kind: Kind, formula: &str) -> Result<Vec<Trial>, Failure> {
        let parameters: BTreeMap<String, f64> = self.parameters.iter().cloned().collect();
        let Some(log) = &self.moments else {
            return trial::evaluate(kind, formula, parameters, &trial::generated(kind))
                .map_err(|problem| wrong(option(kind), &problem));
        };
        let plan = Plan::default().with_parameters(parameters);
        let plan = match kind {
            Kind::Init => plan.with_init(formula),
            Kind::Seize => plan.with_seize(formula),
        };
        let plan = plan.map_err(|problem| wrong(option(kind), &problem))?;
        self.recorded(kind, &plan, log)
    }

    /// The plan at the questions of a log, whose state is that of the recorded plan.
    fn recorded(&self, kind: Kind, plan: &Plan, log: &Path) -> Result<Vec<Trial>, Failure> {
        let asked = match kind {
            Kind::Init => Question::Dial,
            Kind::Seize => Question::Seize,
        };
        let (_, mut record) = Record::open(log)?;
        let mut questions: u64 = 0;
        while let Some((_, entry)) = record.next()? {
            questions += u64::from(entry.line.is_some_and(|line| line.question == Some(asked)));
        }
        let (header, mut record) = Record::open(log)?;
        let mut engine = Engine::new(header.plan);
        let (mut trials, mut place) = (Vec::new(), 0);
        while let Some((_, entry)) = record.next()? {
            let Some(line) = entry.line else { continue };
            if line.question == Some(asked) {
                if place % questions.div_ceil(self.rows).max(1) == 0 {
                    trials.extend(trial::at(plan, engine.state(), &line));
                }
                place += 1;
            }
            engine.tell(&line);
        }
        Ok(trials)
    }
}

fn option(kind: Kind) -> &'static str {
    match kind {
        Kind::Init => "--init",
        Kind::Seize => "--seize",
    }
}

fn table(kind: Kind, trials: &[Trial]) -> Table {
    let usual = match kind {
        Kind::Init => "progressive()",
        Kind::Seize => "credit()",
    };
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "t",
        "free",
        "talk",
        "wrap-up",
        "in flight",
        "waiting",
        "answered %",
        "abandoned %",
        "free inbound",
        "queue",
        "formula",
        usual,
        "no value because",
    ]);
    for trial in trials {
        let seen = trial.seen;
        table.add_row([
            format!("{:.0}", trial.t),
            seen.idle.to_string(),
            seen.talking.to_string(),
            seen.wrapping.to_string(),
            seen.in_flight.to_string(),
            seen.waiting.to_string(),
            format!("{:.1}", seen.answer_rate * 100.0),
            format!("{:.2}", seen.abandonment * 100.0),
            seen.idle_inbound.to_string(),
            seen.queue.to_string(),
            told(trial.answer),
            told(trial.usual),
            trial.failed.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn told(answer: Answer) -> String {
    match answer {
        Answer::Dial(calls) => calls.to_string(),
        Answer::Seize(Pool::Outbound) => "outbound".to_owned(),
        Answer::Seize(Pool::Inbound) => "inbound".to_owned(),
    }
}
