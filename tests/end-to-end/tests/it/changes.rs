//! Changing and cancelling what is scheduled.

use connectors::simulator::{Script, Span};
use domain::channel::Channel;
use reqwest::Method;
use serde_json::json;

use crate::api::{Answer, Api, id, in_millis, now, text_message, until};
use crate::outside::{busy, connect, provider};
use crate::target::Stand;

async fn cancel(api: &Api, id: &str, if_match: &str) -> Answer {
    let request = api.request(Method::DELETE, &format!("/v1/scheduled-activities/{id}"));
    Api::answer(request.header("if-match", if_match)).await.unwrap()
}

#[tokio::test]
async fn who_changes_must_have_seen_what_stands() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let id = id(&api.schedule(&text_message(1, in_millis(3_600_000))).await);
    let path = format!("/v1/scheduled-activities/{id}");
    let first = api.get(&path).await.etag.unwrap();
    let later = in_millis(7_200_000);
    let change = |etag: &str| {
        let request = api.request(Method::PATCH, &path).header("if-match", etag);
        request.json(&json!({"dueAt": later, "message": {"type": "PLAIN", "markdownText": "Tomorrow."}}))
    };
    let changed = Api::answer(change(&first)).await.unwrap();
    let second = changed.etag.clone().unwrap();
    let changed = changed.ok();
    assert_eq!(
        (&changed["dueAt"], &changed["nextAt"]),
        (&json!(later), &json!(later))
    );
    assert_eq!(changed["message"]["markdownText"], "Tomorrow.");

    let outdated = Api::answer(change(&first)).await.unwrap();
    assert_eq!(
        (outdated.status, &outdated.body["code"]),
        (412, &json!("precondition-failed"))
    );
    assert_eq!(json!(second), format!("\"{}\"", outdated.body["currentVersion"]));
    assert_eq!(cancel(api, &id, &first).await.status, 412);
    assert_eq!(cancel(api, &id, &second).await.ok()["state"], "CANCELLED");
    let too_late = Api::answer(change("*")).await.unwrap();
    assert_eq!(
        (too_late.status, &too_late.body["code"]),
        (409, &json!("too-late"))
    );
}

#[tokio::test]
async fn what_is_rescheduled_comes_at_its_new_time() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let provider = provider(&[]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    let activity = api.schedule(&text_message(1, in_millis(1_500))).await;
    let due_at = in_millis(4_000);
    let path = format!("/v1/scheduled-activities/{}", id(&activity));
    let moved = api.request(Method::PATCH, &path).json(&json!({"dueAt": due_at}));
    Api::answer(moved).await.unwrap().ok();
    api.state(&id(&activity), "DELIVERED").await;
    let requests = provider.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].at >= due_at, "{} before {due_at}", requests[0].at);
}

#[tokio::test]
async fn what_is_being_sent_cannot_be_cancelled() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let slow = Script {
        latency: Span::millis(3_000, 3_000),
        ..Script::default()
    };
    let provider = provider(&[(Channel::Sms, slow)]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    let id = id(&api.schedule(&text_message(1, now())).await);
    api.state(&id, "DISPATCHING").await;
    let in_flight = cancel(api, &id, "*").await;
    assert_eq!(
        (in_flight.status, &in_flight.body["code"]),
        (409, &json!("in-flight"))
    );
    api.state(&id, "DELIVERED").await;
    assert_eq!(provider.stats().requests, 1);
}

#[tokio::test]
async fn what_the_provider_puts_off_comes_again_until_it_is_cancelled() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let provider = provider(&[(Channel::Sms, busy())]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    let mut urgent = text_message(1, now());
    urgent["priority"] = json!("high");
    let activities = [
        id(&api.schedule(&urgent).await),
        id(&api.schedule(&text_message(2, now())).await),
    ];
    until(20, "both are tried again", async || {
        (provider.stats().deferred >= 4).then_some(())
    })
    .await;
    for activity in &activities {
        until(10, "it is cancelled between two tries", async || {
            let answer = cancel(api, activity, "*").await;
            assert!(matches!(answer.status, 200 | 409), "{answer:?}");
            (answer.status == 200).then_some(())
        })
        .await;
    }
    assert_eq!(provider.stats().effects, 0);
    stand.end().await;
}
