//! The modes and formulas, on a floor where the right number is known.

use pacing::protocol::{CallEvent, Counts, Event, Id};
use pacing::{Mode, Plan, State, decide};

use crate::lines::{asked, begin, dial, start, told};

/// A run of which every fourth call is answered by a person at once, and so many are abandoned.
fn after(plan: &Plan, calls: u64, abandoned: u64) -> State {
    let mut state = begin(plan, start());
    for call in 0..calls {
        let t = call as f64;
        let id = Id::Number(call);
        let event = |event| Event::Call(id.clone(), event);
        decide(plan, &mut state, &told(t, event(CallEvent::Dialed)));
        let live = call % 4 == 0;
        let last = if live && call / 4 < abandoned {
            CallEvent::Abandoned
        } else if live {
            CallEvent::Connected {
                agent: Id::Number(0),
                wait: 0.0,
            }
        } else {
            CallEvent::NoAnswer
        };
        decide(plan, &mut state, &told(t + 5.0, event(last)));
    }
    state
}

fn calls(plan: &Plan, abandoned: u64) -> u32 {
    let mut state = after(plan, 400, abandoned);
    let counts = Counts {
        idle: Some(10),
        talk: Some(0),
        wrap: Some(0),
        inflight: Some(4),
        waiting: Some(0),
        ..Counts::default()
    };
    dial(decide(plan, &mut state, &asked(410.0, Event::Tick, counts)))
}

fn init(formula: &str) -> Plan {
    Plan::default().with_init(formula).unwrap()
}

#[test]
fn progressive_and_power_count_calls_in_flight() {
    assert_eq!(calls(&Plan::default().with_mode(Mode::Progressive), 0), 6);
    assert_eq!(calls(&Plan::default().with_mode(Mode::Power(2.0)), 0), 16);
    assert_eq!(calls(&init("progressive()"), 0), 6);
    assert_eq!(calls(&init("power(2) + 1"), 0), 17);
}

#[test]
fn the_inverse_hit_rate_is_about_four_calls_an_agent() {
    let calls = calls(&init("inverse_hit_rate()"), 0);
    assert!((30..=42).contains(&calls), "{calls}");
}

#[test]
fn the_guard_brakes_as_the_limit_comes_near() {
    let free = calls(&init("compliance_guard(0.03)"), 0);
    let near = calls(&init("compliance_guard(0.03)"), 2);
    let over = calls(&init("compliance_guard(0.03)"), 5);
    assert!(free > near && near > over, "{free} {near} {over}");
    assert_eq!(over, 6);
}

#[test]
fn predictive_dials_more_than_progressive_and_stops_once_the_budget_is_spent() {
    let predictive = calls(&Plan::default(), 0);
    assert!(predictive > 10, "{predictive}");
    assert_eq!(calls(&Plan::default(), 40), 6);
    assert!(calls(&init("predictive(0.01)"), 0) <= predictive);
}
