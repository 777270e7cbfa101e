//! What comes due so late that whoever sets its timer sends no message: the sweep alone hands it over.

use axum::http::StatusCode;
use connectors::simulator::Script;
use domain::channel::Channel;
use serde_json::{Value, json};

use crate::api::{Api, id, in_millis, now, text_message, until};
use crate::outside::{Endpoint, Refusal, connect, provider};
use crate::target::Stand;

/// Later than `application::timers::SELF_SENT`, three minutes.
const LATER_SECONDS: u64 = 190;

/// A campaign that writes to one contact and gives up waiting for an answer after a while.
async fn patient_campaign(api: &Api) -> String {
    let flow = json!({"schema": 1, "start": "wait", "nodes": {
        "wait": {"type": "wait", "timeout": format!("{LATER_SECONDS}s"), "outcomes": {"timeout": "end"}},
        "end": {"type": "end", "label": "waited"},
    }});
    let list = id(&api.post("/v1/contact-lists", &json!({"name": "One"})).await.ok());
    let imports = format!("/v1/contact-lists/{list}/imports");
    let import = api.post(&imports, &json!({})).await.ok();
    api.upload(
        import["uploadUrl"].as_str().unwrap(),
        "customerId,sms\n1,+4915211111111\n",
    )
    .await;
    let import = format!("{imports}/{}", id(&import));
    api.post(&format!("{import}/start"), &json!({})).await.ok();
    until(20, "the file is read", async || {
        (api.get(&import).await.ok()["state"] == "done").then_some(())
    })
    .await;
    api.campaign(flow, &[&list]).await
}

#[tokio::test]
async fn what_only_the_sweep_knows_of_happens_once_and_in_time() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let silent = Script {
        delivered: 0.0,
        ..Script::default()
    };
    let provider = provider(&[(Channel::Sms, silent)]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    let busy = Refusal {
        status: StatusCode::TOO_MANY_REQUESTS,
        retry_after_seconds: Some(LATER_SECONDS),
    };
    let endpoint = Endpoint::refusing([busy]).await;
    let webhook = json!({"url": endpoint.url, "eventTypes": ["campaign.*"]});
    api.post("/v1/webhooks", &webhook).await.ok();

    let began = now();
    let campaign = patient_campaign(api).await;
    let due_at = in_millis(LATER_SECONDS * 1_000);
    let mut urgent = text_message(1, due_at);
    urgent["priority"] = json!("high");
    let activities = [
        id(&api.schedule(&urgent).await),
        id(&api.schedule(&text_message(2, due_at)).await),
    ];
    for activity in &activities {
        until(LATER_SECONDS + 10, "it is sent", async || {
            (api.activity(activity).await["state"] == "SENT").then_some(())
        })
        .await;
    }
    assert!(provider.requests().iter().all(|request| request.at >= due_at));
    let path = format!("/v1/campaigns/{campaign}/progress");
    until(20, "the conversation has waited", async || {
        (api.get(&path).await.ok()["conversations"] == json!({"waited": 1})).then_some(())
    })
    .await;
    assert!(now().since(began).get() >= LATER_SECONDS * 1_000);
    // A pause that an endpoint asks for is drawn out by up to a fifth.
    let told = until(20 + LATER_SECONDS / 5, "the endpoint is told", async || {
        endpoint.calls().first().cloned()
    })
    .await;
    assert_eq!(endpoint.refusals_left(), 0);
    assert!(
        told.event["type"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("campaign."))
    );
    assert_eq!(provider.stats().requests, 2);
    assert_eq!(api.all("/v1/dead-letters").await, Vec::<Value>::new());
    stand.end().await;
}
