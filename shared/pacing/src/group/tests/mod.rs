//! A group, step by step.

use std::collections::{BTreeMap, BTreeSet};

use domain::agent::{AgentState, Commitment, Side};
use domain::id::{ActivityId, AgentId, CampaignId};
use domain::time::{Millis, Timestamp};
use domain::voice::{CallResult, DialingMode};

use super::*;
use crate::plan::{Mode, Plan};

mod centre;
mod works;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

fn agent(n: u64) -> AgentId {
    AgentId::parse(&format!("agent{n}")).unwrap()
}

fn call(n: u64) -> ActivityId {
    ActivityId::generate(at(0), u128::from(n))
}

fn work(mode: DialingMode) -> WorkId {
    WorkId {
        campaign: Some(CampaignId::generate(at(0), 1)),
        mode,
    }
}

fn plan(mode: DialingMode) -> Plan {
    Plan::default().with_mode(match mode {
        DialingMode::Preview => Mode::Preview,
        DialingMode::Progressive => Mode::Progressive,
        DialingMode::Power => Mode::Power(2.0),
        DialingMode::Predictive => Mode::Predictive(1.0),
    })
}

fn terms(mode: DialingMode) -> Box<Terms> {
    Box::new(Terms {
        open: true,
        plan: plan(mode),
        limit: 0.03,
        priority: 5,
        weight: 1,
    })
}

fn seen(state: AgentState, since: i64, side: Side) -> AgentSeen {
    AgentSeen {
        state,
        since: at(since),
        side,
        activity: None,
        finishes_at: None,
        promised: false,
        commitments: Vec::new(),
    }
}

fn free(n: u64, since: i64) -> Happening {
    Happening::Agent {
        agent: agent(n),
        seen: seen(AgentState::Seized, since, Side::Outbound),
    }
}

fn waits(work: &WorkId, n: u64) -> Happening {
    Happening::Waits {
        work: work.clone(),
        calls: vec![Waiting {
            call: call(n),
            agent: None,
            gateway: None,
        }],
    }
}

fn over(n: u64, result: CallResult) -> Happening {
    Happening::Call {
        call: call(n),
        seen: CallSeen::Over(result),
    }
}

/// A group with so many free agents and calls that wait in a mode.
fn group(mode: DialingMode, settings: Settings, agents: u64, calls: u64) -> (Group, Vec<Decision>) {
    let mut group = Group::new(settings, at(0));
    let work = work(mode);
    let mut happenings = vec![Happening::Terms {
        work: work.clone(),
        terms: terms(mode),
    }];
    happenings.extend((0..agents).map(|n| free(n, 0)));
    happenings.extend((0..calls).map(|n| waits(&work, n)));
    let decisions = group.step(at(10), &happenings);
    (group, decisions)
}

fn dialed(decisions: &[Decision]) -> Vec<(ActivityId, Option<AgentId>)> {
    decisions
        .iter()
        .filter_map(|decision| match decision {
            Decision::Dial { call, agent } => Some((call.clone(), agent.clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn progressive_keeps_an_agent_for_each_call() {
    let (mut group, decisions) = group(DialingMode::Progressive, Settings::default(), 3, 10);
    let calls = dialed(&decisions);
    let agents: BTreeSet<_> = calls.iter().filter_map(|(_, agent)| agent.clone()).collect();
    assert_eq!((calls.len(), agents.len()), (3, 3));
    assert_eq!(dialed(&group.step(at(1_000), &[])), []);
    // The line is busy: its agent is let go, and gets the next contact.
    let decisions = group.step(at(2_000), &[over(0, CallResult::Busy)]);
    assert!(matches!(decisions[0], Decision::Release { .. }), "{decisions:?}");
    assert_eq!(dialed(&decisions).len(), 1);
}

#[test]
fn power_dials_so_many_for_each_free_agent() {
    let (_, decisions) = group(DialingMode::Power, Settings::default(), 3, 10);
    assert_eq!(dialed(&decisions).len(), 6);
}

#[test]
fn lines_and_calls_per_second_bound_what_is_started() {
    let settings = Settings {
        lines: Some(4),
        ..Settings::default()
    };
    assert_eq!(dialed(&group(DialingMode::Power, settings, 9, 50).1).len(), 4);
    let settings = Settings {
        calls_per_second: Some(5),
        ..Settings::default()
    };
    let (mut group, decisions) = group(DialingMode::Power, settings, 9, 50);
    assert_eq!(dialed(&decisions).len(), 5);
    assert_eq!(dialed(&group.step(at(900), &[])).len(), 0);
    assert_eq!(dialed(&group.step(at(1_010), &[])).len(), 5);
}

#[test]
fn nobody_counts_on_an_agent_who_is_promised_elsewhere() {
    let settings = Settings {
        commitment_lead: Millis::seconds(60),
        ..Settings::default()
    };
    for mode in DialingMode::ALL {
        let (mut group, _) = group(mode, settings.clone(), 0, 30);
        let promised = |from: i64, until: i64| Happening::Agent {
            agent: agent(1),
            seen: AgentSeen {
                commitments: vec![
                    Commitment {
                        from: at(from),
                        until: at(until),
                    },
                    Commitment {
                        from: at(900_000),
                        until: at(960_000),
                    },
                ],
                ..seen(AgentState::Seized, 0, Side::Outbound)
            },
        };
        let begun = |decisions: &[Decision]| {
            let is_begun =
                |decision: &&Decision| matches!(decision, Decision::Dial { .. } | Decision::Offer { .. });
            decisions.iter().filter(is_begun).count()
        };
        // From a minute before until the end.
        assert_eq!(
            begun(&group.step(at(1_000), &[promised(60_999, 120_000)])),
            0,
            "{mode:?}"
        );
        for now in [30_000, 61_000, 119_999] {
            assert_eq!(begun(&group.step(at(now), &[])), 0, "{mode:?}, {now}");
        }
        assert_eq!(group.view().free, 0);
        assert!(begun(&group.step(at(120_000), &[])) > 0, "{mode:?}");
    }
    // Far enough ahead, a conversation still fits in.
    let (mut group, _) = group(DialingMode::Progressive, settings, 0, 30);
    let seen = AgentSeen {
        commitments: vec![Commitment {
            from: at(61_000),
            until: at(120_000),
        }],
        ..seen(AgentState::Seized, 0, Side::Outbound)
    };
    let free = Happening::Agent {
        agent: agent(1),
        seen,
    };
    assert_eq!(dialed(&group.step(at(1_000), &[free])).len(), 1);
}

#[test]
fn a_gateway_without_room_is_passed_over() {
    let gateway = |name: &str| ConnectorId::parse(name).unwrap();
    let bears = |lines, calls_per_second| Gateway {
        lines,
        calls_per_second,
    };
    let settings = Settings {
        gateways: [
            (gateway("north"), bears(Some(3), None)),
            (gateway("south"), bears(None, Some(2))),
        ]
        .into(),
        ..Settings::default()
    };
    for mode in [DialingMode::Progressive, DialingMode::Power] {
        let (mut group, _) = group(mode, settings.clone(), 20, 0);
        let through = |n: u64| ["north", "south", "west"][usize::try_from(n % 3).unwrap()];
        let calls = (0..60).map(|n| Waiting {
            call: call(n),
            agent: None,
            gateway: Some(gateway(through(n))),
        });
        let waits = Happening::Waits {
            work: work(mode),
            calls: calls.collect(),
        };
        let count = |decisions: &[Decision]| {
            let mut counts = BTreeMap::<_, usize>::new();
            for (id, _) in dialed(decisions) {
                let n = (0..60).find(|n| call(*n) == id).unwrap();
                *counts.entry(through(n)).or_default() += 1;
            }
            ["north", "south", "west"].map(|name| counts.get(name).copied().unwrap_or(0))
        };
        let first = count(&group.step(at(20), &[waits]));
        assert_eq!(first[..2], [3, 2], "{mode:?}");
        assert!(first[2] >= 15, "{mode:?}: {first:?}");
        assert_eq!(count(&group.step(at(500), &[]))[..2], [0, 0], "{mode:?}");
        // A line of the north is free again, and the second of the south is over.
        let next = count(&group.step(at(1_100), &[over(0, CallResult::Busy)]));
        assert!(
            next[0] <= 1 && next[1] <= 2 && next[0] + next[1] > 0,
            "{mode:?}: {next:?}"
        );
    }
}

#[test]
fn a_call_that_was_not_started_after_all_is_not_counted() {
    let (mut group, decisions) = group(DialingMode::Progressive, Settings::default(), 1, 9);
    let started = dialed(&decisions);
    let [(first, _)] = &started[..] else {
        panic!("{decisions:?}")
    };
    assert_eq!(group.view().works[0].dialed, 1);
    let not_started = Happening::Call {
        call: first.clone(),
        seen: CallSeen::NotStarted,
    };
    // The agent gets the next one, which is counted instead.
    let next = dialed(&group.step(at(1_000), &[not_started]));
    assert_eq!((next.len(), group.view().works[0].dialed), (1, 1));
}

#[test]
fn a_preview_is_shown_then_dialed_or_not() {
    let (mut group, decisions) = group(DialingMode::Preview, Settings::default(), 1, 9);
    let [
        Decision::Offer {
            call: shown,
            agent,
            until,
        },
    ] = &decisions[..]
    else {
        panic!("{decisions:?}")
    };
    assert_eq!(*until, at(10) + Millis::seconds(60));
    let answer = |call: &ActivityId, answer| Happening::Answer {
        agent: agent.clone(),
        call: call.clone(),
        answer,
    };
    // Nothing else is shown meanwhile, and an answer to something else is void.
    assert_eq!(
        group.step(at(1_000), &[answer(&call(5), OfferAnswer::Accept)]),
        []
    );
    let decisions = group.step(at(2_000), &[answer(shown, OfferAnswer::Skip)]);
    assert!(decisions.contains(&Decision::PutBack {
        call: shown.clone(),
        after: Millis::minutes(10),
    }));
    let Some(Decision::Offer { call: second, .. }) = decisions.last() else {
        panic!("{decisions:?}")
    };
    assert_ne!(shown, second);
    let decisions = group.step(at(3_000), &[answer(second, OfferAnswer::Accept)]);
    assert_eq!(dialed(&decisions), [(second.clone(), Some(agent.clone()))]);
    // The customer is on the line: the agent who is kept for the call has it.
    let live = Happening::Call {
        call: second.clone(),
        seen: CallSeen::Live,
    };
    group.step(at(9_000), &[live]);
    assert_eq!(group.view().works[0].connected, 1);
}

#[test]
fn a_preview_that_nobody_looks_at_takes_the_agent_out() {
    let (mut group, _) = group(DialingMode::Preview, Settings::default(), 1, 9);
    let decisions = group.step(at(60_010), &[]);
    assert!(matches!(
        &decisions[..],
        [
            Decision::Missed { .. },
            Decision::PutBack {
                after: Millis::ZERO,
                ..
            }
        ]
    ));
    assert_eq!(group.step(at(61_000), &[]), []);
}

#[test]
fn a_preview_of_a_campaign_that_stops_is_taken_off_the_screen() {
    let (mut group, decisions) = group(DialingMode::Preview, Settings::default(), 1, 9);
    let [
        Decision::Offer {
            call: shown, agent, ..
        },
    ] = &decisions[..]
    else {
        panic!("{decisions:?}")
    };
    let mut closed = terms(DialingMode::Preview);
    closed.open = false;
    let stops = Happening::Terms {
        work: work(DialingMode::Preview),
        terms: closed,
    };
    let decisions = group.step(at(1_000), &[stops]);
    let call = shown.clone();
    let expected = [
        Decision::Release {
            agent: agent.clone(),
            call: call.clone(),
        },
        Decision::PutBack {
            call,
            after: Millis::ZERO,
        },
    ];
    assert_eq!(decisions, expected);
    let accepted = Happening::Answer {
        agent: agent.clone(),
        call: shown.clone(),
        answer: OfferAnswer::Accept,
    };
    assert_eq!(group.step(at(2_000), &[accepted]), []);
}

#[test]
fn a_call_for_one_agent_waits_for_that_one() {
    let (mut group, _) = group(DialingMode::Progressive, Settings::default(), 0, 0);
    let work = work(DialingMode::Progressive);
    let named = Happening::Waits {
        work: work.clone(),
        calls: vec![Waiting {
            call: call(1),
            agent: Some(agent(7)),
            gateway: None,
        }],
    };
    let decisions = group.step(at(1_000), &[named, free(1, 900)]);
    assert_eq!(dialed(&decisions), []);
    let decisions = group.step(at(2_000), &[waits(&work, 2)]);
    assert_eq!(dialed(&decisions), [(call(2), Some(agent(1)))]);
    let decisions = group.step(at(3_000), &[free(7, 2_900)]);
    assert_eq!(dialed(&decisions), [(call(1), Some(agent(7)))]);
}

#[test]
fn who_leaves_is_not_kept() {
    let (mut group, decisions) = group(DialingMode::Preview, Settings::default(), 1, 1);
    let [Decision::Offer { agent, .. }] = &decisions[..] else {
        panic!("{decisions:?}")
    };
    let gone = Happening::Agent {
        agent: agent.clone(),
        seen: seen(AgentState::LoggedOff, 5_000, Side::Inbound),
    };
    let decisions = group.step(at(5_000), &[gone]);
    assert!(matches!(&decisions[..], [Decision::PutBack { .. }]));
    assert_eq!(group.view().agents, 0);
}

#[test]
fn the_agent_and_the_receipt_may_tell_of_a_conversation_in_any_order() {
    let talks = Happening::Agent {
        agent: agent(0),
        seen: AgentSeen {
            activity: Some(call(0)),
            ..seen(AgentState::Busy, 5_000, Side::Outbound)
        },
    };
    let live = Happening::Call {
        call: call(0),
        seen: CallSeen::Live,
    };
    for order in [[&talks, &live], [&live, &talks]] {
        let (mut group, _) = group(DialingMode::Power, Settings::default(), 1, 2);
        for happening in order {
            group.step(at(5_000), std::slice::from_ref(happening));
        }
        let view = group.view();
        assert_eq!((view.works[0].connected, view.works[0].live_waiting), (1, 0));
        assert_eq!((view.works[0].in_flight, view.free), (1, 0));
    }
}

#[test]
fn accepted_previews_wait_for_a_line() {
    let settings = Settings {
        lines: Some(4),
        calls_per_second: Some(2),
        ..Settings::default()
    };
    let (mut group, decisions) = group(DialingMode::Preview, settings, 6, 6);
    let mut accepted: Vec<_> = decisions
        .iter()
        .filter_map(|decision| match decision {
            Decision::Offer { call, agent, .. } => Some((call.clone(), agent.clone())),
            _ => None,
        })
        .collect();
    // Not all were shown at once.
    while accepted.len() < 4 {
        let until = at(20 + i64::try_from(accepted.len()).unwrap());
        for decision in group.step(until, &[]) {
            if let Decision::Offer { call, agent, .. } = decision {
                accepted.push((call, agent));
            }
        }
    }
    let answers: Vec<_> = accepted
        .iter()
        .map(|(call, agent)| Happening::Answer {
            agent: agent.clone(),
            call: call.clone(),
            answer: OfferAnswer::Accept,
        })
        .collect();
    let first = dialed(&group.step(at(2_000), &answers));
    assert_eq!(first.len(), 2);
    assert_eq!(dialed(&group.step(at(2_500), &[])), []);
    // An agent who leaves before the call is started leaves it to the next.
    let (left, gone) = accepted
        .iter()
        .find(|(call, _)| first.iter().all(|(dialed, _)| dialed != call))
        .unwrap();
    let leaves = Happening::Agent {
        agent: gone.clone(),
        seen: seen(AgentState::NotReady, 2_600, Side::Outbound),
    };
    let decisions = group.step(at(2_600), &[leaves]);
    assert!(decisions.contains(&Decision::PutBack {
        call: left.clone(),
        after: Millis::ZERO
    }));
    let second = dialed(&group.step(at(3_010), &[]));
    assert_eq!(second.len(), accepted.len() - 3);
    assert!(
        second
            .iter()
            .all(|(call, agent)| accepted.contains(&(call.clone(), agent.clone().unwrap())))
    );
}

#[test]
fn a_call_of_which_nothing_is_heard_gives_agent_and_line_back() {
    for mode in [DialingMode::Progressive, DialingMode::Power] {
        let settings = Settings {
            lines: Some(1),
            ..Settings::default()
        };
        let (mut group, decisions) = group(mode, settings, 1, 5);
        let [(lost, kept)] = &dialed(&decisions)[..] else {
            panic!("{decisions:?}")
        };
        assert_eq!(dialed(&group.step(at(202_000), &[])), [], "{mode:?}");
        let decisions = group.step(at(202_020), &[]);
        let release = kept.clone().map(|agent| Decision::Release {
            agent,
            call: lost.clone(),
        });
        assert_eq!(
            decisions.first().filter(|_| kept.is_some()),
            release.as_ref(),
            "{mode:?}"
        );
        assert_eq!(dialed(&decisions).len(), 1, "{mode:?}");
        assert!(!group.knows(lost), "{mode:?}");
    }
}

#[test]
fn an_inbound_call_that_is_told_of_too_late_does_not_wait_for_ever() {
    let (mut group, _) = group(DialingMode::Power, Settings::default(), 0, 0);
    let inbound = |name: &str, event| Happening::Inbound {
        call: name.into(),
        event,
    };
    group.step(
        at(1_000),
        &[
            inbound("a", InboundSeen::Connected),
            inbound("a", InboundSeen::Queued),
            inbound("b", InboundSeen::Queued),
        ],
    );
    assert_eq!(group.view().in_queue, 1);
    // That the other was served is never told.
    group.step(at(3_601_000), &[]);
    assert_eq!(group.view().in_queue, 0);
}
