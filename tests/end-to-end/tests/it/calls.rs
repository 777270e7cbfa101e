//! Calls: dialed again while the line is busy, a text message where a machine answers, an agent's
//! wrap-up code.

use connectors::simulator::{CallScript, Script};
use domain::channel::Channel;
use serde_json::{Value, json};

use crate::api::{Api, id, until};
use crate::outside::{connect, provider};
use crate::target::Stand;

const CONTACTS: usize = 40;

/// Every outcome of a call leads to the text message, but for those named.
pub(crate) fn outcomes(named: &Value) -> Value {
    let mut outcomes = json!({
        "answered": "lost", "no_answer": "lost", "busy": "lost", "machine": "lost", "fax": "lost",
        "invalid": "lost", "rejected": "lost", "failed": "lost", "refused": "lost", "expired": "lost",
        "cancelled": "lost", "no_address": "lost", "unknown": "lost",
    });
    for (outcome, node) in named.as_object().unwrap() {
        outcomes[outcome] = node.clone();
    }
    outcomes
}

/// Calls without an agent; a busy line is tried twice more, a machine gets a text message instead.
fn agentless() -> Value {
    json!({"schema": 1, "start": "ring", "nodes": {
        "ring": {
            "type": "ivr", "say": "Hello {{ profile.firstName }}",
            "retries": {"busy": {"after": "1s", "attempts": 2}},
            "outcomes": outcomes(&json!({"machine": "text", "busy": "busy", "answered": "spoken"})),
        },
        "text": {
            "type": "message", "channels": [{"channel": "sms", "text": "We called you."}],
            "outcomes": {"sent": "texted", "failed": "lost", "refused": "lost", "expired": "lost",
                "no_address": "lost", "unknown": "lost", "cancelled": "lost"},
        },
        "spoken": {"type": "end", "label": "spoken"},
        "busy": {"type": "end", "label": "busy"},
        "texted": {"type": "end", "label": "texted"},
        "lost": {"type": "end", "label": "lost"},
    }})
}

/// A list of the contacts in a file.
pub(crate) async fn list(api: &Api, csv: &'static str) -> String {
    let list = id(&api
        .post("/v1/contact-lists", &json!({"name": "Callees"}))
        .await
        .ok());
    let imports = format!("/v1/contact-lists/{list}/imports");
    let import = api.post(&imports, &json!({})).await.ok();
    api.upload(import["uploadUrl"].as_str().unwrap(), csv).await;
    let path = format!("{imports}/{}", id(&import));
    api.post(&format!("{path}/start"), &json!({})).await.ok();
    until(20, "the file is read", async || {
        Some(api.get(&path).await.ok()).filter(|import| import["state"] == "done")
    })
    .await;
    list
}

fn contacts() -> &'static str {
    let rows = (0..CONTACTS).map(|n| {
        let number = format!("+491526{n:07}");
        format!("{n},Ann,{number},{number}\n")
    });
    let csv: String = std::iter::once("customerId,firstName,voice,sms\n".to_owned())
        .chain(rows)
        .collect();
    csv.leak()
}

#[tokio::test]
async fn busy_lines_are_tried_again_and_machines_get_a_text_message() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let calls = CallScript {
        busy: 0.5,
        machine: 0.5,
        ..CallScript::default()
    };
    let voice = Script {
        calls,
        repeated: 0.3,
        ..Script::default()
    };
    let provider = provider(&[(Channel::Voice, voice), (Channel::Sms, Script::default())]).await;
    connect(api, &provider, &[Channel::Voice, Channel::Sms], &[]).await;
    let list = list(api, contacts()).await;
    let campaign = api.campaign(agentless(), &[&list]).await;

    let conversations = format!("/v1/campaigns/{campaign}/conversations");
    let ended = until(60, "all conversations end", async || {
        let all = api.all(&conversations).await;
        let ended = all.iter().filter(|one| one["state"] == "ended").count();
        (ended == CONTACTS).then_some(all)
    })
    .await;
    let mut redialed_then_texted = 0;
    for conversation in &ended {
        let messages = conversation["messages"].as_array().unwrap();
        let channels: Vec<&str> = messages.iter().filter_map(|m| m["channel"].as_str()).collect();
        let calls = messages.iter().filter(|message| message["channel"] == "voice");
        let calls: Vec<&str> = calls.filter_map(|call| call["reason"].as_str()).collect();
        // Busy, and busy again, until a machine answers or three tries are used up.
        let (last, before) = calls.split_last().unwrap();
        assert!(
            before.iter().all(|reason| *reason == "USER_BUSY"),
            "{conversation}"
        );
        match *last {
            "ANSWERING_MACHINE" => {
                assert_eq!(conversation["outcome"], "texted", "{conversation}");
                assert_eq!(channels.len(), calls.len() + 1);
                assert_eq!(channels.last(), Some(&"sms"));
                redialed_then_texted += usize::from(calls.len() > 1);
            }
            _ => {
                assert_eq!((*last, calls.len()), ("USER_BUSY", 3), "{conversation}");
                assert_eq!(conversation["outcome"], "busy");
            }
        }
    }
    assert!(
        redialed_then_texted > 0,
        "nobody was busy before a machine answered"
    );

    // Each customer's history tells every try with its result.
    let conversation = ended
        .iter()
        .find(|one| one["outcome"] == "texted" && one["messages"].as_array().unwrap().len() > 2)
        .unwrap();
    let customer = conversation["customerId"].as_str().unwrap();
    let wanted = conversation["messages"].as_array().unwrap().len() - 1;
    let path = format!("/v1/customers/{customer}/activities");
    until(20, "the history tells every result", async || {
        let history = api.all(&path).await;
        let told = serde_json::to_string(&history).unwrap();
        let failed = told.matches("\"USER_BUSY\"").count() + told.matches("\"ANSWERING_MACHINE\"").count();
        (failed >= wanted).then_some(())
    })
    .await;
    stand.end().await;
}

#[tokio::test]
async fn the_agents_wrap_up_code_leads_on() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let provider = provider(&[(Channel::Voice, Script::default())]).await;
    connect(api, &provider, &[Channel::Voice], &[]).await;
    let list = list(api, "customerId,firstName,voice\n1,Ann,+4915260000001\n").await;
    let flow = json!({"schema": 1, "start": "ask", "nodes": {
        "ask": {
            "type": "call", "mode": "preview", "skillGroup": "sales",
            "wrapUps": {"sold": ["SALE"]},
            "outcomes": outcomes(&json!({"abandoned": "lost", "sold": "sold"})),
        },
        "sold": {"type": "end", "label": "sold"},
        "lost": {"type": "end", "label": "lost"},
    }});
    let campaign = api.campaign(flow, &[&list]).await;
    let conversations = format!("/v1/campaigns/{campaign}/conversations");
    let talking = until(20, "the customer is connected", async || {
        let all = api.all(&conversations).await;
        all.into_iter()
            .find(|one| one["messages"][0]["state"] == "CONNECTED")
    })
    .await;
    assert_eq!(talking["state"], "running");
    let path = format!("/v1/conversations/{}/events", id(&talking));
    let sale = json!({"name": "WRAPUP", "data": {"code": "SALE"}});
    let told = api.post(&path, &sale).await.ok();
    assert_eq!(told["outcome"], "sold", "{told}");
    let call = api
        .activity(told["messages"][0]["activity"].as_str().unwrap())
        .await;
    let wrapped = call["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&wrapped["happening"], &wrapped["reason"]),
        (&json!("wrappedUp"), &json!("SALE"))
    );
    stand.end().await;
}
