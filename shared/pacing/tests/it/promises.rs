//! What holds whatever happens.

use pacing::protocol::{
    AgentEvent, Answer, CallEvent, Counts, Event, Id, InboundEvent, Line, Pool, Start, Why,
};
use pacing::{Limit, Mode, Plan, State, Window, decide};
use proptest::prelude::*;

use crate::lines::{asked, begin, dial, lines, seizes, start, told};

fn plans() -> impl Strategy<Value = Plan> {
    prop_oneof![
        Just(Plan::default()),
        Just(Plan::default().with_mode(Mode::Progressive)),
        Just(Plan::default().with_mode(Mode::Power(2.5))),
        Just(
            Plan::default()
                .with_init("power(1 / rates.answer) + 1 / calls.ringing")
                .unwrap()
        ),
        Just(
            Plan::default()
                .with_seize("wait_compare() || share(0.3)")
                .unwrap()
        ),
        Just(Plan::default().with_limits(vec![Limit {
            rate: 0.03,
            window: Window::Last(1_800.0),
        }])),
    ]
}

/// How a call ends.
fn ending() -> impl Strategy<Value = CallEvent> {
    prop_oneof![
        Just(CallEvent::Busy),
        Just(CallEvent::NoAnswer),
        Just(CallEvent::Invalid),
        Just(CallEvent::Fax),
        Just(CallEvent::Machine),
        Just(CallEvent::Abandoned),
        Just(CallEvent::Connected {
            agent: Id::Number(1),
            wait: 0.5,
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_state_read_back_decides_the_same(plan in plans(), lines in lines(), blended: bool, cut in 0usize..150) {
        let mut state = begin(&plan, Start { blended, ..start() });
        let mut copy = state.clone();
        for (place, line) in lines.iter().enumerate() {
            let answer = decide(&plan, &mut state, line);
            prop_assert_eq!(answer, decide(&plan, &mut copy, line));
            if place == cut {
                let stored = serde_json::to_string(&copy).unwrap();
                copy = serde_json::from_str::<State>(&stored).unwrap();
                prop_assert!(copy == state);
            }
        }
        prop_assert!(copy == state);
    }

    #[test]
    fn questions_and_nothing_else_are_answered_within_bounds(plan in plans(), lines in lines(), blended: bool) {
        let run = Start { blended, ..start() };
        let mut state = begin(&plan, run);
        for line in &lines {
            let answer = decide(&plan, &mut state, line);
            prop_assert_eq!(answer.is_some(), line.question.is_some());
            if let Some(Answer::Dial(calls)) = answer {
                // Six agents have names here; the counts of a line may know of more.
                let busy = line.counts.talk.unwrap() + line.counts.wrap.unwrap();
                let staff = f64::from((line.counts.idle.unwrap() + busy).max(6));
                let lines = staff * run.max_lines_per_agent;
                prop_assert!(calls <= line.counts.pending.unwrap_or(u32::MAX));
                prop_assert!(f64::from(calls + line.counts.inflight.unwrap()) <= lines.max(f64::from(line.counts.inflight.unwrap())));
            }
        }
    }

    #[test]
    fn a_line_that_repeats_changes_nothing(lines in lines()) {
        let plan = Plan::default();
        let mut once = begin(&plan, start());
        let mut twice = once.clone();
        for line in &lines {
            let answer = decide(&plan, &mut once, line);
            decide(&plan, &mut twice, line);
            // Dialing the same call again after its end would be a call of its own.
            if !matches!(line.event, Event::Call(_, CallEvent::Dialed)) {
                prop_assert_eq!(answer, decide(&plan, &mut twice, line));
            }
        }
        prop_assert!(once == twice);
    }

    #[test]
    fn a_line_from_the_past_counts_as_of_now(plan in plans(), lines in lines()) {
        let mut stale = begin(&plan, start());
        let mut prompt = stale.clone();
        let mut now: f64 = 0.0;
        for line in &lines {
            now = now.max(line.t);
            let answer = decide(&plan, &mut stale, line);
            prop_assert_eq!(answer, decide(&plan, &mut prompt, &Line { t: now, ..line.clone() }));
        }
        prop_assert!(stale == prompt);
    }

    #[test]
    fn what_comes_after_the_end_of_a_call_changes_nothing(end in ending(), late in ending(), waits: bool) {
        let plan = Plan::default();
        let mut state = begin(&plan, start());
        let mut tell = |event| {
            decide(&plan, &mut state, &told(1.0, Event::Call(Id::Number(7), event)));
            state.clone()
        };
        tell(CallEvent::Dialed);
        if waits && matches!(end, CallEvent::Abandoned | CallEvent::Connected { .. } | CallEvent::Machine) {
            tell(CallEvent::LiveWaiting);
        }
        let ended = tell(end);
        for event in [late, CallEvent::Ringing, CallEvent::Answered, CallEvent::LiveWaiting] {
            prop_assert!(tell(event) == ended);
        }
    }

    #[test]
    fn abandonment_is_what_counting_finds(calls in proptest::collection::vec((0.0..20.0f64, ending(), any::<bool>()), 1..80)) {
        let plan = Plan::default();
        let mut state = begin(&plan, start());
        let mut lines = Vec::new();
        let (mut live, mut abandoned) = (0.0, 0.0);
        for (place, (after, end, waits)) in calls.into_iter().enumerate() {
            let t = place as f64;
            let mut call = |t, event| lines.push(told(t, Event::Call(Id::Number(place as u64), event)));
            call(t, CallEvent::Dialed);
            if matches!(end, CallEvent::Connected { .. } | CallEvent::Abandoned) {
                live += 1.0;
                abandoned += f64::from(u8::from(end == CallEvent::Abandoned));
                if waits {
                    call(t + after / 2.0, CallEvent::LiveWaiting);
                }
            }
            call(t + after, end);
        }
        lines.sort_by(|a, b| a.t.total_cmp(&b.t));
        for line in &lines {
            decide(&plan, &mut state, line);
        }
        let question = asked(200.0, Event::Tick, Counts::default());
        let seen = pacing::trial::at(&plan, &state, &question).unwrap().seen;
        let share = if live > 0.0 { abandoned / live } else { 0.0 };
        prop_assert_eq!(seen.abandonment, share);
        prop_assert_eq!((seen.in_flight, seen.waiting), (0, 0));
    }

    #[test]
    fn progressive_never_has_more_calls_than_free_agents(idle in 0u32..20, waiting in 0u32..5, inflight in 0u32..30) {
        let plan = Plan::default().with_mode(Mode::Progressive);
        let mut state = begin(&plan, start());
        let counts = Counts { idle: Some(idle), waiting: Some(waiting), inflight: Some(inflight), ..Counts::default() };
        let calls = dial(decide(&plan, &mut state, &asked(1.0, Event::Tick, counts)));
        prop_assert!(calls == 0 || calls + inflight + waiting <= idle);
    }
}

#[test]
fn a_formula_that_fails_falls_back_to_progressive() {
    let plan = Plan::default().with_init("1 / calls.ringing").unwrap();
    let mut state = begin(&plan, start());
    let counts = Counts {
        idle: Some(3),
        ..Counts::default()
    };
    assert_eq!(
        dial(decide(&plan, &mut state, &asked(1.0, Event::Tick, counts))),
        3
    );
}

#[test]
fn nothing_is_dialed_beyond_the_contacts() {
    let plan = Plan::default().with_mode(Mode::Power(4.0));
    let mut state = begin(&plan, start());
    let counts = Counts {
        idle: Some(3),
        pending: Some(2),
        ..Counts::default()
    };
    assert_eq!(
        dial(decide(&plan, &mut state, &asked(1.0, Event::Tick, counts))),
        2
    );
}

#[test]
fn a_machine_that_was_taken_for_a_person_waits_no_more() {
    let plan = Plan::default().with_mode(Mode::Progressive);
    let mut state = begin(&plan, start());
    let counts = Counts {
        idle: Some(1),
        ..Counts::default()
    };
    let mut after = |event| {
        let line = told(1.0, Event::Call(Id::Number(1), event));
        decide(&plan, &mut state, &line);
        dial(decide(&plan, &mut state, &asked(1.0, Event::Tick, counts)))
    };
    after(CallEvent::Dialed);
    assert_eq!(after(CallEvent::LiveWaiting), 0);
    assert_eq!(after(CallEvent::Machine), 1);
}

fn query(why: Why, pool: Pool) -> Event {
    let agent = Some(Id::Number(1));
    Event::SeizeQuery { agent, why, pool }
}

fn blended(agents: u64, seized: u64) -> (Plan, State) {
    let plan = Plan::default();
    let run = Start {
        blended: true,
        in_sla: Some(20.0),
        ..start()
    };
    let mut state = begin(&plan, run);
    for agent in 0..agents {
        let agent = Id::Number(agent);
        let pool = if agent < Id::Number(seized) {
            Pool::Outbound
        } else {
            Pool::Inbound
        };
        decide(
            &plan,
            &mut state,
            &told(0.0, Event::Agent(agent.clone(), AgentEvent::LogOn)),
        );
        let available = AgentEvent::Available(Some(pool));
        decide(&plan, &mut state, &told(0.0, Event::Agent(agent, available)));
    }
    (plan, state)
}

#[test]
fn in_a_rush_each_side_keeps_some_agents() {
    let rush = Counts {
        in_queue: Some(30),
        in_wait: Some(100.0),
        idle_in: Some(0),
        ..Counts::default()
    };
    // Of 20 agents, one is on the outbound side: a tenth may be.
    let (plan, mut state) = blended(20, 1);
    assert!(seizes(decide(
        &plan,
        &mut state,
        &asked(1.0, query(Why::Freed, Pool::Inbound), rush)
    )));
    let (plan, mut state) = blended(20, 5);
    assert!(!seizes(decide(
        &plan,
        &mut state,
        &asked(1.0, query(Why::Freed, Pool::Outbound), rush)
    )));
}

#[test]
fn late_inbound_calls_keep_agents_for_inbound() {
    let (plan, mut state) = blended(20, 5);
    let calm = Counts {
        in_queue: Some(0),
        idle_in: Some(2),
        ..Counts::default()
    };
    let review = || asked(500.0, query(Why::Review, Pool::Inbound), calm);
    assert!(seizes(decide(&plan, &mut state.clone(), &review())));
    for call in 0..8 {
        let call = Id::Number(call);
        decide(
            &plan,
            &mut state,
            &told(1.0, Event::Inbound(call.clone(), InboundEvent::Queued)),
        );
        decide(
            &plan,
            &mut state,
            &told(90.0, Event::Inbound(call, InboundEvent::Abandoned)),
        );
    }
    assert!(!seizes(decide(&plan, &mut state, &review())));
}
