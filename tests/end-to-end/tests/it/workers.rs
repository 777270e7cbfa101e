//! Workers of a deployment on this machine, killed in the middle of a batch.

use std::collections::BTreeSet;

use connectors::simulator::{Script, Span};
use domain::channel::Channel;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use url::Url;

use crate::api::{Api, id, now, text_message, until};
use crate::outside::{connect, provider};
use crate::target::{Stand, only_deployed};

/// Activities that a kill cuts off.
const EACH: u32 = 3;
/// An attempt that was cut off is taken up when its lease of a minute ends, by the sweep that looks so
/// far ahead.
const TAKEN_UP_WITHIN: u64 = 60;

/// The processes of the function `dispatch` that the emulator at this address runs.
fn workers(emulator: &Url) -> Vec<Pid> {
    let here = format!("AWS_ENDPOINT_URL={}", emulator.origin().ascii_serialization());
    let processes = std::fs::read_dir("/proc").expect("workers are found in /proc, which is Linux's");
    processes
        .flatten()
        .filter_map(|process| {
            let id: i32 = process.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(process.path().join("environ")).ok()?;
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let mut variables = environment.split('\0');
            let is_worker = variables.clone().any(|variable| {
                variable.starts_with("AWS_LAMBDA_FUNCTION_NAME=") && variable.ends_with("-dispatch")
            });
            (is_worker && variables.any(|variable| variable == here)).then_some(id)
        })
        .filter_map(Pid::from_raw)
        .collect()
}

/// Schedules messages on a channel.
async fn schedule(api: &Api, channel: Channel) -> BTreeSet<String> {
    let mut activities = BTreeSet::new();
    for number in 0..EACH {
        let mut activity = text_message(number, now());
        activity["channel"] = json!(channel);
        activities.insert(id(&api.schedule(&activity).await));
    }
    activities
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_had_in_hand_comes_to_its_end() {
    let Some(deployed) = only_deployed("the program as a whole is killed in `crashes`") else {
        return;
    };
    let emulator = Url::parse(&deployed.url).unwrap();
    let stand = Stand::new().await;
    let api = &stand.api;
    // Answers come long after the kill, and no receipt tells what became of a lost attempt.
    let slow = Script {
        latency: Span::millis(12_000, 12_000),
        delivered: 0.0,
        ..Script::default()
    };
    let provider = provider(&[(Channel::Sms, slow.clone()), (Channel::Whatsapp, slow)]).await;
    for (channel, honours_key) in [(Channel::Sms, "true"), (Channel::Whatsapp, "false")] {
        connect(
            api,
            &provider,
            &[channel],
            &[("honoursIdempotencyKey", honours_key)],
        )
        .await;
    }
    let repeatable = schedule(api, Channel::Sms).await;
    let unrepeatable = schedule(api, Channel::Whatsapp).await;
    until(2, "all are under way, and none is answered", async || {
        (provider.stats().requests == u64::from(2 * EACH)).then_some(())
    })
    .await;

    let workers = workers(&emulator);
    assert!(
        !workers.is_empty(),
        "no worker runs on this machine for {emulator}"
    );
    for worker in workers {
        // One that has just ended needs no kill.
        let _ = kill_process(worker, Signal::KILL);
    }
    for (activities, end) in [(&repeatable, "SENT"), (&unrepeatable, "UNKNOWN")] {
        for activity in activities {
            until(TAKEN_UP_WITHIN, end, async || {
                (api.activity(activity).await["state"] == end).then_some(())
            })
            .await;
        }
    }
    let stats = provider.stats();
    assert_eq!(stats.most_effects_per_attempt, 1, "{stats:?}");
    assert_eq!(stats.attempts, u64::from(2 * EACH), "{stats:?}");
    assert_eq!(
        stats.requests,
        u64::from(3 * EACH),
        "only what may be repeated is: {stats:?}"
    );
    let letters = api.all("/v1/dead-letters").await;
    let listed: BTreeSet<String> = letters
        .iter()
        .map(|letter| letter["activityId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, unrepeatable);
    stand.end().await;
}
