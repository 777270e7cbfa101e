//! Versions: what raises them, and what a request may ask of them.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, activity, campaign};

/// What can be patched: its path, and a change with other values than those that stand.
async fn patched(api: &Api) -> Vec<(String, Value)> {
    let list = api.list().await;
    let hook = json!({"url": "https://example.org/x", "eventTypes": ["*"], "description": "d"});
    let profile = json!({"firstName": "Ann", "attributes": {"a": "b"}});
    api.put("/v1/customers/ann", &profile).await.expect(200);
    let made = [
        ("/v1/scheduled-activities", activity()),
        ("/v1/campaigns", campaign(&list)),
        ("/v1/webhooks", hook),
    ];
    let changes = [
        json!({"priority": "high", "metadata": {"order": "4712"}}),
        json!({"name": "Summer", "pacing": {"weight": 2}}),
        json!({"description": "e", "enabled": false}),
    ];
    let mut all = vec![("/v1/customers/ann".to_owned(), json!({"language": "de"}))];
    for ((path, body), change) in made.into_iter().zip(changes) {
        let made = api.post(path, &body).await.expect(201);
        all.push((made.header("location").to_owned(), change));
    }
    all
}

#[tokio::test]
async fn a_patch_that_changes_nothing_leaves_the_version() {
    let api = Api::new().await;
    for (path, change) in patched(&api).await {
        for (patch, version) in [
            (json!({}), "\"1\""),
            (change.clone(), "\"2\""),
            (change, "\"2\""),
            (json!({}), "\"2\""),
        ] {
            let answer = api.patch(&path, &patch).await.expect(200);
            assert_eq!(answer.header("etag"), version, "{path} {patch}");
            assert_eq!(api.get(&path).await.header("etag"), version, "{path} {patch}");
        }
    }
}

/// What is put under an id of the caller's own, and so may be created by it.
fn put() -> [(&'static str, Value); 4] {
    let connector =
        json!({"name": "c", "kind": "ccm", "channels": ["sms"], "settings": {"webhookUrl": "https://x.org"}});
    [
        ("/v1/customers/own", json!({"firstName": "Ann"})),
        ("/v1/skill-groups/own", json!({"name": "Sales"})),
        ("/v1/agents/own", json!({"name": "Ada"})),
        ("/v1/connectors/own", connector),
    ]
}

#[tokio::test]
async fn what_has_to_be_there_is_not_created() {
    let api = Api::new().await;
    for (path, body) in put() {
        let any = || api.call(Method::PUT, path).header("if-match", "*").json(&body);
        let refused = any().send().await.problem(412, "precondition-failed");
        assert_eq!(refused.json["currentVersion"], 0, "{path}");
        api.get(path).await.problem(404, "not-found");
        api.put(path, &body).await.expect(200);
        any().send().await.expect(200);
    }
    // What is not there is not found, whatever is expected of it.
    for path in ["/v1/webhooks/none", "/v1/connectors/none"] {
        let delete = api.call(Method::DELETE, path).header("if-match", "*");
        delete.send().await.problem(404, "not-found");
    }
    // Settings are there before they are set.
    let settings = api.call(Method::PUT, "/v1/settings").header("if-match", "*");
    settings.json(&json!({})).send().await.expect(200);
}

#[tokio::test]
async fn what_must_not_be_there_is_not_replaced() {
    let api = Api::new().await;
    for (path, body) in put() {
        let new = || {
            let call = api.call(Method::PUT, path).header("if-none-match", "*");
            call.json(&body).send()
        };
        assert_eq!(new().await.expect(200).header("etag"), "\"1\"", "{path}");
        let refused = new().await.problem(412, "precondition-failed");
        assert_eq!(refused.json["currentVersion"], 1, "{path}");
    }
    for (header, value) in [("if-none-match", "\"1\""), ("if-match", "*")] {
        let call = api.call(Method::PUT, "/v1/customers/own").header(header, value);
        let call = call.header("if-none-match", "*").json(&json!({}));
        let answer = call.send().await.problem(400, "malformed-request");
        assert_eq!(answer.pointers(), ["/If-None-Match"], "{header}");
    }
}
