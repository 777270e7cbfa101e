//! The floor by itself: moments in, what is due out, in simulated time.

use std::collections::BTreeMap;

use domain::voice::CallResult;
use serde_json::Value;

use super::*;
use crate::simulator::config::{Span, Targets};
use crate::simulator::courier;
use crate::simulator::script::Event;

mod previews;

/// Tells nothing by itself: the tests look at the events.
#[derive(Debug)]
struct Silent;

impl Reporter for Silent {
    fn call(&self, _: &Event, _: &Targets, _: Timestamp) -> Option<courier::Call> {
        None
    }
}

/// A floor with a clock, and all that was told.
struct Scene {
    floor: Floor,
    now: Duration,
    /// In the order in which it was planned.
    due: BTreeMap<(Duration, u32), Work>,
    planned: u32,
    /// What was told: seconds, who or what, and the event.
    told: Vec<(u64, String)>,
    sequences: BTreeMap<String, Vec<u64>>,
}

fn config() -> FloorConfig {
    FloorConfig {
        agents: vec![
            FloorAgent::new("ann", &["sales"]),
            FloorAgent::new("ben", &["sales"]),
            FloorAgent::new("cid", &["loans"]),
        ],
        wrap_up: Span::millis(10_000, 10_000),
        ..FloorConfig::default()
    }
}

impl Scene {
    fn new(config: FloorConfig) -> Self {
        let mut scene = Self {
            floor: Floor::new(config, 7, 1.0),
            now: Duration::ZERO,
            due: BTreeMap::new(),
            planned: 0,
            told: Vec::new(),
            sequences: BTreeMap::new(),
        };
        let due = scene.floor.happen(&Moment::Opened, scene.clock());
        scene.plan(due);
        scene.run(0);
        scene.told.clear();
        scene
    }

    fn clock(&self) -> Timestamp {
        let millis = i64::try_from(self.now.as_millis()).unwrap();
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn plan(&mut self, due: Vec<Due>) {
        for (after, work) in due {
            self.planned += 1;
            self.due.insert((self.now + after, self.planned), work);
        }
    }

    /// Lets everything happen until so many seconds have passed since the beginning.
    fn run(&mut self, seconds: u64) {
        let end = Duration::from_secs(seconds);
        while let Some(next) = self.due.first_entry() {
            if next.key().0 > end {
                break;
            }
            let ((at, _), work) = next.remove_entry();
            self.now = at;
            match work {
                Work::Floor(moment) => {
                    let due = self.floor.happen(&moment, self.clock());
                    self.plan(due);
                }
                Work::AgentEvents { .. } => self.take_events(),
                Work::Report { event, .. } => self.note(event.name().to_owned()),
                Work::Decision(decision) => {
                    let decided = decision.call(&targets()).unwrap();
                    self.note(format!("{} {}", decided.url.path(), decided.body));
                }
                Work::Offers => {}
            }
        }
        self.now = end;
    }

    fn take_events(&mut self) {
        let tellings = self.floor.outbox.take();
        for telling in tellings {
            let event = serde_json::to_value(&telling.event).unwrap();
            let name = event["type"].as_str().unwrap().to_owned();
            self.note(format!("{} {name}", telling.agent));
            let sequences = self.sequences.entry(telling.agent).or_default();
            sequences.push(telling.sequence);
            self.plan(telling.then);
        }
        assert!(!self.floor.outbox.end(Vec::new()));
    }

    fn note(&mut self, what: String) {
        self.told.push((self.now.as_secs(), what));
    }

    fn call(&mut self, key: &str, demand: Demand, result: CallResult, after: u64, talk: u64) {
        let errand = Errand {
            activity: Some(format!("act_{key}")),
            demand,
            abandoned_message: Some("This was Example Ltd. Press 9, and we call you no more.".into()),
        };
        let course = Course {
            result,
            after: Millis::seconds(after),
            talk: Millis::seconds(talk),
            result_again: None,
            end_again: None,
        };
        let due = self
            .floor
            .arrive(key, errand, course, Millis::ZERO, Arc::new(Silent));
        self.plan(due);
    }

    fn see(&mut self, agents: &Value) {
        let agents: Vec<super::previews::AgentSeen> = serde_json::from_value(agents.clone()).unwrap();
        let due = self.floor.see(&agents, self.clock());
        self.plan(due);
        let now = self.now.as_secs();
        self.run(now);
    }

    fn told(&self) -> Vec<(u64, &str)> {
        self.told.iter().map(|(at, what)| (*at, what.as_str())).collect()
    }
}

fn targets() -> Targets {
    Targets {
        api: Some("http://127.0.0.1:1/".parse().unwrap()),
        ..Targets::default()
    }
}

fn sales() -> Demand {
    Demand::SkillGroup("sales".into())
}

fn reserved(agent: &str) -> Demand {
    Demand::Reserved(agent.into())
}

#[test]
fn an_answered_call_comes_to_the_agent_who_has_been_free_for_longest() {
    let mut scene = Scene::new(FloorConfig {
        wrap_up_codes: vec![(1, "SALE".into())],
        ..config()
    });
    scene.call("1", sales(), CallResult::Answered, 1, 20);
    scene.run(60);
    assert_eq!(
        scene.told(),
        [
            (1, "ann busy"),
            (1, "CONNECTED"),
            (16, "ann about_to_finish"),
            (21, "HUNG_UP"),
            (21, "WRAP_UP"),
            (21, "ann wrap_up"),
            (31, "ann ready"),
        ]
    );
    scene.told.clear();
    scene.call("2", sales(), CallResult::Answered, 0, 1);
    scene.run(61);
    assert_eq!(scene.told()[0], (60, "ben busy"), "ben waits since the beginning");
}

#[test]
fn nobody_in_time_makes_an_abandoned_call() {
    let mut scene = Scene::new(config());
    for key in ["1", "2", "3"] {
        scene.call(key, sales(), CallResult::Answered, 1, 100);
    }
    scene.run(10);
    assert_eq!(
        scene.told(),
        [
            (1, "ann busy"),
            (1, "ben busy"),
            (1, "CONNECTED"),
            (1, "CONNECTED"),
            (3, "FAILED"),
        ]
    );
    let stats = scene.floor.stats();
    assert_eq!((stats.connected, stats.abandoned), (2, 1));
    assert_eq!((stats.told_who_called, stats.opted_out), (1, 0));
    assert_eq!(stats.most_conversations_at_once(), 1);
}

#[test]
fn whom_nobody_took_hears_who_called_and_may_opt_out() {
    let mut scene = Scene::new(FloorConfig {
        opt_out: 1.0,
        ..config()
    });
    for key in ["1", "2", "3"] {
        scene.call(key, sales(), CallResult::Answered, 1, 100);
    }
    scene.run(10);
    // The message takes three seconds.
    assert_eq!(scene.told()[4..], [(3, "FAILED"), (6, "REPLY")]);
    let stats = scene.floor.stats();
    assert_eq!(
        (stats.abandoned, stats.told_who_called, stats.opted_out),
        (1, 1, 1)
    );
}

#[test]
fn who_becomes_free_within_the_wait_takes_the_call() {
    let mut scene = Scene::new(config());
    // Ann is free again at 30, ben at 31.
    scene.call("1", sales(), CallResult::Answered, 0, 20);
    scene.call("2", sales(), CallResult::Answered, 1, 20);
    scene.call("3", sales(), CallResult::Answered, 29, 1);
    scene.run(32);
    assert_eq!(scene.floor.stats().abandoned, 0);
    assert_eq!(scene.floor.stats().agents["ann"].conversations, 2);
    let at = scene.told().iter().position(|told| *told == (30, "ann ready"));
    assert_eq!(scene.told()[at.unwrap() + 1], (30, "ann busy"));
}

#[test]
fn a_reserved_agent_is_kept_for_the_call() {
    let mut scene = Scene::new(config());
    scene.call("1", reserved("ann"), CallResult::Answered, 5, 1);
    scene.call("2", sales(), CallResult::Answered, 1, 100);
    scene.call("3", sales(), CallResult::Answered, 2, 100);
    scene.run(5);
    assert_eq!(
        scene.told(),
        [
            (1, "ben busy"),
            (1, "CONNECTED"),
            (4, "FAILED"),
            (5, "ann busy"),
            (5, "CONNECTED"),
        ]
    );
    assert_eq!(scene.floor.stats().most_reserved_at_once(), 1);
}

#[test]
fn a_failed_call_frees_its_agent_before_its_result_is_told() {
    for result in [CallResult::Busy, CallResult::NoAnswer, CallResult::Machine] {
        let mut scene = Scene::new(config());
        scene.call("1", reserved("ann"), result, 5, 0);
        scene.run(5);
        assert_eq!(scene.told(), [(5, "ann ready"), (5, "FAILED")]);
        scene.told.clear();
        scene.call("2", sales(), CallResult::Answered, 0, 1);
        scene.run(6);
        assert_eq!(scene.told()[0], (5, "ann busy"));
    }
}

#[test]
fn a_call_for_an_agent_in_another_conversation_is_abandoned() {
    let mut scene = Scene::new(config());
    scene.call("1", reserved("ann"), CallResult::Answered, 1, 60);
    scene.call("2", reserved("ann"), CallResult::Answered, 2, 60);
    scene.run(20);
    assert_eq!(
        scene.told(),
        [(1, "ann busy"), (1, "CONNECTED"), (4, "FAILED")],
        "and ben is not asked"
    );
    let ann = scene.floor.stats().agents["ann"];
    assert_eq!((ann.most_at_once, ann.most_reserved_at_once), (1, 2));
}

#[test]
fn an_agent_who_does_not_take_a_call_is_away_for_a_while() {
    let mut scene = Scene::new(FloorConfig {
        missed: 1.0,
        ..config()
    });
    scene.call("1", reserved("ann"), CallResult::Answered, 1, 60);
    scene.run(20);
    assert_eq!(scene.told(), [(3, "ann missed"), (3, "FAILED"), (8, "ann ready")]);
    let stats = scene.floor.stats();
    assert_eq!((stats.abandoned, stats.agents["ann"].missed), (1, 1));
}

#[test]
fn a_break_follows_a_conversation() {
    let mut scene = Scene::new(FloorConfig {
        breaks: Some(Breaks {
            share: 1.0,
            span: Span::millis(60_000, 60_000),
        }),
        ..config()
    });
    scene.call("1", sales(), CallResult::Answered, 0, 1);
    scene.run(100);
    assert_eq!(
        scene.told()[2..],
        [
            (1, "HUNG_UP"),
            (1, "ann wrap_up"),
            (11, "ann break"),
            (71, "ann ready")
        ]
    );
}

#[test]
fn sequences_rise_from_the_clock_on() {
    let mut scene = Scene::new(config());
    for n in 0..20 {
        scene.call(&n.to_string(), sales(), CallResult::Answered, n * 10, 1);
    }
    scene.run(300);
    for sequences in scene.sequences.values() {
        assert!(sequences[0] >= 1_000_000);
        assert!(sequences.is_sorted_by(|one, next| one < next), "{sequences:?}");
    }
}
