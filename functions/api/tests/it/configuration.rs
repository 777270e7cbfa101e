//! Connectors, webhooks, settings, API keys, dead letters.

use std::sync::Arc;

use application::connectors::by_id;
use domain::id::{ConnectorId, TenantId};
use http::Method;
use serde_json::json;

use crate::harness::Api;

#[tokio::test]
async fn connectors_keep_their_secrets() {
    let api = Api::new().await;
    let created = api.connector().await;
    assert!(!created.text.contains("top-secret-value"));
    assert_eq!(created.json["secretNames"], json!(["token", "signing"]));
    // What it reports comes by cim-messages.
    assert!(created.json.get("callbackUrl").is_none());
    let path = created.header("location").to_owned();
    let body = json!({"name": "SMS", "kind": "ccm", "channels": ["sms", "whatsapp"], "ratePerSecond": 5,
        "settings": {"webhookUrl": "https://ccm.example.org/2"}});
    let put = api.put(&path, &body).await.expect(200);
    assert_eq!((put.header("etag"), &put.json["name"]), ("\"2\"", &json!("SMS")));
    api.put("/v1/connectors/own-id", &body).await.expect(200);
    let all = api.all("/v1/connectors", 1).await;
    assert_eq!(all.len(), 2);
    assert!(!format!("{all:?}").contains("top-secret-value"));
    assert!(!api.get(&path).await.text.contains("top-secret-value"));

    for (member, value, pointer) in [
        ("kind", json!("fax"), "/kind"),
        ("channels", json!([]), "/channels"),
        ("channels", json!(["fax"]), "/channels/0"),
        ("ratePerSecond", json!(0), "/ratePerSecond"),
        ("concurrency", json!(501), "/concurrency"),
        ("settings", json!({}), "/settings/webhookUrl"),
        (
            "settings",
            json!({"webhookUrl": "x".repeat(9_000)}),
            "/settings/webhookUrl",
        ),
        ("secrets", json!({"password": "hunter2"}), "/secrets/password"),
        ("secrets", json!({"token": 1}), "/secrets/token"),
        (
            "secrets",
            json!({"token": "hunter2\nX-Header: x"}),
            "/secrets/token",
        ),
        ("secrets", json!({"token": ""}), "/secrets/token"),
        ("channels", json!(["sms", "sms"]), "/channels/1"),
        ("name", json!(" "), "/name"),
    ] {
        let mut bad = body.clone();
        bad[member] = value;
        let answer = api
            .post("/v1/connectors", &bad)
            .await
            .problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer]);
        assert!(!answer.text.contains("hunter2"));
    }
    let stale = api
        .call(Method::DELETE, &path)
        .header("if-match", "\"1\"")
        .send()
        .await;
    assert_eq!(
        stale.problem(412, "precondition-failed").json["currentVersion"],
        2
    );
    api.delete(&path).await.expect(204);
    api.get(&path).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_stale_change_of_a_connector_leaves_its_secrets() {
    let api = Api::new().await;
    let created = api.connector().await;
    let body = json!({"name": "Messages", "kind": "ccm", "channels": ["sms"],
        "settings": {"webhookUrl": "https://ccm.example.org/sms"}, "secrets": {"signing": "another-value"}});
    let stale = api.call(Method::PUT, created.header("location"));
    let stale = stale.header("if-match", "\"7\"").json(&body).send().await;
    stale.problem(412, "precondition-failed");
    let name = format!("acme/connector/{}/signing", created.id());
    let stands = api.context.secrets.get(&name).await.unwrap().unwrap();
    assert_eq!(stands.expose(), "top-secret-value");
}

#[tokio::test]
async fn a_connector_made_again_is_another_one() {
    let api = Api::new().await;
    let body = json!({"name": "Messages", "kind": "ccm", "channels": ["sms"],
        "settings": {"webhookUrl": "https://ccm.example.org/sms"}});
    let (tenant, id) = (
        TenantId::parse("acme").unwrap(),
        ConnectorId::parse("again").unwrap(),
    );
    let made = async || {
        api.put("/v1/connectors/again", &body).await.expect(200);
        by_id(&api.context, &tenant, &id).await.unwrap().connector
    };
    let first = made().await;
    api.delete("/v1/connectors/again").await.expect(204);
    api.pass(1).await;
    assert!(!Arc::ptr_eq(&first, &made().await));
}

#[tokio::test]
async fn webhooks_show_their_secret_once() {
    let api = Api::new().await;
    let body =
        json!({"url": "https://hooks.example.org/x", "eventTypes": ["activity.*"], "description": "ours"});
    let make = || api.call(Method::POST, "/v1/webhooks").key("k1").json(&body);
    let created = make().send().await.expect(201);
    let secret = created.text_of("secret");
    assert!(secret.starts_with("whsec_"));
    let replayed = make().send().await.expect(201);
    assert_eq!(
        (
            replayed.header("idempotency-replayed"),
            replayed.json.get("secret")
        ),
        ("true", None)
    );
    assert_eq!(replayed.id(), created.id());
    let path = created.header("location").to_owned();
    assert!(!api.get(&path).await.expect(200).text.contains(&secret));

    let campaign = api.campaign().await.id();
    let patch = json!({"enabled": false, "eventTypes": ["customer.response"], "campaignId": campaign});
    let changed = api.patch(&path, &patch).await.expect(200);
    assert_eq!(
        (&changed.json["enabled"], &changed.json["disabledReason"]),
        (&json!(false), &json!("requested"))
    );
    api.call(Method::POST, &format!("{path}/test"))
        .send()
        .await
        .problem(409, "webhook-disabled");
    let changed = api
        .patch(&path, &json!({"enabled": true, "campaignId": null}))
        .await
        .expect(200);
    assert_eq!(changed.json.get("campaignId"), None);

    let rotated = api
        .call(Method::POST, &format!("{path}/rotate-secret"))
        .send()
        .await
        .expect(200);
    assert_ne!(rotated.text_of("secret"), secret);
    let test = api
        .call(Method::POST, &format!("{path}/test"))
        .send()
        .await
        .expect(202);
    let event = test.text_of("eventId");
    let deliveries = api.all(&format!("{path}/deliveries"), 1).await;
    assert_eq!(deliveries[0]["eventType"], "webhook.test");
    assert_eq!(
        api.all(&format!("{path}/deliveries?state=delivered"), 50)
            .await
            .len(),
        0
    );
    api.get(&format!("{path}/deliveries?state=lost"))
        .await
        .problem(400, "malformed-request");
    api.call(Method::POST, &format!("{path}/deliveries/{event}/redeliver"))
        .send()
        .await
        .expect(202);
    api.call(Method::POST, &format!("{path}/deliveries/evt_none/redeliver"))
        .send()
        .await
        .problem(404, "not-found");

    for (member, value, pointer) in [
        ("url", json!("mailto:x"), "/url"),
        ("url", json!("x"), "/url"),
        ("eventTypes", json!([]), "/eventTypes"),
        ("eventTypes", json!(["activity.*", "nothing"]), "/eventTypes/1"),
        ("description", json!("x".repeat(501)), "/description"),
        ("description", json!("o\u{1b}[31murs"), "/description"),
        ("campaignId", json!("NaN"), "/campaignId"),
        ("secret", json!("mine"), "/secret"),
    ] {
        let mut bad = body.clone();
        bad[member] = value;
        let answer = api
            .post("/v1/webhooks", &bad)
            .await
            .problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer]);
    }
    assert_eq!(api.all("/v1/webhooks", 1).await.len(), 1);
    let nowhere = api.patch(&path, &json!({"campaignId": "NaN"})).await;
    assert_eq!(
        nowhere.problem(422, "invalid-request").pointers(),
        ["/campaignId"]
    );
    api.delete(&path).await.expect(204);
    assert!(
        api.get("/v1/event-types")
            .await
            .expect(200)
            .text
            .contains("webhook.test")
    );
}

#[tokio::test]
async fn settings_are_replaced_and_everything_is_stopped() {
    let api = Api::new().await;
    assert_eq!(api.get("/v1/settings").await.expect(200).header("etag"), "\"0\"");
    let body = json!({"policy": {"timeZone": "Europe/Berlin", "caps": [{"max": 3, "windowMs": 86_400_000}]},
        "contactLedger": "whenCapped", "cxActivitiesUrl": "https://cx.example.org/a"});
    let put = api
        .call(Method::PUT, "/v1/settings")
        .header("if-match", "\"0\"")
        .json(&body)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (put.header("etag"), &put.json["policy"]["caps"][0]["max"]),
        ("\"1\"", &json!(3))
    );

    let stopped = api
        .call(Method::POST, "/v1/stop-everything")
        .send()
        .await
        .expect(200);
    assert!(stopped.text_of("quietAfter") > api.now());
    api.put("/v1/settings", &json!({})).await.expect(200);
    assert!(api.get("/v1/settings").await.json["stoppedAt"].is_string());
    api.delete("/v1/stop-everything").await.expect(200);
    assert_eq!(api.get("/v1/settings").await.json.get("stoppedAt"), None);

    let rotated = api
        .call(Method::POST, "/v1/settings/rotate-callback-secret")
        .send()
        .await
        .expect(200);
    assert!(rotated.text_of("secret").starts_with("whsec_"));
    for (body, pointer) in [
        (
            json!({"policy": {"caps": [{"max": 3, "windowMs": 1}]}}),
            "/policy/caps/0/windowMs",
        ),
        (json!({"policy": {"timeZone": "x"}}), "/policy/timeZone"),
        (
            json!({"cxActivitiesUrl": "file:///etc/passwd"}),
            "/cxActivitiesUrl",
        ),
        (json!({"stoppedAt": null}), "/stoppedAt"),
    ] {
        let answer = api
            .put("/v1/settings", &body)
            .await
            .problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer]);
    }
}

#[tokio::test]
async fn api_keys_are_shown_once_and_revoked() {
    let api = Api::new().await;
    let make = || {
        api.call(Method::POST, "/v1/api-keys")
            .key("k")
            .json(&json!({"name": "CI", "role": "reader"}))
    };
    let created = make().send().await.expect(201);
    let key = created.text_of("key");
    let replayed = make().send().await.expect(201);
    assert_eq!((replayed.id(), replayed.json.get("key")), (created.id(), None));
    let all = api.all("/v1/api-keys", 1).await;
    assert_eq!(all.len(), 2);
    let shown = format!("{all:?}");
    assert!(!shown.contains(&key) && !shown.contains("hash"));
    api.delete(&format!("/v1/api-keys/{}", created.id()))
        .await
        .expect(204);
    let call = api
        .anonymous(Method::GET, "/v1/settings")
        .header("authorization", &format!("Bearer {key}"));
    call.send().await.problem(401, "unauthenticated");
    let answer = api
        .post("/v1/api-keys", &json!({"name": "x", "role": "root"}))
        .await;
    assert_eq!(answer.problem(422, "invalid-request").pointers(), ["/role"]);
}

#[tokio::test]
async fn dead_letters_are_listed_and_redriven() {
    let api = Api::new().await;
    let body = api.due_activity();
    let id = api.post("/v1/scheduled-activities", &body).await.expect(201).id();
    api.dispatch(&id).await; // No connector serves it.
    let letters = api.all("/v1/dead-letters", 1).await;
    assert_eq!(
        (&letters[0]["activityId"], &letters[0]["reason"]),
        (&json!(id), &json!("noConnector"))
    );
    api.connector().await;
    let again = api
        .call(Method::POST, &format!("/v1/dead-letters/{id}/redrive"))
        .send()
        .await
        .expect(200);
    assert_eq!(again.json["state"], "SCHEDULED");
    api.call(Method::POST, &format!("/v1/dead-letters/{id}/redrive"))
        .send()
        .await
        .problem(404, "not-found");
}
