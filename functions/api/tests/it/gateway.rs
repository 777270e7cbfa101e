//! Requests as API Gateway passes them to the function.

use api::lambda::answer;
use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::Api;

/// Sends the event with this authorizer's result, as the function's runtime would.
async fn invoke(api: &Api, found: Value, change: impl FnOnce(&mut Value)) -> (StatusCode, Value) {
    let mut event: Value = serde_json::from_str(include_str!("../fixtures/http-api.json")).unwrap();
    event["requestContext"]["authorizer"]["lambda"] = found;
    change(&mut event);
    let event = serde_json::from_value(event).unwrap();
    let answer = answer(api.router(), event, None).await.unwrap();
    let status = StatusCode::from_u16(answer.status_code).unwrap();
    (status, serde_json::from_str(&answer.body).unwrap())
}

fn reader() -> Value {
    json!({"tenant": "globex", "role": "reader", "subject": "key_1"})
}

#[tokio::test]
async fn an_event_is_answered_for_whom_its_authorizer_found() {
    let api = Api::new().await;
    let (status, body) = invoke(&api, reader(), |_| {}).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, body) = invoke(&api, reader(), |event| {
        event["requestContext"]["http"]["method"] = "DELETE".into();
        event["rawPath"] = "/v1/stop-everything".into();
    })
    .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("forbidden"))
    );
}

#[tokio::test]
async fn a_denial_is_a_problem() {
    let api = Api::new().await;
    for found in [
        json!({"unknown": "true"}),
        json!({}),
        json!(null),
        json!({"tenant": "globex"}),
    ] {
        let (status, body) = invoke(&api, found, |_| {}).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::UNAUTHORIZED, &json!("unauthenticated"))
        );
    }
}

#[tokio::test]
async fn no_header_stands_in_for_the_authorizer() {
    let api = Api::new().await;
    let (status, _) = invoke(&api, json!(null), |event| {
        event["headers"]["tenant"] = "globex".into();
        event["headers"]["x-amzn-request-context"] =
            json!({"authorizer": {"lambda": reader()}}).to_string().into();
    })
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
