//! Several works in one group, and what becomes of one in time.

use super::*;
use crate::budget::{Limit, Window};

/// So many works of different campaigns, whose calls want an agent each.
fn works<const N: usize>() -> [WorkId; N] {
    std::array::from_fn(|n| WorkId {
        campaign: Some(CampaignId::generate(at(0), 1 + n as u128)),
        mode: DialingMode::Progressive,
    })
}

fn agreed(work: &WorkId, terms: Terms) -> Happening {
    Happening::Terms {
        work: work.clone(),
        terms: Box::new(terms),
    }
}

fn with_priority(priority: u8) -> Terms {
    Terms {
        priority,
        ..*terms(DialingMode::Progressive)
    }
}

/// A call for one agent alone.
fn waits_for(work: &WorkId, n: u64, only: u64) -> Happening {
    Happening::Waits {
        work: work.clone(),
        calls: vec![Waiting {
            call: call(n),
            agent: Some(agent(only)),
            gateway: None,
        }],
    }
}

#[test]
fn works_share_agents_by_weight_and_yield_to_priority() {
    let mut group = Group::new(Settings::default(), at(0));
    let works = works::<3>();
    let mut happenings: Vec<_> = works
        .iter()
        .zip([(5, 1), (5, 2), (1, 9)])
        .map(|(work, (priority, weight))| {
            let terms = with_priority(priority);
            agreed(work, Terms { weight, ..terms })
        })
        .collect();
    happenings.extend((0..9).map(|n| free(n, 0)));
    for (place, work) in works.iter().enumerate() {
        happenings.extend((0..40).map(|n| waits(work, 100 * place as u64 + n)));
    }
    group.step(at(0), &happenings);
    let agents: Vec<_> = group.view().works.iter().map(|work| work.agents).collect();
    assert_eq!(agents, [3, 6, 0]);
    // The first two are paused: the third has everybody, once nothing of them is on its way.
    let mut closed = Vec::new();
    for work in &works[..2] {
        let terms = *terms(DialingMode::Progressive);
        closed.push(agreed(work, Terms { open: false, ..terms }));
    }
    group.step(at(1_000), &closed);
    let on_their_way: Vec<_> = group.on_their_way().cloned().collect();
    let ended: Vec<_> = on_their_way
        .into_iter()
        .map(|call| Happening::Call {
            call,
            seen: CallSeen::Over(CallResult::NoAnswer),
        })
        .collect();
    group.step(at(20_000), &ended);
    let agents: Vec<_> = group.view().works.iter().map(|work| work.agents).collect();
    assert_eq!(agents, [0, 0, 9]);
}

#[test]
fn a_blended_group_gives_everybody_back_when_nobody_is_to_be_called() {
    let settings = Settings {
        blended: true,
        ..Settings::default()
    };
    let (mut group, _) = group(DialingMode::Progressive, settings, 4, 2);
    let decisions = group.step(at(6_000), &[]);
    let let_go = decisions.iter().filter(|decision| {
        matches!(
            decision,
            Decision::Seize {
                side: Side::Inbound,
                ..
            }
        )
    });
    assert!(let_go.count() >= 2, "{decisions:?}");
}

#[test]
fn a_call_for_an_agent_who_is_not_there_keeps_nobody_from_work() {
    let mut group = Group::new(Settings::default(), at(0));
    let [urgent, usual] = works();
    let mut happenings = vec![
        agreed(&urgent, with_priority(9)),
        agreed(&usual, with_priority(5)),
        waits_for(&urgent, 100, 7),
    ];
    happenings.extend((0..4).map(|n| free(n, 0)));
    happenings.extend((0..9).map(|n| waits(&usual, n)));
    assert_eq!(dialed(&group.step(at(10), &happenings)).len(), 4);
    // Who comes has the call at once, and nobody else is taken for it.
    let decisions = group.step(at(1_000), &[free(7, 900), free(8, 900)]);
    let calls = dialed(&decisions);
    assert!(calls.contains(&(call(100), Some(agent(7)))), "{calls:?}");
    let decisions = group.step(at(2_000), &[]);
    assert_eq!(
        dialed(&decisions).len() + calls.len(),
        2,
        "{calls:?} {decisions:?}"
    );
    // One who serves another work is taken from it for a call of their own.
    let decisions = group.step(at(3_000), &[waits_for(&urgent, 101, 9), free(9, 2_900)]);
    assert_eq!(dialed(&decisions), [(call(101), Some(agent(9)))]);
}

#[test]
fn lines_that_are_few_go_to_all_works_in_turn() {
    let settings = Settings {
        calls_per_second: Some(1),
        ..Settings::default()
    };
    let mut group = Group::new(settings, at(0));
    let works = works::<2>();
    let mut happenings: Vec<_> = works.iter().map(|work| agreed(work, with_priority(5))).collect();
    happenings.extend((0..40).map(|n| free(n, 0)));
    for (place, work) in works.iter().enumerate() {
        happenings.extend((0..40).map(|n| waits(work, 100 * place as u64 + n)));
    }
    group.step(at(0), &happenings);
    for second in 1..10 {
        group.step(at(second * 1_010), &[]);
    }
    let dialed: Vec<_> = group.view().works.iter().map(|work| work.dialed).collect();
    assert_eq!(dialed, [5, 5]);
}

/// Calls that a formula starts while a budget over half an hour stands at a share, of the first `many` calls.
fn started_after(abandoned: u64, many: u64) -> usize {
    let mut group = Group::new(Settings::default(), at(0));
    let work = work(DialingMode::Power);
    let limits = vec![Limit {
        rate: 0.1,
        window: Window::Last(1_800.0),
    }];
    let limited = Terms {
        plan: plan(DialingMode::Power).with_limits(limits),
        ..*terms(DialingMode::Power)
    };
    let mut happenings = vec![agreed(&work, limited)];
    happenings.extend((0..10).map(|n| free(n, 0)));
    happenings.extend((0..20).map(|n| waits(&work, n)));
    let first = dialed(&group.step(at(0), &happenings));
    assert_eq!(first.len(), 20);
    let mut come_out = Vec::new();
    for (n, (id, _)) in (0..).zip(first) {
        let seen = |seen| Happening::Call {
            call: id.clone(),
            seen,
        };
        if n < many {
            come_out.push(seen(CallSeen::Live));
        }
        come_out.push(seen(CallSeen::Over(if n < abandoned {
            CallResult::Abandoned
        } else {
            CallResult::Machine
        })));
    }
    group.step(at(5_000), &come_out);
    let further: Vec<_> = (100..140).map(|n| waits(&work, n)).collect();
    dialed(&group.step(at(6_000), &further)).len()
}

#[test]
fn power_keeps_an_agent_for_each_call_while_a_budget_is_exceeded() {
    assert_eq!(started_after(1, 15), 20);
    assert_eq!(started_after(2, 15), 10);
}

#[test]
fn the_clock_is_the_same_for_works_that_begin_later() {
    let settings = Settings {
        time_of_day: 9.0 * 3_600.0,
        ..Settings::default()
    };
    let mut group = Group::new(settings, at(0));
    // From noon on, two calls for each agent.
    let source = "time.of_day >= 43200.0 ? power(2) : progressive()";
    let work = work(DialingMode::Power);
    let by_the_clock = Terms {
        plan: plan(DialingMode::Power).with_init(source).unwrap(),
        ..*terms(DialingMode::Power)
    };
    let mut happenings = vec![agreed(&work, by_the_clock), free(0, 0)];
    happenings.extend((0..4).map(|n| waits(&work, n)));
    // The work begins three hours after the group.
    assert_eq!(dialed(&group.step(at(3 * 3_600_000), &happenings)).len(), 2);
}

#[test]
fn in_a_blended_group_a_call_for_an_agent_who_serves_inbound_keeps_nobody_from_work() {
    let settings = Settings {
        blended: true,
        ..Settings::default()
    };
    let mut group = Group::new(settings, at(0));
    let [urgent, usual] = works();
    // Everybody may be seized for the one, and nobody for the other.
    let seizing = |priority, seize| Terms {
        plan: plan(DialingMode::Progressive).with_seize(seize).unwrap(),
        ..with_priority(priority)
    };
    let inbound = |n: u64| Happening::Agent {
        agent: agent(n),
        seen: seen(AgentState::Ready, 0, Side::Inbound),
    };
    let mut happenings = vec![
        agreed(&urgent, seizing(9, "share(0.0)")),
        agreed(&usual, seizing(5, "share(1.0)")),
        waits_for(&urgent, 100, 7),
    ];
    happenings.extend([1, 2, 7].map(inbound));
    happenings.extend((0..9).map(|n| waits(&usual, n)));
    let mut calls = dialed(&group.step(at(10), &happenings));
    for second in 1..10 {
        calls.extend(dialed(&group.step(at(second * 1_000), &[])));
    }
    assert!(calls.iter().any(|(id, _)| *id == call(0)), "{calls:?}");
}

#[test]
fn what_was_counted_outlives_a_rest() {
    let (mut group, decisions) = group(DialingMode::Power, Settings::default(), 1, 3);
    for (id, _) in dialed(&decisions) {
        let live = Happening::Call {
            call: id.clone(),
            seen: CallSeen::Live,
        };
        let lost = Happening::Call {
            call: id,
            seen: CallSeen::Over(CallResult::Abandoned),
        };
        group.step(at(5_000), &[live, lost]);
    }
    let work = work(DialingMode::Power);
    let size = |group: &Group| serde_json::to_string(group).unwrap().len();
    let opened = |open: bool| {
        let terms = *terms(DialingMode::Power);
        agreed(&work, Terms { open, ..terms })
    };
    group.step(at(6_000), &[opened(false)]);
    let waiting: Vec<_> = (0..3)
        .map(|n| Happening::Call {
            call: call(n),
            seen: CallSeen::NotStarted,
        })
        .collect();
    group.step(at(7_000), &waiting);
    let (abandoned, before) = (group.view().works[0].abandoned, size(&group));
    assert!(abandoned > 0);
    const DAY: i64 = 86_400_000;
    group.step(at(DAY + 10_000), &[]);
    assert!(size(&group) < 8_000, "{} of {before}", size(&group));
    // It reads back, and goes on with what it had counted.
    let mut group: Group = serde_json::from_str(&serde_json::to_string(&group).unwrap()).unwrap();
    group.step(
        at(DAY + 20_000),
        &[opened(true), waits(&work, 50), free(0, DAY + 20_000)],
    );
    assert_eq!(group.view().works[0].abandoned, abandoned);
    assert!(size(&group) > 20_000);
}
