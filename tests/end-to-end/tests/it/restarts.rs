//! Ending in order, starting again, and one process per data directory.

use connectors::simulator::{Script, Span};
use domain::channel::Channel;
use serde_json::json;

use crate::api::{id, now, text_message, until};
use crate::outside::{connect, provider};
use crate::process::run;
use crate::target::only_the_program;

const WHY: &str = "a deployment does not end";

#[tokio::test]
async fn sigterm_finishes_what_is_in_hand() {
    let Some(home) = only_the_program(WHY) else { return };
    let server = home.serve().await;
    let slow = Script {
        latency: Span::millis(2_000, 2_000),
        ..Script::default()
    };
    let provider = provider(&[(Channel::Sms, slow)]).await;
    connect(&server.api, &provider, &[Channel::Sms], &[]).await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(id(&server.api.schedule(&text_message(number, now())).await));
    }
    until(10, "all are under way", async || {
        (provider.stats().requests == 10).then_some(())
    })
    .await;
    server.terminate().await;
    let server = home.serve().await;
    for id in &ids {
        // Receipts come as soon as the server is there again; a lost attempt would only come back
        // after its lease.
        let activity = server.api.state(id, "DELIVERED").await;
        assert_eq!(activity["attempt"], 1);
    }
    assert_eq!(provider.stats().requests, 10);
}

#[tokio::test]
async fn rebuild_finds_the_same_history_and_counters() {
    let Some(home) = only_the_program(WHY) else { return };
    let server = home.serve().await;
    let provider = provider(&[]).await;
    connect(&server.api, &provider, &[Channel::Sms], &[]).await;
    let campaign = server.api.open_campaign().await;
    let mut customers = Vec::new();
    for number in 0..20 {
        let mut activity = text_message(number, now());
        activity["campaignId"] = json!(campaign);
        customers.push(
            server.api.schedule(&activity).await["customerId"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let progress = format!("/v1/campaigns/{campaign}/progress");
    let counted = json!({"sms": {"DELIVERED": 20}});
    until(20, "all are counted", async || {
        (server.api.get(&progress).await.ok()["activities"] == counted).then_some(())
    })
    .await;
    let views = async |server: &crate::process::Server| {
        let mut views = vec![server.api.get(&progress).await.ok()];
        for customer in &customers {
            views.push(
                server
                    .api
                    .get(&format!("/v1/customers/{customer}/activities"))
                    .await
                    .ok(),
            );
        }
        views.push(json!(server.api.states(&campaign).await));
        views
    };
    let before = views(&server).await;
    server.terminate().await;
    let rebuilt = run(&["rebuild"], home.data()).await;
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let server = home.serve().await;
    assert_eq!(views(&server).await, before);
}

#[tokio::test]
async fn a_second_process_is_told_that_the_data_are_in_use() {
    let Some(home) = only_the_program(WHY) else { return };
    let server = home.serve().await;
    let second = run(&["serve", "--listen", "127.0.0.1:0"], home.data()).await;
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("is in use by another process"), "{said}");
    assert_eq!(server.api.get("/v1/health").await.status, 200);
}
