//! What a line says, as far as it can be read.

use pacing::protocol::{Asked, Event, Line, PROTOCOL, Pool, Reply};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::clock::Clock;

/// Longest line that is read, in bytes.
pub(super) const MAX_LINE_BYTES: u64 = 65_536;

/// What became of a line.
#[derive(Default)]
pub(super) struct Taken {
    /// As the engine is told; none if it cannot be read.
    pub(super) line: Option<Line>,
    /// How that is written, where it is not what came.
    pub(super) written: Option<Vec<u8>>,
    /// What it asks that no engine answers.
    pub(super) asked: Asked,
}

/// Reads a line; what is odd about it is told.
pub(super) fn take(bytes: &[u8], whole: bool, clock: &mut Clock, tell: &mut dyn FnMut(String)) -> Taken {
    let mut taken = match understand(bytes, whole) {
        Ok(line) => Taken {
            line: Some(line),
            ..Taken::default()
        },
        Err(problem) => salvaged(bytes, &problem, tell),
    };
    let is_answered = |line: &Line| line.question.is_some();
    if !taken.line.as_ref().is_some_and(is_answered) && has_question(bytes) {
        taken.asked = asked(bytes);
    }
    let Some(line) = &taken.line else {
        return taken;
    };
    if let Some(error) = unknown(&taken.asked) {
        tell(error);
    }
    if matches!(line.event, Event::Start(_)) {
        other_protocol(bytes, tell);
    }
    match clock.corrects(line, tell) {
        Some(t) => Taken {
            asked: taken.asked,
            ..Taken::rewritten(&Line { t, ..line.clone() })
        },
        None => taken,
    }
}

/// What is kept of a line that does not read: of a start what does, of others nothing.
fn salvaged(bytes: &[u8], problem: &str, tell: &mut dyn FnMut(String)) -> Taken {
    let Some((line, ignored)) = kept_of_start(bytes) else {
        tell(problem.to_owned());
        return Taken::default();
    };
    tell(format!(
        "THE START LINE DOES NOT READ: {problem}. Not read of it: {ignored}; what is not told is as if it were absent, \
         and without a limit 0 is assumed, so that `predictive` dials as `progressive`"
    ));
    Taken::rewritten(&line)
}

impl Taken {
    /// A line other than the one that came. It is read from what the log keeps of it, to be replayed to the bit.
    fn rewritten(line: &Line) -> Self {
        let written = serde_json::to_vec(line).unwrap_or_default();
        Self {
            line: serde_json::from_slice(&written).ok(),
            written: Some(written),
            asked: Asked::default(),
        }
    }
}

/// A line, or why it cannot be read.
fn understand(line: &[u8], whole: bool) -> Result<Line, String> {
    if !whole {
        return Err(format!("is longer than {MAX_LINE_BYTES} bytes"));
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

/// What reads of a first line that does not as a whole, and the keys that do not. A driver would not see the program
/// end before it dials by itself; so it goes on, and takes no risk that was not told.
fn kept_of_start(line: &[u8]) -> Option<(Line, String)> {
    let keys: Map<String, Value> = match serde_json::from_slice(line) {
        Ok(keys) => keys,
        Err(_) if has(line, "ev", "\"start\"") => Map::new(),
        Err(_) => return None,
    };
    if !keys.is_empty() && keys.get("ev").and_then(Value::as_str) != Some("start") {
        return None;
    }
    let read = |keys: &Map<String, Value>| serde_json::from_value::<Line>(Value::Object(keys.clone())).ok();
    let mut kept: Map<String, Value> = [("ev", "start".into()), ("t", 0.into()), ("limit", 0.into())]
        .map(|(key, value): (&str, Value)| (key.to_owned(), value))
        .into_iter()
        .collect();
    let mut ignored: Vec<&str> = ["t", "limit"]
        .into_iter()
        .filter(|key| !keys.contains_key(*key))
        .collect();
    for (key, value) in &keys {
        let before = kept.insert(key.clone(), value.clone());
        if read(&kept).is_none() {
            ignored.push(key);
            match before {
                Some(before) => kept.insert(key.clone(), before),
                None => kept.remove(key),
            };
        }
    }
    Some((read(&kept)?, ignored.join(", ")))
}

/// Tells of another version of the protocol than is understood here.
fn other_protocol(line: &[u8], tell: &mut dyn FnMut(String)) {
    #[derive(Deserialize)]
    struct Version {
        proto: Option<Value>,
    }
    let Ok(Version { proto: Some(proto) }) = serde_json::from_slice(line) else {
        return;
    };
    let known = f64::from(PROTOCOL);
    let is_known =
        proto.as_f64() == Some(known) || proto.as_str().is_some_and(|text| text.parse() == Ok(known));
    if !is_known {
        tell(format!(
            "`proto` is {proto}, but only version {PROTOCOL} is understood; the run goes on as version {PROTOCOL}"
        ));
    }
}

/// Why a question is not known, if it is not.
fn unknown(asked: &Asked) -> Option<String> {
    match asked.safe_reply()? {
        Reply::Unknown { error } => Some(error),
        Reply::Answer(_) => None,
    }
}

/// Whether a line may ask something: quick, and right for all that ask.
fn has_question(line: &[u8]) -> bool {
    line.windows(3).any(|word| word == b"\"q\"")
}

/// What a line asks that cannot be read as a whole, or not even as JSON.
fn asked(line: &[u8]) -> Asked {
    serde_json::from_slice(line).unwrap_or_else(|_| {
        let q = match (
            has(line, "q", "\"dial\""),
            has(line, "q", "\"seize\""),
            has(line, "q", ""),
        ) {
            (true, ..) => Some("dial"),
            (_, true, _) => Some("seize"),
            (.., true) => Some("not readable"),
            _ => None,
        };
        let pool = has(line, "pool", "\"out").then_some(Pool::Outbound);
        Asked {
            q: q.map(str::to_owned),
            pool,
        }
    })
}

/// Whether a value that begins so stands after a key, in what may be no JSON.
fn has(line: &[u8], key: &str, value: &str) -> bool {
    let text = String::from_utf8_lossy(line);
    text.split(&format!("\"{key}\"")).skip(1).any(|rest| {
        let rest = rest.trim_start().strip_prefix(':');
        rest.is_some_and(|rest| rest.trim_start().starts_with(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_start_that_does_not_read_is_kept_what_does() {
        let (start, ignored) = kept_of_start(
            br#"{"ev":"start","t":"0","proto":2,"limit":"3 %","blended":true,"agents_max":10.5,"duration":3600}"#,
        )
        .unwrap();
        let Event::Start(run) = start.event else {
            panic!("{start:?}")
        };
        assert_eq!(
            (start.t, run.limit, run.blended, run.duration),
            (0.0, 0.0, true, Some(3_600.0))
        );
        assert_eq!(ignored, "agents_max, limit, t");
        let (start, ignored) = kept_of_start(br#"{"ev":"start","t":0,"limit":0.01,"blended":tr"#).unwrap();
        assert!(
            matches!(start.event, Event::Start(run) if run.limit == 0.0),
            "{start:?}"
        );
        assert_eq!(ignored, "t, limit");
        assert!(kept_of_start(br#"{"ev":"tick","t":"0"}"#).is_none());
    }
}
