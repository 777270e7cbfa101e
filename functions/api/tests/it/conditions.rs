//! Versions, methods, paths, bodies: the plumbing.

use http::Method;
use serde_json::json;

use crate::harness::{Api, activity};

#[tokio::test]
async fn a_change_needs_the_present_version() {
    let api = Api::new().await;
    let path = api
        .post("/v1/scheduled-activities", &activity())
        .await
        .expect(201)
        .header("location")
        .to_owned();
    let patch = |tag: &'static str| {
        api.call(Method::PATCH, &path)
            .header("if-match", tag)
            .json(&json!({"priority": "high"}))
            .send()
    };
    let stale = patch("\"7\"").await.problem(412, "precondition-failed");
    assert_eq!(stale.json["currentVersion"], 1);
    patch("\"1\"").await.expect(200);
    patch("\"1\"").await.problem(412, "precondition-failed");
    patch("*").await.expect(200);
    for tag in ["3", "W/\"3\"", "\"3\", \"4\"", "\"x\"", ""] {
        let answer = api
            .call(Method::PATCH, &path)
            .header("if-match", tag)
            .json(&json!({}))
            .send()
            .await;
        assert_eq!(answer.problem(400, "malformed-request").pointers(), ["/If-Match"]);
    }
    let put = api
        .call(Method::PUT, "/v1/customers/new")
        .header("if-match", "\"1\"")
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(put.problem(412, "precondition-failed").json["currentVersion"], 0);
}

#[tokio::test]
async fn what_the_router_refuses_is_a_problem_too() {
    let api = Api::new().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/campaigns/",
        "/v2/campaigns",
        "/v1/campaigns/a/b/c",
    ] {
        api.get(path).await.problem(404, "no-such-path");
    }
    let answer = api
        .put("/v1/campaigns", &json!({}))
        .await
        .problem(405, "method-not-allowed");
    assert!(answer.header("allow").contains("POST"), "{:?}", answer.headers);
    api.call(Method::TRACE, "/v1/settings")
        .send()
        .await
        .problem(405, "method-not-allowed");
    assert_eq!(
        api.call(Method::HEAD, "/v1/settings")
            .send()
            .await
            .expect(200)
            .text,
        ""
    );
}

#[tokio::test]
async fn bodies_are_json_of_a_bounded_size() {
    let api = Api::new().await;
    let call = || api.call(Method::POST, "/v1/campaigns");
    call()
        .bytes("{}")
        .send()
        .await
        .problem(415, "unsupported-media-type");
    call()
        .header("content-type", "text/plain")
        .bytes("{}")
        .send()
        .await
        .problem(415, "unsupported-media-type");
    call()
        .header("content-encoding", "br")
        .json(&json!({}))
        .send()
        .await
        .problem(415, "unsupported-media-type");
    call()
        .header("content-type", "application/json; charset=utf-8")
        .bytes("{}")
        .send()
        .await
        .expect(422);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(4_000_000));
    call()
        .header("content-type", "application/json")
        .bytes(large)
        .send()
        .await
        .problem(413, "too-large");
    // A flow that is too large for one record.
    let flow = json!({"schema": 1, "description": "x".repeat(500_000)});
    let policy = json!({"consentBasis": "contract", "timeZone": "UTC"});
    api.post(
        "/v1/campaigns",
        &json!({"name": "x", "policy": policy, "flow": flow}),
    )
    .await
    .problem(422, "invalid-request");
}

#[tokio::test]
async fn a_request_has_a_name() {
    let api = Api::new().await;
    let named = api
        .call(Method::GET, "/v1/settings")
        .header("x-request-id", "trace-1")
        .send()
        .await
        .expect(200);
    assert_eq!(named.header("x-request-id"), "trace-1");
    for unfit in ["", "a b", "<script>", &"x".repeat(101)] {
        let answer = api
            .call(Method::GET, "/v1/none")
            .header("x-request-id", unfit)
            .send()
            .await;
        let answer = answer.problem(404, "no-such-path");
        assert_ne!(answer.header("x-request-id"), unfit);
        assert_eq!(answer.header("x-request-id").len(), 32);
    }
}
