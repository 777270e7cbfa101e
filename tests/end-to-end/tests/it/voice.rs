//! Voice campaigns with agents, end to end in each dialing mode: the program, and a provider with a floor of
//! agents who talk, wrap up and are ready again.

use std::collections::BTreeMap;

use connectors::simulator::{
    CallScript, FloorAgent, FloorConfig, Previews, Script, Simulator, SimulatorConfig, Span, Stats,
};
use domain::channel::Channel;
use domain::voice::CallResult;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, until};
use crate::calls::{list, outcomes};
use crate::outside::connect;
use crate::process;
use crate::target::{Stand, only_the_program};

const CONTACTS: usize = 40;
const AGENTS: usize = 6;
/// How much faster the world goes than it is told.
const SCALE: f64 = 10.0;
/// How often a number may be dialed: a busy line is tried once more.
const CALLS_PER_NUMBER: u32 = 2;

/// Who is called under which customer id.
fn number(contact: usize) -> String {
    format!("+491527{contact:07}")
}

fn contacts() -> &'static str {
    let rows = (0..CONTACTS).map(|n| format!("{n},Ann,{}\n", number(n)));
    let csv: String = std::iter::once("customerId,firstName,voice\n".to_owned())
        .chain(rows)
        .collect();
    csv.leak()
}

fn flow(mode: &str) -> Value {
    let ends: BTreeMap<&str, &str> = [
        ("answered", "answered"),
        ("sold", "sold"),
        ("busy", "busy"),
        ("no_answer", "no_answer"),
        ("machine", "machine"),
        ("abandoned", "abandoned"),
        ("rejected", "rejected"),
    ]
    .into();
    let mut nodes = json!({
        "ask": {
            "type": "call", "mode": mode, "skillGroup": "sales",
            "shown": {"Name": "{{ profile.firstName }}"},
            "abandonedMessage": "This was Example Ltd. Press 9, and we call you no more.",
            "wrapUps": {"sold": ["SALE"]},
            // An urgent call is released to a queue of its own.
            "priority": if mode == "progressive" { "high" } else { "normal" },
            "retries": {"busy": {"after": "1s", "attempts": CALLS_PER_NUMBER - 1}},
            "outcomes": outcomes(&json!(ends)),
        },
        "lost": {"type": "end", "label": "lost"},
    });
    for label in ends.keys() {
        nodes[label] = json!({"type": "end", "label": label});
    }
    json!({"schema": 1, "start": "ask", "nodes": nodes})
}

fn agents() -> impl Iterator<Item = String> {
    (0..AGENTS).map(|n| format!("agent-{n}"))
}

/// The dialer, and the agents behind it: a conversation takes a second or two.
async fn contact_centre() -> Simulator {
    let calls = CallScript {
        set_up: Span::millis(200, 500),
        ringing: Span::millis(1_000, 5_000),
        ring_limit: domain::time::Millis::seconds(8),
        talk: Span::millis(10_000, 20_000),
        busy: 0.15,
        no_answer: 0.15,
        machine: 0.15,
        ..CallScript::default()
    };
    let voice = Script {
        calls,
        repeated: 0.2,
        ..Script::default()
    };
    let floor = FloorConfig {
        agents: agents().map(|id| FloorAgent::new(id, &["sales"])).collect(),
        wrap_up: Span::millis(2_000, 5_000),
        wrap_up_codes: vec![(1, "SALE".into()), (2, "NO_INTEREST".into())],
        previews: Some(Previews {
            deciding: Span::millis(1_000, 3_000),
            skip: 0.1,
            reject: 0.1,
        }),
        ..FloorConfig::default()
    };
    let config = SimulatorConfig {
        seed: 7,
        scripts: [(Channel::Voice, voice)].into(),
        time_scale: SCALE,
        floor: Some(floor),
        remembered_requests: 100_000,
        ..SimulatorConfig::default()
    };
    Simulator::start("127.0.0.1:0".parse().unwrap(), config)
        .await
        .unwrap()
}

async fn put(api: &Api, path: &str, body: &Value) -> Value {
    Api::answer(api.request(Method::PUT, path).json(body))
        .await
        .unwrap()
        .ok()
}

/// Lets the agents come to work, and waits until the product knows.
async fn open_floor(api: &Api, centre: &Simulator) {
    let pacing = json!({"previewSeconds": 10, "skippedForSeconds": 1, "ringLimitSeconds": 15});
    put(
        api,
        "/v1/skill-groups/sales",
        &json!({"name": "Sales", "pacing": pacing}),
    )
    .await;
    for agent in agents() {
        let definition = json!({"name": agent, "skillGroups": ["sales"]});
        put(api, &format!("/v1/agents/{agent}"), &definition).await;
    }
    centre.open_floor();
    all_free(api).await;
}

async fn all_free(api: &Api) {
    until(20, "all agents are free", async || {
        let agents = api.all("/v1/agents").await;
        let free = agents
            .iter()
            .filter(|agent| ["READY", "SEIZED"].contains(&agent["state"].as_str().unwrap()));
        (free.count() == AGENTS).then_some(())
    })
    .await;
}

/// How a campaign went.
struct Run {
    /// Contacts by the outcome of their conversation.
    outcomes: BTreeMap<String, u64>,
    stats: Stats,
}

impl Run {
    fn count(&self, outcome: &str) -> u64 {
        self.outcomes.get(outcome).copied().unwrap_or(0)
    }
}

/// Runs a campaign to its end, and checks what holds in every mode.
async fn run(mode: &str) -> Run {
    let stand = Stand::new().await;
    let api = &stand.api;
    let centre = contact_centre().await;
    let campaign = begin(api, &centre, mode).await;
    let run = ended(api, &centre, &campaign).await;
    assert_eq!(run.stats.floor.events_stale, 0, "{:?}", run.stats);
    stand.end().await;
    run
}

/// A campaign that calls everybody, with all agents at work; by its id.
async fn begin(api: &Api, centre: &Simulator, mode: &str) -> String {
    connect(api, centre, &[Channel::Voice], &[]).await;
    open_floor(api, centre).await;
    let list = list(api, contacts()).await;
    api.campaign(flow(mode), &[&list]).await
}

/// Waits for the campaign's end: each contact was called as it should be, and the product knows how it went.
async fn ended(api: &Api, centre: &Simulator, campaign: &str) -> Run {
    let path = format!("/v1/campaigns/{campaign}/conversations");
    let ended = until(90, "all conversations end", async || {
        let all = api.all(&path).await;
        let ended = all.iter().filter(|one| one["state"] == "ended").count();
        (ended == CONTACTS).then_some(all)
    })
    .await;
    let stats = until(30, "the floor is quiet", async || {
        Some(centre.stats()).filter(|stats| stats.reports_pending == 0)
    })
    .await;
    for conversation in &ended {
        check(conversation, centre);
    }
    assert_eq!(stats.most_effects_per_attempt, 1, "{stats:?}");
    assert!(stats.most_calls_per_number <= CALLS_PER_NUMBER, "{stats:?}");
    assert_eq!(stats.floor.most_conversations_at_once(), 1, "{stats:?}");
    assert!(stats.floor.most_reserved_at_once() <= 1, "{stats:?}");
    let told = &stats.floor;
    assert_eq!((told.events_refused, told.events_dropped), (0, 0));
    all_free(api).await;
    let mut outcomes = BTreeMap::new();
    for conversation in &ended {
        let outcome = conversation["outcome"].as_str().unwrap().to_owned();
        *outcomes.entry(outcome).or_default() += 1;
    }
    let run = Run { outcomes, stats };
    assert_eq!(
        run.count("sold") + run.count("answered"),
        run.stats.floor.connected
    );
    assert_eq!(run.count("abandoned"), run.stats.floor.abandoned);
    assert_eq!(run.stats.floor.told_who_called, run.stats.floor.abandoned);
    assert_eq!(run.count("lost"), 0, "{:?}", run.outcomes);
    counted(api, &run).await;
    run
}

/// What budgets rest on: the owner of the group has counted what happened. Of a conversation that ended while nobody
/// owned the group no agent tells any more: it is counted a minute after it was seen.
async fn counted(api: &Api, run: &Run) {
    let floor = &run.stats.floor;
    let happened = json!({"inFlight": 0, "connected": floor.connected, "abandoned": floor.abandoned});
    until(90, "pacing has counted the calls", async || {
        let view = api.get("/v1/skill-groups/sales/pacing").await.ok();
        let work = &view["works"][0];
        let counts = json!({
            "inFlight": work["inFlight"], "connected": work["connected"], "abandoned": work["abandoned"],
        });
        (counts == happened).then_some(())
    })
    .await;
}

/// A contact was called as often as the product says, and its outcome is what its last call came to.
fn check(conversation: &Value, centre: &Simulator) {
    let contact: usize = conversation["customerId"].as_str().unwrap().parse().unwrap();
    let calls = conversation["messages"].as_array().unwrap();
    let dialed = calls
        .iter()
        .filter(|call| call["reason"] != "AGENT_REJECTED")
        .count();
    assert_eq!(
        usize::try_from(centre.calls_to(&number(contact))).unwrap(),
        dialed,
        "{conversation}"
    );
    let last = calls.last().unwrap();
    let reason = last["reason"].as_str().unwrap_or_default();
    let outcome = conversation["outcome"].as_str().unwrap();
    match last["state"].as_str().unwrap() {
        "CONNECTED" => assert!(["sold", "answered"].contains(&outcome), "{conversation}"),
        "FAILED" => assert_eq!(outcome, CallResult::of_reason(reason).name(), "{conversation}"),
        state => panic!("{state} is not the end of a call: {conversation}"),
    }
}

#[tokio::test]
async fn a_predictive_campaign_calls_everybody() {
    let run = run("predictive").await;
    assert!(run.stats.floor.connected > 0, "{:?}", run.outcomes);
}

#[tokio::test]
async fn a_power_campaign_calls_everybody() {
    let run = run("power").await;
    assert!(run.stats.floor.connected > 0, "{:?}", run.outcomes);
}

#[tokio::test]
async fn a_progressive_campaign_abandons_nobody() {
    let run = run("progressive").await;
    let floor = &run.stats.floor;
    assert_eq!(floor.abandoned, 0, "{:?}", run.outcomes);
    assert!(floor.connected > 0, "{:?}", run.outcomes);
    assert_eq!(floor.most_reserved_at_once(), 1, "no call had its agent first");
}

#[tokio::test]
async fn in_a_preview_campaign_agents_decide_whom_to_call() {
    let run = run("preview").await;
    let floor = &run.stats.floor;
    assert_eq!(floor.abandoned, 0, "{:?}", run.outcomes);
    assert!(floor.connected > 0, "{:?}", run.outcomes);
    assert_eq!(floor.most_reserved_at_once(), 1, "no call had its agent first");
    let said = |decision: &str| floor.previews.get(decision).copied().unwrap_or(0);
    // Every call was accepted, redials included. What was said too late, on a machine that stood still, is void: then
    // the contact is shown again.
    assert_eq!(floor.unasked, 0, "{floor:?}");
    assert!(said("accept") >= run.stats.calls, "{floor:?}");
    assert!(said("reject") >= run.count("rejected"), "{floor:?}");
    assert!(said("skip") + said("reject") > 0, "{floor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_no_call_is_lost_and_none_made_twice() {
    let Some(home) =
        only_the_program("a deployment has no one process to kill; its workers are killed in `workers`")
    else {
        return;
    };
    let centre = contact_centre().await;
    let mut server = home.serve().await;
    let campaign = begin(&server.api, &centre, "predictive").await;
    for calls in [5, 15, 30] {
        until(90, "calls are under way", async || {
            (centre.stats().effects >= calls).then_some(())
        })
        .await;
        server.kill().await;
        server = home.serve().await;
    }
    let run = ended(&server.api, &centre, &campaign).await;
    assert!(run.stats.floor.connected > 0, "{:?}", run.outcomes);
    server.terminate().await;
    let audit = process::run(&["audit", "pacing", "sales"], home.data()).await;
    let told = String::from_utf8_lossy(&audit.stdout);
    assert!(
        audit.status.success() && told.contains("the same, bit for bit"),
        "{audit:?}"
    );
}
