//! What holds whatever happens, in whatever order, how often so ever.

use std::collections::BTreeSet;

use domain::activity::state::State;
use domain::channel::Channel;
use domain::id::ActivityId;
use flows::conversation::event::{Reply, StopOutcome};
use flows::{Conversation, Effect, Event, Flow, MAX_VISITS};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::common::{collection, conversation, demo, flow, reminder, second};

/// What may happen; messages and visits are counted back from the latest, as the generator cannot
/// know their ids.
#[derive(Clone, Debug)]
enum Happening {
    Started,
    Timer(u32),
    Changed(usize, State),
    Failed(usize, &'static str),
    WrapUp(Option<usize>, &'static str),
    Reply(Option<usize>, u8),
    External(u8),
    DataSet(Json),
    Stopped,
    Hold,
    Release,
    Wait(u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    let state = prop::sample::select(State::ALL.to_vec());
    let data = prop::sample::select(vec![
        json!({"tone": "x"}),
        json!({"tone": null, "reminders": 7}),
        json!({"due": -1}),
        json!({"nonsense": 1}),
        json!({"paidAt": "2026-03-01T10:00:00Z"}),
    ]);
    prop_oneof![
        5 => Just(Happening::Started),
        40 => (0_u32..3).prop_map(Happening::Timer),
        30 => (0_usize..2).prop_map(|message| Happening::Changed(message, State::Sent)),
        60 => (0_usize..3, state).prop_map(|(message, state)| Happening::Changed(message, state)),
        20 => (0_usize..2, prop::sample::select(vec!["USER_BUSY", "NO_ANSWER", "ANSWERING_MACHINE", "?"]))
            .prop_map(|(call, reason)| Happening::Failed(call, reason)),
        5 => (prop::option::of(0_usize..3), prop::sample::select(vec!["PROMISE", "later", "?"]))
            .prop_map(|(call, code)| Happening::WrapUp(call, code)),
        10 => (prop::option::of(0_usize..3), 0_u8..3).prop_map(|(to, id)| Happening::Reply(to, id)),
        5 => (0_u8..3).prop_map(Happening::External),
        5 => data.prop_map(Happening::DataSet),
        1 => Just(Happening::Stopped),
        8 => Just(Happening::Hold),
        8 => Just(Happening::Release),
        40 => (1_u32..400_000).prop_map(Happening::Wait),
    ]
}

/// Everything that a run leaves behind.
#[derive(Debug, PartialEq)]
struct Trace {
    conversation: Conversation,
    effects: Vec<Effect>,
    bits: Vec<String>,
}

fn event(happening: &Happening, conversation: &Conversation, now: i64) -> Option<Event> {
    let message = |back: usize| conversation.messages.iter().rev().nth(back);
    Some(match happening {
        Happening::Started => Event::Started,
        Happening::Timer(back) => Event::Timer {
            visit: conversation.visit.checked_sub(*back)?,
        },
        Happening::Changed(place, state) => Event::ActivityChanged {
            activity: message(*place)?.activity.clone(),
            visit: message(*place)?.visit,
            state: *state,
            reason: Some("code".to_owned()),
            at: second(now),
        },
        Happening::Failed(place, reason) => Event::ActivityChanged {
            activity: message(*place)?.activity.clone(),
            visit: message(*place)?.visit,
            state: State::Failed,
            reason: Some((*reason).to_owned()),
            at: second(now),
        },
        Happening::WrapUp(of, code) => Event::WrapUp {
            activity: of.and_then(message).map(|facts| facts.activity.clone()),
            code: (*code).to_owned(),
            at: second(now),
        },
        Happening::Reply(to, id) => Event::Reply(Reply {
            activity: to.and_then(message).map(|facts| facts.activity.clone()),
            visit: None,
            message_id: format!("in-{id}"),
            text: if *id == 0 { "ok" } else { "what?" }.to_owned(),
            body_type: "PLAIN".to_owned(),
            at: second(i64::from(*id)),
        }),
        Happening::External(kind) => Event::External {
            name: if *kind == 0 { "rain" } else { "payment" }.to_owned(),
            data: if *kind == 1 {
                json!({"at": "2026-03-01T10:00:00Z"})
            } else {
                json!(null)
            },
            at: second(now),
        },
        Happening::DataSet(values) => Event::DataSet {
            values: serde_json::from_value(values.clone()).unwrap(),
            expected: Default::default(),
        },
        Happening::Stopped => Event::Stopped {
            outcome: StopOutcome::Stopped,
        },
        Happening::Hold | Happening::Release | Happening::Wait(_) => return None,
    })
}

/// Runs, and sees after every step that what must hold holds.
fn run(flow: &Flow, start: Conversation, happenings: &[Happening]) -> Result<Trace, TestCaseError> {
    let mut trace = Trace {
        conversation: start,
        effects: Vec::new(),
        bits: Vec::new(),
    };
    let (mut now, mut is_paused) = (0_i64, false);
    for (version, happening) in (1_u64..).zip(happenings) {
        match happening {
            Happening::Wait(seconds) => now += i64::from(*seconds),
            Happening::Hold => is_paused = true,
            _ => {}
        }
        let before = trace.conversation.clone();
        let step = if matches!(happening, Happening::Release) {
            is_paused = false;
            flows::release(flow, before.clone(), second(now), version)
        } else if let Some(event) = event(happening, &before, now) {
            let apply = if is_paused { flows::hold } else { flows::step };
            apply(flow, before.clone(), &event, second(now), version)
        } else {
            continue;
        };
        let Ok(step) = step else {
            prop_assert!(
                matches!(happening, Happening::DataSet(_)),
                "{:?}: {:?}",
                happening,
                step
            );
            continue;
        };
        let after = &step.conversation;
        prop_assert_eq!(step.changed, *after != before);
        prop_assert!(after.visit <= MAX_VISITS && after.visit >= before.visit);
        if !before.is_running() {
            prop_assert_eq!(
                (&after.status, after.visit, &after.node),
                (&before.status, before.visit, &before.node)
            );
            prop_assert!(step.effects.is_empty() && after.wake.is_none());
        }
        if is_paused && !matches!(happening, Happening::Stopped) {
            prop_assert_eq!((after.visit, &after.status), (before.visit, &before.status));
        }
        if matches!(happening, Happening::Timer(1..)) {
            prop_assert!(!step.changed, "a timer of another visit");
        }
        // Written and read again, a conversation is the same.
        let stored = serde_json::to_string(after).unwrap();
        prop_assert!(stored.len() < 100_000);
        prop_assert_eq!(&serde_json::from_str::<Conversation>(&stored).unwrap(), after);
        trace
            .bits
            .push(stored + &serde_json::to_string(&step.effects).unwrap());
        trace.effects.extend(step.effects);
        trace.conversation = step.conversation;
    }
    let ids: Vec<ActivityId> = trace
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Schedule(schedule) => Some(schedule.activity_id()),
            Effect::Cancel { .. } => None,
        })
        .collect();
    prop_assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "ids are unique"
    );
    let kept: Vec<_> = trace
        .conversation
        .messages
        .iter()
        .map(|facts| facts.activity.clone())
        .collect();
    prop_assert_eq!(kept, ids, "every activity has its facts");
    Ok(trace)
}

fn flows() -> [(Flow, Conversation); 3] {
    [demo(), reminder(), collection()].map(|document| {
        let flow = flow(&document);
        let channels = Channel::ALL;
        let conversation = conversation(&flow, &channels, json!({"amount": 50, "invoice": "R"}));
        (flow, conversation)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens(happenings in prop::collection::vec(happening(), 0..60)) {
        for (flow, start) in flows() {
            let mut happenings = happenings.clone();
            happenings.insert(0, Happening::Started);
            let first = run(&flow, start.clone(), &happenings)?;
            prop_assert_eq!(first, run(&flow, start, &happenings)?, "the same events, the same bits");
        }
    }

    /// Once the flow has been left, receipts in any order and number lead to the same facts.
    #[test]
    fn receipts_after_the_end_commute(
        receipts in prop::collection::vec((0_usize..3, prop::sample::select(State::ALL.to_vec())), 0..8)
            .prop_flat_map(|receipts| (Just(receipts.clone()), Just(receipts).prop_shuffle())),
    ) {
        let (flow, start) = &flows()[0];
        let (receipts, shuffled) = receipts;
        let end = |receipts: &[(usize, State)]| {
            let mut happenings = vec![
                Happening::Started,
                Happening::Changed(0, State::Sent),
                Happening::Wait(5),
                Happening::Timer(0),
                Happening::Stopped,
            ];
            let twice = receipts.iter().chain(receipts);
            happenings.extend(twice.map(|(place, state)| Happening::Changed(*place, *state)));
            run(flow, start.clone(), &happenings).map(|trace| trace.conversation)
        };
        prop_assert_eq!(end(&receipts)?, end(&shuffled)?);
    }
}
