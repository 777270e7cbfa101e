//! What the caller is told when the service fails.

use application::dispatch::{self, Outcome};
use application::keys;
use domain::id::{ActivityId, CampaignId, TenantId};
use domain::time::Millis;
use http::Method;
use platform::queues::{MAX_RECEIVE, QueueName};
use platform::table::{Condition, Item, Table, Write};
use serde_json::json;

use crate::fakes::Mood;
use crate::harness::{Api, activity};

#[tokio::test]
async fn a_platform_that_does_not_answer_is_503() {
    let api = Api::new().await;
    api.get("/v1/settings").await.expect(200);
    api.table.set(Mood::Fails);
    let down = api
        .anonymous(Method::GET, "/v1/health")
        .send()
        .await
        .problem(503, "unavailable");
    assert_eq!(down.header("retry-after"), "1");
    assert!(!down.text.contains("fire"), "{}", down.text);
    let write = || {
        api.call(Method::POST, "/v1/scheduled-activities")
            .key("k")
            .json(&activity())
            .send()
    };
    write().await.problem(503, "unavailable");
    // When it is back, the same request is done once.
    api.table.set(Mood::Works);
    let first = write().await.expect(201);
    assert_eq!(write().await.expect(201).id(), first.id());
}

#[tokio::test]
async fn a_defect_tells_the_caller_nothing() {
    let api = Api::new().await;
    let key = keys::campaign(
        &TenantId::parse("acme").unwrap(),
        &CampaignId::parse("broken").unwrap(),
    );
    let body = json!({"internal": "detail"}).to_string();
    let item = Item {
        key,
        version: 1,
        due: None,
        expires: None,
        announced: false,
        body,
    };
    api.world
        .transact(vec![Write::Put {
            item,
            condition: Condition::None,
        }])
        .await
        .unwrap();
    let answer = api.get("/v1/campaigns/broken").await.problem(500, "internal");
    assert!(
        !answer.text.contains("broken") && !answer.text.contains("field"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_panic_is_a_problem_of_one_request() {
    let api = Api::new().await;
    let id = api.connector().await.id();
    let call = api.anonymous(Method::POST, &format!("/v1/callbacks/acme/{id}"));
    let answer = call
        .header("x-signature", "top-secret-value")
        .bytes("panic!")
        .send()
        .await;
    let answer = answer.problem(500, "internal");
    assert!(!answer.text.contains("on purpose"));
    api.get("/v1/settings").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_given_up() {
    let api = Api::new().await;
    api.table.set(Mood::Hangs);
    api.anonymous(Method::GET, "/v1/health")
        .send()
        .await
        .problem(503, "unavailable");
}

/// What the gate knows must not be old when an attempt is claimed. A platform too slow for that is left alone for a while.
#[tokio::test]
async fn what_a_slow_platform_holds_up_comes_again() {
    let api = Api::new().await;
    api.connector().await;
    let due = api.due_activity();
    let id = api.post("/v1/scheduled-activities", &due).await.expect(201).id();
    let (tenant, activity) = (TenantId::parse("acme").unwrap(), ActivityId::parse(&id).unwrap());
    api.table.set(Mood::IsSlow);
    let messages = async || {
        let queues = &api.context.queues;
        queues
            .receive(QueueName::Dispatch, MAX_RECEIVE, Millis::minutes(2))
            .await
            .unwrap()
    };
    messages().await;
    let held_up = dispatch::due(&api.context, &tenant, &activity, 1).await.unwrap();
    assert_eq!(held_up, Outcome::HeldUp);
    assert!(api.connectors.sent().is_empty());

    api.table.set(Mood::Works);
    api.let_pass(Millis::seconds(2));
    let again = messages().await;
    assert_eq!(again.len(), 1, "{again:?}");
    api.dispatch(&id).await;
    assert_eq!(api.connectors.sent().len(), 1);
}
