//! Versions: what raises them.

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
