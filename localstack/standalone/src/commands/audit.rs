//! `campaigns audit`: whether what was recorded is what the engine decides.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use domain::id::SkillGroupId;
use pacing::Engine;
use pacing::protocol::{Answer, Pacer};

use super::pace::log::{ENGINE, Record};
use super::{Data, own_tenant};
use crate::engine;
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
    /// Repeat what was decided for a skill group in the last day from what was written down: every decision must be
    /// the same. The server must not be running on the same data.
    Pacing {
        /// The skill group.
        #[arg(value_parser = SkillGroupId::parse)]
        group: SkillGroupId,
        #[command(flatten)]
        data: Data,
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
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Replay { log } => replay(&log),
            What::Pacing { group, data } => pacing_of(&group, &data).await,
        }
    }
}

async fn pacing_of(group: &SkillGroupId, data: &Data) -> Result<(), Failure> {
    data.must_stand()?;
    let engine = engine::Engine::open(&data.data, Vec::new())?;
    let audit = application::pacing::audit(&engine.context, &own_tenant()?, group).await;
    engine.drain().await;
    let audit = audit?;
    match audit.differs_at {
        None => {
            println!(
                "{} steps of {group}, and their {} decisions the same, bit for bit.",
                audit.steps, audit.decisions
            );
            Ok(())
        }
        Some(at) => Err(Failure::Told(format!(
            "at {at} {group} was decided otherwise than its inputs give: the record was changed, or another version \
             decided"
        ))),
    }
}

fn replay(log: &Path) -> Result<(), Failure> {
    let (header, mut record) = Record::open(log)?;
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
            return Err(differs(log, number, &header.engine, entry.out, answer));
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

fn differs(log: &Path, number: u64, engine: &str, recorded: Option<Answer>, now: Option<Answer>) -> Failure {
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

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"{"log":1,"engine":"0.0.1","plan":{"mode":{"power":2.0},"limits":[],"parameters":{}}}
{"in":{"ev":"start","t":0,"limit":0.03},"out":null}
{"in":{"ev":"agent_available","t":1,"q":"dial","agent":1,"idle":3},"out":{"dial":6}}
"#;

    fn audit(text: &str) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("day.jsonl");
        std::fs::write(&log, text).unwrap();
        replay(&log).map_err(|failure| failure.to_string())
    }

    #[test]
    fn another_answer_is_found_and_told() {
        assert_eq!(audit(LOG), Ok(()));
        let told = audit(&LOG.replace("\"dial\":6", "\"dial\":7")).unwrap_err();
        assert!(
            told.contains("line 3: recorded is the answer {\"dial\":7}, but its inputs give {\"dial\":6}")
                && told.contains("version 0.0.1 recorded it"),
            "{told}"
        );
        let told = audit(&LOG.replace("power", "turbo")).unwrap_err();
        assert!(told.contains("line 1: is no line of a log"), "{told}");
        let cut = LOG.get(..LOG.len() - 5).unwrap();
        assert!(audit(cut).unwrap_err().contains("line 3: is no line of a log"));
    }
}
