//! A small centre that answers what is dialed, and random lines.

use pacing::protocol::{
    AgentEvent, Answer, CallEvent, Counts, Event, Id, InboundEvent, Line, Pool, Question, Start, Why,
};
use pacing::{Plan, State, decide};
use proptest::prelude::*;

pub(crate) fn start() -> Start {
    Start {
        duration: Some(3_600.0),
        agents_max: 10,
        ..Start::default()
    }
}

pub(crate) fn told(t: f64, event: Event) -> Line {
    Line {
        t,
        event,
        question: None,
        counts: Counts::default(),
    }
}

pub(crate) fn asked(t: f64, event: Event, counts: Counts) -> Line {
    let question = Some(match event {
        Event::SeizeQuery { .. } => Question::Seize,
        _ => Question::Dial,
    });
    Line {
        t,
        event,
        question,
        counts,
    }
}

pub(crate) fn begin(plan: &Plan, run: Start) -> State {
    let mut state = State::new(plan, run, 0.0);
    decide(plan, &mut state, &told(0.0, Event::Start(run)));
    state
}

fn event() -> impl Strategy<Value = Event> {
    let agent = (0u64..6).prop_map(Id::Number);
    let call = (0u64..40).prop_map(Id::Number);
    let pool = prop_oneof![Just(Pool::Outbound), Just(Pool::Inbound)];
    let why = prop_oneof![
        Just(Why::Freed),
        Just(Why::OutboundWaiting),
        Just(Why::InboundWaiting),
        Just(Why::Review)
    ];
    let agents = prop_oneof![
        Just(AgentEvent::LogOn),
        Just(AgentEvent::LogOff),
        Just(AgentEvent::Break),
        Just(AgentEvent::Back),
        Just(AgentEvent::Missed),
        proptest::option::of(pool.clone()).prop_map(AgentEvent::Available),
        (0.0..60.0f64).prop_map(AgentEvent::AboutToFinish),
        proptest::option::of(0.0..60.0f64).prop_map(AgentEvent::WrapStart),
    ];
    let connected = (0u64..6, 0.0..3.0f64).prop_map(|(agent, wait)| CallEvent::Connected {
        agent: Id::Number(agent),
        wait,
    });
    let calls = prop_oneof![
        6 => Just(CallEvent::Dialed),
        1 => Just(CallEvent::Ringing),
        2 => Just(CallEvent::Answered),
        1 => Just(CallEvent::Busy),
        1 => Just(CallEvent::NoAnswer),
        1 => Just(CallEvent::Invalid),
        1 => Just(CallEvent::Fax),
        1 => Just(CallEvent::Machine),
        1 => Just(CallEvent::LiveWaiting),
        2 => connected,
        1 => Just(CallEvent::Abandoned),
    ];
    let inbound = prop_oneof![
        Just(InboundEvent::Queued),
        Just(InboundEvent::Connected),
        Just(InboundEvent::Abandoned)
    ];
    prop_oneof![
        3 => Just(Event::Tick),
        3 => (agent.clone(), agents).prop_map(|(agent, event)| Event::Agent(agent, event)),
        6 => (call.clone(), calls).prop_map(|(call, event)| Event::Call(call, event)),
        1 => (call, inbound).prop_map(|(call, event)| Event::Inbound(call, event)),
        1 => (proptest::option::of(agent), why, pool).prop_map(|(agent, why, pool)| Event::SeizeQuery { agent, why, pool }),
    ]
}

fn counts() -> impl Strategy<Value = Counts> {
    let numbers = (0u32..8, 0u32..30, 0u32..3, 0u32..4, 0u32..4);
    (numbers, proptest::option::of(0u32..20)).prop_map(|(numbers, pending)| {
        let (idle, inflight, waiting, idle_in, in_queue) = numbers;
        Counts {
            idle: Some(idle),
            talk: Some(2),
            wrap: Some(1),
            inflight: Some(inflight),
            waiting: Some(waiting),
            idle_in: Some(idle_in),
            in_queue: Some(in_queue),
            in_wait: Some(f64::from(in_queue) * 5.0),
            pending,
        }
    })
}

/// Lines in any order, some with times that go back; each may ask.
pub(crate) fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (-1.0..4.0f64, event(), counts(), any::<bool>());
    proptest::collection::vec(line, 1..150).prop_map(|lines| {
        let mut t: f64 = 0.0;
        lines
            .into_iter()
            .map(|(gap, event, counts, asks)| {
                t = (t + gap).max(0.0);
                let seizes = matches!(event, Event::SeizeQuery { .. });
                if asks || seizes {
                    asked(t, event, counts)
                } else {
                    told(t, event)
                }
            })
            .collect()
    })
}

pub(crate) fn dial(answer: Option<Answer>) -> u32 {
    match answer {
        Some(Answer::Dial(calls)) => calls,
        other => panic!("not an answer to a question to dial: {other:?}"),
    }
}

pub(crate) fn seizes(answer: Option<Answer>) -> bool {
    match answer {
        Some(Answer::Seize(pool)) => pool == Pool::Outbound,
        other => panic!("not an answer to a question to seize: {other:?}"),
    }
}
