//! Connectors of AWS's services that send by a function's role: they are set up without keys.

use connectors::{Factory, aws};
use http::Method;
use serde_json::{Value, json};

use crate::harness::Api;

/// Connectors of each kind that can send by a role.
fn keyless() -> [(&'static str, Value); 4] {
    let connector = |kind: &str, channel: &str, settings: Value| json!({"name": kind, "kind": kind, "channels": [channel], "settings": settings});
    let topic = "arn:aws:sns:eu-west-1:123456789012:receipts";
    [
        (
            "mail",
            connector(
                "aws-ses",
                "email",
                json!({"region": "eu-west-1", "from": "a@example.org", "topicArns": topic}),
            ),
        ),
        (
            "text",
            connector(
                "aws-sms",
                "sms",
                json!({"region": "eu-west-1", "originationIdentity": "+442079460958", "topicArns": topic}),
            ),
        ),
        (
            "chat",
            connector(
                "aws-whatsapp",
                "whatsapp",
                json!({"region": "eu-west-1", "phoneNumberId": "phone-number-id-1", "topicArns": topic}),
            ),
        ),
        (
            "call",
            connector(
                "amazon-connect",
                "voice",
                json!({"region": "eu-west-1", "instanceId": "12345678-1234-1234-1234-123456789012",
                    "contactFlowId": "12345678-1234-1234-1234-123456789012", "queueId": "12345678-1234-1234-1234-123456789012"}),
            ),
        ),
    ]
}

#[tokio::test]
async fn connectors_by_role_are_taken_and_their_receipts_read() {
    let api = Api::with_connectors(|clock| {
        Factory::new(clock)
            .unwrap()
            .with_aws_credentials(aws::from_environment())
    })
    .await;
    for (id, connector) in keyless() {
        api.put(&format!("/v1/connectors/{id}"), &connector)
            .await
            .expect(200);
        api.post("/v1/connectors", &connector).await.expect(201);
    }
    // Judged by what it says, not refused for a connector that could not be made.
    api.anonymous(Method::POST, "/v1/callbacks/acme/mail")
        .bytes("no notification")
        .send()
        .await
        .problem(400, "malformed-request");
}

#[tokio::test]
async fn where_no_role_sends_keys_are_asked_for() {
    let api = Api::with_connectors(|clock| Factory::new(clock).unwrap()).await;
    for (id, connector) in keyless() {
        let refused = api.put(&format!("/v1/connectors/{id}"), &connector).await;
        assert_eq!(
            refused.problem(422, "invalid-request").pointers(),
            ["/secrets/accessKeyId"]
        );
    }
}
