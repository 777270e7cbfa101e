//! The `twilio` connector against scripted answers of the documented shapes, and against the simulator.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::{PHONE, answers_from, build, build_error, eventually, plain, read_callback, request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::simulator::{AttemptCount, Script, Simulator, SimulatorConfig, Span, Targets};
use domain::activity::receipt::DeliveryStatus;
use domain::activity::settle::Trouble;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::time::Millis;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorKind, Inbound, Repeat, ReplyTarget,
    SendFailure, SendOutcome,
};
use platform::secrets::Secret;
use serde_json::json;
use url::form_urlencoded;
use wiremock::matchers::{basic_auth, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "12345";
const CALLBACK: &str = "https://campaigns.example.org/v1/callbacks/cnn_1";

fn twilio(base: &str, more: &[(&str, &str)]) -> Arc<dyn Connector> {
    let mut settings = vec![
        ("accountSid", "AC1"),
        ("baseUrl", base),
        ("callbackUrl", CALLBACK),
    ];
    settings.extend(more);
    let channels = [Channel::Sms, Channel::Whatsapp];
    build(
        ConnectorKind::Twilio,
        &channels,
        &settings,
        &[("authToken", TOKEN)],
    )
    .unwrap()
}

async fn scripted(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/2010-04-01/Accounts/AC1/Messages.json"))
        .and(basic_auth("AC1", TOKEN))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

/// The form of the only request.
async fn form(server: &MockServer) -> BTreeMap<String, String> {
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    form_urlencoded::parse(&requests[0].body).into_owned().collect()
}

fn created() -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({"sid": "SM1", "status": "queued", "error_code": null}))
}

#[tokio::test]
async fn messages_are_sent_as_documented() {
    let from = [("from", "+15005550006")];
    let service = [("messagingServiceSid", "MG1")];
    let template = json!({"type": "TEMPLATE", "name": "welcome", "language": "en",
        "contentSid": "HX1", "contentVariables": {"1": "Ann"}});
    // As a flow's message writes it.
    let of_a_flow = json!({"type": "TEMPLATE", "name": "HX0123456789abcdef0123456789ABCDEF", "language": "en",
        "components": [{"type": "body", "parameters": [
            {"type": "text", "text": "Ann \"O\""}, {"type": "text", "text": "Monday"}]}]});
    let mut forms = Vec::new();
    for (settings, channel, body) in [
        (from, Channel::Sms, plain("Hello & goodbye")),
        (service, Channel::Sms, plain("Hello")),
        (from, Channel::Whatsapp, plain("Hello")),
        (from, Channel::Whatsapp, template),
        (from, Channel::Whatsapp, of_a_flow),
    ] {
        let server = scripted(created()).await;
        let outcome = twilio(&server.uri(), &settings)
            .send(&request(channel, body))
            .await;
        assert_eq!(
            outcome,
            SendOutcome::Accepted {
                provider_message_id: Some("SM1".into())
            }
        );
        forms.push(form(&server).await);
    }
    insta::assert_json_snapshot!(forms);
}

#[tokio::test]
async fn other_bodies_are_refused_without_a_request() {
    let connector = twilio("http://127.0.0.1:1", &[("from", "+15005550006")]);
    for body in [
        json!({"type": "IMAGE", "markdownText": "x"}),
        json!({"type": "TEMPLATE", "name": "welcome", "language": "en"}),
        json!({"type": "TEMPLATE", "name": "HX0123", "language": "en"}),
    ] {
        let SendOutcome::Rejected(failure) = connector.send(&request(Channel::Sms, body)).await else {
            panic!("expected a refusal");
        };
        assert_eq!(failure.code, "unsupported-body");
    }
    assert_eq!(connector.repeat(), Repeat::Never);
}

#[tokio::test]
async fn errors_are_told_apart_by_code() {
    let answer = |status: u16, code: u32| {
        let message = format!("The 'To' number {PHONE} is wrong");
        ResponseTemplate::new(status)
            .set_body_json(json!({"code": code, "message": message, "status": status}))
    };
    let failed = |code: &str, detail: &str| SendFailure {
        code: code.into(),
        detail: detail.into(),
    };
    let deferred = |failure, seconds: Option<u64>| SendOutcome::Deferred {
        failure,
        retry_after: seconds.map(Millis::seconds),
        trouble: Trouble::Connector,
    };
    for (response, expected) in [
        (
            answer(400, 21211),
            SendOutcome::Rejected(failed("21211", "the recipient's number is not valid")),
        ),
        (
            answer(400, 21610),
            SendOutcome::OptedOut(failed("21610", "the recipient has opted out")),
        ),
        (
            answer(400, 29999),
            SendOutcome::Rejected(failed("29999", "The 'To' number … is wrong")),
        ),
        (
            answer(401, 20003),
            deferred(failed("20003", "the credentials were refused"), None),
        ),
        (
            answer(429, 20429).insert_header("retry-after", "2"),
            deferred(failed("20429", "too many requests"), Some(2)),
        ),
        (
            answer(400, 21611),
            deferred(failed("21611", "the sender's queue is full"), None),
        ),
        (
            answer(503, 20503),
            deferred(failed("20503", "Twilio is not available"), None),
        ),
        (
            ResponseTemplate::new(503).set_body_string("<html>"),
            deferred(
                failed("http-503", "the provider answered 503 Service Unavailable"),
                None,
            ),
        ),
        (
            answer(500, 20500),
            SendOutcome::Unclear(failed("20500", "an error inside Twilio")),
        ),
        (
            ResponseTemplate::new(502),
            SendOutcome::Unclear(failed("http-502", "the provider answered 502 Bad Gateway")),
        ),
        (
            ResponseTemplate::new(201).set_body_string("{broken"),
            SendOutcome::Accepted {
                provider_message_id: None,
            },
        ),
    ] {
        let server = scripted(response).await;
        let connector = twilio(&server.uri(), &[("from", "+15005550006")]);
        let outcome = connector.send(&request(Channel::Sms, plain("Hello"))).await;
        assert_eq!(outcome, expected);
        assert!(!format!("{outcome:?}").contains(PHONE));
    }
}

fn sign(url: &str, parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

fn callback(called: &str, signed: &str, parameters: &[(&str, &str)]) -> Callback {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    Callback {
        url: called.into(),
        method: "POST".into(),
        headers: BTreeMap::from([("x-twilio-signature".into(), sign(signed, parameters))]),
        body: body.into(),
    }
}

fn read(callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
    let connector = twilio("http://127.0.0.1:1", &[("from", "+15005550006")]);
    read_callback(connector.as_ref(), callback)
}

fn receipt(status: DeliveryStatus, reason: Option<&str>) -> Vec<Inbound> {
    vec![Inbound::Receipt {
        echo: Some(request(Channel::Sms, plain("Hello")).echo),
        provider_message_id: Some("SM1".into()),
        status,
        reason_code: reason.map(Into::into),
        opted_out: false,
        at: None,
    }]
}

#[test]
fn statuses_become_receipts() {
    let url = format!("{CALLBACK}?echo=ten_1.act_1.1");
    for (status, error, expected) in [
        ("queued", None, vec![]),
        ("sending", None, vec![]),
        ("sent", None, vec![]),
        ("something-new", None, vec![]),
        ("delivered", None, receipt(DeliveryStatus::Delivered, None)),
        ("read", None, receipt(DeliveryStatus::Read, None)),
        (
            "undelivered",
            Some("30003"),
            receipt(DeliveryStatus::Failed, Some("30003")),
        ),
        (
            "failed",
            Some("30008"),
            receipt(DeliveryStatus::Failed, Some("30008")),
        ),
    ] {
        let mut parameters = vec![("MessageSid", "SM1"), ("MessageStatus", status), ("To", PHONE)];
        parameters.extend(error.map(|code| ("ErrorCode", code)));
        // Behind a proxy the product sees another address than Twilio was told.
        for called in [url.clone(), "http://10.0.0.5:8080/x?echo=ten_1.act_1.1".into()] {
            let outcome = read(&callback(&called, &url, &parameters));
            assert_eq!(outcome, Ok(CallbackOutcome::Events(expected.clone())), "{status}");
        }
    }
}

#[test]
fn who_has_opted_out_with_twilio_has_opted_out() {
    let url = format!("{CALLBACK}?echo=ten_1.act_1.1");
    let blocked = [
        ("MessageSid", "SM1"),
        ("MessageStatus", "undelivered"),
        ("ErrorCode", "21610"),
    ];
    let Ok(CallbackOutcome::Events(events)) = read(&callback(&url, &url, &blocked)) else {
        panic!("expected a receipt");
    };
    assert!(matches!(
        events.as_slice(),
        [Inbound::Receipt { opted_out: true, .. }]
    ));

    // By a keyword of the account's own.
    let mut keyword = vec![("MessageSid", "SM9"), ("From", PHONE), ("Body", "NOMORE")];
    let body = |parameters: &[(&str, &str)]| {
        let Ok(CallbackOutcome::Events(events)) = read(&callback(CALLBACK, CALLBACK, parameters)) else {
            panic!("expected a reply");
        };
        let [Inbound::Reply { body, .. }] = events.as_slice() else {
            panic!("expected a reply");
        };
        body.clone()
    };
    assert_eq!(body(&keyword), Body::plain("NOMORE"));
    keyword.push(("OptOutType", "HELP"));
    assert_eq!(body(&keyword), Body::plain("NOMORE"));
    keyword.pop();
    keyword.push(("OptOutType", "STOP"));
    let body = body(&keyword);
    assert!(compliance::optout::find(body.readable().unwrap(), &[]).is_some());
    assert_eq!(
        body.field("twilio"),
        Some(&json!({"optOutType": "STOP", "body": "NOMORE"}))
    );
}

#[test]
fn inbound_messages_become_replies() {
    let answered = [
        ("MessageSid", "SM9"),
        ("From", "whatsapp:+442079460958"),
        ("To", "whatsapp:+15005550006"),
        ("Body", "Yes"),
        ("NumMedia", "0"),
        ("OriginalRepliedMessageSid", "SM1"),
    ];
    assert_eq!(
        read(&callback(CALLBACK, CALLBACK, &answered)),
        Ok(CallbackOutcome::Events(vec![Inbound::Reply {
            id: "SM9".into(),
            in_reply_to: Some(ReplyTarget::ProviderMessage("SM1".into())),
            channel: Channel::Whatsapp,
            from: Some(Address::parse(Channel::Whatsapp, PHONE).unwrap()),
            body: Body::plain("Yes"),
            at: None,
        }]))
    );
    let with_picture = [
        ("MessageSid", "SM9"),
        ("From", PHONE),
        ("Body", ""),
        ("NumMedia", "1"),
        ("MediaUrl0", "https://api.twilio.com/m/1"),
        ("MediaContentType0", "image/png"),
    ];
    let Ok(CallbackOutcome::Events(events)) = read(&callback(CALLBACK, CALLBACK, &with_picture)) else {
        panic!("expected a reply");
    };
    let [Inbound::Reply { body, channel, .. }] = events.as_slice() else {
        panic!("expected a reply");
    };
    assert_eq!((body.kind(), *channel), ("MULTIMEDIA", Channel::Sms));
}

#[test]
fn who_writes_is_heard_whatever_the_number() {
    for (from, expected) in [
        ("whatsapp:+5215512345678", Some("+525512345678")),
        ("whatsapp:+558587654321", Some("+5585987654321")),
        ("+999123456789", Some("+999123456789")),
        ("12345", None),
    ] {
        let parameters = [
            ("MessageSid", "SM9"),
            ("From", from),
            ("Body", "Stop"),
            ("OriginalRepliedMessageSid", "SM1"),
        ];
        let Ok(CallbackOutcome::Events(events)) = read(&callback(CALLBACK, CALLBACK, &parameters)) else {
            panic!("expected a reply");
        };
        assert_eq!(answers_from(&events), expected, "{from}");
    }
}

#[test]
fn forged_callbacks_are_not_believed() {
    let url = format!("{CALLBACK}?echo=ten_1.act_1.1");
    let parameters = [("MessageSid", "SM1"), ("MessageStatus", "delivered")];
    let genuine = callback(&url, &url, &parameters);
    assert!(read(&genuine).is_ok());

    let mut unsigned = genuine.clone();
    unsigned.headers.clear();
    let mut changed = genuine.clone();
    changed.body = "MessageSid=SM1&MessageStatus=read".into();
    let mut other_echo = genuine;
    other_echo.url = format!("{CALLBACK}?echo=ten_1.act_2.1");
    for forged in [unsigned, changed, other_echo] {
        assert_eq!(read(&forged), Err(CallbackError::Signature));
    }

    let nothing = callback(&url, &url, &[("AccountSid", "AC1")]);
    assert!(matches!(read(&nothing), Err(CallbackError::Malformed(_))));
}

#[test]
fn wrong_settings_are_named() {
    let error = |settings: &[(&str, &str)], secrets: &[(&str, &str)]| {
        build_error(ConnectorKind::Twilio, &[Channel::Sms], settings, secrets)
    };
    let whole = [("accountSid", "AC1"), ("callbackUrl", CALLBACK)];
    let with = |name, value| {
        let mut settings = whole.to_vec();
        settings.push((name, value));
        settings
    };
    let problems = [
        error(&[], &[]),
        error(&[("accountSid", "AC/../1")], &[]),
        error(&whole, &[]),
        error(&with("from", "+15005550006"), &[]),
        error(&[("accountSid", "AC1"), ("from", "+1")], &[("authToken", "x")]),
    ];
    insta::assert_snapshot!(problems.join("\n"));
}

#[tokio::test]
async fn the_simulator_speaks_the_protocol() {
    let product = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&product)
        .await;
    let callbacks = format!("{}/callbacks", product.uri());
    let config = SimulatorConfig {
        targets: Targets {
            twilio_auth_token: Some(Secret::new(TOKEN)),
            twilio_inbound: Some(callbacks.parse().unwrap()),
            ..Targets::default()
        },
        ..SimulatorConfig::default()
    };
    let script = Script {
        read: 1.0,
        read_after: Span::millis(20, 20),
        reply: 1.0,
        reply_after: Span::millis(20, 20),
        ..Script::default()
    };
    let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), config.with_script(script))
        .await
        .unwrap();
    let settings = [
        ("accountSid", "AC1"),
        ("baseUrl", &simulator.base_url()),
        ("callbackUrl", &callbacks),
        ("from", "+15005550006"),
    ];
    let secrets = [("authToken", TOKEN)];
    let connector = build(ConnectorKind::Twilio, &[Channel::Whatsapp], &settings, &secrets).unwrap();
    let message = request(Channel::Whatsapp, plain("Hello"));
    let SendOutcome::Accepted { provider_message_id } = connector.send(&message).await else {
        panic!("expected it to be accepted");
    };
    let requests = eventually(async || {
        let requests = product.received_requests().await.unwrap();
        (requests.len() == 3).then_some(requests)
    })
    .await;
    let mut told = Vec::new();
    for request in requests {
        let callback = Callback {
            url: request.url.to_string(),
            method: request.method.to_string(),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: request.body.into(),
        };
        let Ok(CallbackOutcome::Events(events)) = connector.read_callback(&callback).await else {
            panic!("the simulator's callbacks are genuine");
        };
        for event in events {
            told.push(match event {
                Inbound::Receipt {
                    echo,
                    provider_message_id: id,
                    status,
                    ..
                } => {
                    assert_eq!((echo, &id), (Some(message.echo.clone()), &provider_message_id));
                    format!("{status:?}")
                }
                Inbound::Reply { in_reply_to, .. } => {
                    assert_eq!(
                        in_reply_to,
                        provider_message_id.clone().map(ReplyTarget::ProviderMessage)
                    );
                    "Reply".into()
                }
            });
        }
    }
    assert_eq!(told, ["Delivered", "Read", "Reply"]);

    // No key is honoured: a second request is a second message.
    connector.send(&message).await;
    assert_eq!(
        simulator.attempt("ten_1.act_1.1"),
        AttemptCount { raw: 2, effects: 2 }
    );

    let wrong = build(
        ConnectorKind::Twilio,
        &[Channel::Whatsapp],
        &settings,
        &[("authToken", "x")],
    )
    .unwrap();
    let SendOutcome::Deferred { failure, .. } = wrong.send(&message).await else {
        panic!("expected a deferral");
    };
    assert_eq!(failure.code, "20003");
}
