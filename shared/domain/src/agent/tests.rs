use proptest::prelude::*;

use super::expertflow::Vocabulary;
use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

fn agent() -> Agent {
    let id = AgentId::parse("ada").unwrap();
    Agent::new(id, TenantId::parse("t").unwrap(), "Ada".to_owned(), at(0))
}

fn report(sequence: u64, event: AgentEvent) -> AgentReport {
    AgentReport {
        sequence,
        at: at(i64::try_from(sequence).unwrap() * 1_000),
        event,
    }
}

fn writing() -> Writing {
    Writing {
        now: at(100_000_000),
        version: 2,
    }
}

fn take(agent: Agent, report: &AgentReport) -> Agent {
    match agent.clone().take(report, writing()) {
        Taken::Changed(changed) => *changed,
        Taken::Stale => agent,
    }
}

fn after(events: &[AgentEvent]) -> Agent {
    let reports = events.iter().zip(1..);
    reports.fold(agent(), |agent, (event, sequence)| {
        take(agent, &report(sequence, event.clone()))
    })
}

#[test]
fn a_day_at_work() {
    use AgentEvent as E;
    let activity = ActivityId::generate(at(0), 7);
    let offered = after(&[
        E::LogOn,
        E::Ready,
        E::Offered {
            activity: Some(activity.clone()),
        },
    ]);
    assert_eq!((offered.state, offered.since), (AgentState::Reserved, at(3_000)));
    let busy = take(offered, &report(4, E::Busy { activity: None }));
    assert_eq!((busy.state, &busy.activity), (AgentState::Busy, &Some(activity)));
    let left = Seconds::new(12.5).unwrap();
    let ending = take(busy, &report(5, E::AboutToFinish { left }));
    assert_eq!(ending.finishes_at, Some(at(17_500)));
    // What is announced does not make a new state.
    assert_eq!(ending.since, at(4_000));
    let wrapping = take(ending, &report(6, E::WrapUp { left: None }));
    assert_eq!((wrapping.state, wrapping.finishes_at), (AgentState::WrapUp, None));
    let free = take(wrapping, &report(7, E::Ready));
    assert_eq!((free.state, free.activity), (AgentState::Ready, None));
    let told: Vec<_> = free
        .log
        .entries()
        .iter()
        .map(|entry| entry.event.to.name())
        .collect();
    assert_eq!(
        told,
        ["NOT_READY", "READY", "RESERVED", "BUSY", "WRAP_UP", "READY"]
    );
}

#[test]
fn a_seized_agent_stays_seized_over_conversations_and_until_the_end_of_work() {
    use AgentEvent as E;
    let seized = after(&[E::LogOn, E::Ready]).assign(Side::Outbound, writing());
    assert_eq!(seized.state, AgentState::Seized);
    let busy = take(seized, &report(3, E::Busy { activity: None }));
    let again = take(busy.clone(), &report(4, E::Ready));
    assert_eq!(again.state, AgentState::Seized);
    assert_eq!(
        again.clone().assign(Side::Inbound, writing()).state,
        AgentState::Ready
    );
    // Who is in conversation is let go when it is over.
    let let_go = busy.assign(Side::Inbound, writing());
    assert_eq!(let_go.state, AgentState::Busy);
    assert_eq!(take(let_go, &report(4, E::Ready)).state, AgentState::Ready);
    let gone = take(again, &report(5, E::LogOff));
    let back = take(take(gone, &report(6, E::LogOn)), &report(7, E::Ready));
    assert_eq!(back.state, AgentState::Ready);
}

#[test]
fn who_misses_a_call_is_not_ready_and_everybody_sees_why() {
    use AgentEvent as E;
    let missed = after(&[E::LogOn, E::Ready, E::Offered { activity: None }, E::Missed]);
    assert_eq!(missed.state, AgentState::NotReady);
    let last = missed.log.entries().last().unwrap();
    assert_eq!(last.event.reason.as_deref(), Some("rona"));
}

#[test]
fn expertflows_names_are_understood() {
    use AgentEvent as E;
    use Vocabulary as V;
    let paused = |reason: &str| E::Break {
        reason: Some(reason.to_owned()),
    };
    for (vocabulary, name, reason, event) in [
        (V::Agent, "LOGIN", None, E::LogOn),
        (V::Agent, "NOT_READY", Some("lunch"), paused("lunch")),
        (V::Agent, "LOGOUT", None, E::LogOff),
        (V::MediaRoutingDomain, "READY", None, E::Ready),
        (V::MediaRoutingDomain, "PENDING_NOT_READY", None, E::BreakFollows),
        (V::MediaRoutingDomain, "ACTIVE", None, E::Busy { activity: None }),
        (V::MediaRoutingDomain, "BUSY", None, E::Busy { activity: None }),
        (V::Task, "WRAP_UP", None, E::WrapUp { left: None }),
        (V::Task, "CLOSED", Some("RONA"), E::Missed),
    ] {
        assert_eq!(vocabulary.event(name, reason), Some(event), "{name}");
    }
    for vocabulary in [V::Agent, V::MediaRoutingDomain, V::Task] {
        for name in vocabulary.names() {
            assert!(vocabulary.event(name, None).is_some(), "{name}");
        }
        assert_eq!(vocabulary.event("ready", None), None);
    }
}

#[test]
fn seconds_are_finite_and_at_most_a_day() {
    for bad in [f64::NAN, f64::INFINITY, -0.001, 86_400.001] {
        assert_eq!(Seconds::new(bad), Err(SecondsError));
    }
    assert_eq!(Seconds::new(0.001).unwrap().millis(), crate::time::Millis::new(1));
}

fn any_event() -> impl Strategy<Value = AgentEvent> {
    use AgentEvent as E;
    let left = Seconds::new(5.0).unwrap();
    prop_oneof![
        Just(E::LogOn),
        Just(E::Ready),
        Just(E::Offered { activity: None }),
        Just(E::Busy { activity: None }),
        Just(E::AboutToFinish { left }),
        Just(E::WrapUp { left: Some(left) }),
        Just(E::BreakFollows),
        Just(E::Break { reason: None }),
        Just(E::Missed),
        Just(E::LogOff),
    ]
}

proptest! {
    #[test]
    fn repeats_and_stragglers_change_nothing(
        events in proptest::collection::vec(any_event(), 1..30),
        late in proptest::collection::vec((0usize..30, 0usize..30), 0..20),
    ) {
        let reports: Vec<_> = events.iter().cloned().zip(1..).map(|(event, n)| report(n, event)).collect();
        let straight = reports.iter().fold(agent(), take);
        // Each straggler is told again somewhere behind its place.
        let mut told = reports.clone();
        for (which, by) in late {
            let which = which % reports.len();
            let place = told.iter().position(|other| other.sequence == reports[which].sequence).unwrap();
            told.insert((place + 1 + by).min(told.len()), reports[which].clone());
        }
        prop_assert_eq!(told.iter().fold(agent(), take), straight);
    }

    #[test]
    fn what_is_stored_reads_back(events in proptest::collection::vec(any_event(), 0..10)) {
        let agent = after(&events);
        let json = serde_json::to_string(&agent).unwrap();
        prop_assert_eq!(serde_json::from_str::<Agent>(&json).unwrap(), agent);
    }
}

#[test]
fn a_seized_agent_is_kept_for_a_call_until_it_has_come_out() {
    use AgentEvent as E;
    let call = ActivityId::generate(at(0), 7);
    let shown = Reservation {
        activity: call.clone(),
        offered_until: Some(at(60_000)),
    };
    let ready = after(&[E::LogOn, E::Ready]);
    assert_eq!(ready.clone().reserve(shown.clone(), writing()), None, "inbound's");
    let kept = ready
        .assign(Side::Outbound, writing())
        .reserve(shown.clone(), writing())
        .unwrap();
    assert_eq!(
        (kept.state, kept.reservation.as_ref()),
        (AgentState::Reserved, Some(&shown))
    );
    // A routing engine that repeats itself does not end it; another call does not get the agent.
    let kept = take(kept, &report(3, E::Ready));
    assert_eq!(kept.reservation, Some(shown.clone()));
    let other = Reservation {
        activity: ActivityId::generate(at(0), 8),
        offered_until: None,
    };
    assert_eq!(kept.clone().reserve(other.clone(), writing()), None);
    assert_eq!(kept.clone().let_go(&other.activity, writing()), None);
    let dialed = Reservation {
        offered_until: None,
        ..shown
    };
    let kept = kept.reserve(dialed.clone(), writing()).unwrap();
    assert_eq!(kept.reservation, Some(dialed));
    let free = kept.clone().let_go(&call, writing()).unwrap();
    assert_eq!(
        (free.state, free.activity, free.reservation),
        (AgentState::Seized, None, None)
    );
    let missed = kept.clone().miss(&call, writing()).unwrap();
    assert_eq!(missed.state, AgentState::NotReady);
    let busy = take(kept, &report(4, E::Busy { activity: None }));
    assert_eq!((busy.activity.as_ref(), busy.reservation), (Some(&call), None));
    assert_eq!(busy.log.entries().last().unwrap().event.activity, Some(call));
}
