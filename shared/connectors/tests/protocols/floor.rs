//! The simulator's floor, over HTTP: what it tells the product, and reads of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use connectors::simulator::{
    CallScript, FloorAgent, FloorConfig, Previews, Script, Simulator, SimulatorConfig, Span, Stats, Targets,
};
use domain::channel::Channel;
use platform::connector::{ConnectorKind, SendOutcome};
use platform::secrets::Secret;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::common::{build, eventually, request};

/// A contact centre of one agent whose conversations take 20 s.
async fn start(floor: FloorConfig) -> Simulator {
    let calls = CallScript {
        talk: Span::millis(20_000, 20_000),
        ..CallScript::default()
    };
    let script = Script {
        calls,
        ..Script::default()
    };
    let config = SimulatorConfig {
        seed: 7,
        time_scale: 20.0,
        floor: Some(FloorConfig {
            agents: vec![FloorAgent::new("ann", &["sales"])],
            wrap_up: Span::millis(10_000, 10_000),
            wrap_up_codes: vec![(1, "SALE".into())],
            ..floor
        }),
        ..SimulatorConfig::default()
    };
    Simulator::start("127.0.0.1:0".parse().unwrap(), config.with_script(script))
        .await
        .unwrap()
}

/// What the product knows of its agent: the newest sequence.
#[derive(Default)]
struct Known(Mutex<u64>);

impl Known {
    fn take(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let mut known = self.0.lock().unwrap();
        let results = body["items"].as_array().unwrap().iter().enumerate();
        let results: Vec<Value> = results
            .map(|(index, item)| {
                assert_eq!(item["agentId"], "ann");
                let sequence = item["event"]["sequence"].as_u64().unwrap();
                let taken = sequence > *known;
                *known = sequence.max(*known);
                json!({"index": index, "status": 200, "taken": taken})
            })
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({"results": results}))
    }
}

/// A product that takes everything, below a path.
async fn product(simulator: &Simulator, known: &Arc<Known>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/stage/v1/cim-messages"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let known = known.clone();
    Mock::given(path("/stage/v1/agent-events/batch"))
        .respond_with(move |request: &Request| known.take(request))
        .mount(&server)
        .await;
    report_to(simulator, &server);
    server
}

fn report_to(simulator: &Simulator, server: &MockServer) {
    let base = format!("{}/stage", server.uri());
    simulator.report_to(Targets {
        cim_messages: Some(format!("{base}/v1/cim-messages").parse().unwrap()),
        api: Some(base.parse().unwrap()),
        api_key: Some(Secret::new("key_1")),
        ..Targets::default()
    });
}

/// Places a call for the skill group, or for the agent who is reserved for it.
async fn call(simulator: &Simulator, reserved: Option<&str>) {
    let url = simulator.ccm_url(Channel::Voice);
    let settings = [("webhookUrl", url.as_str())];
    let connector = build(ConnectorKind::Ccm, &[Channel::Voice], &settings, &[]).unwrap();
    let mut call = request(Channel::Voice, json!({"type": "VOICE"}));
    let data = call.message.header.scheduling_meta_data.as_mut().unwrap();
    let dialing = json!({"kind": "agent", "mode": "progressive", "pool": {"skillGroup": "sales"}});
    data.insert("dialing".into(), dialing);
    if let Some(agent) = reserved {
        data.insert("assignTo".into(), json!({"agentId": agent}));
    }
    let outcome = connector.send(&call).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
}

async fn all_done(simulator: &Simulator) -> Stats {
    eventually(async || Some(simulator.stats()).filter(|stats| stats.reports_pending == 0)).await
}

/// What the product was told, in the order of its coming: agent events, results, ends and wrap-up codes.
async fn told(server: &MockServer) -> Vec<Value> {
    let mut told = Vec::new();
    for request in server.received_requests().await.unwrap() {
        assert_eq!(request.headers["authorization"], "Bearer key_1");
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (body["items"].as_array(), body["body"]["status"].as_str()) {
            (Some(items), _) => told.extend(items.iter().map(|item| item["event"]["event"].clone())),
            (None, Some(status)) => told.push(json!(status)),
            (None, None) if body["body"].is_object() => told.push(body["body"]["type"].clone()),
            (None, None) => {}
        }
    }
    told
}

#[tokio::test]
async fn a_conversation_is_told_from_both_sides() {
    let known = Arc::<Known>::default();
    let simulator = start(FloorConfig::default()).await;
    let server = product(&simulator, &known).await;
    simulator.open_floor();
    all_done(&simulator).await;
    call(&simulator, Some("ann")).await;
    let stats = all_done(&simulator).await;
    let mut told = told(&server).await;
    // These two come at once with the agent's events around them.
    told.retain(|event| event != "VOICE" && event != "WRAPUP" && event != "DELIVERED");
    assert_eq!(
        told,
        [
            json!({"type": "log_on"}),
            json!({"type": "ready"}),
            json!({"type": "busy", "activity": "act_1"}),
            json!("CONNECTED"),
            // 5 s and 10 s, twenty times as fast.
            json!({"type": "about_to_finish", "left": 0.25}),
            json!({"type": "wrap_up", "left": 0.5}),
            json!({"type": "ready"}),
        ]
    );
    let planned: Vec<&str> = stats.planned.keys().map(String::as_str).collect();
    assert_eq!(planned, ["CONNECTED", "DELIVERED", "HUNG_UP", "WRAP_UP"]);
    assert_eq!(
        (stats.calls, stats.most_calls_per_number, stats.reports_taken),
        (1, 1, 4)
    );
    assert_eq!(simulator.calls_to(crate::common::PHONE), 1);
    let floor = stats.floor;
    assert_eq!(
        (floor.connected, floor.events_taken, floor.events_stale),
        (1, 6, 0)
    );
}

#[tokio::test]
async fn events_of_a_simulator_that_starts_again_are_news() {
    let known = Arc::<Known>::default();
    for _ in 0..2 {
        let simulator = start(FloorConfig::default()).await;
        let _server = product(&simulator, &known).await;
        simulator.open_floor();
        let floor = all_done(&simulator).await.floor;
        assert_eq!((floor.events_taken, floor.events_stale), (2, 0));
        simulator.stop().await;
    }
}

#[tokio::test]
async fn events_are_told_in_order_until_the_product_takes_them() {
    let simulator = start(FloorConfig::default()).await;
    let server = MockServer::start().await;
    let batch = || Mock::given(path("/stage/v1/agent-events/batch"));
    batch()
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    // Taken as a batch, but neither of its events: both are told again, in their order.
    let results = json!({"results": [{"index": 0, "status": 503}, {"index": 1, "status": 503}]});
    batch()
        .respond_with(ResponseTemplate::new(200).set_body_json(results))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let known = Known::default();
    batch()
        .respond_with(move |request: &Request| known.take(request))
        .mount(&server)
        .await;
    report_to(&simulator, &server);
    simulator.open_floor();
    let floor = all_done(&simulator).await.floor;
    assert_eq!((floor.events_taken, floor.events_stale), (2, 0));
    let types: Vec<Value> = told(&server)
        .await
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(types, ["log_on", "ready", "log_on", "ready", "log_on", "ready"]);
}

#[tokio::test]
async fn without_a_target_nothing_is_told_and_calls_come_out_all_the_same() {
    let simulator = start(FloorConfig::default()).await;
    simulator.open_floor();
    all_done(&simulator).await;
    call(&simulator, None).await;
    let stats = all_done(&simulator).await;
    assert_eq!((stats.floor.connected, stats.floor.events_dropped), (1, 6));
}

#[tokio::test]
async fn nobody_is_there_before_the_floor_opens() {
    let known = Arc::<Known>::default();
    let simulator = start(FloorConfig::default()).await;
    let server = product(&simulator, &known).await;
    call(&simulator, None).await;
    let stats = all_done(&simulator).await;
    assert_eq!(stats.floor.abandoned, 1);
    let requests = server.received_requests().await.unwrap();
    let told = requests
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body));
    assert_eq!(told.filter(|body| body.contains("\"ABANDONED\"")).count(), 1);
}

#[tokio::test]
async fn previews_are_read_from_the_agents_and_answered() {
    let known = Arc::<Known>::default();
    let simulator = start(FloorConfig {
        previews: Some(Previews::default()),
        ..FloorConfig::default()
    })
    .await;
    let server = product(&simulator, &known).await;
    let agents = || Mock::given(method("GET")).and(path("/stage/v1/agents"));
    let ann = json!({"id": "ann", "state": "RESERVED", "activityId": "act_1", "offer": {
        "activityId": "act_1", "until": "2099-01-01T00:00:00Z", "shown": {"Balance": "12 EUR"},
    }});
    agents()
        .and(query_param("cursor", "more"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"data": [ann], "next": null})))
        .with_priority(1)
        .mount(&server)
        .await;
    let first = json!({"data": [{"id": "zoe", "state": "SEIZED"}], "next": "more"});
    agents()
        .respond_with(ResponseTemplate::new(200).set_body_json(first))
        .mount(&server)
        .await;
    Mock::given(path("/stage/v1/agents/ann/offer"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    simulator.open_floor();
    let looks = async || {
        let requests = server.received_requests().await.unwrap();
        let decided = requests
            .iter()
            .filter(|request| request.url.path().ends_with("/offer"));
        let decided: Vec<Value> = decided
            .map(|request| serde_json::from_slice(&request.body).unwrap())
            .collect();
        let looked = requests
            .iter()
            .filter(|request| request.url.query().is_some())
            .count();
        (decided, looked)
    };
    let decided = eventually(async || {
        let (decided, looked) = looks().await;
        // Long enough to answer a second time.
        (looked >= 6 && !decided.is_empty()).then_some(decided)
    })
    .await;
    assert_eq!(decided, [json!({"activityId": "act_1", "decision": "accept"})]);
    call(&simulator, Some("ann")).await;
    eventually(async || Some(()).filter(|()| simulator.stats().floor.connected == 1)).await;
    let stopped = tokio::time::timeout(Duration::from_secs(5), simulator.stop()).await;
    assert!(stopped.is_ok(), "it looks for previews for ever");
}
