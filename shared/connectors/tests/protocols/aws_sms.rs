//! The `aws-sms` connector against scripted answers of the documented shapes.

use std::sync::Arc;

use crate::common::{PHONE, build, build_error, closed_port, numbered, plain, request, server_that_hangs_up};
use crate::topic::{ARN, Topic, bring};
use domain::activity::receipt::DeliveryStatus;
use domain::activity::settle::Trouble;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::time::{Millis, Timestamp};
use platform::connector::{Connector, ConnectorKind, Inbound, Repeat, ReplyTarget, SendFailure, SendOutcome};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRETS: [(&str, &str); 3] = [
    ("accessKeyId", "AKIDEXAMPLE"),
    ("secretAccessKey", "secret"),
    ("sessionToken", "session"),
];

fn sms(more: &[(&str, &str)]) -> Arc<dyn Connector> {
    let mut settings = vec![("region", "eu-west-1")];
    settings.extend(more);
    build(ConnectorKind::AwsSms, &[Channel::Sms], &settings, &SECRETS).unwrap()
}

async fn scripted(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/"))
        .and(header("content-type", "application/x-amz-json-1.0"))
        .and(header("x-amz-target", "PinpointSMSVoiceV2.SendTextMessage"))
        .and(header("x-amz-security-token", "session"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn accepted() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"MessageId": "862a8790-60c0-4430-9b2b-658bdexample"}))
}

#[tokio::test]
async fn messages_are_sent_as_documented() {
    let server = scripted(accepted()).await;
    let all = sms(&[
        ("baseUrl", &server.uri()),
        ("originationIdentity", "pool-1"),
        ("configurationSet", "campaigns"),
        ("messageType", "PROMOTIONAL"),
        ("maxPrice", "0.10"),
        ("timeToLiveSeconds", "3600"),
    ]);
    let few = sms(&[("baseUrl", &server.uri())]);
    let mut from_another = numbered(Channel::Sms, plain("Hello Zoë"), 2);
    from_another.service_identifier = Some("+12065550152".into());
    for outcome in [
        all.send(&request(Channel::Sms, plain("Hello"))).await,
        all.send(&from_another).await,
        few.send(&request(Channel::Sms, plain("Hello"))).await,
    ] {
        assert_eq!(
            outcome,
            SendOutcome::Accepted {
                provider_message_id: Some("862a8790-60c0-4430-9b2b-658bdexample".into())
            }
        );
    }
    let sent = server.received_requests().await.unwrap();
    let bodies: Vec<Value> = sent
        .iter()
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    let common = |origin: &str| {
        json!({
            "DestinationPhoneNumber": PHONE, "MessageBody": "Hello", "Context": {"echo": "ten_1.act_1.1"},
            "OriginationIdentity": origin, "ConfigurationSetName": "campaigns", "MessageType": "PROMOTIONAL",
            "MaxPrice": "0.10", "TimeToLive": 3600
        })
    };
    let mut second = common("+12065550152");
    second["MessageBody"] = "Hello Zoë".into();
    second["Context"]["echo"] = "ten_1.act_1.2".into();
    let third = json!({
        "DestinationPhoneNumber": PHONE, "MessageBody": "Hello", "Context": {"echo": "ten_1.act_1.1"}
    });
    assert_eq!(bodies, [common("pool-1"), second, third]);
    for request in sent {
        let authorization = request.headers["authorization"].to_str().unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-west-1/sms-voice/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=";
        assert!(authorization.starts_with(scope), "{authorization}");
        assert_eq!(request.headers["x-amz-date"], "20261124T120000Z");
    }
}

#[tokio::test]
async fn other_bodies_are_refused_without_a_request() {
    let connector = sms(&[("baseUrl", "http://127.0.0.1:1")]);
    let template = json!({"type": "TEMPLATE", "name": "order", "language": "en"});
    let outcome = connector.send(&request(Channel::Sms, template)).await;
    let SendOutcome::Rejected(failure) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.code, "unsupported-body");
    assert_eq!(connector.repeat(), Repeat::Never);
}

#[tokio::test]
async fn errors_are_told_apart_by_name_and_reason() {
    let failed = |code: &str, detail: &str| SendFailure {
        code: code.into(),
        detail: detail.into(),
    };
    let rejected = |code: &str, detail: &str| SendOutcome::Rejected(failed(code, detail));
    let deferred = |code: &str, detail: &str| SendOutcome::Deferred {
        failure: failed(code, detail),
        retry_after: None,
        trouble: Trouble::Connector,
    };
    let unclear = |code: &str, detail: &str| SendOutcome::Unclear(failed(code, detail));
    let spend = "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT";
    let country = "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY";
    for (status, name, reason, expected) in [
        (
            400,
            "com.amazonaws.pinpointsmsvoicev2#ConflictException",
            Some("DESTINATION_PHONE_NUMBER_OPTED_OUT"),
            SendOutcome::OptedOut(failed(
                "DESTINATION_PHONE_NUMBER_OPTED_OUT",
                "the recipient has opted out",
            )),
        ),
        (
            400,
            "ConflictException",
            Some("KEYWORD_MISMATCH"),
            rejected(
                "KEYWORD_MISMATCH",
                "the request does not fit the account's configuration",
            ),
        ),
        (
            400,
            "ValidationException",
            Some(country),
            rejected(country, "no sender fits the recipient's country"),
        ),
        (
            400,
            "ResourceNotFoundException",
            None,
            rejected(
                "ResourceNotFoundException",
                "the sender or the configuration set does not exist",
            ),
        ),
        (
            400,
            "ServiceQuotaExceededException",
            Some(spend),
            deferred(spend, "the monthly spend limit is reached"),
        ),
        (
            400,
            "ThrottlingException",
            None,
            deferred("ThrottlingException", "too many requests"),
        ),
        (
            400,
            "UnrecognizedClientException",
            None,
            deferred("UnrecognizedClientException", "the credentials were refused"),
        ),
        (
            400,
            "AccessDeniedException",
            Some("ACCOUNT_DISABLED"),
            deferred("ACCOUNT_DISABLED", "the account is disabled"),
        ),
        (
            500,
            "InternalServerException",
            None,
            unclear("InternalServerException", "an error inside AWS"),
        ),
        (
            400,
            "NewException",
            None,
            rejected("NewException", "something about …"),
        ),
        (
            503,
            "NewException",
            None,
            deferred("NewException", "something about …"),
        ),
    ] {
        let message = format!("something about {PHONE}");
        let body = json!({"__type": name, "Message": message, "Reason": reason});
        let server = scripted(ResponseTemplate::new(status).set_body_json(body)).await;
        let connector = sms(&[("baseUrl", &server.uri())]);
        let outcome = connector.send(&request(Channel::Sms, plain("Hello"))).await;
        assert_eq!(outcome, expected, "{name} {reason:?}");
    }
}

#[tokio::test]
async fn what_surely_was_not_taken_is_deferred_and_the_rest_is_unclear() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "7");
    let slow = accepted().set_delay(std::time::Duration::from_secs(5));
    let (busy, slow) = (scripted(busy).await, scripted(slow).await);
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    let hanging_up = server_that_hangs_up().await;
    let code = |outcome: SendOutcome| match outcome {
        SendOutcome::Deferred {
            failure,
            retry_after,
            trouble: Trouble::Connector,
        } => ("deferred", failure.code, retry_after),
        SendOutcome::Unclear(failure) => ("unclear", failure.code, None),
        other => panic!("{other:?}"),
    };
    for (base, expected) in [
        (
            busy.uri(),
            ("deferred", "http-429".into(), Some(Millis::seconds(7))),
        ),
        (slow.uri(), ("unclear", "timeout".into(), None)),
        (nobody, ("deferred", "connect".into(), None)),
        (hanging_up, ("unclear", "broken".into(), None)),
    ] {
        let connector = sms(&[("baseUrl", &base), ("timeoutMs", "300")]);
        let outcome = connector.send(&request(Channel::Sms, plain("Hello"))).await;
        assert_eq!(code(outcome), expected, "{base}");
    }
}

/// The example of the user guide, with our echo.
fn status(kind: &str, is_final: bool) -> String {
    json!({
        "eventType": kind, "eventVersion": "1.0", "eventTimestamp": 1_686_975_103_470_i64,
        "isFinal": is_final, "originationPhoneNumber": "+12065550152", "destinationPhoneNumber": PHONE,
        "isoCountryCode": "GB", "mcc": "310", "mnc": "800", "messageId": "862a8790",
        "messageRequestTimestamp": 1_686_975_103_170_i64, "messageEncoding": "GSM",
        "messageType": "PROMOTIONAL", "messageStatus": "X", "messageStatusDescription": "words",
        "context": {"echo": "ten_1.act_1.1"}, "totalMessageParts": 1, "totalMessagePrice": 0.09582,
        "totalCarrierFee": 0.0
    })
    .to_string()
}

#[tokio::test]
async fn statuses_become_receipts() {
    let topic = Topic::new().await;
    let uri = topic.server.uri();
    let by = |whose| {
        sms(&[
            ("topicArns", ARN),
            ("snsUrl", uri.as_str()),
            ("deliveredBy", whose),
        ])
    };
    let (device, carrier) = (by("device"), by("carrier"));
    let receipt = |status, reason: Option<&str>| {
        vec![Inbound::Receipt {
            echo: Some(request(Channel::Sms, plain("Hello")).echo),
            provider_message_id: Some("862a8790".into()),
            status,
            reason_code: reason.map(Into::into),
            opted_out: false,
            at: Some(Timestamp::from_millis(1_686_975_103_470)),
        }]
    };
    let failed = |reason| receipt(DeliveryStatus::Failed, Some(reason));
    for (connector, kind, is_final, expected) in [
        (
            &device,
            "TEXT_DELIVERED",
            true,
            receipt(DeliveryStatus::Delivered, None),
        ),
        (
            &device,
            "RCS_DELIVERED",
            false,
            receipt(DeliveryStatus::Delivered, None),
        ),
        (&device, "RCS_READ", true, receipt(DeliveryStatus::Read, None)),
        (&device, "TEXT_SUCCESSFUL", true, vec![]),
        (
            &carrier,
            "TEXT_SUCCESSFUL",
            true,
            receipt(DeliveryStatus::Delivered, None),
        ),
        (&device, "TEXT_INVALID", true, failed("INVALID")),
        (
            &device,
            "TEXT_CARRIER_UNREACHABLE",
            true,
            failed("CARRIER_UNREACHABLE"),
        ),
        (&device, "TEXT_CARRIER_UNREACHABLE", false, vec![]),
        (&device, "TEXT_BLOCKED", true, failed("BLOCKED")),
        (&device, "TEXT_SPAM", true, failed("SPAM")),
        (&device, "TEXT_TTL_EXPIRED", true, failed("TTL_EXPIRED")),
        (&device, "TEXT_PROTECT_BLOCKED", true, failed("PROTECT_BLOCKED")),
        (&device, "RCS_FAILED", true, failed("FAILED")),
        (&device, "TEXT_QUEUED", false, vec![]),
        (&device, "TEXT_PENDING", false, vec![]),
        (&device, "TEXT_SENT", false, vec![]),
        (&device, "TEXT_UNKNOWN", true, vec![]),
        (&device, "VOICE_ANSWERED", true, vec![]),
    ] {
        let envelope = topic.notification(&status(kind, is_final));
        assert_eq!(
            bring(connector.as_ref(), &envelope).await,
            Ok(expected),
            "{kind} {is_final}"
        );
    }
}

#[tokio::test]
async fn answers_come_back() {
    let topic = Topic::new().await;
    let connector = sms(&[("topicArns", ARN), ("snsUrl", &topic.server.uri())]);
    let incoming = |from: &str, text: &str| {
        json!({
            "originationNumber": from, "destinationNumber": "+12125550101", "messageKeyword": "JOIN",
            "messageBody": text, "inboundMessageId": "cae173d2", "previousPublishedMessageId": "862a8790"
        })
    };
    let mut on_their_own = incoming(PHONE, "STOP");
    on_their_own
        .as_object_mut()
        .unwrap()
        .remove("previousPublishedMessageId");
    let reply = |in_reply_to, from: Option<&str>| {
        vec![Inbound::Reply {
            id: "cae173d2".into(),
            in_reply_to,
            channel: Channel::Sms,
            from: from.map(|text| Address::heard(Channel::Sms, text).unwrap()),
            body: Body::plain("STOP"),
            at: None,
        }]
    };
    let ours = Some(ReplyTarget::ProviderMessage("862a8790".into()));
    for (message, expected) in [
        (incoming(PHONE, "STOP"), reply(ours.clone(), Some(PHONE))),
        (
            incoming("+999123456789", "STOP"),
            reply(ours.clone(), Some("+999123456789")),
        ),
        (incoming("12345", "STOP"), reply(ours, None)),
        (on_their_own, reply(None, Some(PHONE))),
        (incoming(PHONE, ""), vec![]),
    ] {
        let envelope = topic.notification(&message.to_string());
        assert_eq!(
            bring(connector.as_ref(), &envelope).await,
            Ok(expected),
            "{message}"
        );
    }
}

#[test]
fn wrong_settings_are_named() {
    let region = ("region", "eu-west-1");
    for (settings, secrets, problem) in [
        (vec![], &SECRETS[..], "setting `region` is missing"),
        (
            vec![("region", "evil.example.org/")],
            &SECRETS[..],
            "setting `region` is no region, such as `eu-west-1`",
        ),
        (
            vec![region],
            &[],
            "setting `accessKeyId` is missing; it is a secret",
        ),
        (
            vec![region],
            &SECRETS[..1],
            "setting `secretAccessKey` is missing; it is a secret",
        ),
        (
            vec![region, ("baseUrl", "http://127.0.0.1:1")],
            &[],
            "setting `baseUrl` may be set only together with the secret `accessKeyId`",
        ),
        (
            vec![region, ("messageType", "URGENT")],
            &SECRETS[..],
            "setting `messageType` must be `TRANSACTIONAL` or `PROMOTIONAL`",
        ),
        (
            vec![region, ("timeToLiveSeconds", "4")],
            &SECRETS[..],
            "setting `timeToLiveSeconds` must be a whole number between 5 and 259200",
        ),
        (
            vec![region, ("deliveredBy", "pigeon")],
            &SECRETS[..],
            "setting `deliveredBy` must be `device` or `carrier`",
        ),
        (
            vec![region, ("topicArns", "arn:aws:sqs:eu-west-1:123456789012:x")],
            &SECRETS[..],
            "setting `topicArns` must hold ARNs of SNS topics, such as \
             arn:aws:sns:eu-west-1:123456789012:receipts",
        ),
    ] {
        let told = build_error(ConnectorKind::AwsSms, &[Channel::Sms], &settings, secrets);
        assert_eq!(told, problem);
    }
}
