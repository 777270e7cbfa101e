//! A program that paces over its standard input and output.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use contact_centre::Pacer;
use pacing::protocol::{Answer, Line, Pool, Question};
use serde::Deserialize;

use crate::failure::Failure;

/// A program that says nothing for so long is ended.
const SILENCE: Duration = Duration::from_secs(30);
/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 4_096;

/// A running program.
pub(super) struct Program {
    command: String,
    child: Arc<Mutex<Child>>,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Ends the watch when dropped.
    _watched: Sender<()>,
    answers: Arc<AtomicU64>,
    spent: Duration,
    trouble: Option<String>,
    reply: String,
}

/// An answer as it is written.
#[derive(Deserialize)]
struct Reply {
    dial: Option<u32>,
    seize: Option<bool>,
}

/// How fast it answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Speed {
    pub(super) answers: u64,
    pub(super) spent: Duration,
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each_second = self.answers as f64 / self.spent.as_secs_f64().max(1e-9);
        write!(f, "{} answers, {each_second:.0} in a second", self.answers)
    }
}

impl Program {
    pub(super) fn start(command: &str) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::Told(format!("cannot start `{command}`: {error}"));
        let mut words = command.split_whitespace();
        let program = words.next().ok_or_else(|| failed(&"it is empty"))?;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(&"it has no standard input and output"));
        };
        let (child, answers) = (Arc::new(Mutex::new(child)), Arc::new(AtomicU64::new(0)));
        Ok(Self {
            command: command.to_owned(),
            _watched: watch(child.clone(), answers.clone()),
            child,
            input: BufWriter::new(input),
            output: BufReader::new(output),
            answers,
            spent: Duration::ZERO,
            trouble: None,
            reply: String::new(),
        })
    }

    fn exchange(&mut self, line: &Line) -> Result<Option<Answer>, String> {
        let told = |error: &dyn std::fmt::Display| format!("`{}` broke off: {error}", self.command);
        serde_json::to_writer(&mut self.input, line).map_err(|error| told(&error))?;
        self.input.write_all(b"\n").map_err(|error| told(&error))?;
        let Some(question) = line.question else {
            return Ok(None);
        };
        self.input.flush().map_err(|error| told(&error))?;
        self.reply.clear();
        let mut bounded = self.output.by_ref().take(MAX_ANSWER);
        let read = bounded.read_line(&mut self.reply).map_err(|error| told(&error))?;
        if read == 0 {
            return Err(told(&format_args!("no answer at {} s", line.t)));
        }
        self.answers.fetch_add(1, Ordering::Relaxed);
        answer(question, &self.reply)
            .map(Some)
            .ok_or_else(|| format!("`{}` answered {:?} at {} s", self.command, self.reply, line.t))
    }

    /// Waits until the program ends; it must not have said more than was asked.
    pub(super) fn finish(mut self) -> Result<Speed, Failure> {
        if let Some(trouble) = self.trouble.take() {
            end(&self.child);
            return Err(Failure::Told(trouble));
        }
        let told = |what: String| Failure::Told(format!("`{}` {what}", self.command));
        let flushed = self.input.flush();
        drop(self.input);
        let mut rest = String::new();
        let read = self.output.take(MAX_ANSWER).read_to_string(&mut rest);
        end(&self.child);
        flushed
            .and(read)
            .map_err(|error| told(format!("broke off at the end: {error}")))?;
        if !rest.is_empty() {
            return Err(told(format!("said more than it was asked: {rest:?}")));
        }
        Ok(Speed {
            answers: self.answers.load(Ordering::Relaxed),
            spent: self.spent,
        })
    }
}

impl Pacer for Program {
    fn tell(&mut self, line: &Line) -> Option<Answer> {
        if self.trouble.is_some() {
            return None;
        }
        let began = Instant::now();
        let answer = self.exchange(line);
        self.spent += began.elapsed();
        answer.unwrap_or_else(|trouble| {
            self.trouble = Some(trouble);
            None
        })
    }
}

/// The answer to a question; none if it is no line or answers something else.
fn answer(question: Question, line: &str) -> Option<Answer> {
    let reply: Reply = serde_json::from_str(line.strip_suffix('\n')?).ok()?;
    match (question, reply.dial, reply.seize) {
        (Question::Dial, Some(calls), None) => Some(Answer::Dial(calls)),
        (Question::Seize, None, Some(true)) => Some(Answer::Seize(Pool::Outbound)),
        (Question::Seize, None, Some(false)) => Some(Answer::Seize(Pool::Inbound)),
        _ => None,
    }
}

/// Ends the program when it has answered nothing for too long. The thread ends with the sender.
fn watch(child: Arc<Mutex<Child>>, answers: Arc<AtomicU64>) -> Sender<()> {
    let (watched, over) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        let mut seen = None;
        while over.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) {
            let now = Some(answers.load(Ordering::Relaxed));
            if now == seen {
                end(&child);
                return;
            }
            seen = now;
        }
    });
    watched
}

/// Ends the program and waits for it; one that has ended already is only waited for.
fn end(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fits_its_question() {
        assert_eq!(answer(Question::Dial, "{\"dial\":3}\n"), Some(Answer::Dial(3)));
        assert_eq!(
            answer(Question::Seize, "{\"seize\":false}\n"),
            Some(Answer::Seize(Pool::Inbound))
        );
        for (question, line) in [
            (Question::Dial, "{\"seize\":true}\n"),
            (Question::Seize, "{\"dial\":1}\n"),
            (Question::Dial, "{\"dial\":-1}\n"),
            (Question::Dial, "{\"dial\":1}"),
            (Question::Dial, "\n"),
        ] {
            assert_eq!(answer(question, line), None, "{line:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_program_that_does_not_answer_is_told_of() {
        let tick: Line = serde_json::from_str(r#"{"ev":"tick","t":1,"q":"dial"}"#).unwrap();
        for (command, told) in [("true", "broke off"), ("echo hello", "answered \"hello\\n\"")] {
            let mut program = Program::start(command).unwrap();
            assert_eq!(program.tell(&tick), None);
            let Err(failure) = program.finish() else {
                panic!("{command}")
            };
            // A program that is gone before it reads breaks the pipe.
            let failure = failure.to_string();
            assert!(
                failure.contains(told) || failure.contains("broke off"),
                "{command}: {failure}"
            );
        }
        assert!(Program::start("/no/such/program").is_err());
    }
}
