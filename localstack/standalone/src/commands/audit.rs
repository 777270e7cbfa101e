//! `campaigns audit`: whether what was recorded is what the engine decides.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pacing::Engine;
use pacing::protocol::{Answer, Pacer};

use super::pace::log::{ENGINE, Record};
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Decide a log of `campaigns pace --log` again from its inputs: every answer must be the same.
    Replay {
        /// The log.
        log: PathBuf,
    },
}

/// What was decided again.
#[derive(Default)]
struct Counts {
    lines: u64,
    dial: u64,
    seize: u64,
    unreadable: u64,
}

impl Audit {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let What::Replay { log } = self.what;
        let (header, mut record) = Record::open(&log)?;
        let mut engine = Engine::new(header.plan);
        let mut counts = Counts::default();
        while let Some((number, entry)) = record.next()? {
            counts.lines += 1;
            let Some(line) = entry.line else {
                counts.unreadable += 1;
                continue;
            };
            let answer = engine.tell(&line);
            if answer != entry.out {
                return Err(differs(&log, number, &header.engine, entry.out, answer));
            }
            match answer {
                Some(Answer::Dial(_)) => counts.dial += 1,
                Some(Answer::Seize(_)) => counts.seize += 1,
                None => {}
            }
        }
        println!(
            "{} lines, and {} answers (dial {}, seize {}) the same, bit for bit; {} lines could not be read \
             when they came.",
            counts.lines,
            counts.dial + counts.seize,
            counts.dial,
            counts.seize,
            counts.unreadable
        );
        Ok(())
    }
}

fn differs(
    log: &std::path::Path,
    number: u64,
    engine: &str,
    recorded: Option<Answer>,
    now: Option<Answer>,
) -> Failure {
    let written = |answer| serde_json::to_string(&answer).unwrap_or_default();
    let other = if engine == ENGINE {
        String::new()
    } else {
        format!(" (version {engine} recorded it, this is {ENGINE})")
    };
    Failure::Told(format!(
        "{}, line {number}: recorded is the answer {}, but its inputs give {}{other}",
        log.display(),
        written(recorded),
        written(now)
    ))
}
