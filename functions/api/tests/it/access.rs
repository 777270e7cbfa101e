//! Who may do what.

use application::api_keys::Role;
use authorizer::{Identity, Verdict};
use domain::id::TenantId;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, activity, campaign};

#[tokio::test]
async fn a_key_is_needed() {
    let api = Api::new().await;
    let refused = api
        .anonymous(Method::GET, "/v1/settings")
        .send()
        .await
        .problem(401, "unauthenticated");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    for value in [
        "",
        "Bearer",
        "Bearer x",
        "Basic YTpi",
        "Bearer \u{e9}",
        &format!("Bearer {}", "x".repeat(500)),
    ] {
        let call = api
            .anonymous(Method::POST, "/v1/cim-messages")
            .header("authorization", value);
        call.send().await.problem(401, "unauthenticated");
    }
    for path in ["/v1/health", "/v1/openapi.json", "/docs"] {
        api.anonymous(Method::GET, path).send().await.expect(200);
    }
}

#[tokio::test]
async fn roles_bind() {
    let api = Api::new().await;
    let reader = api.as_role("acme", Role::Reader).await;
    reader.get("/v1/settings").await.expect(200);
    reader
        .post("/v1/scheduled-activities", &activity())
        .await
        .problem(403, "forbidden");
    reader
        .delete("/v1/stop-everything")
        .await
        .problem(403, "forbidden");
    let connector = api.as_role("acme", Role::Connector).await;
    connector.get("/v1/settings").await.problem(403, "forbidden");
    connector
        .get("/v1/cim-messages/orphans")
        .await
        .problem(403, "forbidden");
    connector
        .post("/v1/scheduled-activities", &activity())
        .await
        .problem(403, "forbidden");
    let receipt = json!({"id": "n", "header": {}, "body": {"type": "DELIVERYNOTIFICATION", "messageId": "x", "status": "READ"}});
    connector.post("/v1/cim-messages", &receipt).await.expect(202);
    // Refused before the body is looked at.
    connector
        .call(Method::POST, "/v1/campaigns")
        .bytes("{")
        .send()
        .await
        .problem(403, "forbidden");
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let api = Api::new().await;
    let connector = api.connector().await.header("location").to_owned();
    let list = api
        .post("/v1/contact-lists", &json!({"name": "x"}))
        .await
        .expect(201);
    let import = api
        .call(Method::POST, &format!("{}/imports", list.header("location")))
        .send()
        .await
        .expect(201);
    let campaign = api
        .post("/v1/campaigns", &campaign(&list.id()))
        .await
        .expect(201)
        .header("location")
        .to_owned();
    let activity = api
        .post("/v1/scheduled-activities", &activity())
        .await
        .expect(201)
        .header("location")
        .to_owned();
    let hook = json!({"url": "https://example.org", "eventTypes": ["*"]});
    let webhook = api
        .post("/v1/webhooks", &hook)
        .await
        .expect(201)
        .header("location")
        .to_owned();
    api.put("/v1/customers/ann", &json!({"firstName": "Ann"}))
        .await
        .expect(200);
    api.post("/v1/do-not-contact", &json!({"customerId": "ann"}))
        .await
        .expect(201);

    let other = api.as_role("globex", Role::Admin).await;
    let (list, import) = (list.header("location"), import.header("location"));
    let things = [
        &connector,
        list,
        import,
        &campaign,
        &activity,
        &webhook,
        "/v1/customers/ann",
    ];
    for path in things {
        other.get(path).await.problem(404, "not-found");
    }
    for path in [
        &connector,
        &campaign,
        &activity,
        &webhook,
        "/v1/customers/ann",
        "/v1/do-not-contact?customerId=ann",
    ] {
        other.delete(path).await.problem(404, "not-found");
    }
    for path in [&campaign, &activity, &webhook, "/v1/customers/ann"] {
        other.patch(path, &json!({})).await.problem(404, "not-found");
    }
    for action in ["publish", "stop", "duplicate", "pause"] {
        other
            .call(Method::POST, &format!("{campaign}/{action}"))
            .send()
            .await
            .problem(404, "not-found");
    }
    for tail in ["contacts", "imports"] {
        other
            .get(&format!("{list}/{tail}"))
            .await
            .problem(404, "not-found");
    }
    other
        .call(Method::PUT, &format!("{import}/file"))
        .bytes("a")
        .send()
        .await
        .problem(404, "not-found");
    other
        .call(Method::POST, &format!("{webhook}/rotate-secret"))
        .send()
        .await
        .problem(404, "not-found");
    for path in [
        "/v1/connectors",
        "/v1/contact-lists",
        "/v1/campaigns",
        "/v1/webhooks",
        "/v1/customers",
        "/v1/do-not-contact",
        "/v1/dead-letters",
        "/v1/cim-messages/orphans",
        "/v1/customers/ann/activities",
    ] {
        assert_eq!(other.all(path, 50).await, Vec::<Value>::new(), "{path}");
    }
    // The owner still has everything.
    for path in things {
        api.get(path).await.expect(200);
    }
    // The same idempotency key of another tenant is another key.
    let body = json!({"name": "x"});
    let ours = api
        .call(Method::POST, "/v1/contact-lists")
        .key("same")
        .json(&body)
        .send()
        .await
        .expect(201);
    let theirs = other
        .call(Method::POST, "/v1/contact-lists")
        .key("same")
        .json(&body)
        .send()
        .await
        .expect(201);
    assert_ne!(ours.id(), theirs.id());
}

#[tokio::test]
async fn what_the_authorizer_found_is_believed() {
    let api = Api::new().await;
    let found = |role| {
        Verdict::Known(Identity {
            tenant: TenantId::parse("globex").unwrap(),
            role,
            subject: "ann@example.com".into(),
        })
    };
    let call = |method, path: &str, verdict| {
        let call = api
            .anonymous(method, path)
            .header("authorization", "Bearer a.b.c");
        call.authorized(verdict)
    };
    let settings = call(Method::GET, "/v1/settings", found(Role::Reader));
    settings.send().await.expect(200);
    let stop = call(Method::DELETE, "/v1/stop-everything", found(Role::Reader));
    stop.send().await.problem(403, "forbidden");
    let refused = call(Method::GET, "/v1/settings", Verdict::Unknown);
    refused.send().await.problem(401, "unauthenticated");
    // Without its verdict the API looks for itself.
    let own = api
        .anonymous(Method::GET, "/v1/settings")
        .header("authorization", "Bearer a.b.c");
    own.send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn what_a_traced_request_creates_bears_its_trace() {
    let api = Api::new().await;
    let root = "1-67891233-abcdef012345678912345678";
    let call = api
        .call(Method::POST, "/v1/scheduled-activities")
        .json(&activity());
    let traced = call.header(
        "x-amzn-trace-id",
        &format!("Root={root};Parent=463ac35c9f6413ad;Sampled=1"),
    );
    let id = traced.send().await.expect(201).id();
    let (tenant, id) = (
        TenantId::parse("acme").unwrap(),
        domain::id::ActivityId::parse(&id).unwrap(),
    );
    let stored = application::activities::get(&api.context, &tenant, &id)
        .await
        .unwrap();
    assert_eq!(stored.value.trace.unwrap().as_str(), root);
}
