//! The `ccm` connector against a scripted HTTP server.

use std::time::Duration;

use crate::common::{
    build, build_error, build_with, closed_port, plain, read_callback, request, server_that_hangs_up,
};
use domain::activity::settle::Trouble;
use domain::channel::Channel;
use domain::time::Millis;
use platform::connector::{
    Callback, CallbackError, Connector, ConnectorKind, EnquiryOutcome, Repeat, SendFailure, SendOutcome,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn ccm(url: &str, more: &[(&str, &str)], secrets: &[(&str, &str)]) -> Arc<dyn Connector> {
    let mut settings = vec![("webhookUrl", url)];
    settings.extend(more);
    build(ConnectorKind::Ccm, &[Channel::Sms], &settings, secrets).unwrap()
}

async fn outcome(response: ResponseTemplate) -> SendOutcome {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(response)
        .mount(&server)
        .await;
    ccm(&server.uri(), &[], &[])
        .send(&request(Channel::Sms, plain("Hello")))
        .await
}

fn failed(status: u16, reason: &str) -> SendFailure {
    SendFailure {
        code: format!("http-{status}"),
        detail: format!("the provider answered {status} {reason}"),
    }
}

#[tokio::test]
async fn the_message_goes_out_whole_with_key_and_token() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/hook"))
        .and(header("content-type", "application/json"))
        .and(header("idempotency-key", "act_1.1"))
        .and(header("authorization", "Bearer s3cret"))
        .and(header(
            "x-amzn-trace-id",
            "Root=1-67891233-abcdef012345678912345678",
        ))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(serde_json::json!({"providerMessageId": "p1"})),
        )
        .expect(1)
        .mount(&server)
        .await;
    let connector = ccm(
        &format!("{}/hook", server.uri()),
        &[("serviceIdentifier", "8001")],
        &[("token", "s3cret")],
    );
    assert_eq!(
        connector.send(&request(Channel::Sms, plain("Hello"))).await,
        SendOutcome::Accepted {
            provider_message_id: Some("p1".into())
        }
    );
    let sent = server.received_requests().await.unwrap();
    insta::assert_json_snapshot!(serde_json::from_slice::<Value>(&sent[0].body).unwrap());
}

#[tokio::test]
async fn the_services_of_the_activity_come_before_the_connectors() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let connector = ccm(&server.uri(), &[("serviceIdentifier", "8001")], &[]);
    let mut request = request(Channel::Sms, plain("Hello"));
    request.service_identifier = Some("8002".into());
    request.message.header.channel_data = None;
    assert_eq!(
        connector.send(&request).await,
        SendOutcome::Accepted {
            provider_message_id: None
        }
    );
    let sent = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(
        body["header"]["channelData"],
        serde_json::json!({"channelCustomerIdentifier": crate::common::PHONE, "serviceIdentifier": "8002"})
    );
}

#[tokio::test]
async fn statuses_become_outcomes() {
    assert_eq!(
        outcome(ResponseTemplate::new(400).set_body_string("bad number +442079460958")).await,
        SendOutcome::Rejected(failed(400, "Bad Request"))
    );
    assert_eq!(
        outcome(ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/")).await,
        SendOutcome::Rejected(failed(302, "Found"))
    );
    assert_eq!(
        outcome(ResponseTemplate::new(429).insert_header("retry-after", "30")).await,
        SendOutcome::Deferred {
            failure: failed(429, "Too Many Requests"),
            retry_after: Some(Millis::seconds(30)),
            trouble: Trouble::Connector,
        }
    );
    assert_eq!(
        outcome(
            ResponseTemplate::new(503)
                .insert_header("date", "Sun, 06 Nov 1994 12:00:00 GMT")
                .insert_header("retry-after", "Sun, 06 Nov 1994 12:02:00 GMT")
                .set_body_string("down")
        )
        .await,
        SendOutcome::Deferred {
            failure: failed(503, "Service Unavailable"),
            retry_after: Some(Millis::minutes(2)),
            trouble: Trouble::Connector,
        }
    );
    assert_eq!(
        outcome(ResponseTemplate::new(401)).await,
        SendOutcome::Deferred {
            failure: failed(401, "Unauthorized"),
            retry_after: None,
            trouble: Trouble::Connector,
        }
    );
    assert_eq!(
        outcome(ResponseTemplate::new(409)).await,
        SendOutcome::Unclear(failed(409, "Conflict"))
    );
    assert_eq!(
        outcome(ResponseTemplate::new(500)).await,
        SendOutcome::Unclear(failed(500, "Internal Server Error"))
    );
    // A body that is no JSON, and longer than what is read, takes nothing away from a success.
    assert_eq!(
        outcome(ResponseTemplate::new(200).set_body_string("x".repeat(1_000_000))).await,
        SendOutcome::Accepted {
            provider_message_id: None
        }
    );
}

#[tokio::test]
async fn what_was_not_written_is_deferred_and_what_may_have_been_is_unclear() {
    let message = request(Channel::Sms, plain("Hello"));

    let nobody = ccm(&format!("http://127.0.0.1:{}/", closed_port()), &[], &[]);
    let SendOutcome::Deferred { failure, .. } = nobody.send(&message).await else {
        panic!("expected a deferral");
    };
    assert_eq!(failure.code, "connect");

    let unknown = ccm("http://name.invalid/", &[], &[]);
    assert!(matches!(
        unknown.send(&message).await,
        SendOutcome::Deferred { .. }
    ));

    let hangs_up = ccm(&server_that_hangs_up().await, &[], &[]);
    let SendOutcome::Unclear(failure) = hangs_up.send(&message).await else {
        panic!("expected it to be unclear");
    };
    assert_eq!(failure.code, "broken");

    let silent = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(60)))
        .mount(&silent)
        .await;
    let slow = ccm(&silent.uri(), &[("timeoutMs", "150")], &[]);
    assert_eq!(
        slow.send(&message).await,
        SendOutcome::Unclear(SendFailure {
            code: "timeout".into(),
            detail: "no answer within 150 ms".into()
        })
    );
    assert_eq!(slow.timeout(), Millis::new(5_150));
}

#[tokio::test]
async fn no_more_requests_than_allowed_are_under_way() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_millis(100)))
        .mount(&server)
        .await;
    let connector = build_with(
        ConnectorKind::Ccm,
        &[Channel::Sms],
        &[("webhookUrl", &server.uri())],
        &[],
        2,
    )
    .unwrap();
    let message = request(Channel::Sms, plain("Hello"));
    let started = std::time::Instant::now();
    let all = futures::future::join_all((0..6).map(|_| connector.send(&message))).await;
    assert!(
        all.iter()
            .all(|outcome| matches!(outcome, SendOutcome::Accepted { .. }))
    );
    // Three rounds of two: less would mean more than two at once.
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn repetition_is_what_the_receiver_allows() {
    assert_eq!(ccm("http://ccm.example/", &[], &[]).repeat(), Repeat::WithSameKey);
    let forgetful = ccm("http://ccm.example/", &[("honoursIdempotencyKey", "false")], &[]);
    assert_eq!(forgetful.repeat(), Repeat::Never);
    assert!(matches!(
        forgetful.enquire(&request(Channel::Sms, plain("Hello"))).await,
        EnquiryOutcome::Unclear(_)
    ));
    let callback = Callback {
        url: "http://localhost/".into(),
        method: "POST".into(),
        headers: BTreeMap::new(),
        body: bytes::Bytes::new(),
    };
    assert_eq!(
        read_callback(forgetful.as_ref(), &callback),
        Err(CallbackError::Unsupported)
    );
}

#[test]
fn wrong_settings_are_named() {
    let error = |settings: &[(&str, &str)]| build_error(ConnectorKind::Ccm, &[Channel::Sms], settings, &[]);
    let problems = [
        error(&[]),
        error(&[("webhookUrl", "  ")]),
        error(&[("webhookUrl", "ccm/hook")]),
        error(&[("webhookUrl", "ftp://ccm/hook")]),
        error(&[("webhookUrl", "https://user:pass@ccm/hook")]),
        error(&[("webhookUrl", "http://ccm/"), ("honoursIdempotencyKey", "yes")]),
        error(&[("webhookUrl", "http://ccm/"), ("timeoutMs", "0")]),
        error(&[("webhookUrl", "http://ccm/"), ("weboohkUrl", "x")]),
        build_error(ConnectorKind::Ccm, &[], &[], &[]),
        build_error(ConnectorKind::Twilio, &[Channel::Email], &[], &[]),
    ];
    insta::assert_snapshot!(problems.join("\n"));
}

#[tokio::test]
async fn a_call_goes_out_with_its_names() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let settings = [("webhookUrl", server.uri()), ("serviceIdentifier", "8001".into())];
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let connector = build(ConnectorKind::Ccm, &[Channel::Voice], &settings, &[]).unwrap();
    let body = serde_json::json!({"type": "VOICE", "shown": {"Name": "Ann"}});
    connector.send(&request(Channel::Voice, body)).await;
    let sent = server.received_requests().await.unwrap();
    let message: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(
        message["body"],
        serde_json::json!({"type": "VOICE", "shown": {"Name": "Ann"}, "callId": "act_1", "leg": "act_1:1"})
    );
}
