//! Calls that wait for their skill group: how its pacing is set, what its owner does, and what agents say to previews.

use application::api_keys::Role;
use application::keys;
use application::pacing::{self, Occasion, Owner, Pulsed};
use application::sweep::{From, sweep};
use application::timers::TimerMessage;
use domain::id::{SkillGroupId, TenantId};
use domain::time::Millis;
use domain::timer::DUE_SHARDS;
use futures::FutureExt as _;
use http::Method;
use platform::queues::{QueueName, Queues as _};
use platform::table::{Consistency, Order, Query, SortRange};
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
async fn what_was_said_to_an_owner_that_died_is_heard_by_the_next() {
    for (decision, becomes) in [("reject", "FAILED"), ("skip", "SCHEDULED")] {
        let api = Api::new().await;
        floor(&api).await;
        let call = waiting(&api, "preview").await;
        let mut died = owner(&api).await;
        work(&api, &mut died, 3).await;
        says(&api, &call, decision).await.expect(202);
        drop(died);
        let queued = json!({"items": [{"callId": "in-1", "event": "queued"}]});
        api.post("/v1/skill-groups/sales/inbound-calls", &queued)
            .await
            .expect(202);
        assert!(take(&api).await.is_none());

        // Its lease ends; the offer would stand for longer.
        api.pass(20).await;
        let mut next = owner(&api).await;
        work(&api, &mut next, 3).await;
        api.get("/v1/agents/ada/offer").await.expect(404);
        assert_eq!(state(&api, &call).await["state"], becomes, "{decision}");
        assert_eq!(seen_of_group(&api).await["inQueue"], 1);
    }
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
    floor(&api).await;
    let call = waiting(&api, "preview").await;
    let mut owner = owner(&api).await;
    work(&api, &mut owner, 3).await;
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
    floor(&api).await;
    let call = waiting(&api, "preview").await;
    let mut owner = owner(&api).await;
    work(&api, &mut owner, 3).await;
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

/// The dialer's word that a person answered a call, and that no agent was there in time.
fn abandoned(call: &str) -> Value {
    report(call, "FAILED", "ABANDONED")
}

fn report(call: &str, status: &str, reason: &str) -> Value {
    json!({
        "id": "n1", "header": {"sender": {"type": "CONNECTOR"}, "originalMessageId": call},
        "body": {"type": "DELIVERYNOTIFICATION", "messageId": call, "status": status, "reasonCode": reason},
    })
}

/// A call that pacing has started, and the group's owner.
async fn started(api: &Api) -> (String, Owner) {
    floor(api).await;
    let call = waiting(api, "power").await;
    let mut owner = owner(api).await;
    work(api, &mut owner, 3).await;
    api.dispatch(&call).await;
    (call, owner)
}

/// Whether the group's first work has had one call abandoned.
async fn one_is_abandoned(api: &Api, owner: &mut Owner) {
    work(api, owner, 2).await;
    let view = seen_of_group(api).await;
    assert_eq!(view["works"][0]["abandoned"], 1, "{view}");
}

#[tokio::test]
async fn who_answers_and_is_put_through_to_nobody_is_abandoned_if_an_agent_was_to_come() {
    let api = Api::new().await;
    let (call, mut owner) = started(&api).await;
    let machine = json!({
        "channel": "voice", "to": "+44 20 7946 0959", "dueAt": api.now(), "dialing": {"kind": "ivr"},
        "message": {"type": "VOICE"},
    });
    let machine = api
        .post("/v1/scheduled-activities", &machine)
        .await
        .expect(201)
        .id();
    api.dispatch(&machine).await;
    for (id, came_out) in [(&call, "FAILED"), (&machine, "CONNECTED")] {
        let answered = report(id, "CONNECTED", "ANSWERED_ALONE");
        api.post("/v1/cim-messages", &answered).await.expect(202);
        assert_eq!(state(&api, id).await["state"], came_out);
    }
    one_is_abandoned(&api, &mut owner).await;
    let again = waiting(&api, "power").await;
    let events = state(&api, &again).await["events"].clone();
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!(last["reason"], "afterAbandoned", "{events}");
}

#[tokio::test]
async fn whoever_was_abandoned_is_called_again_only_if_an_agent_is_sure() {
    let api = Api::new().await;
    let (call, mut owner) = started(&api).await;
    for _ in 0..2 {
        api.post("/v1/cim-messages", &abandoned(&call)).await.expect(202);
    }
    assert_eq!(state(&api, &call).await["state"], "FAILED");
    one_is_abandoned(&api, &mut owner).await;

    for mode in ["power", "predictive"] {
        let again = waiting(&api, mode).await;
        let events = state(&api, &again).await["events"].clone();
        let last = events.as_array().unwrap().last().unwrap();
        assert_eq!(last["reason"], "afterAbandoned", "{events}");
    }
    let sure = waiting(&api, "progressive").await;
    work(&api, &mut owner, 3).await;
    let view = seen_of_group(&api).await;
    let dialed: Vec<_> = view["works"]
        .as_array()
        .unwrap()
        .iter()
        .map(|work| &work["dialed"])
        .collect();
    assert_eq!(dialed, [1, 1], "{view}");
    assert_eq!(state(&api, &sure).await["state"], "SCHEDULED");

    // What the customer says to the message is heard, and undoes nothing.
    let wish = json!({
        "id": "m1", "header": {
            "sender": {"type": "CUSTOMER", "id": "x"}, "originalMessageId": call, "intent": "REPLY_TO",
            "channelData": {"channelCustomerIdentifier": "+442079460958"},
        },
        "body": {"type": "PLAIN", "markdownText": "STOP"},
    });
    api.post("/v1/cim-messages", &wish).await.expect(202);
    assert_eq!(state(&api, &call).await["state"], "FAILED");
    let never = waiting(&api, "progressive").await;
    assert_eq!(state(&api, &never).await["state"], "REFUSED");
}

#[tokio::test]
async fn what_is_wrong_with_pacing_is_named() {
    let api = Api::new().await;
    for (pacing, pointer) in [
        (json!({"lines": 0}), "/pacing/lines"),
        (json!({"callsPerSecond": 1_001}), "/pacing/callsPerSecond"),
        (json!({"linesPerAgent": 0.5}), "/pacing/linesPerAgent"),
        (
            json!({"gateways": {"con_1": {"lines": 0}}}),
            "/pacing/gateways/con_1",
        ),
        // 16 CFR 310.4(b)(4)(ii): at least 15 seconds or four rings.
        (json!({"ringLimitSeconds": 14}), "/pacing/ringLimitSeconds"),
        (json!({"previewSeconds": -1}), "/pacing/previewSeconds"),
        (
            json!({"commitmentLeadSeconds": 3_601}),
            "/pacing/commitmentLeadSeconds",
        ),
        (
            json!({"abandonAfterSeconds": 1e300}),
            "/pacing/abandonAfterSeconds",
        ),
    ] {
        let body = json!({"name": "Sales", "pacing": pacing});
        let answer = api.put("/v1/skill-groups/sales", &body).await.expect(422);
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    for pacing in [json!({"timeZone": "Mars/Olympus"}), json!({"speed": 1})] {
        let body = json!({"name": "Sales", "pacing": pacing});
        let answer = api.put("/v1/skill-groups/sales", &body).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{}", answer.text);
    }
    let list = api.list().await;
    for (pacing, pointer) in [
        (json!({"init": "nobody()"}), "/pacing/init"),
        (json!({"init": "true"}), "/pacing/init"),
        (json!({"seize": "agents.free > 1"}), "/pacing/seize"),
        (json!({"ratio": 0.5}), "/pacing/ratio"),
        (json!({"priority": 10}), "/pacing/priority"),
        (json!({"weight": 0}), "/pacing/weight"),
        (
            json!({"budgets": [{"over": "30m", "limit": 0.03}, {"over": "30m", "limit": 0.05}]}),
            "/pacing/budgets",
        ),
        (
            json!({"budgets": [{"over": "24h", "limit": 3}]}),
            "/pacing/budgets",
        ),
    ] {
        let mut body = campaign(&list);
        body["pacing"] = pacing;
        let answer = api.post("/v1/campaigns", &body).await.expect(422);
        assert_eq!(answer.pointers(), [pointer], "{}", body["pacing"]);
    }
    let mut body = campaign(&list);
    body["pacing"] = json!({
        "init": "min(predictive(0.03), power(parameters.ratio))", "parameters": {"ratio": 3},
        "budgets": [{"over": "24h", "limit": 0.03}], "priority": 7,
    });
    let made = api.post("/v1/campaigns", &body).await.expect(201);
    assert_eq!(made.json["pacing"]["priority"], 7);
    assert_eq!(made.json["pacing"]["weight"], 1, "as in the defaults");
}

#[tokio::test]
async fn calls_and_events_that_cannot_be_paced_are_refused() {
    let api = Api::new().await;
    floor(&api).await;
    let call = |channel: &str, dialing: Value| {
        json!({
            "channel": channel, "to": "+44 20 7946 0958", "dueAt": api.now(), "dialing": dialing,
            "message": {"type": "PLAIN", "markdownText": "Hello"},
        })
    };
    let sales = json!({"skillGroup": "sales"});
    for (body, pointer) in [
        (call("sms", json!({"kind": "ivr"})), "/dialing"),
        (
            call(
                "voice",
                json!({"kind": "agent", "mode": "power", "pool": {"agent": "ada"}}),
            ),
            "/dialing/mode",
        ),
        (
            call(
                "voice",
                json!({"kind": "agent", "mode": "predictive", "pool": sales}),
            ),
            "/message/abandonedMessage",
        ),
    ] {
        let answer = api.post("/v1/scheduled-activities", &body).await.expect(422);
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    let mut told = call("voice", json!({"kind": "agent", "mode": "power", "pool": sales}));
    told["message"]["abandonedMessage"] = json!("This was Acme. Press 9, and we call you no more.");
    let made = api.post("/v1/scheduled-activities", &told).await.expect(201);
    let path = format!("/v1/scheduled-activities/{}", made.id());
    let untold = json!({"message": {"type": "PLAIN", "markdownText": "Hello"}});
    let answer = api.patch(&path, &untold).await.expect(422);
    assert_eq!(answer.pointers(), ["/message/abandonedMessage"]);
    api.patch(&path, &json!({"message": told["message"]}))
        .await
        .expect(200);

    let unknown = call("voice", json!({"kind": "agent", "mode": "fast", "pool": sales}));
    let answer = api.post("/v1/scheduled-activities", &unknown).await;
    assert!((400..500).contains(&answer.status.as_u16()), "{}", answer.text);

    let path = "/v1/skill-groups/sales/inbound-calls";
    let told =
        json!({"items": [{"callId": "in-1", "event": "queued"}, {"callId": "in-1", "event": "queued"}]});
    api.post(path, &told).await.expect(202);
    let mut owner = owner(&api).await;
    work(&api, &mut owner, 2).await;
    let view = seen_of_group(&api).await;
    assert_eq!(view["inQueue"], 1, "{view}");
    assert_eq!(
        api.post(path, &json!({"items": []})).await.expect(422).pointers(),
        ["/items"]
    );
    for (path, body, status) in [
        (path, json!({"items": [{"callId": "in-1", "event": "sung"}]}), 422),
        ("/v1/skill-groups/nobody/inbound-calls", told, 404),
    ] {
        assert_eq!(api.post(path, &body).await.status.as_u16(), status, "{path}");
    }
    api.get("/v1/skill-groups/nobody/pacing").await.expect(404);
}

#[tokio::test]
async fn only_who_may_write_answers_for_an_agent() {
    let api = Api::new().await;
    floor(&api).await;
    let call = waiting(&api, "preview").await;
    let reader = api.as_role("acme", Role::Reader).await;
    says(&reader, &call, "accept").await.expect(403);
    reader.get("/v1/skill-groups/sales").await.expect(200);
    let body = json!({"name": "Sales", "pacing": {}});
    reader
        .call(Method::PUT, "/v1/skill-groups/sales")
        .json(&body)
        .send()
        .await
        .expect(403);
}

/// What a worker makes of the messages that have arrived: the owner of a group that nobody has, if there is one.
async fn owner_by_message(api: &Api) -> Option<Owner> {
    // An empty queue makes its caller wait.
    let arrived = api.world.receive(QueueName::Pacing, 10, Millis::minutes(1));
    for message in arrived.now_or_never()?.unwrap() {
        let timer = TimerMessage::decode(&message.body).unwrap();
        let owner = pacing::due(&api.context, &timer).await.unwrap();
        api.world
            .delete(QueueName::Pacing, vec![message.receipt])
            .await
            .unwrap();
        if owner.is_some() {
            return owner;
        }
    }
    None
}

#[tokio::test]
async fn the_group_of_an_owner_who_died_has_another_within_fifteen_seconds() {
    let api = Api::new().await;
    floor(&api).await;
    for lived in [1, 7, 31] {
        let mut owner = owner(&api).await;
        for _ in 0..lived {
            work(&api, &mut owner, 1).await;
            assert!(owner_by_message(&api).await.is_none(), "the group has an owner");
        }
        drop(owner);
        // Nothing happens that would wake anybody, and no sweep passes.
        let mut waited = 0;
        while owner_by_message(&api).await.is_none() {
            waited += 1;
            assert!(waited <= 15, "nobody has found the group");
            api.pass(1).await;
        }
        assert!(
            waited >= 9,
            "the lease of the dead owner still held after {waited} seconds"
        );
        api.pass(11).await;
    }
}

/// The group `sales`, with an agent who is not at work: its owner has given it up.
async fn nobody_at_work(api: &Api) {
    let group = json!({"name": "Sales", "pacing": {}});
    api.put("/v1/skill-groups/sales", &group).await.expect(200);
    let agent = json!({"name": "Ada", "skillGroups": ["sales"]});
    api.put("/v1/agents/ada", &agent).await.expect(200);
    let mut owner = owner_by_message(api)
        .await
        .expect("a group that is new finds an owner");
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Idle);
    owner.give_up(&api.context).await.unwrap();
}

#[tokio::test]
async fn who_comes_to_work_just_after_a_group_was_given_up_is_not_kept_waiting() {
    let api = Api::new().await;
    nobody_at_work(&api).await;
    gets_ready(&api, "ada").await;
    api.pass(1).await;
    let mut owner = owner_by_message(&api).await.expect("within a second");
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Busy);
}

#[tokio::test]
async fn who_comes_to_work_while_a_group_is_given_up_is_not_kept_waiting() {
    let api = Api::new().await;
    let group = json!({"name": "Sales", "pacing": {}});
    api.put("/v1/skill-groups/sales", &group).await.expect(200);
    let agent = json!({"name": "Ada", "skillGroups": ["sales"]});
    api.put("/v1/agents/ada", &agent).await.expect(200);
    let mut owner = owner(&api).await;
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Idle);
    // Its owner has read the news; what wakes it now finds it owned.
    api.pass(3).await;
    gets_ready(&api, "ada").await;
    api.pass(1).await;
    assert!(owner_by_message(&api).await.is_none());
    owner.give_up(&api.context).await.unwrap();
    let mut owner = owner_by_message(&api).await.expect("at once");
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Busy);
}

#[tokio::test]
async fn a_group_without_agents_is_looked_at_every_ten_minutes_and_no_sooner() {
    let api = Api::new().await;
    nobody_at_work(&api).await;
    let mut looks = Vec::new();
    for second in 0..31 * 60 {
        if second % 60 == 0 {
            for shard in 0..DUE_SHARDS {
                sweep(&api.context, shard, From::Cursor).await.unwrap();
            }
        }
        if let Some(mut owner) = owner_by_message(&api).await {
            looks.push(second);
            owner.pulse(&api.context).await.unwrap();
            owner.give_up(&api.context).await.unwrap();
        }
        api.pass(1).await;
    }
    assert_eq!(looks.len(), 3, "{looks:?}");
    // Of the states from which audits begin there is one an hour.
    let snapshots = Query {
        partition: keys::pacing_snapshots(&acme(), &sales()),
        range: SortRange::All,
        after: None,
        order: Order::Ascending,
        limit: 10,
        consistency: Consistency::Strong,
    };
    assert_eq!(api.context.table.query(&snapshots).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_group_of_many_campaigns_and_booked_agents_is_written_down() {
    let api = Api::new().await;
    floor(&api).await;
    // Together they have more to tell than an item holds.
    let booked: Vec<_> = (0..100)
        .map(|n| json!({"from": after(600 + 20 * n), "until": after(610 + 20 * n)}))
        .collect();
    for n in 0..70 {
        let path = format!("/v1/agents/agent-{n}");
        let agent = json!({"name": "Bo", "skillGroups": ["sales"]});
        api.put(&path, &agent).await.expect(200);
        let commitments = json!({"items": booked});
        api.put(&format!("{path}/commitments"), &commitments)
            .await
            .expect(200);
        let event = json!({"sequence": 1, "event": {"type": "log_on"}});
        api.post(&format!("{path}/events"), &event).await.expect(200);
    }
    // And their state is larger than one.
    for _ in 0..36 {
        let campaign = api.campaign().await.id();
        waiting_for(&api, "progressive", Some(&campaign)).await;
    }
    let mut first = owner(&api).await;
    work(&api, &mut first, 6).await;
    first.give_up(&api.context).await.unwrap();
    let before = seen_of_group(&api).await;
    assert_eq!(before["agents"], 71);
    assert_eq!(before["works"].as_array().unwrap().len(), 36);
    let mut next = owner(&api).await;
    work(&api, &mut next, 2).await;
    assert_eq!(seen_of_group(&api).await["agents"], 71);
}

#[tokio::test]
async fn agents_are_given_back_when_their_group_is_paced_no_longer() {
    let api = Api::new().await;
    floor(&api).await;
    let call = waiting(&api, "progressive").await;
    let mut owner = owner(&api).await;
    work(&api, &mut owner, 3).await;
    let agent = async || api.get("/v1/agents/ada").await.expect(200).json;
    assert_eq!(agent().await["state"], "RESERVED", "for {call}");
    api.put("/v1/skill-groups/sales", &json!({"name": "Sales"}))
        .await
        .expect(200);
    api.pass(3).await;
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Lost);
    assert_eq!(agent().await["state"], "READY");
}

#[tokio::test]
async fn an_agent_who_leaves_for_a_group_that_is_not_paced_is_given_back() {
    let api = Api::new().await;
    floor(&api).await;
    waiting(&api, "progressive").await;
    let mut owner = owner(&api).await;
    let bo = json!({"name": "Bo", "skillGroups": ["sales"]});
    api.put("/v1/agents/bo", &bo).await.expect(200);
    gets_ready(&api, "bo").await;
    work(&api, &mut owner, 3).await;
    let state = async |agent: &str| {
        let agent = api.get(&format!("/v1/agents/{agent}")).await.expect(200);
        agent.text_of("state")
    };
    let mut states = [state("ada").await, state("bo").await];
    states.sort();
    assert_eq!(states, ["RESERVED", "SEIZED"]);
    let free = if state("bo").await == "SEIZED" {
        "bo"
    } else {
        "ada"
    };
    let elsewhere = json!({"name": "X", "skillGroups": ["help"]});
    api.put("/v1/skill-groups/help", &json!({"name": "Help"}))
        .await
        .expect(200);
    api.put(&format!("/v1/agents/{free}"), &elsewhere)
        .await
        .expect(200);
    work(&api, &mut owner, 40).await;
    assert_eq!(state(free).await, "READY");
}
