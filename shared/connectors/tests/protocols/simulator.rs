//! The provider simulator, driven through the real connectors.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::{build, eventually, numbered, plain, request};
use connectors::simulator::{
    AttemptCount, CallScript, Script, Simulator, SimulatorConfig, Span, Stats, Targets,
};
use domain::channel::Channel;
use domain::time::Millis;
use platform::connector::{Connector, ConnectorKind, SendOutcome};
use platform::secrets::Secret;
use serde_json::Value;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn start(script: Script) -> Simulator {
    let config = SimulatorConfig {
        seed: 7,
        time_scale: 10.0,
        ..SimulatorConfig::default()
    };
    Simulator::start("127.0.0.1:0".parse().unwrap(), config.with_script(script))
        .await
        .unwrap()
}

fn ccm(simulator: &Simulator) -> Arc<dyn Connector> {
    let url = simulator.ccm_url(Channel::Whatsapp);
    let settings = [("webhookUrl", url.as_str()), ("serviceIdentifier", "8001")];
    build(ConnectorKind::Ccm, &[Channel::Whatsapp], &settings, &[]).unwrap()
}

/// A server that takes CIM messages, and the simulator told about it.
async fn product(simulator: &Simulator) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/cim-messages"))
        .and(header("authorization", "Bearer key_1"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    simulator.report_to(Targets {
        cim_messages: Some(format!("{}/v1/cim-messages", server.uri()).parse().unwrap()),
        api_key: Some(Secret::new("key_1")),
        ..Targets::default()
    });
    server
}

async fn all_told(simulator: &Simulator) -> Stats {
    eventually(async || Some(simulator.stats()).filter(|stats| stats.reports_pending == 0)).await
}

/// The messages that the product was sent, without what differs from run to run.
async fn told(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|request| {
            let mut message: Value = serde_json::from_slice(&request.body).unwrap();
            message["header"]["timestamp"] = "(now)".into();
            message
        })
        .collect()
}

#[tokio::test]
async fn receipts_and_replies_come_back_as_cim_messages() {
    let simulator = start(Script {
        read: 1.0,
        read_after: Span::millis(200, 200),
        reply: 1.0,
        reply_after: Span::millis(1000, 1000),
        replies: vec![(1, "STOP".into())],
        ..Script::default()
    })
    .await;
    let server = product(&simulator).await;
    let message = request(Channel::Whatsapp, plain("Hello"));
    let outcome = ccm(&simulator).send(&message).await;
    assert!(matches!(
        outcome,
        SendOutcome::Accepted {
            provider_message_id: Some(_)
        }
    ));
    let stats = all_told(&simulator).await;
    assert_eq!(
        stats.planned,
        BTreeMap::from([("DELIVERED".into(), 1), ("READ".into(), 1), ("REPLY".into(), 1)])
    );
    assert_eq!((stats.effects, stats.reports_taken), (1, 3));
    insta::assert_json_snapshot!(told(&server).await);
    simulator.stop().await;
}

#[tokio::test]
async fn repetitions_are_counted_raw_and_have_one_effect() {
    let simulator = start(Script {
        lose_answer: 1.0,
        ..Script::default()
    })
    .await;
    let connector = ccm(&simulator);
    let message = request(Channel::Whatsapp, plain("Hello"));
    assert!(matches!(connector.send(&message).await, SendOutcome::Unclear(_)));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let SendOutcome::Accepted { provider_message_id } = connector.send(&message).await else {
            panic!("a repetition is answered");
        };
        ids.push(provider_message_id.unwrap());
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(simulator.attempt("act_1.1"), AttemptCount { raw: 3, effects: 1 });
    let stats = simulator.stats();
    assert_eq!(
        (stats.requests, stats.attempts, stats.effects, stats.lost_answers),
        (3, 1, 1, 1)
    );
    assert_eq!(stats.most_requests_per_attempt, 3);
    assert_eq!(simulator.requests().len(), 3);
    assert!(simulator.requests().iter().all(|raw| raw.key == "act_1.1"));
}

#[tokio::test]
async fn refusals_and_deferrals_are_answered_as_scripted() {
    let rejecting = start(Script {
        reject: 1.0,
        ..Script::default()
    })
    .await;
    let message = request(Channel::Whatsapp, plain("Hello"));
    let SendOutcome::Rejected(failure) = ccm(&rejecting).send(&message).await else {
        panic!("expected a refusal");
    };
    assert_eq!(failure.code, "http-400");

    let deferring = start(Script {
        defer: 1.0,
        retry_after: Millis::seconds(3),
        ..Script::default()
    })
    .await;
    let SendOutcome::Deferred { retry_after, .. } = ccm(&deferring).send(&message).await else {
        panic!("expected a deferral");
    };
    assert_eq!(retry_after, Some(Millis::seconds(3)));
    assert_eq!(deferring.stats().effects, 0);
}

#[tokio::test]
async fn reports_are_repeated_until_the_product_takes_them() {
    let simulator = start(Script {
        repeated: 1.0,
        ..Script::default()
    })
    .await;
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    simulator.report_to(Targets {
        cim_messages: Some(server.uri().parse().unwrap()),
        ..Targets::default()
    });
    ccm(&simulator)
        .send(&request(Channel::Whatsapp, plain("Hello")))
        .await;
    let stats = all_told(&simulator).await;
    assert_eq!((stats.reports_taken, stats.reports_retried), (2, 2));
    assert_eq!((stats.planned["DELIVERED"], stats.planned_again), (1, 1));
    // Both tellings carry one id, so that the receiver can drop the second.
    let told = told(&server).await;
    assert!(told.iter().all(|message| message["id"] == told[0]["id"]));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_run() {
    let script = Script {
        reject: 0.2,
        defer: 0.2,
        lose_answer: 0.2,
        failed: 0.3,
        delivered: 0.6,
        read: 0.5,
        reply: 0.5,
        repeated: 0.3,
        ..Script::default()
    };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let simulator = start(script.clone()).await;
        let server = product(&simulator).await;
        let connector = ccm(&simulator);
        let sends = (1..=60).map(async |n| {
            let message = numbered(Channel::Whatsapp, plain("Hello"), n);
            match connector.send(&message).await {
                SendOutcome::Unclear(_) => connector.send(&message).await,
                outcome => outcome,
            }
        });
        let outcomes = futures::future::join_all(sends).await;
        let stats = all_told(&simulator).await;
        drop(server);
        simulator.stop().await;
        runs.push((outcomes, stats));
    }
    assert_eq!(runs[0], runs[1]);
    let stats = &runs[0].1;
    assert!(
        stats.rejected > 0 && stats.deferred > 0 && stats.lost_answers > 0,
        "{stats:?}"
    );
    assert_eq!(stats.effects, 60 - stats.rejected - stats.deferred);
}

#[tokio::test]
async fn counts_are_served_as_json() {
    let simulator = start(Script::default()).await;
    ccm(&simulator)
        .send(&request(Channel::Whatsapp, plain("Hello")))
        .await;
    let get = async |path: &str| -> Value { fetch(&format!("{}{path}", simulator.base_url())).await };
    assert_eq!(get("/stats").await["requests"], 1);
    assert_eq!(
        get("/attempts/act_1.1").await,
        serde_json::json!({"raw": 1, "effects": 1})
    );
    let requests = get("/requests").await;
    assert_eq!(requests[0]["key"], "act_1.1");
    assert_eq!(requests[0]["channel"], "whatsapp");
    assert!(!requests.to_string().contains(crate::common::PHONE));
}

/// GET by hand: the only client at hand without a TLS provider.
async fn fetch(url: &str) -> Value {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn calls_are_dialed_answered_and_hung_up() {
    for (name, calls) in [
        (
            "answered",
            CallScript {
                talk: Span::millis(500, 500),
                ..CallScript::default()
            },
        ),
        (
            "busy",
            CallScript {
                busy: 1.0,
                set_up: Span::millis(500, 500),
                ..CallScript::default()
            },
        ),
    ] {
        let simulator = start(Script {
            calls,
            ..Script::default()
        })
        .await;
        let server = product(&simulator).await;
        let url = simulator.ccm_url(Channel::Voice);
        let connector = build(
            ConnectorKind::Ccm,
            &[Channel::Voice],
            &[("webhookUrl", url.as_str())],
            &[],
        )
        .unwrap();
        let call = request(Channel::Voice, serde_json::json!({"type": "VOICE"}));
        let outcome = connector.send(&call).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
        all_told(&simulator).await;
        let mut told: Vec<_> = told(&server).await;
        for message in &mut told {
            assert_eq!(message["header"]["originalMessageId"], "msg_1");
            *message = serde_json::json!([message["header"]["intent"], message["body"]]);
        }
        told.sort_by_key(Value::to_string);
        insta::assert_json_snapshot!(name, told);
    }
}
