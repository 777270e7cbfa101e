//! Lines as a centre writes them.

use super::*;

fn read(line: &str) -> Result<Line, String> {
    serde_json::from_str(line).map_err(|error| error.to_string())
}

#[test]
fn lines_survive_the_wire() {
    for text in [
        r#"{"ev":"start","t":0,"proto":1,"limit":0.03,"abandon_wait":2.0,"ring_max":22,"agents_max":10,"blended":true,"duration":21600,"max_lines_per_agent":12,"in_sla":20,"more":[1]}"#,
        r#"{"ev":"tick","t":1.0,"q":"dial","idle":3,"talk":0,"wrap":0,"inflight":4,"waiting":0}"#,
        r#"{"ev":"connected","t":1.5,"q":"dial","call":7,"agent":2,"wait":0.25,"idle":2}"#,
        r#"{"ev":"wrap_start","t":9,"q":"dial","agent":"A-2","left":12.5}"#,
        r#"{"ev":"wrap_start","t":9,"q":"dial","agent":"A-2","left":null}"#,
        r#"{"ev":"agent_about_to_finish","t":9,"q":"dial","agent":3,"left":10}"#,
        r#"{"ev":"agent_available","t":9,"q":"dial","agent":3,"pool":"outbound"}"#,
        r#"{"ev":"seize_query","t":5,"q":"seize","agent":3,"why":"inbound_waiting","pool":"out","in_wait":2.5}"#,
        r#"{"ev":"inbound_queued","t":5,"call":"i1"}"#,
        r#"{"ev":"weather","t":5,"q":"dial","idle":1}"#,
        r#"{"ev":"end","t":21600}"#,
    ] {
        let line = read(text).unwrap();
        let again = read(&serde_json::to_string(&line).unwrap()).unwrap();
        assert_eq!(line, again, "{text}");
    }
}

#[test]
fn what_is_missing_or_absurd_is_named() {
    for (text, told) in [
        (
            r#"{"ev":"connected","t":1,"call":7}"#,
            "`connected` needs the key `agent`",
        ),
        (r#"{"ev":"ringing","t":1}"#, "`ringing` needs the key `call`"),
        (
            r#"{"ev":"seize_query","t":1,"agent":1,"pool":"in"}"#,
            "needs the key `why`",
        ),
        (r#"{"ev":"start","t":0}"#, "`start` needs the key `limit`"),
        (r#"{"ev":"start","t":0,"limit":3}"#, "`limit` is 3"),
        (r#"{"ev":"tick","t":-1}"#, "`t` is -1"),
        (r#"{"ev":"tick","t":1,"idle":4000000000}"#, "`idle` is 4000000000"),
        (r#"{"ev":"tick"}"#, "missing field `t`"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn a_question_is_found_in_a_bad_line() {
    let reply = |line: &str| {
        let asked: Asked = serde_json::from_str(line).unwrap();
        asked
            .safe_reply()
            .map(|reply| serde_json::to_string(&reply).unwrap())
    };
    for (line, replied) in [
        (
            r#"{"t":-1,"q":"seize","pool":"outbound","why":8}"#,
            r#"{"seize":true}"#,
        ),
        (r#"{"t":-1,"q":"dial"}"#, r#"{"dial":0}"#),
        (
            r#"{"t":1,"q":"dail"}"#,
            r#"{"error":"`q` is \"dail\", but must be \"dial\" or \"seize\""}"#,
        ),
    ] {
        assert_eq!(reply(line).as_deref(), Some(replied));
    }
    for other in ["7", "true", "[1,2]", r#"{"a":1}"#] {
        let replied = reply(&format!(r#"{{"q":{other}}}"#)).unwrap();
        assert!(replied.starts_with(r#"{"error":"#), "{replied}");
    }
    assert_eq!(reply(r#"{"q":null}"#), None);
}

#[test]
fn numbers_may_be_written_as_floats() {
    for (text, usual) in [
        (
            r#"{"ev":"start","t":0.0,"limit":0.03,"agents_max":10.0,"proto":"1","blended":true}"#,
            r#"{"ev":"start","t":0,"limit":0.03,"agents_max":10,"proto":1,"blended":true}"#,
        ),
        (
            r#"{"ev":"agent_available","t":1,"agent":1.0,"q":"dial","idle":2.0,"pending":3e2,"in_queue":null}"#,
            r#"{"ev":"agent_available","t":1,"agent":1,"q":"dial","idle":2,"pending":300}"#,
        ),
        (
            r#"{"ev":"tick","t":1,"q":"weather","idle":2}"#,
            r#"{"ev":"tick","t":1,"idle":2}"#,
        ),
    ] {
        assert_eq!(read(text).unwrap(), read(usual).unwrap(), "{text}");
    }
    for text in [
        r#"{"ev":"tick","t":1,"idle":2.5}"#,
        r#"{"ev":"tick","t":1,"idle":-1}"#,
        r#"{"ev":"tick","t":1,"idle":"2"}"#,
        r#"{"ev":"agent_logon","t":1,"agent":1.5}"#,
        r#"{"ev":"agent_logon","t":1,"agent":-1}"#,
    ] {
        assert!(read(text).unwrap_err().contains("whole number"), "{text}");
    }
}

#[test]
fn answers_are_one_key() {
    let written = |answer: Answer| {
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
        text
    };
    assert_eq!(written(Answer::Dial(3)), r#"{"dial":3}"#);
    assert_eq!(written(Answer::Seize(Pool::Outbound)), r#"{"seize":true}"#);
    assert_eq!(written(Answer::Seize(Pool::Inbound)), r#"{"seize":false}"#);
}
