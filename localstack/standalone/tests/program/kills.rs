//! `kill -9` under load, ten times in a row: nothing is lost, and nothing reaches a customer twice.

use std::collections::BTreeMap;
use std::time::Duration;

use connectors::simulator::{Script, Simulator, SimulatorConfig, Span};
use domain::channel::Channel;
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::process::{Api, Program};

const KILLS: usize = 10;
/// Activities per batch, half without and half with an idempotency key at their provider.
const BATCH: usize = 60;
/// Batches between two kills.
const BATCHES: usize = 3;
/// A lease that died with its holder ends after a minute, and is found a minute later at the latest.
const SETTLED_WITHIN: Duration = Duration::from_secs(240);

fn batch(round: usize, number: usize) -> Value {
    let items: Vec<Value> = (0..BATCH)
        .map(|n| {
            let channel = if n % 2 == 0 { "sms" } else { "whatsapp" };
            let person = (round * BATCHES + number) * BATCH + n;
            json!({
                "channel": channel, "to": format!("+4915123{person:06}"), "dueAt": "2026-01-01T00:00:00Z",
                "message": {"type": "PLAIN", "markdownText": "Hello"},
            })
        })
        .collect();
    json!({ "items": items })
}

fn created(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().expect("results");
    results.iter().map(|result| result["activity"]["id"].as_str().expect("created").to_owned()).collect()
}

/// Posts a batch until it is answered; across a kill, the same key finds what was done.
async fn post(api: &Api, round: usize, number: usize) -> Option<Vec<String>> {
    let key = format!("round-{round}-batch-{number}");
    let body = batch(round, number);
    match api.call(Method::POST, "/v1/scheduled-activities/batch", Some(&body), &key).await {
        Ok((status, answer)) if status.is_success() => Some(created(&answer)),
        // The process was killed, or a killed try still counts as being worked on.
        _ => None,
    }
}

async fn states(api: &Api, ids: &[String]) -> BTreeMap<String, Vec<String>> {
    let asked = ids.iter().map(|id| async move {
        let activity = api.must(Method::GET, &format!("/v1/scheduled-activities/{id}"), None).await;
        (activity["state"].as_str().unwrap().to_owned(), id.clone())
    });
    let mut states: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(8).collect().await;
    for (state, id) in answers {
        states.entry(state).or_default().push(id);
    }
    states
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_kills_lose_nothing_and_send_nothing_twice() {
    let script = Script { latency: Span::millis(5, 60), ..Script::default() };
    let config = SimulatorConfig { remembered_requests: 100_000, ..SimulatorConfig::default() };
    let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), config.with_script(script)).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut program = Program::start(data.path()).await;
    let mut api = Api::new(program.base.clone(), program.key.clone().expect("a first start prints a key"));
    api.connector(&simulator, Channel::Sms, false).await;
    api.connector(&simulator, Channel::Whatsapp, true).await;
    api.reports(&simulator);

    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..KILLS {
        for number in 0..BATCHES {
            acknowledged.extend(post(&api, round, number).await.expect("answered"));
        }
        // The kill falls into the middle of sending: some have arrived, others are under way.
        let before = simulator.stats().requests;
        let deadline = Instant::now() + Duration::from_secs(20);
        while simulator.stats().requests < before + 20 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        program.kill().await;
        program = Program::start(data.path()).await;
        api.base = program.base.clone();
        api.reports(&simulator);
    }

    assert_eq!(acknowledged.len(), KILLS * BATCHES * BATCH);
    let deadline = Instant::now() + SETTLED_WITHIN;
    let settled = loop {
        let states = states(&api, &acknowledged).await;
        if !states.keys().any(|state| matches!(state.as_str(), "SCHEDULED" | "DISPATCHING" | "SENT")) {
            break states;
        }
        let open: BTreeMap<_, _> = states.iter().map(|(state, ids)| (state, ids.len())).collect();
        assert!(Instant::now() < deadline, "not settled: {open:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    };

    // Nobody was reached twice, and where there is no key nobody was even asked twice.
    assert_eq!(simulator.stats().most_effects_per_attempt, 1);
    let mut raw: BTreeMap<(bool, String), u32> = BTreeMap::new();
    for request in simulator.requests() {
        *raw.entry((request.channel == Channel::Sms, request.key)).or_default() += 1;
    }
    let twice: Vec<_> = raw.iter().filter(|((keyless, _), count)| *keyless && **count > 1).collect();
    assert!(twice.is_empty(), "requested twice without a key: {twice:?}");

    // UNKNOWN is what was in flight at the kills, at the most: the connector's bound, each time.
    let unknown = settled.get("UNKNOWN").map_or(0, Vec::len);
    assert!(unknown <= KILLS * 40, "{unknown} unknown");
    let counts: BTreeMap<_, _> = settled.iter().map(|(state, ids)| (state.as_str(), ids.len())).collect();
    let known: usize = counts.values().sum();
    assert_eq!(known, acknowledged.len(), "{counts:?}");
    eprintln!("after {KILLS} kills: {counts:?}, {} requests", simulator.stats().requests);
    program.terminate().await;
    simulator.stop().await;
}
