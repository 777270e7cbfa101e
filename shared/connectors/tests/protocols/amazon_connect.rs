//! The `amazon-connect` connector against scripted answers of the documented shapes.

use std::sync::Arc;

use crate::common::{build, build_error, closed_port, now, numbered, plain, request, server_that_hangs_up};
use crate::topic::{ARN, Topic, bring};
use domain::activity::receipt::DeliveryStatus;
use domain::channel::Channel;
use domain::time::Timestamp;
use platform::connector::{Connector, ConnectorKind, Inbound, Repeat, SendFailure, SendOutcome, SendRequest};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRETS: [(&str, &str); 3] = [
    ("accessKeyId", "AKIDEXAMPLE"),
    ("secretAccessKey", "secret"),
    ("sessionToken", "session"),
];
const CONTACT: &str = "11111111-1111-1111-1111-111111111111";

fn connect(more: &[(&str, &str)]) -> Arc<dyn Connector> {
    let mut settings = vec![
        ("region", "eu-west-2"),
        ("instanceId", "instance-1"),
        ("contactFlowId", "flow-1"),
        ("queueId", "queue-1"),
    ];
    settings.extend(more);
    build(
        ConnectorKind::AmazonConnect,
        &[Channel::Voice],
        &settings,
        &SECRETS,
    )
    .unwrap()
}

async fn scripted(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("PUT"))
        .and(path("/contact/outbound-voice"))
        .and(header("content-type", "application/json"))
        .and(header("x-amz-security-token", "session"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn started() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "ContactId": CONTACT }))
}

fn voice() -> Value {
    json!({"type": "VOICE"})
}

#[tokio::test]
async fn calls_are_started_as_documented() {
    let server = scripted(started()).await;
    let base = server.uri();
    let mut long = request(Channel::Voice, json!({"type": "VOICE", "ringLimitSeconds": 90}));
    long.service_identifier = Some("+442079460000".into());
    let metadata = long.message.header.scheduling_meta_data.as_mut().unwrap();
    metadata.insert("dialing".into(), json!({"kind": "ivr"}));
    let text = json!({"type": "VOICE", "markdownText": "Your parcel is here", "ivr": "flow-2"});
    let general = connect(&[("baseUrl", &base), ("trafficType", "GENERAL")]);
    let detecting = connect(&[("baseUrl", &base), ("awaitPrompt", "true")]);
    for outcome in [
        detecting.send(&long).await,
        general.send(&numbered(Channel::Voice, text, 2)).await,
    ] {
        assert_eq!(
            outcome,
            SendOutcome::Accepted {
                provider_message_id: Some(CONTACT.into())
            }
        );
    }
    let sent = server.received_requests().await.unwrap();
    let signature = sent[0].headers["authorization"].to_str().unwrap();
    let scope = now().to_string()[..10].replace('-', "");
    assert!(
        signature.contains(&format!("AKIDEXAMPLE/{scope}/eu-west-2/connect/aws4_request")),
        "{signature}"
    );
    let bodies: Vec<Value> = sent
        .iter()
        .map(|sent| serde_json::from_slice(&sent.body).unwrap())
        .collect();
    insta::assert_json_snapshot!(bodies);
}

/// A call through an agent of the skill group `sales`, with more of the scheduling's data.
fn through_agent(more: &[(&str, Value)]) -> SendRequest {
    let body = json!({"type": "VOICE", "abandonedMessage": "Example Ltd, 0800 1: no agent is free"});
    let mut request = request(Channel::Voice, body);
    let metadata = request.message.header.scheduling_meta_data.as_mut().unwrap();
    let dialing = json!({"kind": "agent", "mode": "progressive", "pool": {"skillGroup": "sales"}});
    metadata.insert("dialing".into(), dialing);
    metadata.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    request
}

#[tokio::test]
async fn nobody_is_called_for_an_agent_who_may_not_be_free() {
    let server = scripted(started()).await;
    let connector = connect(&[("baseUrl", &server.uri())]);
    // A caller's own metadata are texts: they do not pass for the pacing's word.
    for more in [&[][..], &[("paced", json!("true"))], &[("paced", json!(false))]] {
        let outcome = connector.send(&through_agent(more)).await;
        assert!(matches!(outcome, SendOutcome::Rejected(SendFailure { code, .. }) if code == "unpaced"));
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_call_that_the_pacing_released_names_its_agents() {
    let server = scripted(started()).await;
    let connector = connect(&[("baseUrl", &server.uri())]);
    let paced = ("paced", json!(true));
    for more in [
        &[paced.clone()][..],
        &[paced.clone(), ("assignTo", json!({"queue": "gold"}))],
        &[paced.clone(), ("assignTo", json!({"agentId": "ann"}))],
    ] {
        let outcome = connector.send(&through_agent(more)).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    }
    let attributes: Vec<Value> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|sent| sent.body_json::<Value>().unwrap()["Attributes"].take())
        .collect();
    let of_group = ("skillGroup", "sales");
    for (attributes, (name, value)) in attributes.iter().zip([of_group, of_group, ("agent", "ann")]) {
        assert_eq!(attributes[name], value);
        assert_eq!(
            attributes["abandonedMessage"],
            "Example Ltd, 0800 1: no agent is free"
        );
        let others = attributes.as_object().unwrap().len();
        assert_eq!(others, 3, "{attributes}");
    }
}

#[test]
fn an_unclear_attempt_is_repeated_with_its_token() {
    assert_eq!(connect(&[]).repeat(), Repeat::WithSameKey);
}

#[tokio::test]
async fn errors_are_told_apart_by_name() {
    for (status, name, expected) in [
        (429, "LimitExceededException", "deferred"),
        (429, "ThrottlingException", "deferred"),
        (429, "TooManyRequestsException", "deferred"),
        (403, "OutboundContactNotPermittedException", "deferred"),
        (403, "AccessDeniedException", "deferred"),
        (403, "DestinationNotAllowedException", "rejected"),
        (400, "InvalidParameterException", "rejected"),
        (400, "InvalidRequestException", "rejected"),
        (404, "ResourceNotFoundException", "rejected"),
        (500, "InternalServiceException", "unclear"),
        (502, "NewException", "unclear"),
    ] {
        let answer = ResponseTemplate::new(status)
            .insert_header("x-amzn-errortype", name)
            .set_body_json(json!({"Message": "words"}));
        let server = scripted(answer).await;
        let outcome = connect(&[("baseUrl", &server.uri())])
            .send(&request(Channel::Voice, voice()))
            .await;
        let (kind, code) = match outcome {
            SendOutcome::Deferred { failure, .. } => ("deferred", failure.code),
            SendOutcome::Rejected(failure) => ("rejected", failure.code),
            SendOutcome::Unclear(failure) => ("unclear", failure.code),
            other => panic!("{other:?}"),
        };
        assert_eq!((kind, code.as_str()), (expected, name));
    }
}

#[tokio::test]
async fn what_is_no_call_is_rejected_and_a_broken_one_is_unclear() {
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    let not_a_call = connect(&[("baseUrl", &nobody)]);
    assert_eq!(
        not_a_call.send(&request(Channel::Voice, plain("Hello"))).await,
        SendOutcome::Rejected(SendFailure {
            code: "unsupported-body".into(),
            detail: "this connector does not send PLAIN bodies".into()
        })
    );
    let outcome = not_a_call.send(&request(Channel::Voice, voice())).await;
    assert!(matches!(outcome, SendOutcome::Deferred { .. }), "{outcome:?}");
    let hanging_up = server_that_hangs_up().await;
    let outcome = connect(&[("baseUrl", &hanging_up)])
        .send(&request(Channel::Voice, voice()))
        .await;
    assert!(matches!(outcome, SendOutcome::Unclear(_)), "{outcome:?}");
}

#[test]
fn wrong_settings_are_named() {
    let wrong = |settings: &[(&str, &str)]| {
        build_error(
            ConnectorKind::AmazonConnect,
            &[Channel::Voice],
            settings,
            &SECRETS,
        )
    };
    let region = ("region", "eu-west-2");
    let (instance, flow, queue) = (("instanceId", "i"), ("contactFlowId", "f"), ("queueId", "q"));
    insta::assert_debug_snapshot!([
        wrong(&[instance, flow, queue]),
        wrong(&[region, flow, queue]),
        wrong(&[region, instance, queue]),
        wrong(&[region, instance, flow]),
        wrong(&[region, instance, flow, queue, ("trafficType", "BULK")]),
        wrong(&[
            region,
            instance,
            flow,
            queue,
            ("trafficType", "GENERAL"),
            ("machineDetection", "true")
        ]),
        wrong(&[region, instance, flow, queue, ("dialer", "1")]),
    ]);
}

/// The shape of the administrator guide's examples.
fn event(kind: &str, more: Value) -> String {
    let mut detail = json!({
        "eventType": kind, "contactId": CONTACT, "channel": "VOICE", "initiationMethod": "API",
        "instanceArn": "arn:aws:connect:eu-west-2:123456789012:instance/instance-1",
        "initiationTimestamp": "2026-11-24T11:58:00.000Z",
    });
    for (name, value) in more.as_object().unwrap() {
        detail[name] = value.clone();
    }
    json!({
        "version": "0", "id": "abcabcab-abca-abca-abca-abcabcabcabc",
        "detail-type": "Amazon Connect Contact Event", "source": "aws.connect",
        "account": "123456789012", "time": "2026-11-24T11:59:00Z", "region": "eu-west-2",
        "resources": [], "detail": detail,
    })
    .to_string()
}

#[tokio::test]
async fn contact_events_become_receipts() {
    let topic = Topic::new().await;
    let uri = topic.server.uri();
    let connector = connect(&[("topicArns", ARN), ("snsUrl", &uri)]);
    let up = ("connectedToSystemTimestamp", json!("2026-11-24T11:58:20Z"));
    let amd = |status: &str| json!({"answeringMachineDetectionStatus": status, up.0: up.1});
    let why = |reason: &str| json!({ "disconnectReason": reason });
    let queue = json!({"queueArn": "arn", "queueType": "STANDARD"});
    let agent = json!({"agentArn": "arn"});
    use DeliveryStatus::{Connected, Delivered, Failed};
    for (kind, more, expected) in [
        ("INITIATED", json!({}), Some((Delivered, None))),
        ("CONNECTED_TO_SYSTEM", amd("HUMAN_ANSWERED"), None),
        ("QUEUED", json!({"queueInfo": queue}), None),
        (
            "CONNECTED_TO_AGENT",
            json!({"agentInfo": agent}),
            Some((Connected, Some("NORMAL_CLEARING"))),
        ),
        (
            "DISCONNECTED",
            json!({"AgentInfo": agent}),
            Some((Connected, Some("NORMAL_CLEARING"))),
        ),
        (
            "DISCONNECTED",
            amd("HUMAN_ANSWERED"),
            Some((Connected, Some("ANSWERED_ALONE"))),
        ),
        (
            "DISCONNECTED",
            json!({"answeringMachineDetectionStatus": "HUMAN_ANSWERED", "queueInfo": queue}),
            Some((Failed, Some("ABANDONED"))),
        ),
        (
            "DISCONNECTED",
            amd("VOICEMAIL_BEEP"),
            Some((Failed, Some("ANSWERING_MACHINE"))),
        ),
        (
            "DISCONNECTED",
            amd("VOICEMAIL_NO_BEEP"),
            Some((Failed, Some("ANSWERING_MACHINE"))),
        ),
        (
            "DISCONNECTED",
            amd("FAX_MACHINE_DETECTED"),
            Some((Failed, Some("FAX_MACHINE"))),
        ),
        (
            "DISCONNECTED",
            amd("SIT_TONE_BUSY"),
            Some((Failed, Some("USER_BUSY"))),
        ),
        (
            "DISCONNECTED",
            amd("SIT_TONE_INVALID_NUMBER"),
            Some((Failed, Some("INVALID_NUMBER"))),
        ),
        (
            "DISCONNECTED",
            amd("AMD_UNANSWERED"),
            Some((Failed, Some("NO_ANSWER"))),
        ),
        (
            "DISCONNECTED",
            amd("AMD_ERROR"),
            Some((Connected, Some("ANSWERED_ALONE"))),
        ),
        (
            "DISCONNECTED",
            why("TELECOM_PROBLEM"),
            Some((Failed, Some("NORMAL_TEMPORARY_FAILURE"))),
        ),
        (
            "DISCONNECTED",
            why("CUSTOMER_DISCONNECT"),
            Some((Failed, Some("CALL_REJECTED"))),
        ),
        ("DISCONNECTED", json!({}), Some((Failed, Some("NO_ANSWER")))),
        ("DISCONNECTED", json!({"initiationMethod": "INBOUND"}), None),
        ("DISCONNECTED", json!({"channel": "CHAT"}), None),
        ("CONTACT_DATA_UPDATED", json!({}), None),
        ("AN_EVENT_OF_TOMORROW", json!({}), None),
    ] {
        let envelope = topic.notification(&event(kind, more.clone()));
        let told = bring(connector.as_ref(), &envelope).await.unwrap();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(status, reason)| Inbound::Receipt {
                echo: None,
                provider_message_id: Some(CONTACT.into()),
                status,
                reason_code: reason.map(str::to_owned),
                opted_out: false,
                at: Some(Timestamp::parse("2026-11-24T11:59:00Z").unwrap()),
            })
            .collect();
        assert_eq!(told, expected, "{kind} {more}");
    }
}
