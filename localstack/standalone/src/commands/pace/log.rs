//! The record of a run: the plan in the first line, then each line as it came, with its answer.
//!
//! ```json
//! {"log":1,"engine":"0.1.0","plan":{"mode":{"predictive":1.0},"limits":[],"parameters":{}}}
//! {"in":{"ev":"tick","t":1,"q":"dial","idle":3},"out":{"dial":3}}
//! {"in":{"ev":"ringing","t":2,"call":7},"out":null}
//! {"unreadable":"{\"ev\":","out":null}
//! ```
//!
//! Lines are kept to the letter, so that they are read back to the same bits. Where one was taken as another - a time
//! that was not believed, what reads of a start that does not -, that other is kept.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use pacing::Plan;
use pacing::protocol::{Answer, Line};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The format of the record.
const FORMAT: u32 = 1;
/// The engine that decides.
pub(crate) const ENGINE: &str = env!("CARGO_PKG_VERSION");
/// So much is kept of a line that could not be read, in bytes.
const MOST_UNREADABLE: usize = 1_000;
/// Longest line of a record: the longest line of a centre, and its answer.
const MAX_BYTES: u64 = 131_072;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header {
    log: u32,
    /// The version of the engine that decided.
    pub(crate) engine: String,
    /// What it was told to do.
    pub(crate) plan: Plan,
}

/// Each further line.
#[derive(Deserialize)]
pub(crate) struct Entry {
    /// What the centre said; none if that could not be read.
    #[serde(rename = "in")]
    pub(crate) line: Option<Line>,
    unreadable: Option<IgnoredAny>,
    /// What it was answered.
    pub(crate) out: Option<Answer>,
}

/// A record that is written.
pub(super) struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    /// It could not be written, and is written no more.
    broken: bool,
}

impl Log {
    /// A new file; none is written over.
    pub(super) fn create(path: PathBuf, plan: &Plan) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            let path = path.display();
            Failure::Told(format!(
                "cannot write the log {path}: {error}; name a new file with --log"
            ))
        };
        let file = File::create_new(&path).map_err(|error| failed(&error))?;
        let header = Header {
            log: FORMAT,
            engine: ENGINE.to_owned(),
            plan: plan.clone(),
        };
        let mut file = BufWriter::new(file);
        serde_json::to_writer(&mut file, &header).map_err(|error| failed(&error))?;
        file.write_all(b"\n")
            .and_then(|()| file.flush())
            .map_err(|error| failed(&error))?;
        Ok(Self {
            path,
            file,
            broken: false,
        })
    }

    /// Adds a line and its answer; what was answered is on the disk before it is told. A full disk is no
    /// reason to stop dialing: the first failure is told, and nothing is recorded from there on.
    pub(super) fn add(
        &mut self,
        line: &[u8],
        readable: bool,
        answer: Option<Answer>,
        tell: impl FnOnce(String),
    ) {
        if self.broken {
            return;
        }
        if let Err(error) = self.write(line, readable, answer) {
            tell(format!(
                "cannot write the log {}: {error}; nothing is recorded from here on",
                self.path.display()
            ));
            self.broken = true;
        }
    }

    fn write(&mut self, line: &[u8], readable: bool, answer: Option<Answer>) -> std::io::Result<()> {
        let file = &mut self.file;
        if readable {
            file.write_all(b"{\"in\":")?;
            file.write_all(line)?;
        } else {
            let kept = line.get(..MOST_UNREADABLE).unwrap_or(line);
            file.write_all(b"{\"unreadable\":")?;
            serde_json::to_writer(&mut *file, &String::from_utf8_lossy(kept))?;
        }
        file.write_all(b",\"out\":")?;
        serde_json::to_writer(&mut *file, &answer)?;
        file.write_all(b"}\n")?;
        if answer.is_some() {
            file.flush()?;
        }
        Ok(())
    }
}

/// A record that is read.
pub(crate) struct Record {
    path: PathBuf,
    file: BufReader<File>,
    /// Lines read so far.
    line: u64,
    bytes: Vec<u8>,
}

impl Record {
    /// Opens a record, and reads its first line.
    pub(crate) fn open(path: &Path) -> Result<(Header, Self), Failure> {
        let file = File::open(path)
            .map_err(|error| Failure::Told(format!("cannot read the log {}: {error}", path.display())))?;
        let mut record = Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            line: 0,
            bytes: Vec::new(),
        };
        let header = record.read::<Header>()?.ok_or_else(|| record.wrong("is empty"))?;
        if header.log != FORMAT {
            return Err(record.wrong(format!(
                "is of format {}, but format {FORMAT} is understood",
                header.log
            )));
        }
        Ok((header, record))
    }

    /// The next line and its number; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Entry)>, Failure> {
        let Some(entry) = self.read::<Entry>()? else {
            return Ok(None);
        };
        // A line that lost its input would otherwise pass as one that could not be read.
        if entry.line.is_some() == entry.unreadable.is_some() {
            return Err(self.wrong("must have either `in` or `unreadable`"));
        }
        Ok(Some((self.line, entry)))
    }

    fn read<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, Failure> {
        self.bytes.clear();
        let mut bounded = self.file.by_ref().take(MAX_BYTES);
        let read = bounded.read_until(b'\n', &mut self.bytes);
        self.line += 1;
        if read.map_err(|error| self.wrong(error))? == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&self.bytes)
            .map(Some)
            .map_err(|error| self.wrong(format!("is no line of a log of `campaigns pace --log`: {error}")))
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Failure {
        Failure::Told(format!("{}, line {}: {what}", self.path.display(), self.line))
    }
}

#[cfg(test)]
mod tests {
    use pacing::Engine;
    use pacing::protocol::Pacer;

    use super::*;
    use crate::commands::pace::lines::{Run, serve};

    const CENTRE: &str = r#"{"ev":"start","t":0,"limit":"0.03","duration":0.30000000000000004}
{"ev":"agent_logon","t":0.1,"agent":1}
{"ev":"agent_available","t":0.30000000000000004,"q":"dial","agent":1}
{"ev":"tick","t":1,"q":"dial", oops
{"ev":"tick","t":2000000000,"q":"dial","idle":1.0}
{"ev":"tick","t":1.5,"q":"dail"}
{"ev":"seize_query","t":2,"q":"seize","agent":1,"why":"review","pool":"out"}
"#;

    #[test]
    fn a_run_is_decided_again_from_its_record() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("day.jsonl");
        let plan = Plan::default().with_init("power(1.1) + 1").unwrap();
        let mut log = Log::create(path.clone(), &plan).unwrap();
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let mut run = Run::new(plan.clone());
        serve(
            &mut run,
            CENTRE.as_bytes(),
            &mut output,
            &mut errors,
            Some(&mut log),
        )
        .unwrap();
        drop(log);

        let (header, mut record) = Record::open(&path).unwrap();
        let mut engine = Engine::new(header.plan);
        let (mut answers, mut unreadable) = (Vec::new(), 0);
        while let Some((_, entry)) = record.next().unwrap() {
            match entry.line {
                Some(line) => assert_eq!(engine.tell(&line), entry.out),
                None => unreadable += 1,
            }
            if let Some(answer) = entry.out {
                serde_json::to_writer(&mut answers, &answer).unwrap();
                answers.push(b'\n');
            }
        }
        // What is answered by no command is in no record.
        let commands: Vec<u8> = output
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| !line.starts_with(b"{\"error\""))
            .flatten()
            .copied()
            .collect();
        assert_ne!(commands, output);
        assert_eq!((answers, unreadable), (commands, 1));
        let kept = std::fs::read_to_string(&path).unwrap();
        for lost in [r#"{"out":null}"#, r#"{"in":null,"out":{"dial":1}}"#] {
            let path = directory.path().join("lost.jsonl");
            std::fs::write(&path, format!("{}\n{lost}\n", kept.lines().next().unwrap())).unwrap();
            let (_, mut record) = Record::open(&path).unwrap();
            let refused = record.next().err().unwrap().to_string();
            assert!(
                refused.ends_with("line 2: must have either `in` or `unreadable`"),
                "{refused}"
            );
        }
        let refused = Log::create(path, &plan).err().unwrap().to_string();
        assert!(refused.contains("name a new file with --log"), "{refused}");
    }
}
