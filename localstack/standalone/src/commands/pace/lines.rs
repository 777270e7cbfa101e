//! One JSON object a line in, one for each question out.

use std::io::{self, BufRead, Read, Write};

use pacing::protocol::{Answer, Line, Question, Reply};
use pacing::{Plan, State, decide_and_tell};

use super::clock::Clock;
use super::log::Log;
use super::reading::{MAX_LINE_BYTES, take};

/// Some programs write it before their first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whoever answers lines, and says why a formula had no value.
pub(super) trait Paces {
    fn tell(&mut self, line: &Line) -> Option<(Answer, Option<String>)>;
}

/// A plan and the state of its run.
pub(super) struct Run {
    plan: Plan,
    state: State,
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        let state = State::new(&plan, Default::default(), 0.0);
        Self { plan, state }
    }
}

impl Paces for Run {
    fn tell(&mut self, line: &Line) -> Option<(Answer, Option<String>)> {
        decide_and_tell(&self.plan, &mut self.state, line)
    }
}

/// Answers every question until the input ends. What is odd about a line is told on `errors`; one that cannot be read
/// gets the answer that changes nothing if it asks something, so that the other side never waits in vain.
pub(super) fn serve(
    pacer: &mut dyn Paces,
    mut input: impl BufRead,
    mut output: impl Write,
    errors: &mut dyn Write,
    mut log: Option<&mut Log>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let (mut clock, mut without_value) = (Clock::default(), WithoutValue::default());
    for number in 1u64.. {
        bytes.clear();
        let read = input
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut bytes)?;
        if read == 0 {
            break;
        }
        let whole = bytes.ends_with(b"\n") || (read as u64) < MAX_LINE_BYTES;
        if !whole {
            skip_line(&mut input)?;
        }
        let line = bytes.strip_prefix(BYTE_ORDER_MARK).filter(|_| number == 1);
        let line = line.unwrap_or(&bytes).trim_ascii();
        if line.is_empty() {
            continue;
        }
        let mut tell = |problem: String| {
            // Nobody may be listening to errors: that stops nothing.
            let _ = writeln!(errors, "campaigns: line {number}: {problem}");
        };
        let taken = take(line, whole, &mut clock, &mut tell);
        let decided = taken.line.as_ref().and_then(|line| {
            let (answer, failed) = pacer.tell(line)?;
            without_value.add(line.question, failed, &mut tell);
            Some(answer)
        });
        let reply = decided.map(Reply::from).or_else(|| taken.asked.safe_reply());
        if let Some(log) = &mut log {
            let answer = match &reply {
                Some(Reply::Answer(answer)) if decided.is_some() || taken.line.is_none() => Some(*answer),
                _ => None,
            };
            let line = taken.written.as_deref().unwrap_or(line);
            log.add(line, taken.line.is_some(), answer, tell);
        }
        if let Some(reply) = reply {
            serde_json::to_writer(&mut output, &reply)?;
            output.write_all(b"\n")?;
            output.flush()?;
        }
    }
    Ok(())
}

/// Which formulas were told to have no value.
#[derive(Default)]
struct WithoutValue {
    init: bool,
    seize: bool,
}

impl WithoutValue {
    fn add(&mut self, question: Option<Question>, why: Option<String>, tell: &mut dyn FnMut(String)) {
        let Some(why) = why else { return };
        let (told, formula, instead) = match question {
            Some(Question::Seize) => (&mut self.seize, "SEIZE", "credit()"),
            _ => (&mut self.init, "INIT", "progressive()"),
        };
        if !std::mem::replace(told, true) {
            tell(format!(
                "the formula of {formula} has no value: {why}; `{instead}` decides while that is so, and this is told once"
            ));
        }
    }
}

/// Reads on to the end of the line.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use pacing::protocol::Pool;

    use super::*;

    /// Answers dial questions with 7, and seizes nobody.
    struct Seven;

    impl Paces for Seven {
        fn tell(&mut self, line: &Line) -> Option<(Answer, Option<String>)> {
            line.question.map(|question| match question {
                Question::Dial => (Answer::Dial(7), None),
                Question::Seize => (Answer::Seize(Pool::Inbound), None),
            })
        }
    }

    fn run(input: &str) -> (String, String) {
        run_with(&mut Seven, input)
    }

    fn run_with(pacer: &mut dyn Paces, input: &str) -> (String, String) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        serve(pacer, input.as_bytes(), &mut output, &mut errors, None).unwrap();
        (
            String::from_utf8(output).unwrap(),
            String::from_utf8(errors).unwrap(),
        )
    }

    #[test]
    fn only_questions_are_answered() {
        let (output, errors) = run(
            "{\"ev\":\"start\",\"t\":0,\"limit\":0.03}\n\n{\"ev\":\"tick\",\"t\":1,\"q\":\"dial\"}\n{\"ev\":\"end\",\"t\":2}",
        );
        assert_eq!((output.as_str(), errors.as_str()), ("{\"dial\":7}\n", ""));
    }

    #[test]
    fn a_bad_question_gets_a_safe_answer_and_is_told() {
        for (line, answer) in [
            (r#"{"ev":"tick","t":-1,"q":"dial"}"#, "{\"dial\":0}\n"),
            (r#"{"ev":"tick","t":1, "q" : "dial", oops"#, "{\"dial\":0}\n"),
            (
                r#"{"ev":"seize_query","t":1,"q":"seize","pool":"outbound"}"#,
                "{\"seize\":true}\n",
            ),
            (r#"{"t":1,"q":"seize","pool":"inbound""#, "{\"seize\":false}\n"),
            (r#"{"ev":"ringing","t":1}"#, ""),
            ("what", ""),
        ] {
            let (output, errors) = run(&format!("{line}\n{{\"ev\":\"tick\",\"t\":1,\"q\":\"dial\"}}\n"));
            assert_eq!(output, format!("{answer}{{\"dial\":7}}\n"), "{line}");
            assert!(errors.starts_with("campaigns: line 1: "), "{errors}");
        }
    }

    #[test]
    fn a_line_without_end_is_skipped() {
        let long = format!("{{\"q\":\"dial\",\"x\":\"{}\"}}", "y".repeat(200_000));
        let (output, errors) = run(&format!("{long}\n{{\"ev\":\"tick\",\"t\":1,\"q\":\"dial\"}}\n"));
        assert_eq!(output, "{\"dial\":0}\n{\"dial\":7}\n");
        assert!(errors.contains("line 1: is longer than 65536 bytes"));
    }

    #[test]
    fn a_question_that_is_not_known_is_answered_by_no_command() {
        const UNKNOWN: &str =
            "{\"error\":\"`q` is \\\"dail\\\", but must be \\\"dial\\\" or \\\"seize\\\"\"}\n";
        for line in [
            r#"{"ev":"tick","t":1,"q":"dail"}"#,
            r#"{"ev":"ringing","t":1,"q":"dail"}"#,
        ] {
            let (output, errors) = run(&format!("{line}\n"));
            assert_eq!(output, UNKNOWN, "{line}");
            assert!(errors.starts_with("campaigns: line 1: "), "{errors}");
        }
        let (output, errors) = run("{\"t\":1, \"q\" : \"dail\", oops\n");
        assert!(
            output.starts_with("{\"error\":") && output.lines().count() == 1,
            "{output}"
        );
        assert!(errors.starts_with("campaigns: line 1: "), "{errors}");
        assert_eq!(
            run("{\"ev\":\"tick\",\"t\":1,\"q\":null}\n"),
            (String::new(), String::new())
        );
    }

    #[test]
    fn what_happened_counts_whatever_is_asked() {
        let mut engine = Run::new(Plan::default().with_mode(pacing::Mode::Progressive));
        let (output, _) = run_with(
            &mut engine,
            "{\"ev\":\"start\",\"t\":0,\"limit\":0.03}\n\
             {\"ev\":\"agent_logon\",\"t\":1,\"agent\":1}\n\
             {\"ev\":\"agent_available\",\"t\":1,\"agent\":1,\"q\":\"dail\"}\n\
             {\"ev\":\"tick\",\"t\":2,\"q\":\"dial\"}\n",
        );
        assert!(output.ends_with("}\n{\"dial\":1}\n"), "{output}");
    }

    #[test]
    fn without_a_limit_nothing_is_risked() {
        // However much was answered.
        let mut engine = Run::new(Plan::default());
        let mut input = "{\"ev\":\"start\",\"t\":0,\"limit\":3,\"duration\":36000}\n".to_owned();
        for call in 0..200 {
            input += &format!("{{\"ev\":\"call_dialed\",\"t\":{call},\"call\":{call}}}\n");
            input += &format!("{{\"ev\":\"connected\",\"t\":{call},\"call\":{call},\"agent\":1}}\n");
        }
        input += "{\"ev\":\"tick\",\"t\":300,\"q\":\"dial\",\"idle\":5,\"talk\":5,\"wrap\":0,\"inflight\":0,\"waiting\":0}\n";
        let (output, errors) = run_with(&mut engine, &input);
        assert_eq!(output, "{\"dial\":5}\n");
        assert!(
            errors.starts_with("campaigns: line 1: THE START LINE DOES NOT READ: `limit` is 3")
                && errors.contains("Not read of it: limit;")
                && errors.lines().count() == 1,
            "{errors}"
        );
    }

    #[test]
    fn another_version_and_a_mark_before_the_first_line_are_no_hindrance() {
        let start = |proto: &str| {
            let start = format!("\u{feff}{{\"ev\":\"start\",\"t\":0,\"limit\":0.03,\"proto\":{proto}}}\n");
            run(&start).1
        };
        for proto in ["1", "1.0", "\"1\"", "null"] {
            assert_eq!(start(proto), "", "{proto}");
        }
        let told = start("2");
        assert!(
            told.contains("`proto` is 2, but only version 1 is understood"),
            "{told}"
        );
        assert!(start("\"x\"").contains("`proto` is \"x\""));
    }

    #[test]
    fn a_formula_without_a_value_is_told_once() {
        let plan = Plan::default().with_init("1 / calls.ringing").unwrap();
        let tick = "{\"ev\":\"tick\",\"t\":1,\"q\":\"dial\",\"idle\":2,\"inflight\":0}\n";
        let (output, errors) = run_with(&mut Run::new(plan), &tick.repeat(3));
        assert_eq!(output, "{\"dial\":2}\n".repeat(3));
        assert_eq!(
            errors,
            "campaigns: line 1: the formula of INIT has no value: division by zero; `progressive()` decides while that \
             is so, and this is told once\n"
        );
    }
}
