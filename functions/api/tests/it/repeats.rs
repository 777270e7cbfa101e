//! Idempotency keys.

use http::Method;
use serde_json::json;

use crate::harness::{Answer, Api, activity, after};

async fn keyed(api: &Api, key: &str, body: &serde_json::Value) -> Answer {
    api.call(Method::POST, "/v1/scheduled-activities")
        .key(key)
        .json(body)
        .send()
        .await
}

#[tokio::test]
async fn a_repetition_is_answered_the_same() {
    let api = Api::new().await;
    let first = keyed(&api, "k1", &activity()).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = keyed(&api, "k1", &activity()).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        (again.header("etag"), again.header("location")),
        (first.header("etag"), first.header("location"))
    );
    assert_eq!(
        (again.header("content-type"), &again.json),
        (first.header("content-type"), &first.json)
    );

    let mut other = activity();
    other["dueAt"] = json!(after(5));
    keyed(&api, "k1", &other)
        .await
        .problem(422, "idempotency-key-reused");
    assert_ne!(keyed(&api, "k2", &activity()).await.expect(201).id(), first.id());
    // Refusals are answers, too.
    let refused = keyed(&api, "k3", &json!({}))
        .await
        .problem(422, "invalid-request");
    let again = keyed(&api, "k3", &json!({})).await.expect(422);
    assert_eq!(
        (again.header("idempotency-replayed"), &again.json),
        ("true", &refused.json)
    );
    for key in ["", " ", "a b", &"k".repeat(129), "k\u{e9}"] {
        keyed(&api, key, &activity())
            .await
            .problem(400, "malformed-request");
    }
    let twice = api
        .call(Method::POST, "/v1/scheduled-activities")
        .key("a")
        .key("b");
    let answer = twice.json(&activity()).send().await;
    answer.problem(400, "malformed-request");
}

#[tokio::test]
async fn a_batch_repeated_completes_the_same_activities() {
    let api = Api::new().await;
    // Its answer is too large to be kept: it is made again, from the same ids.
    let items: Vec<_> = (0..200)
        .map(|minute| {
            let mut item = activity();
            item["dueAt"] = json!(after(minute + 10));
            item
        })
        .collect();
    let body = json!({"items": items});
    let send = || {
        api.call(Method::POST, "/v1/scheduled-activities/batch")
            .key("b1")
            .json(&body)
            .send()
    };
    let first = send().await.expect(200);
    assert!(first.text.len() > 64 * 1024);
    let again = send().await.expect(200);
    assert_eq!(again.json["results"], first.json["results"]);
}

#[tokio::test]
async fn a_key_belongs_to_its_path_and_condition() {
    let api = Api::new().await;
    let first = keyed(&api, "k", &activity()).await.expect(201);
    let path = first.header("location").to_owned();
    let patch = |tag: &'static str| {
        api.call(Method::PATCH, &path)
            .key("k")
            .header("if-match", tag)
            .json(&json!({"priority": "high"}))
            .send()
    };
    patch("\"1\"").await.expect(200);
    assert_eq!(
        patch("\"1\"").await.expect(200).header("idempotency-replayed"),
        "true"
    );
    patch("\"2\"").await.problem(422, "idempotency-key-reused");
}
