//! One JSON object a line in, one for each question out.

use std::io::{self, BufRead, Read, Write};

use pacing::protocol::{Asked, Line, Pacer, Pool, Question};

use super::log::Log;

/// Longest line that is read, in bytes.
const MAX_LINE_BYTES: u64 = 65_536;

/// Answers every question until the input ends. A line that cannot be read is told on `errors`; if it
/// asks something, it gets the answer that changes nothing, so that the other side never waits in vain.
pub(super) fn serve(
    pacer: &mut dyn Pacer,
    mut input: impl BufRead,
    mut output: impl Write,
    errors: &mut dyn Write,
    mut log: Option<&mut Log>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
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
        let line = bytes.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let mut tell = |problem: String| {
            // Nobody may be listening to errors: that stops nothing.
            let _ = writeln!(errors, "campaigns: line {number}: {problem}");
        };
        let understood = understand(line, whole);
        let answer = match &understood {
            Ok(line) => pacer.tell(line),
            Err(problem) => {
                tell(problem.clone());
                asked(line).safe_answer()
            }
        };
        if let Some(log) = &mut log {
            log.add(line, understood.is_ok(), answer, tell);
        }
        if let Some(answer) = answer {
            serde_json::to_writer(&mut output, &answer)?;
            output.write_all(b"\n")?;
            output.flush()?;
        }
    }
    Ok(())
}

/// A line, or why it cannot be read.
fn understand(line: &[u8], whole: bool) -> Result<Line, String> {
    if !whole {
        return Err(format!("is longer than {MAX_LINE_BYTES} bytes"));
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

/// What a line asks that cannot be read as a whole, or not even as JSON.
fn asked(line: &[u8]) -> Asked {
    serde_json::from_slice(line).unwrap_or_else(|_| {
        let has = |key: &str, value: &str| {
            let text = String::from_utf8_lossy(line);
            text.split(&format!("\"{key}\"")).skip(1).any(|rest| {
                let rest = rest.trim_start().strip_prefix(':').unwrap_or_default();
                rest.trim_start().starts_with(value)
            })
        };
        let q = match (has("q", "\"dial\""), has("q", "\"seize\"")) {
            (true, _) => Some(Question::Dial),
            (_, true) => Some(Question::Seize),
            _ => None,
        };
        let pool = has("pool", "\"out").then_some(Pool::Outbound);
        Asked { q, pool }
    })
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
    use pacing::protocol::Answer;

    use super::*;

    /// Answers dial questions with 7, and seizes nobody.
    struct Seven;

    impl Pacer for Seven {
        fn tell(&mut self, line: &Line) -> Option<Answer> {
            line.question.map(|question| match question {
                Question::Dial => Answer::Dial(7),
                Question::Seize => Answer::Seize(Pool::Inbound),
            })
        }
    }

    fn run(input: &str) -> (String, String) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        serve(&mut Seven, input.as_bytes(), &mut output, &mut errors, None).unwrap();
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
}
