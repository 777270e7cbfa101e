//! INIT and SEIZE together: whoever is called in a mode that reserves an agent finds one.

use pacing::protocol::{AgentEvent, CallEvent, Counts, Event, Id, InboundEvent, Pool, Start, Why};
use pacing::{Limit, Mode, Plan, State, Window, decide};
use proptest::prelude::*;

use crate::lines::{asked, begin, dial, seizes, start, told};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Seconds pass, and it is asked how many calls to start.
    Tick(f64),
    /// A call ends without a person; or a person answers.
    Unanswered(usize),
    Answered(usize),
    /// Somebody who talks is done.
    Finished(usize),
    /// A caller comes; all who are free are looked at.
    Caller,
    Review,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0.0..6.0f64).prop_map(Act::Tick),
        3 => any::<usize>().prop_map(Act::Unanswered),
        3 => any::<usize>().prop_map(Act::Answered),
        4 => any::<usize>().prop_map(Act::Finished),
        3 => Just(Act::Caller),
        3 => Just(Act::Review),
    ];
    proptest::collection::vec(act, 1..120)
}

/// Plans that start a call for a free agent, whatever they do with agents.
fn plans() -> impl Strategy<Value = Plan> {
    let init = prop_oneof![
        Just(Plan::default().with_mode(Mode::Progressive)),
        Just(Plan::default().with_mode(Mode::Preview)),
        Just(Plan::default().with_init(" progressive() ").unwrap()),
    ];
    let seize = prop_oneof![
        Just("credit()"),
        Just("wait_compare()"),
        Just("threshold(2)"),
        Just("share(0.4)"),
        Just("agents.logged_on / 3"),
        Just("share(0.5) && inbound.oldest_wait < 15"),
        // Has no value while nobody queues.
        Just("1 / inbound.queue > 2"),
    ];
    (init, seize).prop_map(|(plan, seize)| plan.with_seize(seize).unwrap())
}

/// A blended centre where nobody leaves.
struct Centre {
    plan: Plan,
    state: State,
    t: f64,
    /// The free, who has been so longest first, and those who talk.
    free: Vec<(Id, Pool)>,
    talking: Vec<(Id, Pool)>,
    calls: Vec<Id>,
    queue: Vec<(Id, f64)>,
    names: u64,
    /// Persons who answered and found nobody.
    lost: usize,
}

impl Centre {
    fn of(plan: Plan, agents: u64) -> Self {
        let run = Start {
            blended: true,
            in_sla: Some(20.0),
            ..start()
        };
        let mut centre = Self {
            state: begin(&plan, run),
            plan,
            t: 0.0,
            free: Vec::new(),
            talking: Vec::new(),
            calls: Vec::new(),
            queue: Vec::new(),
            names: 0,
            lost: 0,
        };
        centre.log_on(agents);
        centre
    }

    fn log_on(&mut self, agents: u64) {
        for agent in 0..agents {
            let agent = Id::Number(agent);
            self.tell(Event::Agent(agent.clone(), AgentEvent::LogOn));
            self.is_free(agent, Pool::Inbound);
        }
    }

    fn tell(&mut self, event: Event) {
        decide(&self.plan, &mut self.state, &told(self.t, event));
    }

    fn named(&mut self) -> Id {
        self.names += 1;
        Id::Text(format!("call {}", self.names).into())
    }

    fn idle(&self, pool: Pool) -> usize {
        self.free.iter().filter(|(_, side)| *side == pool).count()
    }

    fn counts(&self) -> Counts {
        let count = |count: usize| Some(u32::try_from(count).unwrap());
        Counts {
            idle: count(self.idle(Pool::Outbound)),
            talk: count(self.talking.len()),
            wrap: Some(0),
            inflight: count(self.calls.len()),
            waiting: Some(0),
            idle_in: count(self.idle(Pool::Inbound)),
            in_queue: count(self.queue.len()),
            in_wait: Some(self.queue.first().map_or(0.0, |(_, since)| self.t - since)),
            pending: None,
        }
    }

    fn ask_dial(&mut self, event: Event) {
        let question = asked(self.t, event, self.counts());
        for _ in 0..dial(decide(&self.plan, &mut self.state, &question)) {
            let call = self.named();
            self.tell(Event::Call(call.clone(), CallEvent::Dialed));
            self.calls.push(call);
        }
    }

    fn side(&mut self, agent: &Id, why: Why, pool: Pool) -> Pool {
        let event = Event::SeizeQuery {
            agent: Some(agent.clone()),
            why,
            pool,
        };
        let question = asked(self.t, event, self.counts());
        if seizes(decide(&self.plan, &mut self.state, &question)) {
            Pool::Outbound
        } else {
            Pool::Inbound
        }
    }

    fn is_free(&mut self, agent: Id, pool: Pool) {
        let side = self.side(&agent, Why::Freed, pool);
        self.free.push((agent.clone(), side));
        self.ask_dial(Event::Agent(agent, AgentEvent::Available(Some(side))));
        self.serve();
    }

    fn takes(&mut self, pool: Pool) -> Option<Id> {
        let place = self.free.iter().position(|(_, side)| *side == pool)?;
        let (agent, _) = self.free.remove(place);
        self.talking.push((agent.clone(), pool));
        Some(agent)
    }

    fn serve(&mut self) {
        while !self.queue.is_empty() && self.takes(Pool::Inbound).is_some() {
            let (caller, _) = self.queue.remove(0);
            self.tell(Event::Inbound(caller, InboundEvent::Connected));
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Tick(seconds) => {
                self.t += seconds;
                self.ask_dial(Event::Tick);
            }
            Act::Unanswered(_) | Act::Answered(_) if self.calls.is_empty() => {}
            Act::Unanswered(place) => {
                let call = self.calls.remove(place % self.calls.len());
                self.ask_dial(Event::Call(call, CallEvent::NoAnswer));
            }
            Act::Answered(place) => {
                let call = self.calls.remove(place % self.calls.len());
                let Some(agent) = self.takes(Pool::Outbound) else {
                    self.lost += 1;
                    return;
                };
                self.ask_dial(Event::Call(call, CallEvent::Connected { agent, wait: 0.0 }));
            }
            Act::Finished(_) if self.talking.is_empty() => {}
            Act::Finished(place) => {
                let (agent, pool) = self.talking.remove(place % self.talking.len());
                self.is_free(agent, pool);
            }
            Act::Caller => {
                let caller = self.named();
                self.tell(Event::Inbound(caller.clone(), InboundEvent::Queued));
                self.queue.push((caller, self.t));
                if self.idle(Pool::Inbound) == 0 {
                    let first = self.free.iter().find(|(_, side)| *side == Pool::Outbound);
                    if let Some((agent, side)) = first.cloned() {
                        let side = self.side(&agent, Why::InboundWaiting, side);
                        self.moves(&agent, side);
                    }
                }
                self.serve();
            }
            Act::Review => {
                for (agent, side) in self.free.clone() {
                    let side = self.side(&agent, Why::Review, side);
                    self.moves(&agent, side);
                }
                self.serve();
            }
        }
    }

    fn moves(&mut self, agent: &Id, to: Pool) {
        for (free, side) in &mut self.free {
            if free == agent {
                *side = to;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whoever_answers_finds_the_agent_who_was_free(plan in plans(), agents in 1u64..9, acts in acts()) {
        let mut centre = Centre::of(plan, agents);
        for act in acts {
            centre.act(act);
            prop_assert!(centre.calls.len() <= centre.idle(Pool::Outbound), "after {:?}", act);
        }
        prop_assert_eq!(centre.lost, 0);
    }

    /// However many calls nobody answers, an agent is not reserved anew while a caller waits.
    #[test]
    fn a_caller_waits_no_longer_than_the_call_of_a_reserved_agent(agents in 2u64..9, ring in 5.0..22.0f64) {
        let mut centre = Centre::of(Plan::default().with_mode(Mode::Progressive), agents);
        centre.act(Act::Tick(1.0));
        prop_assert_eq!(centre.calls.len() as u64, agents);
        centre.act(Act::Caller);
        prop_assert_eq!(centre.queue.len(), 1);
        let until = centre.t + ring;
        while centre.t < until {
            centre.act(Act::Tick(1.0));
        }
        for _ in 0..agents {
            centre.act(Act::Unanswered(0));
        }
        prop_assert_eq!(centre.calls.len() as u64, agents - 1);
        centre.act(Act::Review);
        prop_assert!(centre.queue.is_empty());
        prop_assert_eq!(centre.lost, 0);
    }
}

#[test]
fn agents_are_reserved_while_a_budget_is_exceeded() {
    let limits = vec![Limit {
        rate: 0.03,
        window: Window::Last(1_800.0),
    }];
    for mode in [Mode::Power(3.0), Mode::Predictive(1.0)] {
        let plan = Plan::default().with_mode(mode).with_limits(limits.clone());
        let mut centre = Centre::of(plan, 0);
        for call in 0..9 {
            let call = Id::Number(call);
            centre.tell(Event::Call(call.clone(), CallEvent::Dialed));
            centre.tell(Event::Call(call, CallEvent::Abandoned));
        }
        centre.log_on(4);
        assert_eq!(centre.calls.len(), 4, "{mode:?}");
        centre.act(Act::Caller);
        centre.act(Act::Review);
        assert_eq!(
            (centre.queue.len(), centre.idle(Pool::Outbound)),
            (1, 4),
            "{mode:?}"
        );
        centre.act(Act::Unanswered(0));
        centre.act(Act::Review);
        assert_eq!((centre.queue.len(), centre.calls.len()), (0, 3), "{mode:?}");
    }
}
