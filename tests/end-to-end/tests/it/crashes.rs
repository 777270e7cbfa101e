//! `kill -9` under load, ten times in a row, on the same data.

use std::collections::BTreeSet;

use connectors::simulator::{Script, Simulator, Span};
use domain::channel::Channel;
use platform_embedded::Embedded;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, id, in_millis, text_message, until};
use crate::outside::{connect, provider};
use crate::process::Home;
use crate::target::only_the_program;

const KILLS: u32 = 10;
/// Activities scheduled between two kills.
const EACH: u32 = 200;
/// Requests after which the server is killed: the others are under way or waiting then.
const KILLED_AFTER: u64 = 80;
/// An attempt that a kill cut off is taken up a minute after its claim, and comes to an end at once.
const SETTLED_WITHIN: u64 = 300;

/// What was under way when the server was killed: the state says so on the disk.
async fn in_flight(home: &Home) -> BTreeSet<String> {
    let data = Embedded::open(home.data()).unwrap();
    let (scan, mut after, mut found) = (data.scan(), None, BTreeSet::new());
    loop {
        let items = scan.scan(after.as_ref(), 500).await.unwrap();
        let Some(last) = items.last() else { break };
        after = Some(last.key.clone());
        for item in items
            .iter()
            .filter(|item| item.key.partition.contains("#A#") && item.key.sort == "A")
        {
            let activity: Value = serde_json::from_str(&item.body).unwrap();
            if activity["state"] == "DISPATCHING" {
                found.insert(id(&activity));
            }
        }
    }
    data.close().await;
    found
}

/// Schedules a batch, due within the next half second. What was acknowledged must not be lost.
async fn schedule(api: &Api, campaign: &str, round: u32) -> Vec<String> {
    let items: Vec<Value> = (0..EACH)
        .map(|number| {
            let mut activity = text_message(round * EACH + number, in_millis(u64::from(number) * 2));
            activity["campaignId"] = json!(campaign);
            activity
        })
        .collect();
    let request = api
        .request(Method::POST, "/v1/scheduled-activities/batch")
        .json(&json!({"items": items}));
    let Some(answer) = Api::answer(request).await else {
        return Vec::new();
    };
    let results = answer.ok();
    let acknowledged = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|result| result["status"] == 201);
    acknowledged.map(|result| id(&result["activity"])).collect()
}

/// What ten kills left behind.
struct Aftermath {
    provider: Simulator,
    /// Every activity that was acknowledged, as it stands in the end.
    activities: Vec<Value>,
    /// Those that were under way at a kill.
    cut_off: BTreeSet<String>,
}

async fn kill_ten_times(honours_key: bool) -> Option<Aftermath> {
    let home =
        only_the_program("a deployment has no one process to kill; its workers are killed in `workers`")?;
    let script = Script {
        latency: Span::millis(20, 80),
        // No receipt comes before the answer: a late receipt would tell what became of a lost attempt.
        delivered: 0.0,
        ..Script::default()
    };
    let provider = provider(&[(Channel::Sms, script)]).await;
    let mut server = home.serve().await;
    let honours_key = honours_key.to_string();
    connect(
        &server.api,
        &provider,
        &[Channel::Sms],
        &[("honoursIdempotencyKey", &honours_key)],
    )
    .await;
    let campaign = server.api.open_campaign().await;
    let (mut acknowledged, mut cut_off) = (Vec::new(), BTreeSet::new());
    for round in 0..KILLS {
        let seen = provider.stats().requests;
        acknowledged.extend(schedule(&server.api, &campaign, round).await);
        let under_load = async || (provider.stats().requests >= seen + KILLED_AFTER).then_some(());
        until(30, "the server is under load", under_load).await;
        server.kill().await;
        cut_off.extend(in_flight(&home).await);
        server = home.serve().await;
    }
    assert_eq!(acknowledged.len(), (KILLS * EACH) as usize);
    let settled = async || {
        let mut activities = Vec::new();
        for activity in &acknowledged {
            let activity = server.api.activity(activity).await;
            if matches!(activity["state"].as_str(), Some("SCHEDULED" | "DISPATCHING")) {
                return None;
            }
            activities.push(activity);
        }
        Some(activities)
    };
    let activities = until(SETTLED_WITHIN, "everything has come to an end", settled).await;
    server.terminate().await;
    assert!(!cut_off.is_empty(), "nothing was under way at any kill");
    Some(Aftermath {
        provider,
        activities,
        cut_off,
    })
}

fn in_state<'a>(activities: &'a [Value], state: &'a str) -> impl Iterator<Item = String> + 'a {
    activities
        .iter()
        .filter(move |activity| activity["state"] == state)
        .map(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_idempotency_key_nothing_is_sent_twice() {
    let Some(Aftermath {
        provider,
        activities,
        cut_off,
    }) = kill_ten_times(false).await
    else {
        return;
    };
    let stats = provider.stats();
    assert_eq!(
        (stats.most_requests_per_attempt, stats.repeated_attempts),
        (1, 0),
        "{stats:?}"
    );
    assert_eq!(stats.attempts, stats.effects, "{stats:?}");
    let unknown: BTreeSet<String> = in_state(&activities, "UNKNOWN").collect();
    assert!(
        unknown.is_subset(&cut_off),
        "not under way at any kill: {:?}",
        unknown.difference(&cut_off)
    );
    assert_eq!(
        in_state(&activities, "SENT").count() + unknown.len(),
        activities.len()
    );
    // Whoever is told as sent has the message, and nobody has two.
    let reached: BTreeSet<String> = provider
        .requests()
        .iter()
        .map(|request| request.key.split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        reached.len() as u64,
        stats.effects,
        "an activity was sent in two attempts"
    );
    assert!(in_state(&activities, "SENT").all(|id| reached.contains(&id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_idempotency_key_everything_is_sent_once() {
    let Some(Aftermath {
        provider,
        activities,
        cut_off,
    }) = kill_ten_times(true).await
    else {
        return;
    };
    let stats = provider.stats();
    assert_eq!(
        in_state(&activities, "SENT").count(),
        activities.len(),
        "cut off: {}",
        cut_off.len()
    );
    assert_eq!(stats.most_effects_per_attempt, 1, "{stats:?}");
    let reached: BTreeSet<String> = provider
        .requests()
        .iter()
        .map(|request| request.key.split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        reached.len() as u64,
        stats.effects,
        "an activity was sent in two attempts"
    );
    assert!(activities.iter().all(|activity| reached.contains(&id(activity))));
}
