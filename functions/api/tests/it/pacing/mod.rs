//! Calls that wait for their skill group: how its pacing is set, what its owner does, and what agents say to previews.

mod abandoned;
mod owners;
mod refusals;

use application::pacing::{Occasion, Owner, Pulsed};
use domain::id::{SkillGroupId, TenantId};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, after, campaign};

/// The group `sales`, paced, with an agent who is free.
async fn floor(api: &Api) {
    let connector = json!({
        "name": "Calls", "kind": "ccm", "channels": ["voice"],
        "settings": {"webhookUrl": "https://ccm.example.org/voice"},
    });
    api.post("/v1/connectors", &connector).await.expect(201);
    let pacing = json!({"previewSeconds": 30, "skippedForSeconds": 60});
    let group = api
        .put(
            "/v1/skill-groups/sales",
            &json!({"name": "Sales", "pacing": pacing}),
        )
        .await
        .expect(200);
    assert_eq!(group.json["pacing"]["previewSeconds"], 30.0);
    assert_eq!(group.json["pacing"]["linesPerAgent"], 12.0, "as in the defaults");
    let agent = json!({"name": "Ada", "skillGroups": ["sales"]});
    api.put("/v1/agents/ada", &agent).await.expect(200);
    gets_ready(api, "ada").await;
}

/// The agent logs on, and is free.
async fn gets_ready(api: &Api, agent: &str) {
    for (sequence, event) in [(1, "log_on"), (2, "ready")] {
        let event = json!({"sequence": sequence, "event": {"type": event}});
        api.post(&format!("/v1/agents/{agent}/events"), &event)
            .await
            .expect(200);
    }
}

/// A call in a mode for the group, due now and dispatched: it waits for an agent.
async fn waiting(api: &Api, mode: &str) -> String {
    waiting_for(api, mode, None).await
}

/// The same, for a campaign.
async fn waiting_for(api: &Api, mode: &str, campaign: Option<&str>) -> String {
    let call = json!({
        "campaignId": campaign,
        "channel": "voice", "to": "+44 20 7946 0958", "dueAt": api.now(), "customerId": "4711",
        "dialing": {"kind": "agent", "mode": mode, "pool": {"skillGroup": "sales"}},
        "message": {
            "type": "VOICE", "shown": {"Name": "Ann"},
            "abandonedMessage": "This was Acme. Press 9, and we call you no more.",
        },
    });
    let id = api.post("/v1/scheduled-activities", &call).await.expect(201).id();
    api.dispatch(&id).await;
    id
}

async fn owner(api: &Api) -> Owner {
    take(api).await.unwrap()
}

/// The group, unless somebody owns it.
async fn take(api: &Api) -> Option<Owner> {
    Owner::take(&api.context, &acme(), &sales(), Occasion::Woken)
        .await
        .unwrap()
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn sales() -> SkillGroupId {
    SkillGroupId::parse("sales").unwrap()
}

/// Lets the owner work for some seconds.
async fn work(api: &Api, owner: &mut Owner, seconds: u64) {
    for _ in 0..seconds {
        assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Busy);
        api.pass(1).await;
    }
}

/// A call in a mode, for which an owner has been at work for three seconds.
async fn paced(api: &Api, mode: &str) -> (String, Owner) {
    floor(api).await;
    let call = waiting(api, mode).await;
    let mut owner = owner(api).await;
    work(api, &mut owner, 3).await;
    (call, owner)
}

async fn says(api: &Api, call: &str, decision: &str) -> crate::harness::Answer {
    let answer = json!({"activityId": call, "decision": decision});
    api.post("/v1/agents/ada/offer", &answer).await
}

/// What a supervisor sees.
async fn seen_of_group(api: &Api) -> Value {
    api.get("/v1/skill-groups/sales/pacing").await.expect(200).json
}

async fn state(api: &Api, call: &str) -> Value {
    let path = format!("/v1/scheduled-activities/{call}");
    api.get(&path).await.expect(200).json
}

#[tokio::test]
async fn an_accepted_preview_is_dialed_with_its_agent() {
    let api = Api::new().await;
    floor(&api).await;
    api.get("/v1/agents/ada/offer").await.expect(404);
    let call = waiting(&api, "preview").await;
    says(&api, &call, "accept").await.problem(409, "offer-over");
    let mut owner = owner(&api).await;
    work(&api, &mut owner, 3).await;

    let offer = api.get("/v1/agents/ada/offer").await.expect(200).json;
    assert_eq!(
        (
            &offer["activityId"],
            &offer["customerId"],
            &offer["shown"]["Name"]
        ),
        (&json!(call), &json!("4711"), &json!("Ann"))
    );
    says(&api, &call, "accept").await.expect(202);
    work(&api, &mut owner, 3).await;
    api.get("/v1/agents/ada/offer").await.expect(404);
    says(&api, &call, "skip").await.problem(409, "offer-over");
    let agent = api.get("/v1/agents/ada").await.expect(200).json;
    assert_eq!(agent["state"], "RESERVED");
    let view = seen_of_group(&api).await;
    assert_eq!(
        (&view["agents"], &view["works"][0]["dialed"]),
        (&json!(1), &json!(1)),
        "{view}"
    );
}

/// What the dialer must know to reserve for a call the agent who is kept for it, and not to look for another.
#[tokio::test]
async fn the_dialer_is_told_which_calls_are_paced_and_for_whom() {
    let api = Api::new().await;
    floor(&api).await;
    let call = waiting(&api, "progressive").await;
    assert!(api.connectors.sent().is_empty(), "it waits for an agent");
    let mut owner = owner(&api).await;
    work(&api, &mut owner, 3).await;
    api.dispatch(&call).await;

    // Nobody paces this one, whatever its caller says of it.
    let unpaced = json!({
        "channel": "voice", "to": "+44 20 7946 0959", "dueAt": api.now(), "dialing": {"kind": "ivr"},
        "message": {"type": "PLAIN", "markdownText": "Hello"}, "metadata": {"paced": "true"},
    });
    let unpaced = api
        .post("/v1/scheduled-activities", &unpaced)
        .await
        .expect(201)
        .id();
    api.dispatch(&unpaced).await;

    let told: Vec<_> = api
        .connectors
        .sent()
        .into_iter()
        .map(|message| {
            let data = message.header.scheduling_meta_data.unwrap();
            let what = |key: &str| data.get(key).cloned().unwrap_or_default();
            (message.id, what("paced"), what("assignTo"))
        })
        .collect();
    assert_eq!(
        told,
        [
            (call, json!(true), json!({"agentId": "ada"})),
            (unpaced, json!("true"), Value::Null)
        ]
    );
}

#[tokio::test]
async fn a_booked_agent_is_called_for_by_nobody() {
    let api = Api::new().await;
    floor(&api).await;
    let booked = json!({"items": [{"from": after(2), "until": after(10)}]});
    api.put("/v1/agents/ada/commitments", &booked).await.expect(200);
    waiting(&api, "progressive").await;
    let mut owner = owner(&api).await;
    work(&api, &mut owner, 3).await;
    let view = seen_of_group(&api).await;
    assert_eq!(
        (&view["agents"], &view["free"], &view["works"][0]["dialed"]),
        (&json!(1), &json!(0), &json!(0))
    );
    api.put("/v1/agents/ada/commitments", &json!({"items": []}))
        .await
        .expect(200);
    work(&api, &mut owner, 3).await;
    let view = seen_of_group(&api).await;
    assert_eq!(view["works"][0]["dialed"], 1, "{view}");
}

#[tokio::test]
async fn a_skipped_contact_comes_up_later_and_a_rejected_one_never() {
    let api = Api::new().await;
    let (call, mut owner) = paced(&api, "preview").await;
    says(&api, &call, "skip").await.expect(202);
    work(&api, &mut owner, 3).await;
    api.get("/v1/agents/ada/offer").await.expect(404);
    assert_eq!(state(&api, &call).await["state"], "SCHEDULED");

    let other = waiting(&api, "preview").await;
    work(&api, &mut owner, 3).await;
    says(&api, &other, "reject").await.expect(202);
    work(&api, &mut owner, 3).await;
    let rejected = state(&api, &other).await;
    let last = rejected["events"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&rejected["state"], &last["reason"]),
        (&json!("FAILED"), &json!("AGENT_REJECTED")),
        "{rejected}"
    );
}

#[tokio::test]
async fn a_preview_that_nobody_answers_is_taken_back() {
    let api = Api::new().await;
    let (call, mut owner) = paced(&api, "preview").await;
    assert_eq!(
        api.get("/v1/agents/ada/offer").await.expect(200).json["activityId"],
        json!(call)
    );
    work(&api, &mut owner, 35).await;
    says(&api, &call, "accept").await.problem(409, "offer-over");
    assert_eq!(state(&api, &call).await["state"], "SCHEDULED");
}

#[tokio::test]
async fn a_formula_that_fails_is_told_once_and_calls_go_on() {
    let api = Api::new().await;
    floor(&api).await;
    let list = api.list().await;
    let mut body = campaign(&list);
    body["pacing"] = json!({"init": "1.0 / calls.waiting"});
    let id = api.post("/v1/campaigns", &body).await.expect(201).id();
    let path = format!("/v1/campaigns/{id}");
    api.call(Method::POST, &format!("{path}/publish"))
        .send()
        .await
        .expect(200);
    waiting_for(&api, "power", Some(&id)).await;
    let mut owner = owner(&api).await;
    work(&api, &mut owner, 10).await;

    let view = seen_of_group(&api).await;
    assert_eq!(
        view["works"][0]["dialed"], 1,
        "as progressive dialing has it: {view}"
    );
    let stands = api.get(&path).await.expect(200).json;
    let events = stands["events"].as_array().unwrap();
    let failures: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "campaign.formula_failed")
        .collect();
    assert_eq!(failures.len(), 1, "{stands}");
    assert_eq!(failures[0]["detail"], "division by zero");
    assert_eq!(stands["state"], "published", "nothing stops");
}
