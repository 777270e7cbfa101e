//! From scheduling to the customer's answer: history, webhooks, answers.

use connectors::simulator::{Script, Span};
use domain::channel::Channel;
use serde_json::{Value, json};

use crate::api::{id, in_millis, text_message, until};
use crate::outside::{Endpoint, connect, provider};
use crate::target::Stand;

/// Every message is delivered, read and answered, each a moment after the other.
fn lively() -> Script {
    Script {
        delivered_after: Span::millis(300, 300),
        read: 1.0,
        read_after: Span::millis(300, 300),
        reply: 1.0,
        reply_after: Span::millis(300, 300),
        replies: vec![(1, "Yes, please".into())],
        ..Script::default()
    }
}

fn happenings(entry: &Value) -> Vec<&str> {
    entry["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["happening"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_activity_from_scheduling_to_the_answer() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let provider = provider(&[(Channel::Sms, lively())]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    let (endpoint, own) = (Endpoint::start().await, Endpoint::start().await);
    let webhook = json!({"url": endpoint.url, "eventTypes": ["activity.*", "customer.*"]});
    let webhook = api.post("/v1/webhooks", &webhook).await.ok();
    let secret = webhook["secret"].as_str().unwrap();

    let due_at = in_millis(3_000);
    let mut activity = text_message(1, due_at);
    activity["callbackUrl"] = json!(own.url);
    activity["assignTo"] = json!({"queue": "sales"});
    let activity = api.schedule(&activity).await;
    assert_eq!(
        (&activity["state"], &activity["queued"]),
        (&json!("SCHEDULED"), &json!(true))
    );
    let history = format!(
        "/v1/customers/{}/activities",
        activity["customerId"].as_str().unwrap()
    );
    let entry = async || Some(api.get(&history).await.ok()["data"].get(0)?.clone());

    let scheduled = until(2, "the history shows it as scheduled", entry).await;
    assert_eq!(
        (&scheduled["type"], &scheduled["state"]),
        (&json!("activity"), &json!("SCHEDULED"))
    );

    api.state(&id(&activity), "REPLIED").await;
    let told = ["scheduled", "sent", "delivered", "read", "response"];
    until(5, "the history shows the answer", async || {
        entry().await.filter(|entry| happenings(entry) == told)
    })
    .await;
    let requests = provider.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].at >= due_at, "{} before {due_at}", requests[0].at);
    let answered = api.activity(&id(&activity)).await;
    assert_eq!(answered["responses"][0]["body"]["markdownText"], "Yes, please");

    let types = [
        "activity.delivered",
        "activity.read",
        "activity.scheduled",
        "activity.sent",
        "customer.response",
    ];
    until(5, "the webhook is told everything", async || {
        (endpoint.types() == types).then_some(())
    })
    .await;
    until(5, "the activity's own webhook, too", async || {
        (own.types() == types).then_some(())
    })
    .await;
    for call in endpoint.calls() {
        assert!(call.is_signed_with(secret), "{call:?}");
        let data = &call.event["data"];
        assert_eq!(data["activityId"], activity["id"]);
        assert_eq!(
            (&data["metadata"]["order"], &data["schedulingMetaData"]["order"]),
            (&json!("1"), &json!("1"))
        );
        assert_eq!(data["schedulingMetaData"]["assignTo"], json!({"queue": "sales"}));
    }
    stand.end().await;
}

#[tokio::test]
async fn what_comes_back_for_nobody_is_kept() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let receipt = json!({
        "id": "1", "header": {},
        "body": {"type": "DELIVERYNOTIFICATION", "messageId": "act_00000000000000000000000001", "status": "DELIVERED"},
    });
    assert_eq!(
        api.post("/v1/cim-messages", &receipt).await.ok()["outcome"],
        "orphaned"
    );
    let orphans = api.all("/v1/cim-messages/orphans").await;
    assert_eq!(orphans[0]["activityId"], receipt["body"]["messageId"]);
}
