use std::net::SocketAddr;

use connectors::simulator::SimulatorConfig;
use serde_json::{Value, json};

use super::super::hours::{Groups, choose};
use super::*;
use compliance::TimeZone;

/// A message to one person, tried once and refused by the provider, and all that follows from it.
struct Case {
    imported: Imported,
    campaign: Campaign,
    recount: Recount,
    history: History,
    barred: Vec<Barred>,
    received: Received,
}

const NOW: &str = "2026-11-23T12:00:00Z";

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

fn case(activity: Value, consent: &str) -> Case {
    let london = TimeZone::parse("Europe/London").unwrap();
    let contact = json!({
        "customerId": "C-1",
        "addresses": {"whatsapp": "+442079460958"},
        "consent": [{"channels": "all", "status": consent, "source": "test", "at": NOW}],
    });
    let mut recount = Recount {
        activities: vec![serde_json::from_value(activity).unwrap()],
        conversations: vec![
            serde_json::from_value(json!({"customerId": "C-1", "outcome": "not_reached"})).unwrap(),
        ],
        progress: Progress::default(),
    };
    recount.progress = recount.counted();
    let mut received = Received::default();
    received.kinds = recount.told();
    let of = |activity: &Activity| (activity.id.clone(), activity.customer_id.clone(), activity.state);
    Case {
        imported: Imported {
            list: "lst_1".to_owned(),
            rows: serde_json::from_value(json!({"accepted": 1, "duplicates": 0, "rejected": 0})).unwrap(),
            rejects: BTreeMap::new(),
            contacts: vec![serde_json::from_value(contact).unwrap()],
        },
        campaign: Campaign {
            id: "cmp_1".to_owned(),
            choice: choose(&Groups::from([(vec![london], 1)]), london, now(), 1.0),
        },
        history: recount.activities.iter().map(of).collect(),
        recount,
        barred: Vec::new(),
        received,
    }
}

fn activity(left: &str) -> Value {
    let event = |happening: &str, to: &str| json!({"happening": happening, "at": left, "from": "SCHEDULED", "to": to});
    json!({
        "id": "act_1", "channel": "whatsapp", "to": "+442079460958", "customerId": "C-1", "dueAt": NOW,
        "state": "FAILED", "attempt": 1, "verdict": {"at": left, "code": "allowed"},
        "events": [event("scheduled", "SCHEDULED"), event("failed", "FAILED")],
    })
}

fn barred(source: &str, at: &str, subject: (&str, &str)) -> Barred {
    let mut entry = json!({"source": source, "createdAt": at});
    entry[subject.0] = json!(subject.1);
    serde_json::from_value(entry).unwrap()
}

/// The promises that a case breaks.
async fn broken(case: &Case) -> Vec<&'static str> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let simulator = Simulator::start(listen, SimulatorConfig::default())
        .await
        .unwrap();
    let evidence = Evidence {
        now: now(),
        rows: 1,
        imported: &case.imported,
        campaign: &case.campaign,
        recount: &case.recount,
        history: &case.history,
        barred: &case.barred,
        received: &case.received,
        simulator: &simulator,
    };
    let checks = all(&evidence);
    simulator.stop().await;
    checks
        .into_iter()
        .filter(|check| check.against.is_some())
        .map(|check| check.promise)
        .collect()
}

#[tokio::test]
async fn what_is_right_passes() {
    assert!(broken(&case(activity(NOW), "granted")).await.is_empty());
}

#[tokio::test]
async fn each_promise_is_seen_to_be_broken() {
    let right = || case(activity(NOW), "granted");
    let mut cases = vec![
        ("without consent", case(activity(NOW), "denied")),
        (
            "before its time",
            case(activity("2026-11-23T11:59:59.999Z"), "granted"),
        ),
        ("calling hours", case(activity("2026-11-24T03:00:00Z"), "granted")),
    ];
    let mut change = |promise, change: &dyn Fn(&mut Case)| {
        let mut case = right();
        change(&mut case);
        cases.push((promise, case));
    };
    let before = "2026-11-23T11:59:59Z";
    for subject in [("customerId", "C-1"), ("address", "+442079460958")] {
        change("do-not-contact", &|case| {
            case.barred.push(barred("demo", before, subject))
        });
        change("opting out", &|case| {
            case.barred.push(barred(OPT_OUT_SOURCE, before, subject))
        });
    }
    change("rows", &|case| case.imported.rows.duplicates = 1);
    change("exactly one conversation", &|case| case.imported.contacts.clear());
    change("ended", &|case| {
        case.recount.conversations[0].outcome = None;
        case.recount.progress = case.recount.counted();
        case.received.kinds = case.recount.told();
    });
    change("counters", &|case| {
        *case
            .recount
            .progress
            .activities
            .get_mut("whatsapp")
            .unwrap()
            .get_mut("FAILED")
            .unwrap() += 1
    });
    change("histories", &|case| case.history.clear());
    change("webhooks", &|case| case.received.bad = 1);
    change("webhooks", &|case| {
        *case.received.kinds.get_mut("activity.failed").unwrap() += 1
    });
    // It says that it was sent, but the provider has not seen it.
    change("sent once", &|case| {
        case.recount.activities[0].state = State::Sent;
        case.recount.progress = case.recount.counted();
        case.history = History::from([("act_1".to_owned(), "C-1".to_owned(), State::Sent)]);
    });
    for (promise, case) in cases {
        let broken = broken(&case).await;
        assert!(
            broken.iter().any(|found| found.contains(promise)),
            "{promise}: {broken:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_the_message_forbids_nothing() {
    let mut case = case(activity(NOW), "granted");
    case.barred.push(barred(
        OPT_OUT_SOURCE,
        "2026-11-23T12:00:05Z",
        ("customerId", "C-1"),
    ));
    assert!(broken(&case).await.is_empty());
}
