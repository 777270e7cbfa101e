//! What needs a person: listed, and sent again when the person says so.

use connectors::simulator::Script;
use domain::channel::Channel;
use serde_json::{Value, json};

use crate::api::{Api, id, now, text_message, until};
use crate::outside::{connect, provider};
use crate::target::Stand;

/// Waits for an activity among the dead letters.
async fn letter(api: &Api, activity: &str) -> Value {
    until(20, "it is listed as a dead letter", async || {
        let letters = api.all("/v1/dead-letters").await;
        letters
            .into_iter()
            .find(|letter| letter["activityId"] == activity)
    })
    .await
}

async fn redrive(api: &Api, activity: &str) {
    let path = format!("/v1/dead-letters/{activity}/redrive");
    assert_eq!(api.post(&path, &json!({})).await.ok()["state"], "SCHEDULED");
}

#[tokio::test]
async fn what_no_connector_serves_is_sent_once_one_does() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let activity = id(&api.schedule(&text_message(1, now())).await);
    assert_eq!(letter(api, &activity).await["reason"], "noConnector");

    let provider = provider(&[]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    // A worker that has just looked for connectors looks again after two seconds.
    until(20, "it is delivered", async || {
        if !api.all("/v1/dead-letters").await.is_empty() {
            redrive(api, &activity).await;
        }
        (api.activity(&activity).await["state"] == "DELIVERED").then_some(())
    })
    .await;
    assert_eq!(provider.stats().requests, 1);
    assert_eq!(api.all("/v1/dead-letters").await, Vec::<Value>::new());
    stand.end().await;
}

#[tokio::test]
async fn what_got_no_answer_is_sent_again_only_if_a_person_says_so() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let silent = Script {
        lose_answer: 1.0,
        delivered: 0.0,
        ..Script::default()
    };
    let provider = provider(&[(Channel::Sms, silent)]).await;
    let at_most_once = [("honoursIdempotencyKey", "false")];
    connect(api, &provider, &[Channel::Sms], &at_most_once).await;
    let activity = id(&api.schedule(&text_message(1, now())).await);
    assert_eq!(letter(api, &activity).await["reason"], "unknown");
    api.state(&activity, "UNKNOWN").await;
    assert_eq!(provider.stats().requests, 1);

    redrive(api, &activity).await;
    until(20, "it is sent again", async || {
        (provider.stats().requests == 2).then_some(())
    })
    .await;
    assert_eq!(provider.stats().attempts, 2);
    assert_eq!(letter(api, &activity).await["reason"], "unknown");
    stand.end().await;
}
