//! What cannot be set, said or paced.

use application::api_keys::Role;

use super::*;

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
