//! Metrics, counted again from the log of facts in the plainest way.

use contact_centre::scenario::{Seconds, random};
use contact_centre::{AdaptiveLevel, Ending, Fact, Party, Phase, Power, Scenario};

use crate::harness::{run, scenario};

type Log = [(f64, Fact)];

/// Seconds of an agent in phases of a kind, from its own facts alone.
fn seconds(log: &Log, agent: usize, end: f64, of: impl Fn(Phase) -> bool) -> f64 {
    let own = log.iter().filter_map(|(t, fact)| match fact {
        Fact::Agent(who, phase) if *who == agent => Some((*t, *phase)),
        _ => None,
    });
    let own: Vec<_> = own.collect();
    let ends = own.iter().skip(1).map(|(t, _)| *t).chain([end]);
    own.iter()
        .zip(ends)
        .filter(|((_, phase), _)| of(*phase))
        .map(|((from, _), to)| to - from)
        .sum()
}

fn endings(log: &Log, of: impl Fn(Ending) -> bool) -> f64 {
    let counted = log
        .iter()
        .filter(|(_, fact)| matches!(fact, Fact::Ended(_, ending) if of(*ending)));
    counted.count() as f64
}

/// Seconds from free to talk, averaged, by walking back from each conversation.
fn mean_idle(log: &Log, agents: usize) -> f64 {
    let mut spells = Vec::new();
    for agent in 0..agents {
        let mut since = None;
        for (t, fact) in log {
            match fact {
                Fact::Agent(who, Phase::Idle(_)) if *who == agent => since = since.or(Some(*t)),
                Fact::Agent(who, Phase::Talk(_)) if *who == agent => {
                    spells.extend(since.take().map(|since: f64| t - since));
                }
                Fact::Agent(who, _) if *who == agent => since = None,
                _ => {}
            }
        }
    }
    spells.iter().sum::<f64>() / spells.len() as f64
}

/// Counts the first two hours again.
fn check(mut scenario: Scenario, seed: u64) {
    let two_hours = Seconds::new(7_200.0).unwrap();
    if scenario.duration > two_hours {
        scenario.duration = two_hours;
    }
    let scenario = &scenario;
    let (log, metrics) = run(scenario, seed, &mut Power::new(2.0));
    let agents = scenario.agents() as usize;
    let end = log.last().unwrap().0;
    let total =
        |of: fn(Phase) -> bool| -> f64 { (0..agents).map(|agent| seconds(&log, agent, end, of)).sum() };
    let busy = total(|phase| matches!(phase, Phase::Talk(_) | Phase::Wrap(_)));
    let staffed = total(|phase| !matches!(phase, Phase::Off | Phase::Break));
    let connected = endings(&log, |ending| {
        matches!(ending, Ending::Connected(Party::Person, _))
    });
    let abandoned = endings(&log, |ending| ending == Ending::Abandoned(Party::Person));
    let close = |what: &str, found: f64, by_hand: f64| {
        let name = &scenario.name;
        assert!(
            (found - by_hand).abs() <= 1e-9 * (1.0 + by_hand),
            "{name}: {what} {found}, by hand {by_hand}"
        );
    };
    close("occupancy", metrics.occupancy(), busy / staffed);
    close(
        "abandonment",
        metrics.abandonment(),
        abandoned / (connected + abandoned),
    );
    close(
        "connects",
        metrics.connects_per_hour(),
        connected / (staffed / 3_600.0),
    );
    close("idle", metrics.mean_idle(), mean_idle(&log, agents));
    close("dialed", metrics.dialed() as f64, endings(&log, |_| true));
    let waits = log.iter().filter_map(|(_, fact)| match fact {
        Fact::InboundConnected(_, wait) => Some(*wait),
        _ => None,
    });
    let waits: Vec<f64> = waits.collect();
    if let (Some(inbound), Some(level)) = (&scenario.inbound, metrics.inbound().service_level()) {
        let lost = log
            .iter()
            .filter(|(_, fact)| matches!(fact, Fact::InboundAbandoned(..)))
            .count();
        let in_time = waits.iter().filter(|wait| **wait <= inbound.sla.get()).count();
        close(
            "service level",
            level,
            in_time as f64 / (waits.len() + lost) as f64,
        );
        close(
            "starvation",
            metrics.starvation().inbound,
            inbound_starvation(&log),
        );
    }
}

/// The longest time without an inbound connection while somebody queues: looked at between all facts.
fn inbound_starvation(log: &Log) -> f64 {
    let (mut queued, mut since, mut longest) = (0, 0.0, 0.0_f64);
    for (t, fact) in log {
        if queued > 0 {
            longest = longest.max(t - since);
        }
        match fact {
            Fact::InboundQueued(_) => {
                queued += 1;
                since = if queued == 1 { *t } else { since };
            }
            Fact::InboundConnected(..) => {
                queued -= 1;
                since = *t;
            }
            Fact::InboundAbandoned(..) => queued -= 1,
            _ => {}
        }
    }
    longest
}

#[test]
fn metrics_are_what_the_log_says() {
    for name in [
        "plain-5",
        "churning-staff",
        "detection-errors",
        "limited-list",
        "blended-team",
        "blended-rush",
    ] {
        check(scenario(name), 11);
    }
    for seed in 100..110 {
        let scenario = random(seed);
        if scenario.agents() < 60 {
            check(scenario, seed);
        }
    }
}

#[test]
fn a_shock_shows_in_what_is_answered() {
    let scenario = scenario("shocks");
    let (log, _) = run(&scenario, 2, &mut AdaptiveLevel::default());
    let live = |from: f64, to: f64| {
        let of_calls = log.iter().filter(|(t, _)| (from..to).contains(t));
        let (mut live, mut all) = (0.0, 0.0);
        for (_, fact) in of_calls {
            if let Fact::Ended(_, ending) = fact {
                all += 1.0;
                live += f64::from(u8::from(matches!(
                    ending,
                    Ending::Connected(..) | Ending::Abandoned(_)
                )));
            }
        }
        live / all
    };
    // Half a minute after each change the calls dialed before it are over.
    assert!((live(1_000.0, 3_600.0) - 0.25).abs() < 0.03);
    assert!((live(3_630.0, 4_200.0) - 0.075).abs() < 0.03);
    assert!((live(12_630.0, 13_500.0) - 0.75).abs() < 0.06);
}
