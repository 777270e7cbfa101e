//! The protocol to the letter.

use std::collections::BTreeMap;

use contact_centre::{Announcement, Order, Pacer, Power, Readings, Unanswered, simulate};
use pacing::protocol::{Answer, Line};
use serde_json::{Map, Value};

use crate::harness::scenario;

/// Writes every line down as it goes over the wire, and whether it was answered.
struct Scribe {
    pacer: Power,
    lines: Vec<(Map<String, Value>, bool)>,
}

impl Pacer for Scribe {
    fn tell(&mut self, line: &Line) -> Option<Answer> {
        let Value::Object(keys) = serde_json::to_value(line).unwrap() else {
            panic!("a line is one object")
        };
        let answer = self.pacer.tell(line);
        self.lines.push((keys, answer.is_some()));
        answer
    }
}

fn lines(name: &str, readings: Readings) -> Vec<(Map<String, Value>, bool)> {
    let mut scribe = Scribe {
        pacer: Power::new(2.0),
        lines: Vec::new(),
    };
    simulate(&scenario(name), readings, 4, &mut scribe, &mut |_, _| {}).unwrap();
    scribe.lines
}

const DIAL: [&str; 10] = [
    "tick",
    "agent_available",
    "wrap_start",
    "agent_about_to_finish",
    "busy",
    "invalid",
    "no_answer",
    "amd_machine",
    "connected",
    "abandoned",
];

fn keys_of(event: &str) -> &'static [&'static str] {
    match event {
        "agent_available" => &["agent"],
        "wrap_start" | "agent_logon" | "agent_logoff" | "agent_break" | "agent_back" => &["agent"],
        "agent_about_to_finish" => &["agent", "left"],
        "busy" | "invalid" | "no_answer" | "amd_machine" | "abandoned" | "call_dialed" | "ringing"
        | "answered" | "live_waiting" | "inbound_queued" | "inbound_connected" | "inbound_abandoned" => {
            &["call"]
        }
        "connected" => &["call", "agent", "wait"],
        "seize_query" => &["agent", "why", "pool", "in_wait"],
        "start" => &[
            "limit",
            "abandon_wait",
            "ring_max",
            "agents_max",
            "blended",
            "duration",
            "max_lines_per_agent",
        ],
        "tick" | "end" => &[],
        other => panic!("no event of the protocol: {other}"),
    }
}

fn check(name: &str) {
    let blended = name.starts_with("blended");
    let lines = lines(name, Readings::default());
    let event = |keys: &Map<String, Value>| keys["ev"].as_str().unwrap().to_owned();
    assert_eq!(event(&lines[0].0), "start");
    assert_eq!(lines[0].0["proto"], 1);
    assert_eq!(lines[0].0.contains_key("in_sla"), blended);
    assert_eq!(event(&lines.last().unwrap().0), "end");
    assert_eq!(lines.iter().filter(|(keys, _)| event(keys) == "start").count(), 1);
    let mut seen = BTreeMap::new();
    for (keys, answered) in &lines {
        let event = event(keys);
        let question = keys.get("q").and_then(Value::as_str);
        let expected = match event.as_str() {
            "seize_query" => Some("seize"),
            event if DIAL.contains(&event) => Some("dial"),
            _ => None,
        };
        assert_eq!(question, expected, "{event}");
        assert_eq!(*answered, question.is_some(), "{event}");
        for key in keys_of(&event) {
            assert!(keys.contains_key(*key), "{event} has {key}");
        }
        for key in ["idle", "talk", "wrap", "inflight", "waiting"] {
            assert_eq!(keys.contains_key(key), question.is_some(), "{event}: {key}");
        }
        for key in ["idle_in", "in_queue"] {
            assert_eq!(
                keys.contains_key(key),
                blended && question.is_some(),
                "{event}: {key}"
            );
        }
        *seen.entry(event).or_insert(0) += 1;
    }
    let ticks = scenario(name).duration.get() as usize - 1;
    assert_eq!(seen["tick"], ticks);
    assert!(
        seen["connected"] > 0 && seen["abandoned"] > 0 && seen["live_waiting"] > 0,
        "{name}"
    );
}

#[test]
fn each_question_is_answered_once_and_nothing_else() {
    for name in [
        "plain-10",
        "timed-wrap",
        "detection-errors",
        "churning-staff",
        "blended-rush",
    ] {
        check(name);
    }
}

#[test]
fn the_numbers_are_those_of_the_lines_before() {
    let (mut in_flight, mut waiting) = (0_i64, BTreeMap::new());
    for (keys, _) in lines("detection-errors", Readings::default()) {
        let call = keys.get("call").and_then(Value::as_u64);
        match keys["ev"].as_str().unwrap() {
            "call_dialed" => in_flight += 1,
            "busy" | "invalid" | "no_answer" | "amd_machine" => in_flight -= 1,
            "live_waiting" => {
                in_flight -= 1;
                waiting.insert(call.unwrap(), ());
            }
            "connected" | "abandoned" if waiting.remove(&call.unwrap()).is_none() => in_flight -= 1,
            _ => {}
        }
        if keys.contains_key("q") {
            assert_eq!(keys["inflight"], in_flight, "{keys:?}");
            assert_eq!(keys["waiting"], waiting.len(), "{keys:?}");
        }
    }
}

#[test]
fn readings_change_what_is_told() {
    let count = |readings, event: &str| {
        let lines = lines("plain-30", readings);
        lines.iter().filter(|(keys, _)| keys["ev"] == event).count()
    };
    let usual = Readings::default();
    let every = Readings {
        announcement: Announcement::EveryLive,
        ..usual
    };
    assert!(count(every, "live_waiting") > count(usual, "live_waiting"));
    assert_eq!(
        count(every, "live_waiting"),
        count(every, "connected") + count(every, "abandoned"),
    );
    let only = Readings {
        order: Order::ConnectedOnly,
        ..usual
    };
    assert!(count(only, "agent_available") < count(usual, "agent_available"));
}

#[test]
fn a_pacer_that_is_silent_is_told_of() {
    struct Silent;
    impl Pacer for Silent {
        fn tell(&mut self, _: &Line) -> Option<Answer> {
            None
        }
    }
    let told = simulate(
        &scenario("plain-5"),
        Readings::default(),
        1,
        &mut Silent,
        &mut |_, _| {},
    );
    assert_eq!(told, Err(Unanswered { t: 0.0 }));
}
