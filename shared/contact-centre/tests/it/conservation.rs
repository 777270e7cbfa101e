//! Nothing is lost and nothing appears; a seed gives one run.

use std::collections::BTreeMap;

use contact_centre::scenario::{LIBRARY, random};
use contact_centre::{AdaptiveLevel, Fact, Phase, Power, Scenario};

use crate::harness::{run, scenario};

fn check(scenario: &Scenario, seed: u64) {
    let (facts, metrics) = run(scenario, seed, &mut Power::new(2.0));
    let mut open = BTreeMap::new();
    let (mut inbound, mut before, mut ends) = (BTreeMap::new(), 0.0, 0);
    for (t, fact) in &facts {
        assert!(
            *t >= before && *t <= scenario.duration.get(),
            "{}: time runs on",
            scenario.name
        );
        before = *t;
        match fact {
            Fact::Dialed(call) => assert!(open.insert(*call, 0).is_none(), "dialed twice"),
            Fact::Ended(call, _) => *open.get_mut(call).expect("ended before it was dialed") += 1,
            Fact::InboundQueued(call) => assert!(inbound.insert(*call, 0).is_none()),
            Fact::InboundConnected(call, _) | Fact::InboundAbandoned(call, _) => {
                *inbound.get_mut(call).unwrap() += 1;
            }
            Fact::End => ends += 1,
            _ => {}
        }
    }
    assert_eq!(ends, 1);
    assert!(!open.is_empty(), "{}: nothing was dialed", scenario.name);
    assert!(
        open.values().all(|endings| *endings == 1),
        "{}: each call ends once",
        scenario.name
    );
    assert!(inbound.values().all(|endings| *endings <= 1), "{}", scenario.name);

    let all = metrics.agent_seconds(|_| true);
    let whole = f64::from(scenario.agents()) * metrics.ended();
    assert!(
        (all - whole).abs() < 1e-6 * whole,
        "{}: {all} of {whole} s",
        scenario.name
    );
    assert_eq!(metrics.agent_seconds(|phase| phase == Phase::Free), 0.0);
}

#[test]
fn calls_end_once_and_time_adds_up() {
    for known in LIBRARY {
        check(&scenario(known.name), 3);
    }
    for seed in 0..20 {
        check(&random(seed), seed);
    }
}

#[test]
fn a_seed_gives_one_run() {
    for name in ["churning-staff", "blended-rush", "detection-errors"] {
        let scenario = scenario(name);
        let once = |seed| run(&scenario, seed, &mut AdaptiveLevel::default()).0;
        let first = once(5);
        assert_eq!(first, once(5), "{name}");
        assert_ne!(first, once(6), "{name}");
    }
}

#[test]
fn lines_and_contacts_bound_what_is_dialed() {
    let mut bounded = scenario("limited-list");
    bounded.contacts = Some(500);
    let (facts, metrics) = run(&bounded, 1, &mut Power::new(50.0));
    assert_eq!(metrics.dialed(), 500);
    assert!(metrics.refused_lines() > 0 && metrics.refused_contacts() > 0);
    assert!(
        metrics.ended() < bounded.duration.get(),
        "the run ends with its contacts"
    );
    let (mut open, mut most) = (0_i64, 0);
    for (_, fact) in facts {
        match fact {
            Fact::Dialed(_) => open += 1,
            Fact::Ended(..) => open -= 1,
            _ => {}
        }
        most = most.max(open);
    }
    // In flight are at most twelve lines per agent; beside them only those wait who were live.
    assert!((200..=300).contains(&most), "{most}");
}
