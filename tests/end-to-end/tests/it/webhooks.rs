//! Endpoints that fail, are tried out, told again, and deleted.

use axum::http::StatusCode;
use domain::channel::Channel;
use reqwest::Method;
use serde_json::json;

use crate::api::{Api, id, in_millis, text_message, until};
use crate::outside::{Endpoint, Refusal, connect, provider};
use crate::target::Stand;

async fn delete(api: &Api, path: &str) {
    let request = api.request(Method::DELETE, path).header("if-match", "*");
    Api::answer(request).await.unwrap().ok();
}

#[tokio::test]
async fn what_an_endpoint_did_not_take_it_is_told_again() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let provider = provider(&[]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    let broken = Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        retry_after_seconds: None,
    };
    let endpoint = Endpoint::refusing([broken]).await;
    let webhook = json!({"url": endpoint.url, "eventTypes": ["activity.scheduled"]});
    let webhook = format!(
        "/v1/webhooks/{}",
        id(&api.post("/v1/webhooks", &webhook).await.ok())
    );
    api.schedule(&text_message(1, in_millis(3_600_000))).await;
    until(20, "it is told at the second try", async || {
        (endpoint.types() == ["activity.scheduled"]).then_some(())
    })
    .await;
    assert_eq!(endpoint.refusals_left(), 0);
    let told = async || {
        let deliveries = api.all(&format!("{webhook}/deliveries")).await;
        deliveries
            .into_iter()
            .find(|delivery| delivery["state"] == "delivered")
    };
    let delivery = until(10, "the delivery is listed as delivered", told).await;
    assert_eq!(delivery["attempts"], 2, "{delivery}");

    let event = delivery["eventId"].as_str().unwrap();
    api.post(&format!("{webhook}/deliveries/{event}/redeliver"), &json!({}))
        .await
        .ok();
    until(10, "it is told once more", async || {
        (endpoint.calls().len() == 2).then_some(())
    })
    .await;
    api.post(&format!("{webhook}/test"), &json!({})).await.ok();
    until(10, "it is tried out", async || {
        (endpoint.types() == ["activity.scheduled", "webhook.test"]).then_some(())
    })
    .await;

    delete(api, &webhook).await;
    assert_eq!(api.get(&webhook).await.status, 404);
    for connector in api.all("/v1/connectors").await {
        delete(api, &format!("/v1/connectors/{}", id(&connector))).await;
    }
    assert!(api.all("/v1/connectors").await.is_empty());
    stand.end().await;
}
