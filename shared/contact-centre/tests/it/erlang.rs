//! Against queueing theory: inbound calls alone, as M/M/n.

use contact_centre::scenario::{Factor, InboundCalls, Profile, Seconds, Time, Wrap};
use contact_centre::{Fact, Pacer, Scenario};
use pacing::protocol::{Answer, Line, Pool, Question};

use crate::harness::{run, scenario};

/// Leaves everybody to inbound calls.
struct Nothing;

impl Pacer for Nothing {
    fn tell(&mut self, line: &Line) -> Option<Answer> {
        Some(match line.question? {
            Question::Dial => Answer::Dial(0),
            Question::Seize => Answer::Seize(Pool::Inbound),
        })
    }
}

/// The probability that a caller waits (Erlang 1917), by the recursion of the loss formula.
fn erlang_c(agents: u32, load: f64) -> f64 {
    let loss = (1..=agents).fold(1.0, |loss, n| load * loss / (f64::from(n) + load * loss));
    let spare = 1.0 - load / f64::from(agents);
    loss / (spare + (1.0 - spare) * loss)
}

#[test]
fn the_formula_is_the_known_one() {
    // 8 agents, 6 Erlangs: 0.357; Erlang tables.
    assert!((erlang_c(8, 6.0) - 0.357).abs() < 0.001);
}

fn inbound_only(agents: u32, per_minute: f64, talk: f64) -> Scenario {
    let seconds = |seconds| Seconds::new(seconds).unwrap();
    let mut scenario = scenario("blended-team");
    scenario.staff[0].agents = agents;
    scenario.duration = seconds(400_000.0);
    scenario.wrap = Wrap {
        time: Time::Fixed(seconds(0.0)),
        ..scenario.wrap
    };
    scenario.inbound = Some(InboundCalls {
        per_minute: Factor::new(per_minute).unwrap(),
        profile: Profile::default(),
        rushes: Vec::new(),
        talk: Time::Exponential(seconds(talk)),
        patience: Time::Fixed(seconds(600_000.0)),
        sla: seconds(20.0),
    });
    scenario
}

#[test]
fn waiting_is_as_erlang_says() {
    for (agents, per_minute, talk) in [(8, 2.0, 180.0), (20, 5.0, 192.0), (3, 0.5, 240.0)] {
        let load = per_minute / 60.0 * talk;
        let (log, metrics) = run(&inbound_only(agents, per_minute, talk), 9, &mut Nothing);
        let waits: Vec<f64> = log
            .iter()
            .filter_map(|(_, fact)| match fact {
                Fact::InboundConnected(_, wait) => Some(*wait),
                _ => None,
            })
            .collect();
        let calls = waits.len() as f64;
        let waited = waits.iter().filter(|wait| **wait > 0.0).count() as f64 / calls;
        let mean = waits.iter().sum::<f64>() / calls;
        let expected = erlang_c(agents, load);
        let expected_mean = expected * talk / (f64::from(agents) - load);
        let in_time = 1.0 - expected * (-(f64::from(agents) - load) * 20.0 / talk).exp();
        assert!(
            (waited - expected).abs() < 0.04,
            "{agents}: {waited}, Erlang {expected}"
        );
        assert!(
            (mean / expected_mean - 1.0).abs() < 0.2,
            "{agents}: {mean} s, Erlang {expected_mean} s"
        );
        let level = metrics.inbound().service_level().unwrap();
        assert!(
            (level - in_time).abs() < 0.04,
            "{agents}: {level}, Erlang {in_time}"
        );
        assert!(
            (metrics.occupancy() - load / f64::from(agents)).abs() < 0.02,
            "{agents}"
        );
    }
}
