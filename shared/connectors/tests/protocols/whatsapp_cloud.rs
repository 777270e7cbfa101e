//! The `whatsapp-cloud` connector against scripted answers of the documented shapes, and against
//! the simulator.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::common::{PHONE, answers_from, build, build_error, eventually, plain, read_callback, request};
use connectors::simulator::{Script, Simulator, SimulatorConfig, Targets};
use domain::activity::receipt::DeliveryStatus;
use domain::activity::settle::Trouble;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::time::{Millis, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorKind, Inbound, Repeat, ReplyTarget,
    SendFailure, SendOutcome,
};
use platform::secrets::Secret;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRETS: [(&str, &str); 3] = [
    ("accessToken", "EAAtoken"),
    ("appSecret", "app-secret"),
    ("verifyToken", "verify-me"),
];

fn whatsapp(base: &str) -> Arc<dyn Connector> {
    let settings = [
        ("phoneNumberId", "106540352242922"),
        ("baseUrl", base),
        ("apiVersion", "v24.0"),
    ];
    build(
        ConnectorKind::WhatsappCloud,
        &[Channel::Whatsapp],
        &settings,
        &SECRETS,
    )
    .unwrap()
}

async fn scripted(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v24.0/106540352242922/messages"))
        .and(header("authorization", "Bearer EAAtoken"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn messages_are_sent_as_documented() {
    let template = json!({"type": "TEMPLATE", "name": "order", "language": "en_US", "components": [
        {"type": "body", "parameters": [{"type": "text", "text": "Ann"}]}
    ]});
    let bare = json!({"type": "TEMPLATE", "name": "hello_world", "language": "en_US"});
    let mut bodies = Vec::new();
    for body in [plain("Hello"), template, bare] {
        let server = scripted(ResponseTemplate::new(200).set_body_json(json!({
            "messaging_product": "whatsapp",
            "contacts": [{"input": PHONE, "wa_id": "442079460958"}],
            "messages": [{"id": "wamid.1"}]
        })))
        .await;
        let outcome = whatsapp(&server.uri())
            .send(&request(Channel::Whatsapp, body))
            .await;
        assert_eq!(
            outcome,
            SendOutcome::Accepted {
                provider_message_id: Some("wamid.1".into())
            }
        );
        let sent = server.received_requests().await.unwrap();
        bodies.push(serde_json::from_slice::<Value>(&sent[0].body).unwrap());
    }
    insta::assert_json_snapshot!(bodies);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_without_a_request() {
    let connector = whatsapp("http://127.0.0.1:1");
    let mut image = request(Channel::Whatsapp, json!({"type": "IMAGE"}));
    let mut path_in_sender = request(Channel::Whatsapp, plain("Hello"));
    image.service_identifier = Some("106540352242922".into());
    path_in_sender.service_identifier = Some("1/../2".into());
    for (request, code) in [
        (image, "unsupported-body"),
        (path_in_sender, "service-identifier"),
    ] {
        let SendOutcome::Rejected(failure) = connector.send(&request).await else {
            panic!("expected a refusal");
        };
        assert_eq!(failure.code, code);
    }
    assert_eq!(connector.repeat(), Repeat::Never);
}

#[tokio::test]
async fn errors_are_told_apart_by_code() {
    let answer = |status: u16, code: u32| {
        ResponseTemplate::new(status).set_body_json(json!({"error": {
            "message": format!("(#{code}) something about {PHONE}"), "type": "OAuthException", "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": PHONE}, "fbtrace_id": "A1"
        }}))
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
            answer(400, 131030),
            SendOutcome::Rejected(failed("131030", "the recipient is not on the allowed list")),
        ),
        (
            answer(400, 131050),
            SendOutcome::OptedOut(failed("131050", "the recipient has opted out of marketing")),
        ),
        (
            answer(404, 132001),
            SendOutcome::Rejected(failed("132001", "the template does not exist in this language")),
        ),
        (
            answer(401, 190),
            deferred(failed("190", "the access token has expired"), None),
        ),
        (
            answer(403, 250),
            deferred(failed("250", "the app lacks a permission"), None),
        ),
        (
            answer(400, 131048),
            deferred(
                failed("131048", "the sender is limited after complaints of spam"),
                None,
            ),
        ),
        (
            answer(429, 130429).insert_header("retry-after", "60"),
            deferred(failed("130429", "the throughput limit was reached"), Some(60)),
        ),
        (
            answer(500, 131000),
            SendOutcome::Unclear(failed("131000", "an unknown error inside Meta")),
        ),
        (
            answer(400, 199_999),
            SendOutcome::Rejected(failed("199999", "(#199999) something about …")),
        ),
        (
            ResponseTemplate::new(504).set_body_string("<html>"),
            SendOutcome::Unclear(failed("http-504", "the provider answered 504 Gateway Timeout")),
        ),
    ] {
        let server = scripted(response).await;
        let outcome = whatsapp(&server.uri())
            .send(&request(Channel::Whatsapp, plain("Hello")))
            .await;
        assert_eq!(outcome, expected);
    }
}

fn signed(body: &Value) -> Callback {
    let body = body.to_string();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"app-secret").unwrap();
    mac.update(body.as_bytes());
    let mut signature = "sha256=".to_owned();
    for byte in mac.finalize().into_bytes() {
        write!(signature, "{byte:02x}").unwrap();
    }
    Callback {
        url: "https://campaigns.example.org/v1/callbacks/cnn_1".into(),
        method: "POST".into(),
        headers: BTreeMap::from([("x-hub-signature-256".into(), signature)]),
        body: body.into(),
    }
}

fn notification(field: &str, content: Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
        field: content
    }}]}]})
}

fn read(callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
    read_callback(whatsapp("http://127.0.0.1:1").as_ref(), callback)
}

fn events(callback: &Callback) -> Vec<Inbound> {
    match read(callback) {
        Ok(CallbackOutcome::Events(events)) => events,
        other => panic!("{other:?}"),
    }
}

#[test]
fn statuses_become_receipts() {
    let status = |name: &str| {
        json!({"id": "wamid.1", "status": name, "timestamp": "1750030073", "recipient_id": "442079460958",
            "biz_opaque_callback_data": "ten_1.act_1.1", "pricing": {"billable": true}})
    };
    let mut failed = status("failed");
    failed["errors"] = json!([{"code": 131026, "title": "Message undeliverable"}]);
    let all = notification(
        "statuses",
        json!([
            status("sent"),
            status("delivered"),
            status("read"),
            failed,
            status("warning")
        ]),
    );
    let expected = [
        (DeliveryStatus::Delivered, None),
        (DeliveryStatus::Read, None),
        (DeliveryStatus::Failed, Some("131026".into())),
    ]
    .map(|(status, reason_code)| Inbound::Receipt {
        echo: Some(request(Channel::Whatsapp, plain("Hello")).echo),
        provider_message_id: Some("wamid.1".into()),
        status,
        reason_code,
        opted_out: false,
        at: Some(Timestamp::from_millis(1_750_030_073_000)),
    });
    assert_eq!(events(&signed(&all)), expected);
}

#[test]
fn inbound_messages_become_replies() {
    let message = |kind: &str, content: Value| {
        json!({"id": "wamid.9", "from": "442079460958", "timestamp": "1750030073", "type": kind, kind: content,
            "context": {"from": "15550783881", "id": "wamid.1"}})
    };
    let reply = |body: Body| Inbound::Reply {
        id: "wamid.9".into(),
        in_reply_to: Some(ReplyTarget::ProviderMessage("wamid.1".into())),
        channel: Channel::Whatsapp,
        from: Some(Address::parse(Channel::Whatsapp, PHONE).unwrap()),
        body,
        at: Some(Timestamp::from_millis(1_750_030_073_000)),
    };
    let image = json!({"id": "7", "mime_type": "image/jpeg"});
    let mut reaction = message("reaction", json!({"message_id": "wamid.1", "emoji": "👍"}));
    reaction.as_object_mut().unwrap().remove("context");
    for (message, expected) in [
        (message("text", json!({"body": "Yes"})), Some(Body::plain("Yes"))),
        (
            message("button", json!({"text": "Stop", "payload": "stop"})),
            Some(Body::plain("Stop")),
        ),
        (
            message(
                "interactive",
                json!({"type": "button_reply", "button_reply": {"id": "1", "title": "Later"}}),
            ),
            Some(Body::plain("Later")),
        ),
        (reaction, Some(Body::plain("👍"))),
        (
            message("image", image.clone()),
            Some(
                Body::parse(json!({"type": "CUSTOM", "whatsapp": {"type": "image", "image": image}}))
                    .unwrap(),
            ),
        ),
        (message("system", json!({"body": "number changed"})), None),
        (message("reaction", json!({"message_id": "wamid.1"})), None),
    ] {
        let callback = signed(&notification("messages", json!([message])));
        assert_eq!(
            events(&callback),
            expected.map(reply).into_iter().collect::<Vec<_>>()
        );
    }
    // Other webhooks of the same app.
    let other = json!({"entry": [{"changes": [{"field": "account_update", "value": {"event": "x"}}]}]});
    assert_eq!(events(&signed(&other)), []);
}

#[test]
fn who_writes_is_heard_whatever_the_number() {
    for (from, expected) in [
        ("5215512345678", Some("+525512345678")),
        ("558587654321", Some("+5585987654321")),
        ("999123456789", Some("+999123456789")),
        ("bank", None),
    ] {
        let message = json!({"id": "wamid.9", "from": from, "type": "text", "text": {"body": "Stop"},
            "context": {"id": "wamid.1"}});
        let told = events(&signed(&notification("messages", json!([message]))));
        assert_eq!(answers_from(&told), expected, "{from}");
    }
}

#[test]
fn who_has_opted_out_with_whatsapp_has_opted_out() {
    let failed = json!([{"id": "wamid.1", "status": "failed", "errors": [{"code": 131050}]}]);
    let told = events(&signed(&notification("statuses", failed)));
    assert!(matches!(
        told.as_slice(),
        [Inbound::Receipt { opted_out: true, .. }]
    ));

    let preference = |value: &str| {
        json!({"wa_id": "442079460958", "detail": "User requested to stop marketing messages",
            "category": "marketing_messages", "value": value, "timestamp": 1_750_030_073})
    };
    let preferences = json!([preference("resume"), {"wa_id": "4420"}, preference("stop")]);
    let value = json!({"messaging_product": "whatsapp", "user_preferences": preferences});
    let all = json!({"entry": [{"id": "1", "changes": [{"field": "user_preferences", "value": value}]}]});
    let told = events(&signed(&all));
    let [
        Inbound::Reply {
            id,
            in_reply_to: None,
            channel: Channel::Whatsapp,
            from,
            body,
            at,
        },
    ] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    assert_eq!(id, "preference-1750030073");
    assert_eq!(from.as_ref().map(Address::as_str), Some(PHONE));
    assert!(compliance::optout::find(body.readable().unwrap(), &[]).is_some());
    assert_eq!(*at, Some(Timestamp::from_millis(1_750_030_073_000)));
}

#[test]
fn what_does_not_read_holds_up_nothing_else() {
    let text = |id: &str, from: Value| json!({"id": id, "from": from, "type": "text", "text": {"body": "Yes"}, "context": {"id": "wamid.1"}});
    let heard = |told: &[Inbound]| -> Vec<_> {
        let of = |event: &Inbound| match event {
            Inbound::Reply { id, from, .. } => (id.clone(), from.is_some()),
            Inbound::Receipt {
                provider_message_id, ..
            } => (provider_message_id.clone().unwrap(), false),
        };
        told.iter().map(of).collect()
    };
    let messages = json!([
        text("wamid.2", json!(7)),
        {"id": "wamid.3"},
        text("wamid.4", Value::Null),
        {"from": "442079460958"},
        text("wamid.5", json!("442079460958")),
    ]);
    let told = events(&signed(&notification("messages", messages)));
    assert_eq!(
        heard(&told),
        [("wamid.4".into(), false), ("wamid.5".into(), true)]
    );
    let statuses = json!([
        {"id": "wamid.6", "status": "failed", "errors": "none"},
        "nothing",
        {"id": "wamid.7", "status": "delivered"},
    ]);
    let told = events(&signed(&notification("statuses", statuses)));
    assert_eq!(heard(&told), [("wamid.7".into(), false)]);
}

#[test]
fn forged_callbacks_are_not_believed() {
    let mut callback = signed(&notification("statuses", json!([])));
    assert_eq!(events(&callback), []);
    callback.body = "{}".into();
    assert_eq!(read(&callback), Err(CallbackError::Signature));
    callback.headers.clear();
    assert_eq!(read(&callback), Err(CallbackError::Signature));
    assert!(matches!(
        read(&signed(&json!("text"))),
        Err(CallbackError::Malformed(_))
    ));
}

#[test]
fn the_address_is_verified_with_the_token() {
    let verify = |query: &str| {
        read(&Callback {
            url: format!("https://campaigns.example.org/v1/callbacks/cnn_1?{query}"),
            method: "GET".into(),
            headers: BTreeMap::new(),
            body: bytes::Bytes::new(),
        })
    };
    assert_eq!(
        verify("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-me"),
        Ok(CallbackOutcome::Challenge("1158201444".into()))
    );
    for query in [
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.challenge=1&hub.verify_token=verify-me",
    ] {
        assert_eq!(verify(query), Err(CallbackError::Signature));
    }
}

#[test]
fn wrong_settings_are_named() {
    let error = |settings: &[(&str, &str)], secrets: &[(&str, &str)]| {
        build_error(
            ConnectorKind::WhatsappCloud,
            &[Channel::Whatsapp],
            settings,
            secrets,
        )
    };
    let id = ("phoneNumberId", "1");
    let problems = [
        error(&[], &SECRETS),
        error(&[("phoneNumberId", "..")], &SECRETS),
        error(&[id, ("apiVersion", "v1/x")], &SECRETS),
        error(&[id], &SECRETS[..1]),
        error(&[id], &SECRETS[..2]),
    ];
    insta::assert_snapshot!(problems.join("\n"));
}

#[tokio::test]
async fn the_simulator_speaks_the_protocol() {
    let product = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&product)
        .await;
    let config = SimulatorConfig {
        targets: Targets {
            meta_webhook: Some(product.uri().parse().unwrap()),
            meta_app_secret: Some(Secret::new("app-secret")),
            ..Targets::default()
        },
        ..SimulatorConfig::default()
    };
    let script = Script {
        delivered: 0.0,
        failed: 1.0,
        ..Script::default()
    };
    let simulator = Simulator::start("127.0.0.1:0".parse().unwrap(), config.with_script(script))
        .await
        .unwrap();
    let connector = whatsapp(&simulator.base_url());
    let message = request(Channel::Whatsapp, plain("Hello"));
    let SendOutcome::Accepted { provider_message_id } = connector.send(&message).await else {
        panic!("expected it to be accepted");
    };
    let mut requests = eventually(async || {
        let requests = product.received_requests().await.unwrap();
        (requests.len() == 1).then_some(requests)
    })
    .await;
    let told = requests.remove(0);
    let callback = Callback {
        url: told.url.to_string(),
        method: "POST".into(),
        headers: BTreeMap::from([(
            "x-hub-signature-256".into(),
            told.headers["x-hub-signature-256"].to_str().unwrap().into(),
        )]),
        body: told.body.into(),
    };
    let told = events(&callback);
    let [
        Inbound::Receipt {
            echo,
            provider_message_id: id,
            status: DeliveryStatus::Failed,
            reason_code,
            opted_out: false,
            at: Some(_),
        },
    ] = told.as_slice()
    else {
        panic!("expected a failure");
    };
    assert_eq!(echo, &Some(message.echo));
    assert_eq!(id, &provider_message_id);
    assert_eq!(reason_code.as_deref(), Some("131026"));
}
