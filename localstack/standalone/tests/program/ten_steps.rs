//! The ten steps of a scheduled activity, from the call to the customer's answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use connectors::simulator::{Script, Simulator, SimulatorConfig, Span};
use domain::channel::Channel;
use reqwest::Method;
use serde_json::{Value, json};

use crate::process::{Api, Program};

const WITHIN: Duration = Duration::from_secs(30);

fn names(entry: &Value) -> Vec<String> {
    let events = entry["events"].as_array().into_iter().flatten();
    events.filter_map(|event| event["happening"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_call_to_the_answer() {
    let script = Script {
        delivered_after: Span::millis(50, 50),
        read: 1.0,
        read_after: Span::millis(50, 50),
        reply: 1.0,
        reply_after: Span::millis(50, 50),
        replies: vec![(1, "Yes, please".into())],
        repeated: 1.0,
        ..Script::default()
    };
    let config = SimulatorConfig::default().with_script(script);
    let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), config).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path()).await;
    let api = Api::new(program.base.clone(), program.key.clone().expect("a first start prints a key"));
    api.connector(&simulator, Channel::Sms, true).await;

    // 1. Scheduled, a little ahead. 2. It shows in the customer's history.
    let health = api.must(Method::GET, "/v1/health", None).await;
    assert_eq!(health["status"], "ok");
    let due = DateTime::<Utc>::from(std::time::SystemTime::UNIX_EPOCH + since_epoch() + Duration::from_secs(2));
    let body = json!({
        "channel": "sms", "to": "+442079460958", "customerId": "ann", "dueAt": due.to_rfc3339(),
        "message": {"type": "PLAIN", "markdownText": "Shall we call you back?"},
        "metadata": {"ticket": "4711"},
    });
    let activity = api.must(Method::POST, "/v1/scheduled-activities", Some(&body)).await;
    let id = activity["id"].as_str().unwrap();
    let history = "/v1/customers/ann/activities";
    let entry = |answer: &Value| answer["data"][0].clone();
    let scheduled = api.until(history, WITHIN, |answer| names(&entry(answer)) == ["scheduled"]).await;
    assert_eq!(entry(&scheduled)["metadata"]["ticket"], "4711");
    assert_eq!(simulator.stats().requests, 0, "nothing leaves before its time");
    // 8. Whoever listens is told: here the receipts reach the program itself.
    api.reports(&simulator);

    // 3.-7. and 9.-10. Sent, delivered, read, answered: each told once although receipts repeat.
    let one = format!("/v1/scheduled-activities/{id}");
    let done = api.until(&one, WITHIN, |answer| answer["state"] == "REPLIED").await;
    let told = names(&done);
    assert_eq!(told.first().map(String::as_str), Some("scheduled"), "{told:?}");
    for happening in ["sent", "response"] {
        assert_eq!(told.iter().filter(|told| *told == happening).count(), 1, "{happening}: {told:?}");
    }
    let sent = done["events"].as_array().unwrap().iter().find(|event| event["happening"] == "sent").unwrap();
    let sent_at: DateTime<Utc> = sent["at"].as_str().unwrap().parse().unwrap();
    assert!(sent_at.timestamp_millis() >= due.timestamp_millis(), "sent at {sent_at}, due {due}");
    let answer = api.until(history, WITHIN, |answer| entry(answer)["state"] == "REPLIED").await;
    assert_eq!(names(&entry(&answer)), told);
    assert_eq!(simulator.stats().most_effects_per_attempt, 1);
    assert!(program.terminate().await < Duration::from_secs(10));
    simulator.stop().await;
}

#[allow(clippy::disallowed_methods, reason = "the program runs on the machine's clock")]
fn since_epoch() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap()
}
