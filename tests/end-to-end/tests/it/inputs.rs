//! Bad input of every kind is a problem that names the field, and leaves nothing behind.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};

use crate::api::{Api, in_millis, now, text_message};
use crate::target::Stand;

fn with(pointer: &str, value: Value) -> Value {
    let mut activity = text_message(1, in_millis(3_600_000));
    activity[pointer.trim_start_matches('/')] = value;
    activity
}

fn notification(mut body: Value) -> Value {
    body["type"] = json!("DELIVERYNOTIFICATION");
    json!({"id": "1", "header": {}, "body": body})
}

#[tokio::test]
async fn bad_input_is_named() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let activities = "/v1/scheduled-activities";
    let mut cases: Vec<(&str, Value, u16, &str)> = [
        ("/to", json!("12")),
        ("/to", json!(null)),
        ("/channel", json!("fax")),
        ("/dueAt", json!("tomorrow")),
        ("/dueAt", json!("2199-01-01T00:00:00Z")),
        ("/expiresAt", json!(now())),
        ("/message", json!("Hello")),
        ("/priority", json!("urgent")),
        ("/assignTo", json!({"team": "a"})),
        ("/callbackUrl", json!("no url")),
        ("/metadata", json!({"a": 1})),
        ("/campaignId", json!("x y")),
        ("/surprise", json!(1)),
    ]
    .into_iter()
    .map(|(pointer, value)| (activities, with(pointer, value), 422, pointer))
    .collect();
    cases.extend([
        (
            "/v1/scheduled-activities/batch",
            json!({"items": []}),
            422,
            "/items",
        ),
        ("/v1/contact-lists", json!({"name": ""}), 422, "/name"),
        (
            "/v1/webhooks",
            json!({"url": "https://example.org", "eventTypes": []}),
            422,
            "/eventTypes",
        ),
        (
            "/v1/webhooks",
            json!({"url": "ftp://example.org", "eventTypes": ["*"]}),
            422,
            "/url",
        ),
        (
            "/v1/connectors",
            json!({"name": "a", "kind": "ccm", "channels": ["sms"]}),
            422,
            "/settings/webhookUrl",
        ),
        (
            "/v1/campaigns",
            json!({"name": "a", "policy": {"timeZone": "UTC"}}),
            422,
            "/policy/consentBasis",
        ),
        (
            "/v1/cim-messages",
            notification(json!({"status": "DELIVERED"})),
            422,
            "/body",
        ),
        (
            "/v1/cim-messages",
            notification(json!({"status": "LOST", "messageId": "act_1"})),
            422,
            "/body/status",
        ),
    ]);
    for (path, body, status, pointer) in cases {
        let answer = api.post(path, &body).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        let pointers: Vec<&str> = answer.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|e| e["pointer"].as_str())
            .collect();
        assert!(
            pointers.iter().any(|p| p.starts_with(pointer)),
            "{path} {body}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn one_bad_item_does_not_fail_the_others() {
    let stand = Stand::new().await;
    let good = text_message(1, in_millis(3_600_000));
    let batch = json!({"items": [good, with("/to", json!("12")), with("/dueAt", json!(7))]});
    let results = stand
        .api
        .post("/v1/scheduled-activities/batch", &batch)
        .await
        .ok();
    let statuses: Vec<_> = (0..3)
        .map(|place| results["results"][place]["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 422, 422]);
    assert_eq!(
        results["results"][1]["problem"]["errors"][0]["pointer"],
        "/items/1/to"
    );
}

#[tokio::test]
async fn requests_that_cannot_be_read_are_refused() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let post = |body: &str| {
        let request = api.request(Method::POST, "/v1/scheduled-activities");
        request
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    for body in ["", "{", "[1", &"[".repeat(10_000), "\u{0}"] {
        assert_eq!(Api::answer(post(body)).await.unwrap().status, 400, "{body:.20}");
    }
    for megabytes in [5, 20] {
        let large = format!("\"{}\"", "x".repeat(megabytes * 1024 * 1024));
        assert_eq!(
            Api::answer(post(&large)).await.unwrap().status,
            413,
            "{megabytes} MB"
        );
    }
    let nobody = [(AUTHORIZATION, HeaderValue::from_static("Bearer oc_nobody"))]
        .into_iter()
        .collect();
    let stranger = api.request(Method::GET, "/v1/campaigns").headers(nobody);
    assert_eq!(Api::answer(stranger).await.unwrap().status, 401);
    for (path, status) in [
        ("/v1/nothing", 404),
        ("/v1/scheduled-activities", 400),
        ("/v1/scheduled-activities?campaignId=a&limit=0", 400),
        ("/v1/scheduled-activities/act_00000000000000000000000001", 404),
    ] {
        assert_eq!(api.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_repeated_write_is_done_once() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let activity = text_message(1, in_millis(3_600_000));
    let post = |body: &Value| {
        api.request(Method::POST, "/v1/scheduled-activities")
            .header("idempotency-key", "order-1")
            .json(body)
    };
    let first = Api::answer(post(&activity)).await.unwrap().ok();
    let second = Api::answer(post(&activity)).await.unwrap().ok();
    assert_eq!(first["id"], second["id"]);
    let other = Api::answer(post(&text_message(2, in_millis(3_600_000))))
        .await
        .unwrap();
    assert_eq!(
        (other.status, &other.body["code"]),
        (422, &json!("idempotency-key-reused"))
    );
}
