//! What a decision costs in a skill group of 500 agents with 1,000 calls in flight.
//!
//! `cargo bench -p pacing`

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pacing::protocol::{AgentEvent, CallEvent, Counts, Event, Id, Line, Question, Start};
use pacing::{Plan, State, decide};

const AGENTS: u32 = 500;
const IN_FLIGHT: u32 = 1_000;
/// Seconds before the moment that is measured.
const SECONDS: u32 = 600;
/// Calls that are dialed in each of them, of which every fourth is answered by a person.
const DIALED: u32 = 10;
/// Seconds of a conversation with its wrap-up.
const HANDLING: u32 = 170;

fn line(t: u32, event: Event) -> Line {
    Line {
        t: f64::from(t),
        event,
        question: None,
        counts: Counts::default(),
    }
}

fn question(t: u32) -> Line {
    Line {
        question: Some(Question::Dial),
        ..line(t, Event::Tick)
    }
}

/// A run until the moment that is measured, in the order of time.
fn day() -> Vec<Line> {
    let agent = |agent: u32| Id::from(u64::from(agent % AGENTS));
    let mut lines = vec![line(
        0,
        Event::Start(Start {
            agents_max: AGENTS,
            duration: Some(28_800.0),
            ..Start::default()
        }),
    )];
    for name in 0..AGENTS {
        lines.push(line(0, Event::Agent(agent(name), AgentEvent::LogOn)));
        lines.push(line(0, Event::Agent(agent(name), AgentEvent::Available(None))));
    }
    let begun = lines.len();
    let mut open = 0;
    for call in 0..SECONDS * DIALED {
        let dialed = call / DIALED;
        let id = Id::from(u64::from(call));
        let mut happens = |after: u32, event| lines.push(line(dialed + after, event));
        happens(0, Event::Call(id.clone(), CallEvent::Dialed));
        happens(2, Event::Call(id.clone(), CallEvent::Ringing));
        let after = if call % 4 > 0 { 20 } else { 5 + call % 11 };
        open += u32::from(dialed + after > SECONDS);
        if call % 4 > 0 {
            happens(after, Event::Call(id, CallEvent::NoAnswer));
            continue;
        }
        let agent = agent(call / 4);
        let connected = CallEvent::Connected {
            agent: agent.clone(),
            wait: 0.0,
        };
        happens(after, Event::Call(id, connected));
        happens(
            after + HANDLING - 20,
            Event::Agent(agent.clone(), AgentEvent::WrapStart(None)),
        );
        happens(after + HANDLING, Event::Agent(agent, AgentEvent::Available(None)));
    }
    lines.retain(|line| line.t <= f64::from(SECONDS));
    // As many calls more as make the number in flight, dialed over the last seconds.
    for call in 0..IN_FLIGHT - open {
        let id = Id::Text(format!("late {call}").into());
        lines.push(line(SECONDS - call % 8, Event::Call(id, CallEvent::Dialed)));
    }
    if let Some(run) = lines.get_mut(begun..) {
        run.sort_by(|a, b| a.t.total_cmp(&b.t));
    }
    lines
}

fn run(plan: &Plan, lines: &[Line]) -> State {
    let mut state = State::new(plan, Start::default(), 0.0);
    for line in lines {
        black_box(decide(plan, &mut state, line));
    }
    state
}

fn measure(criterion: &mut Criterion) {
    let plan = Plan::default();
    let lines = day();
    let state = run(&plan, &lines);
    let stored = serde_json::to_vec(&state).expect("a state can be stored");
    println!(
        "state of {AGENTS} agents and {IN_FLIGHT} calls: {} bytes as JSON",
        stored.len()
    );

    let (now, next) = (question(SECONDS), question(SECONDS + 1));
    let mut same = state.clone();
    decide(&plan, &mut same, &next);
    criterion.bench_function("a decision", |bencher| {
        bencher.iter(|| black_box(decide(&plan, &mut same, black_box(&next))));
    });
    criterion.bench_function("the first decision of a second", |bencher| {
        let fresh = || {
            let mut state = state.clone();
            decide(&plan, &mut state, &now);
            state
        };
        bencher.iter_batched_ref(
            fresh,
            |state| black_box(decide(&plan, state, &next)),
            BatchSize::LargeInput,
        );
    });
    let mut events = criterion.benchmark_group("events");
    events.throughput(Throughput::Elements(lines.len() as u64));
    events.sample_size(10);
    events.bench_function("ten minutes", |bencher| bencher.iter(|| run(&plan, &lines)));
    events.finish();
}

criterion_group!(benches, measure);
criterion_main!(benches);
