//! A group against a small contact centre that lies, repeats itself and dies.

use proptest::prelude::*;

use super::*;

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
