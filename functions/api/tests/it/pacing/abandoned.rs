//! Customers who answer, and get no agent.

use super::*;

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
    let (call, owner) = paced(api, "power").await;
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
