//! A group against a small contact centre that lies, repeats itself and dies.

use std::collections::{BTreeMap, BTreeSet};

use domain::agent::{AgentState, Commitment, Side};
use domain::id::{ActivityId, AgentId, CampaignId};
use domain::time::{Millis, Timestamp};
use domain::voice::{CallResult, DialingMode};
use proptest::prelude::*;

use super::*;
use crate::budget::{Limit, Window};
use crate::plan::{Mode, Plan};

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
fn works_share_agents_by_weight_and_yield_to_priority() {
    let mut group = Group::new(Settings::default(), at(0));
    let works = [1, 2, 3].map(|n| WorkId {
        campaign: Some(CampaignId::generate(at(0), n)),
        mode: DialingMode::Progressive,
    });
    let agreed = |work: &WorkId, priority, weight| Happening::Terms {
        work: work.clone(),
        terms: Box::new(Terms {
            priority,
            weight,
            ..*terms(DialingMode::Progressive)
        }),
    };
    let mut happenings = vec![
        agreed(&works[0], 5, 1),
        agreed(&works[1], 5, 2),
        agreed(&works[2], 1, 9),
    ];
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
        let open = false;
        closed.push(Happening::Terms {
            work: work.clone(),
            terms: Box::new(Terms {
                open,
                ..*terms(DialingMode::Progressive)
            }),
        });
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

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A contact centre that plays along, and now and then does not.
struct Centre {
    dice: Dice,
    mode: DialingMode,
    agents: BTreeMap<AgentId, AgentState>,
    /// Calls on their way, and the agents kept for them.
    calls: BTreeMap<ActivityId, Option<AgentId>>,
    offered: BTreeMap<AgentId, ActivityId>,
    started: BTreeMap<ActivityId, u32>,
    next: u64,
}

impl Centre {
    fn happenings(&mut self, now: i64, side: Side) -> Vec<Happening> {
        let mut happenings = Vec::new();
        for _ in 0..self.dice.roll(4) {
            self.next += 1;
            happenings.push(waits(&work(self.mode), self.next));
        }
        let agents: Vec<_> = self
            .agents
            .iter()
            .map(|(id, state)| (id.clone(), *state))
            .collect();
        for (id, state) in agents {
            if self.dice.roll(6) == 0 {
                happenings.push(self.agent_moves(id, state, now, side));
            }
        }
        let calls: Vec<_> = self.calls.keys().cloned().collect();
        for id in calls {
            if self.dice.roll(8) == 0 {
                happenings.extend(self.call_moves(id, now));
            }
        }
        if self.dice.roll(5) == 0 {
            // Told twice, and in another order.
            let mut again = happenings.clone();
            again.reverse();
            happenings.extend(again);
        }
        happenings
    }

    fn agent_moves(&mut self, agent: AgentId, state: AgentState, now: i64, side: Side) -> Happening {
        if let Some(call) = self.offered.remove(&agent) {
            let answers = [OfferAnswer::Accept, OfferAnswer::Skip, OfferAnswer::Reject];
            let answer = answers[usize::try_from(self.dice.roll(3)).unwrap()];
            return Happening::Answer { agent, call, answer };
        }
        let state = match (state, self.dice.roll(4)) {
            (_, 0) => AgentState::NotReady,
            (AgentState::Busy, _) => AgentState::WrapUp,
            (AgentState::Reserved, _) => AgentState::Reserved,
            _ => AgentState::Seized,
        };
        self.agents.insert(agent.clone(), state);
        Happening::Agent {
            agent,
            seen: seen(state, now, side),
        }
    }

    fn call_moves(&mut self, call: ActivityId, now: i64) -> Vec<Happening> {
        let kept = self.calls.remove(&call).flatten();
        let results = [
            CallResult::NoAnswer,
            CallResult::Busy,
            CallResult::Machine,
            CallResult::Abandoned,
        ];
        let n = usize::try_from(self.dice.roll(6)).unwrap();
        if let Some(result) = results.get(n) {
            let seen = CallSeen::Over(*result);
            return vec![Happening::Call { call, seen }];
        }
        let seized =
            |(id, state): (&AgentId, &AgentState)| (*state == AgentState::Seized).then(|| id.clone());
        let Some(agent) = kept.or_else(|| self.agents.iter().find_map(seized)) else {
            let seen = CallSeen::Over(CallResult::Abandoned);
            return vec![Happening::Call { call, seen }];
        };
        self.agents.insert(agent.clone(), AgentState::Busy);
        let live = Happening::Call {
            call: call.clone(),
            seen: CallSeen::Live,
        };
        let busy = AgentSeen {
            activity: Some(call),
            ..seen(AgentState::Busy, now, Side::Outbound)
        };
        vec![live, Happening::Agent { agent, seen: busy }]
    }

    fn obey(&mut self, decisions: &[Decision]) {
        for decision in decisions {
            match decision {
                Decision::Dial { call, agent } => {
                    *self.started.entry(call.clone()).or_default() += 1;
                    self.calls.insert(call.clone(), agent.clone());
                    if let Some(agent) = agent {
                        self.agents.insert(agent.clone(), AgentState::Reserved);
                    }
                }
                Decision::Offer { call, agent, .. } => {
                    self.agents.insert(agent.clone(), AgentState::Reserved);
                    self.offered.insert(agent.clone(), call.clone());
                }
                Decision::Release { agent, .. } => {
                    self.offered.remove(agent);
                    if self.agents.get(agent) == Some(&AgentState::Reserved) {
                        self.agents.insert(agent.clone(), AgentState::Seized);
                    }
                }
                Decision::Missed { agent, .. } => {
                    self.offered.remove(agent);
                    self.agents.insert(agent.clone(), AgentState::NotReady);
                }
                Decision::Seize { .. } | Decision::PutBack { .. } | Decision::Reject { .. } => {}
            }
        }
    }
}

fn modes() -> impl Strategy<Value = DialingMode> {
    prop_oneof![
        Just(DialingMode::Preview),
        Just(DialingMode::Progressive),
        Just(DialingMode::Power),
        Just(DialingMode::Predictive),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_call_is_started_twice_and_no_agent_is_kept_twice(mode in modes(), seed: u64, blended: bool) {
        let settings = Settings { blended, lines: Some(12), calls_per_second: Some(8), ..Settings::default() };
        let mut group = Group::new(settings, at(0));
        let mut copy = group.clone();
        let mut centre = Centre {
            dice: Dice(seed),
            mode,
            agents: (0..6).map(|n| (agent(n), AgentState::NotReady)).collect(),
            calls: BTreeMap::new(),
            offered: BTreeMap::new(),
            started: BTreeMap::new(),
            next: 0,
        };
        let mut happenings = vec![Happening::Terms { work: work(mode), terms: terms(mode) }];
        let mut starts: Vec<i64> = Vec::new();
        for n in 0..400 {
            let now = n * 500;
            happenings.extend(centre.happenings(now, Side::Outbound));
            let decisions = group.step(at(now), &happenings);
            // A copy that was written down and read back decides the same.
            if n % 37 == 0 {
                copy = serde_json::from_str(&serde_json::to_string(&copy).unwrap()).unwrap();
            }
            prop_assert_eq!(&copy.step(at(now), &happenings), &decisions);
            happenings.clear();
            starts.extend(dialed(&decisions).iter().map(|_| now));
            starts.retain(|start| *start > now - 1_000);
            prop_assert!(starts.len() <= 8);
            if group.works().all(|work| work.mode.reserves_first()) {
                prop_assert!(dialed(&decisions).iter().all(|(_, agent)| agent.is_some()));
            }
            centre.obey(&decisions);
            let kept: Vec<_> = group.agents.values().filter_map(|seat| seat.kept.as_ref()).collect();
            let distinct: BTreeSet<_> = kept.iter().map(|kept| kept.call.clone()).collect();
            prop_assert_eq!(kept.len(), distinct.len());
            prop_assert!(group.view().works.iter().all(|work| work.in_flight + work.live_waiting <= 12));
        }
        prop_assert!(centre.started.values().all(|times| *times == 1));
        let view = group.view();
        let over: u64 = view.works.iter().map(|work| work.connected + work.abandoned + work.machines + work.unanswered).sum();
        let open: u64 = view.works.iter().map(|work| u64::from(work.in_flight + work.live_waiting)).sum();
        prop_assert_eq!(view.works.iter().map(|work| work.dialed).sum::<u64>(), over + open);
        prop_assert!(over > 0 || blended, "{view:?}");
    }
}

#[test]
fn a_call_for_an_agent_who_is_not_there_keeps_nobody_from_work() {
    let mut group = Group::new(Settings::default(), at(0));
    let [urgent, usual] = [1, 2].map(|n| WorkId {
        campaign: Some(CampaignId::generate(at(0), n)),
        mode: DialingMode::Progressive,
    });
    let agreed = |work: &WorkId, priority| Happening::Terms {
        work: work.clone(),
        terms: Box::new(Terms {
            priority,
            ..*terms(DialingMode::Progressive)
        }),
    };
    let named = |n: u64, only: u64| Happening::Waits {
        work: urgent.clone(),
        calls: vec![Waiting {
            call: call(n),
            agent: Some(agent(only)),
            gateway: None,
        }],
    };
    let mut happenings = vec![agreed(&urgent, 9), agreed(&usual, 5), named(100, 7)];
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
    let decisions = group.step(at(3_000), &[named(101, 9), free(9, 2_900)]);
    assert_eq!(dialed(&decisions), [(call(101), Some(agent(9)))]);
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
    let closed = |open: bool| Happening::Terms {
        work: work.clone(),
        terms: Box::new(Terms {
            open,
            ..*terms(DialingMode::Power)
        }),
    };
    group.step(at(6_000), &[closed(false)]);
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
        &[closed(true), waits(&work, 50), free(0, DAY + 20_000)],
    );
    assert_eq!(group.view().works[0].abandoned, abandoned);
    assert!(size(&group) > 20_000);
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

#[test]
fn lines_that_are_few_go_to_all_works_in_turn() {
    let settings = Settings {
        calls_per_second: Some(1),
        ..Settings::default()
    };
    let mut group = Group::new(settings, at(0));
    let works = [1, 2].map(|n| WorkId {
        campaign: Some(CampaignId::generate(at(0), n)),
        mode: DialingMode::Progressive,
    });
    let mut happenings: Vec<_> = works
        .iter()
        .map(|work| Happening::Terms {
            work: work.clone(),
            terms: terms(DialingMode::Progressive),
        })
        .collect();
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
    let agreed = Happening::Terms {
        work: work.clone(),
        terms: Box::new(Terms {
            plan: plan(DialingMode::Power).with_limits(limits),
            ..*terms(DialingMode::Power)
        }),
    };
    let mut happenings = vec![agreed];
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
    let agreed = Happening::Terms {
        work: work.clone(),
        terms: Box::new(Terms {
            plan: plan(DialingMode::Power).with_init(source).unwrap(),
            ..*terms(DialingMode::Power)
        }),
    };
    let mut happenings = vec![agreed, free(0, 0)];
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
    let [urgent, usual] = [1, 2].map(|n| WorkId {
        campaign: Some(CampaignId::generate(at(0), n)),
        mode: DialingMode::Progressive,
    });
    // Everybody may be seized for the one, and nobody for the other.
    let agreed = |work: &WorkId, priority, seize| Happening::Terms {
        work: work.clone(),
        terms: Box::new(Terms {
            priority,
            plan: plan(DialingMode::Progressive).with_seize(seize).unwrap(),
            ..*terms(DialingMode::Progressive)
        }),
    };
    let named = Happening::Waits {
        work: urgent.clone(),
        calls: vec![Waiting {
            call: call(100),
            agent: Some(agent(7)),
            gateway: None,
        }],
    };
    let inbound = |n: u64| Happening::Agent {
        agent: agent(n),
        seen: seen(AgentState::Ready, 0, Side::Inbound),
    };
    let mut happenings = vec![
        agreed(&urgent, 9, "share(0.0)"),
        agreed(&usual, 5, "share(1.0)"),
        named,
    ];
    happenings.extend([1, 2, 7].map(inbound));
    happenings.extend((0..9).map(|n| waits(&usual, n)));
    let mut calls = dialed(&group.step(at(10), &happenings));
    for second in 1..10 {
        calls.extend(dialed(&group.step(at(second * 1_000), &[])));
    }
    assert!(calls.iter().any(|(id, _)| *id == call(0)), "{calls:?}");
}
