//! Agents and skill groups, and what a routing engine tells about them.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, after};

/// An agent of the group `sales`, who has just logged on.
async fn ada(api: &Api) -> String {
    api.put("/v1/skill-groups/sales", &json!({"name": "Sales"}))
        .await
        .expect(200);
    let agent = json!({"name": "Ada", "skillGroups": ["sales"]});
    let made = api.put("/v1/agents/ada", &agent).await.expect(200);
    assert_eq!(made.json["state"], "LOGGED_OFF");
    told(api, &json!({"sequence": 1, "event": {"type": "log_on"}})).await;
    "/v1/agents/ada".to_owned()
}

async fn told(api: &Api, event: &Value) -> Value {
    api.post("/v1/agents/ada/events", event).await.expect(200).json
}

#[tokio::test]
async fn supervisors_see_what_an_agent_does_and_since_when() {
    let api = Api::new().await;
    let path = ada(&api).await;
    let free = told(&api, &json!({"sequence": 2, "agentState": "READY"})).await;
    assert_eq!(
        (&free["taken"], &free["agent"]["state"]),
        (&json!(true), &json!("READY"))
    );
    api.pass(90).await;
    assert_eq!(api.get(&path).await.expect(200).json["secondsInState"], 90);

    let seized = api
        .put(&format!("{path}/side"), &json!({"side": "outbound"}))
        .await
        .expect(200);
    assert_eq!(seized.json["state"], "SEIZED");
    let busy = json!({"sequence": 3, "event": {"type": "busy", "activity": "act_1"}});
    assert_eq!(told(&api, &busy).await["agent"]["activityId"], "act_1");
    let ending = json!({"sequence": 4, "event": {"type": "about_to_finish", "left": 30}});
    let ending = told(&api, &ending).await;
    assert_eq!(ending["agent"]["state"], "BUSY");
    assert!(ending["agent"]["finishesAt"].is_string());
    let wrap = told(&api, &json!({"sequence": 5, "taskState": "WRAP_UP"})).await;
    assert_eq!(wrap["agent"]["state"], "WRAP_UP");
    let missed = told(
        &api,
        &json!({"sequence": 6, "taskState": "CLOSED", "reason": "RONA"}),
    )
    .await;
    assert_eq!(missed["agent"]["state"], "NOT_READY");
    let changes = missed["agent"]["changes"].as_array().unwrap();
    assert_eq!(changes.last().unwrap()["reason"], "rona");

    assert_eq!(api.all("/v1/agents", 1).await.len(), 1);
    api.call(Method::DELETE, &path)
        .send()
        .await
        .problem(409, "agent-at-work");
    told(&api, &json!({"sequence": 7, "mrdState": "LOGOUT"})).await;
    api.call(Method::DELETE, &path).send().await.expect(204);
    api.get(&path).await.expect(404);
}

#[tokio::test]
async fn what_is_not_newer_changes_nothing() {
    let api = Api::new().await;
    ada(&api).await;
    told(&api, &json!({"sequence": 5, "mrdState": "READY"})).await;
    for sequence in [5, 4] {
        let stale = told(&api, &json!({"sequence": sequence, "mrdState": "NOT_READY"})).await;
        assert_eq!(
            (&stale["taken"], &stale["agent"]["state"]),
            (&json!(false), &json!("READY"))
        );
    }
    // A clock that is ahead does not make an agent's state begin in the future.
    let ahead = json!({"sequence": 6, "mrdState": "BUSY", "at": after(60)});
    assert_eq!(told(&api, &ahead).await["agent"]["secondsInState"], 0);
}

#[tokio::test]
async fn a_batch_takes_each_event_for_itself() {
    let api = Api::new().await;
    ada(&api).await;
    let event = |agent: &str, event: Value| json!({"agentId": agent, "event": event});
    let items = json!({"items": [
        event("ada", json!({"sequence": 2, "mrdState": "READY"})),
        event("nobody", json!({"sequence": 1, "mrdState": "READY"})),
        event("ada", json!({"sequence": 3, "mrdState": "SLEEPY"})),
        event("ada", json!({"sequence": 3, "mrdState": "BUSY"})),
        event("ada", json!({"sequence": 2, "mrdState": "READY"})),
    ]});
    let results = api.post("/v1/agent-events/batch", &items).await.expect(200).json;
    let results = results["results"].as_array().unwrap();
    let status: Vec<_> = results
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(status, [200, 404, 422, 200, 200]);
    let pointer = &results[2]["problem"]["errors"][0]["pointer"];
    assert_eq!(pointer, "/items/2/event/mrdState");
    assert_eq!(results[4]["taken"], false);
    assert_eq!(api.get("/v1/agents/ada").await.json["state"], "BUSY");
    let empty = api.post("/v1/agent-events/batch", &json!({"items": []})).await;
    assert_eq!(empty.expect(422).pointers(), ["/items"]);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = Api::new().await;
    ada(&api).await;
    for (event, pointer) in [
        (json!({"sequence": 0, "mrdState": "READY"}), "/sequence"),
        (json!({"sequence": 2}), "/event"),
        (
            json!({"sequence": 2, "mrdState": "READY", "agentState": "READY"}),
            "/event",
        ),
        (json!({"sequence": 2, "agentState": "BUSY"}), "/agentState"),
        (json!({"sequence": 2, "event": {}}), "/event/type"),
        (json!({"sequence": 2, "event": {"type": "asleep"}}), "/event/type"),
        (json!({"sequence": 2, "event": ["ready"]}), "/event"),
        (
            json!({"sequence": 2, "event": {"type": "about_to_finish"}}),
            "/event/left",
        ),
        (
            json!({"sequence": 2, "event": {"type": "wrap_up", "left": -1}}),
            "/event/left",
        ),
        (
            json!({"sequence": 2, "event": {"type": "busy", "activity": 7}}),
            "/event/activity",
        ),
        (
            json!({"sequence": 2, "event": {"type": "ready", "left": 7}}),
            "/event/left",
        ),
        (
            json!({"sequence": 2, "event": {"type": "ready", "mood": "good"}}),
            "/event/mood",
        ),
    ] {
        let answer = api.post("/v1/agents/ada/events", &event).await.expect(422);
        assert_eq!(answer.pointers(), [pointer], "{event}");
    }
    let agent = json!({"name": "Bob", "skillGroups": ["sales", "unknown"]});
    let answer = api.put("/v1/agents/bob", &agent).await.expect(422);
    assert_eq!(answer.pointers(), ["/skillGroups/1"]);
    api.post(
        "/v1/agents/bob/events",
        &json!({"sequence": 1, "mrdState": "READY"}),
    )
    .await
    .expect(404);
}

#[tokio::test]
async fn groups_are_renamed_and_deleted() {
    let api = Api::new().await;
    ada(&api).await;
    let path = "/v1/skill-groups/sales";
    let renamed = api.put(path, &json!({"name": "Sales North"})).await.expect(200);
    assert_eq!(
        (&renamed.json["version"], &renamed.json["name"]),
        (&json!(2), &json!("Sales North"))
    );
    assert_eq!(api.all("/v1/skill-groups", 10).await.len(), 1);
    api.call(Method::DELETE, path).send().await.expect(204);
    api.get(path).await.expect(404);
}

#[tokio::test]
async fn for_when_an_agent_is_promised_elsewhere_is_said_and_replaced() {
    let api = Api::new().await;
    let path = ada(&api).await;
    let commitments = format!("{path}/commitments");
    let between = |from: u64, until: u64| json!({"from": after(from), "until": after(until)});
    let past = json!({"from": "2020-01-01T00:00:00Z", "until": "2020-01-01T01:00:00Z"});
    let all = json!({"items": [between(60, 90), past, between(30, 40)]});
    let said = api.put(&commitments, &all).await.expect(200).json;
    let kept = said["commitments"].as_array().unwrap().clone();
    assert_eq!(kept.len(), 2, "what is over is forgotten: {said}");
    assert!(kept[0]["from"].as_str() < kept[1]["from"].as_str(), "{said}");
    assert_eq!(
        api.get(&path).await.expect(200).json["commitments"],
        said["commitments"]
    );

    let none = api
        .put(&commitments, &json!({"items": []}))
        .await
        .expect(200)
        .json;
    assert_eq!(none["commitments"], json!([]));
    let wrong = json!({"items": [between(30, 40), between(40, 40)]});
    let answer = api.put(&commitments, &wrong).await.expect(422);
    assert_eq!(answer.pointers(), ["/items/1/until"]);
    let many = json!({"items": vec![between(30, 40); 101]});
    assert_eq!(
        api.put(&commitments, &many).await.expect(422).pointers(),
        ["/items"]
    );
    api.put("/v1/agents/nobody/commitments", &all).await.expect(404);
}
