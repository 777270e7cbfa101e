//! The `aws-whatsapp` connector against scripted answers of the documented shapes.

use std::sync::Arc;

use crate::common::{PHONE, build, build_error, plain, request};
use crate::topic::{ARN, Topic, bring};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::activity::receipt::DeliveryStatus;
use domain::activity::settle::Trouble;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::time::Timestamp;
use platform::connector::{Connector, ConnectorKind, Inbound, Repeat, SendFailure, SendOutcome};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRETS: [(&str, &str); 2] = [("accessKeyId", "AKIDEXAMPLE"), ("secretAccessKey", "secret")];
const NUMBER: &str = "phone-number-id-976c72a700aac43eaf573ae050example";

fn whatsapp(more: &[(&str, &str)]) -> Arc<dyn Connector> {
    let mut settings = vec![("region", "us-east-1"), ("phoneNumberId", NUMBER)];
    settings.extend(more);
    build(
        ConnectorKind::AwsWhatsapp,
        &[Channel::Whatsapp],
        &settings,
        &SECRETS,
    )
    .unwrap()
}

async fn scripted(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/whatsapp/send"))
        .and(header("content-type", "application/json"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn metas_message_is_passed_on() {
    let accepted = ResponseTemplate::new(200).set_body_json(json!({"messageId": "6d69f07a"}));
    let server = scripted(accepted).await;
    let connector = whatsapp(&[("baseUrl", &server.uri()), ("metaApiVersion", "v21.0")]);
    let arn = "arn:aws:social-messaging:us-east-1:123456789012:phone-number-id/976c72a700";
    let template = json!({"type": "TEMPLATE", "name": "order", "language": "en_US", "components": []});
    let mut from_another = request(Channel::Whatsapp, template);
    from_another.service_identifier = Some(arn.into());
    for request in [request(Channel::Whatsapp, plain("Hello")), from_another] {
        assert_eq!(
            connector.send(&request).await,
            SendOutcome::Accepted {
                provider_message_id: Some("6d69f07a".into())
            }
        );
    }
    let sent = server.received_requests().await.unwrap();
    let bodies: Vec<Value> = sent
        .iter()
        .map(|request| {
            let mut body: Value = serde_json::from_slice(&request.body).unwrap();
            let message = STANDARD.decode(body["message"].as_str().unwrap()).unwrap();
            body["message"] = serde_json::from_slice(&message).unwrap();
            body
        })
        .collect();
    let message = |kind: &str, content: Value| {
        json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": PHONE, "type": kind,
            kind: content, "biz_opaque_callback_data": "ten_1.act_1.1"
        })
    };
    let text = message("text", json!({"preview_url": false, "body": "Hello"}));
    let template = json!({"name": "order", "language": {"code": "en_US"}, "components": []});
    let template = message("template", template);
    assert_eq!(
        bodies,
        [
            json!({"originationPhoneNumberId": NUMBER, "metaApiVersion": "v21.0", "message": text}),
            json!({"originationPhoneNumberId": arn, "metaApiVersion": "v21.0", "message": template}),
        ]
    );
    let authorization = sent[0].headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("/20261124/us-east-1/social-messaging/aws4_request"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_without_a_request() {
    let connector = whatsapp(&[("baseUrl", "http://127.0.0.1:1")]);
    let mut foreign = request(Channel::Whatsapp, plain("Hello"));
    foreign.service_identifier = Some("106540352242922".into());
    let image = request(Channel::Whatsapp, json!({"type": "IMAGE"}));
    for (request, code) in [(foreign, "service-identifier"), (image, "unsupported-body")] {
        let outcome = connector.send(&request).await;
        assert!(
            matches!(&outcome, SendOutcome::Rejected(failure) if failure.code == code),
            "{outcome:?}"
        );
    }
    assert_eq!(connector.repeat(), Repeat::Never);
}

#[tokio::test]
async fn errors_are_told_apart_by_their_header() {
    let failed = |code: &str, detail: &str| SendFailure {
        code: code.into(),
        detail: detail.into(),
    };
    let deferred = |code: &str, detail: &str| SendOutcome::Deferred {
        failure: failed(code, detail),
        retry_after: None,
        trouble: Trouble::Connector,
    };
    for (status, name, expected) in [
        (
            429,
            "ThrottledRequestException",
            deferred("ThrottledRequestException", "too many requests"),
        ),
        (
            403,
            "AccessDeniedByMetaException:http://internal.amazon.com/",
            deferred("AccessDeniedByMetaException", "Meta denied access to the account"),
        ),
        (
            400,
            "ValidationException",
            SendOutcome::Rejected(failed("ValidationException", "the request is not valid")),
        ),
        (
            404,
            "ResourceNotFoundException",
            SendOutcome::Rejected(failed("ResourceNotFoundException", "the sender does not exist")),
        ),
        (
            500,
            "InternalServiceException",
            SendOutcome::Unclear(failed("InternalServiceException", "an error inside AWS")),
        ),
        (
            502,
            "DependencyException",
            SendOutcome::Unclear(failed(
                "DependencyException",
                "Meta did not answer AWS as it should",
            )),
        ),
    ] {
        let answer = ResponseTemplate::new(status)
            .insert_header("x-amzn-errortype", name)
            .set_body_json(json!({"message": "words"}));
        let server = scripted(answer).await;
        let connector = whatsapp(&[("baseUrl", &server.uri())]);
        let outcome = connector.send(&request(Channel::Whatsapp, plain("Hello"))).await;
        assert_eq!(outcome, expected, "{name}");
    }
}

/// The event header of the user guide around an entry of Meta's webhook.
fn event(value: &Value) -> String {
    let entry = json!({"id": "365731266123456", "changes": [{"field": "messages", "value": value}]});
    json!({
        "context": {
            "MetaWabaIds": [{"wabaId": "1", "arn": "arn:aws:social-messaging:us-east-1:1:waba/f"}],
            "MetaPhoneNumberIds": [{"metaPhoneNumberId": "1", "arn": "arn:aws:social-messaging:us-east-1:1:p"}]
        },
        "whatsAppWebhookEntry": entry.to_string(),
        "aws_account_id": "123456789012",
        "message_timestamp": "2025-01-08T23:30:43.271279391Z",
        "messageId": "6d69f07a-c317-4278-9d5c-6a84078419ec"
    })
    .to_string()
}

#[tokio::test]
async fn metas_events_come_back() {
    let topic = Topic::new().await;
    let connector = whatsapp(&[("topicArns", ARN), ("snsUrl", &topic.server.uri())]);
    let status = |kind: &str, echo: Value| {
        event(&json!({"messaging_product": "whatsapp", "statuses": [{
            "id": "wamid.1", "status": kind, "timestamp": "1700000000", "recipient_id": "442079460958",
            "biz_opaque_callback_data": echo, "errors": [{"code": 131026, "title": "undeliverable"}]
        }]}))
    };
    let ours = json!("ten_1.act_1.1");
    let failed = Inbound::Receipt {
        echo: Some(request(Channel::Whatsapp, plain("Hello")).echo),
        provider_message_id: None,
        status: DeliveryStatus::Failed,
        reason_code: Some("131026".into()),
        opted_out: false,
        at: Some(Timestamp::from_millis(1_700_000_000_000)),
    };
    let answer = event(
        &json!({"messaging_product": "whatsapp", "messages": [{"id": "wamid.0"}, {
            "from": "442079460958", "id": "wamid.2", "timestamp": "1700000001", "type": "text",
            "text": {"body": "Stop"}, "context": {"from": "1", "id": "wamid.1"}
        }]}),
    );
    let reply = Inbound::Reply {
        id: "wamid.2".into(),
        in_reply_to: None,
        channel: Channel::Whatsapp,
        from: Some(Address::parse(Channel::Whatsapp, PHONE).unwrap()),
        body: Body::plain("Stop"),
        at: Some(Timestamp::from_millis(1_700_000_001_000)),
    };
    for (message, expected) in [
        (status("failed", ours.clone()), vec![failed]),
        (status("sent", ours), vec![]),
        (status("read", Value::Null), vec![]),
        (answer, vec![reply]),
    ] {
        let envelope = topic.notification(&message);
        assert_eq!(
            bring(connector.as_ref(), &envelope).await,
            Ok(expected),
            "{message}"
        );
    }
}

#[test]
fn wrong_settings_are_named() {
    let settings = [("region", "us-east-1"), ("phoneNumberId", "106540352242922")];
    assert_eq!(
        build_error(
            ConnectorKind::AwsWhatsapp,
            &[Channel::Whatsapp],
            &settings,
            &SECRETS
        ),
        "setting `phoneNumberId` must be AWS's id of the number, `phone-number-id-…`, or its ARN"
    );
}
