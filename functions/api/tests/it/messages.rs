//! CIM messages.

use domain::time::Millis;
use serde_json::{Value, json};

use crate::harness::{Api, activity};

fn notification(id: &str, status: &str) -> Value {
    json!({
        "id": "n1",
        "header": {"sender": {"type": "CONNECTOR"}, "timestamp": 1_795_424_400_000_i64, "originalMessageId": id},
        "body": {"type": "DELIVERYNOTIFICATION", "messageId": id, "status": status, "reasonCode": 200},
    })
}

fn message(id: &str, original: Option<&str>, text: &str) -> Value {
    json!({
        "id": id,
        "header": {
            "sender": {"type": "CUSTOMER", "id": "x"}, "originalMessageId": original, "intent": "REPLY_TO",
            "channelData": {"channelCustomerIdentifier": "+442079460958"},
        },
        "body": {"type": "PLAIN", "markdownText": text},
    })
}

/// The same, from another address.
fn from(address: &str, mut message: Value) -> Value {
    message["header"]["channelData"]["channelCustomerIdentifier"] = json!(address);
    message
}

async fn scheduled(api: &Api) -> String {
    let path = "/v1/scheduled-activities";
    api.post(path, &activity()).await.expect(201).id()
}

/// How many entries bar an address from being contacted, or a customer.
async fn barred(api: &Api, whose: &str) -> usize {
    api.all(&format!("/v1/do-not-contact?{whose}"), 50).await.len()
}

async fn sent(api: &Api) -> String {
    sent_as(api, &api.due_activity()).await
}

/// An activity that is due now, of a customer whom the caller names.
fn of_named(api: &Api) -> Value {
    let mut body = api.due_activity();
    body["customerId"] = json!("cus_4711");
    body
}

async fn sent_as(api: &Api, body: &Value) -> String {
    api.connector().await;
    let id = api.post("/v1/scheduled-activities", body).await.expect(201).id();
    api.dispatch(&id).await;
    id
}

async fn outcome(api: &Api, message: &Value) -> String {
    api.post("/v1/cim-messages", message)
        .await
        .expect(202)
        .text_of("outcome")
}

#[tokio::test]
async fn receipts_and_answers_move_the_activity() {
    let api = Api::new().await;
    let id = sent(&api).await;
    assert_eq!(outcome(&api, &notification(&id, "READ")).await, "folded");
    assert_eq!(outcome(&api, &notification(&id, "DELIVERED")).await, "repeated");
    assert_eq!(
        outcome(&api, &message("m1", Some(&id), "Yes please")).await,
        "folded"
    );
    assert_eq!(
        outcome(&api, &message("m1", Some(&id), "Yes please")).await,
        "repeated"
    );
    let mut named_by_body = message("m4", None, "And another");
    named_by_body["body"]["messageId"] = json!(id);
    assert_eq!(outcome(&api, &named_by_body).await, "folded");
    let read = api
        .get(&format!("/v1/scheduled-activities/{id}"))
        .await
        .expect(200);
    assert_eq!(read.json["state"], "REPLIED");
    assert_eq!(read.json["responses"][0]["body"]["markdownText"], "Yes please");
}

#[tokio::test]
async fn what_is_not_known_is_kept() {
    let api = Api::new().await;
    assert_eq!(
        outcome(&api, &notification("act_unknown", "DELIVERED")).await,
        "orphaned"
    );
    assert_eq!(
        outcome(&api, &notification("0b5e-4c", "FAILED")).await,
        "orphaned"
    );
    let orphans = api.all("/v1/cim-messages/orphans", 1).await;
    assert_eq!(orphans.len(), 2);
    let named: Vec<_> = orphans
        .iter()
        .map(|orphan| orphan["activityId"].as_str().unwrap())
        .collect();
    assert!(named.contains(&"act_unknown"));
}

#[tokio::test]
async fn what_quotes_something_unknown_becomes_the_customers_own() {
    let api = Api::new().await;
    let id = sent_as(&api, &of_named(&api)).await;
    let quoting = message("m1", Some("act_unknown"), "And what of my parcel?");
    assert_eq!(outcome(&api, &quoting).await, "orphaned");
    api.let_pass(Millis::hours(1));
    api.pass(15).await;
    assert_eq!(api.all("/v1/cim-messages/orphans", 50).await, [] as [Value; 0]);
    api.catch_up().await;
    let history = api.all("/v1/customers/cus_4711/activities", 50).await;
    let own = |entry: &&Value| entry["body"]["markdownText"] == "And what of my parcel?";
    assert_eq!(history.iter().filter(own).count(), 1, "{history:?}");
    let state = api.get(&format!("/v1/scheduled-activities/{id}")).await;
    assert_eq!(state.text_of("state"), "SENT");
}

#[tokio::test]
async fn an_answer_that_quotes_nothing_is_to_the_latest_message() {
    let api = Api::new().await;
    let first = sent(&api).await;
    api.pass(1).await;
    let latest = sent(&api).await;
    let scheduled = api
        .post("/v1/scheduled-activities", &activity())
        .await
        .expect(201);
    assert_eq!(outcome(&api, &message("m1", None, "Yes please")).await, "folded");
    let state = async |id: &str| {
        let path = format!("/v1/scheduled-activities/{id}");
        api.get(&path).await.expect(200).text_of("state")
    };
    assert_eq!(state(&latest).await, "REPLIED");
    assert_eq!(state(&first).await, "SENT");
    assert_eq!(state(&scheduled.id()).await, "SCHEDULED");
    // The same told again is not the answer to what was sent since.
    api.pass(1).await;
    let since = sent(&api).await;
    assert_eq!(
        outcome(&api, &message("m1", None, "Yes please")).await,
        "repeated"
    );
    assert_eq!(state(&since).await, "SENT");
    // What quotes a message that is none of ours is no answer to one of ours.
    let foreign = message("m2", Some("chat-7"), "Thank you");
    assert_eq!(outcome(&api, &foreign).await, "unsolicited");
    // And after a week nobody knows.
    api.let_pass(Millis::hours(8 * 24));
    assert_eq!(outcome(&api, &message("m3", None, "Yes")).await, "unsolicited");
}

#[tokio::test]
async fn an_opt_out_that_quotes_nothing_bars_the_person_whom_the_caller_named() {
    let api = Api::new().await;
    let body = of_named(&api);
    sent_as(&api, &body).await;
    assert_eq!(outcome(&api, &message("m1", None, "STOP")).await, "folded");
    let barred = api.all("/v1/do-not-contact?customerId=cus_4711", 50).await;
    assert_eq!(barred[0]["source"], "optOut");
    // Of an unknown sender's own message, too, the person is found by the address.
    let mut told = message("m2", Some("chat-7"), "Who is it?");
    told["header"]["channelData"]["channelCustomerIdentifier"] = body["to"].clone();
    assert_eq!(outcome(&api, &told).await, "unsolicited");
    api.catch_up().await;
    let history = api.all("/v1/customers/cus_4711/activities", 50).await;
    assert!(
        history
            .iter()
            .any(|entry| entry["body"]["markdownText"] == "Who is it?"),
        "{history:?}"
    );
    // Newest first, of whatever kind.
    api.let_pass(Millis::minutes(1));
    let next = api.post("/v1/scheduled-activities", &body).await.expect(201).id();
    api.catch_up().await;
    let history = api.all("/v1/customers/cus_4711/activities", 50).await;
    assert_eq!(history[0]["activityId"], json!(next), "{history:?}");
    let activities = api.all("/v1/scheduled-activities?customerId=cus_4711", 1).await;
    assert_eq!(activities.len(), 2, "{activities:?}");
}

#[tokio::test]
async fn an_unasked_opt_out_is_honoured() {
    let api = Api::new().await;
    assert_eq!(outcome(&api, &message("m1", None, "Hello?")).await, "unsolicited");
    assert_eq!(
        outcome(&api, &message("m2", Some("somebody's message #7"), "STOP")).await,
        "unsolicited"
    );
    let entries = api.all("/v1/do-not-contact?address=%2B442079460958", 50).await;
    assert_eq!(entries[0]["source"], "optOut");
}

#[tokio::test]
async fn what_quotes_a_message_that_never_left_is_the_customers_own() {
    let api = Api::new().await;
    let (scheduled, cancelled) = (scheduled(&api).await, scheduled(&api).await);
    let path = format!("/v1/scheduled-activities/{cancelled}");
    api.delete(&path).await.expect(200);
    let question = message("m1", Some(&cancelled), "What is this?");
    assert_eq!(outcome(&api, &question).await, "unsolicited");
    assert_eq!(outcome(&api, &question).await, "repeated");
    // Nobody needs to tell who wrote: whom it was planned for.
    let mut stop = message("m2", Some(&scheduled), "STOP");
    stop["header"]["channelData"] = json!(null);
    assert_eq!(outcome(&api, &stop).await, "unsolicited");
    assert_eq!(barred(&api, "address=%2B442079460958").await, 1);
    api.catch_up().await;
    let read = api.get(&format!("/v1/scheduled-activities/{scheduled}")).await;
    let customer = read.text_of("customerId");
    let history = api.all(&format!("/v1/customers/{customer}/activities"), 50).await;
    let wrote: Vec<_> = history
        .iter()
        .filter(|entry| entry["type"] == "message")
        .collect();
    assert_eq!(wrote.len(), 2, "{history:?}");
    assert_eq!(wrote[0]["from"], "+442079460958");
}

#[tokio::test]
async fn an_opt_out_bars_the_address_that_it_came_from_too() {
    let api = Api::new().await;
    let id = sent_as(&api, &of_named(&api)).await;
    let stop = from("+442079460123", message("m1", Some(&id), "STOP"));
    assert_eq!(outcome(&api, &stop).await, "folded");
    for whose in [
        "address=%2B442079460958",
        "address=%2B442079460123",
        "customerId=cus_4711",
    ] {
        assert_eq!(barred(&api, whose).await, 1, "{whose}");
    }
}

#[tokio::test]
async fn whatsapp_names_people_without_a_plus() {
    let api = Api::new().await;
    let stop = |address| from(address, message("m1", None, "STOP"));
    assert_eq!(outcome(&api, &stop("442079460958")).await, "unsolicited");
    assert_eq!(barred(&api, "address=%2B442079460958").await, 1);
    // A number within its country is nobody's.
    api.post("/v1/cim-messages", &stop("02079460958"))
        .await
        .expect(422);
}

#[tokio::test]
async fn an_opt_out_is_honoured_whatever_the_spelling_of_the_number() {
    for (listed, written) in [
        ("+525512345678", "+5215512345678"),
        ("+5585987654321", "+558587654321"),
        ("+541123456789", "+5491123456789"),
        ("+5491123456789", "+541123456789"),
    ] {
        let api = Api::new().await;
        api.connector().await;
        let mut body = api.due_activity();
        body["to"] = json!(listed);
        body["customerId"] = json!("cus_4711");
        let id = api.post("/v1/scheduled-activities", &body).await.expect(201).id();
        api.dispatch(&id).await;
        let stop = from(written, message("m1", None, "STOP"));
        assert_eq!(outcome(&api, &stop).await, "folded", "{listed}");
        for whose in [
            format!("address={}", listed.replace('+', "%2B")),
            "customerId=cus_4711".into(),
        ] {
            assert_eq!(barred(&api, &whose).await, 1, "{listed} {whose}");
        }
    }
}

#[tokio::test]
async fn an_opt_out_is_honoured_though_no_plan_knows_the_number() {
    let api = Api::new().await;
    let stop = from("+999123456789", message("m1", None, "STOP"));
    assert_eq!(outcome(&api, &stop).await, "unsolicited");
    assert_eq!(barred(&api, "address=%2B999123456789").await, 1);
}

#[tokio::test]
async fn messages_that_cannot_be_taken_say_why() {
    let api = Api::new().await;
    let edit = |mut message: Value, pointer: &str, value: Value| {
        *message.pointer_mut(pointer).unwrap() = value;
        message
    };
    let plain = || message("m", None, "x");
    let receipt = || notification("act_1", "READ");
    for (body, pointer) in [
        (
            edit(receipt(), "/body/messageId", json!("a#b")),
            "/body/messageId",
        ),
        (edit(receipt(), "/body/status", json!("REPLIED")), "/body/status"),
        (edit(receipt(), "/body/status", json!(7)), "/body"),
        (edit(receipt(), "/body/reasonCode", json!([])), "/body/reasonCode"),
        (edit(receipt(), "/header", json!("x")), "/header"),
        (edit(plain(), "/id", json!("m".repeat(201))), "/id"),
        (edit(plain(), "/id", json!("m\u{0}")), "/id"),
        (
            edit(plain(), "/header/sender/type", json!("AGENT")),
            "/header/sender/type",
        ),
        (
            edit(plain(), "/header/channelData", json!(null)),
            "/header/channelData/channelCustomerIdentifier",
        ),
        (
            edit(
                plain(),
                "/header/channelData/channelCustomerIdentifier",
                json!("x"),
            ),
            "/header/channelData/channelCustomerIdentifier",
        ),
        (edit(plain(), "/body/type", json!("SMOKE")), "/body"),
    ] {
        let answer = api
            .post("/v1/cim-messages", &body)
            .await
            .problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    let unnamed =
        json!({"id": "n", "header": {}, "body": {"type": "DELIVERYNOTIFICATION", "status": "READ"}});
    let answer = api
        .post("/v1/cim-messages", &unnamed)
        .await
        .problem(422, "invalid-request");
    assert_eq!(answer.pointers(), ["/body/messageId"]);
}

fn voice() -> Value {
    let mut body = activity();
    body["channel"] = json!("voice");
    body["message"] = json!({"type": "VOICE"});
    body
}

async fn called(api: &Api) -> String {
    let connector = json!({
        "name": "Calls", "kind": "ccm", "channels": ["voice"],
        "settings": {"webhookUrl": "https://ccm.example.org/voice"},
    });
    api.post("/v1/connectors", &connector).await.expect(201);
    let mut body = voice();
    body["dueAt"] = json!(api.now());
    let id = api.post("/v1/scheduled-activities", &body).await.expect(201).id();
    api.dispatch(&id).await;
    id
}

fn leg(id: &str, intent: &str, sender: &str, reason: &Value) -> Value {
    json!({
        "id": "l1",
        "header": {"sender": {"type": sender}, "intent": intent},
        "body": {"type": "VOICE", "callId": id, "leg": format!("{id}:1"), "reasonCode": reason},
    })
}

#[tokio::test]
async fn call_legs_and_wrap_up_codes_tell_how_a_call_came_out() {
    let api = Api::new().await;
    let id = called(&api).await;
    let state = async || {
        let read = api
            .get(&format!("/v1/scheduled-activities/{id}"))
            .await
            .expect(200);
        read.json["state"].as_str().unwrap().to_owned()
    };
    let pending = leg(&id, "CALL_LEG_STARTED", "CONNECTOR", &Value::Null);
    assert_eq!(outcome(&api, &pending).await, "repeated");
    assert_eq!(state().await, "SENT");
    // An agent's leg says nothing of the customer's.
    let agents = leg(&id, "CALL_LEG_ENDED", "AGENT", &json!("DIALOG_ENDED"));
    assert_eq!(outcome(&api, &agents).await, "repeated");
    let busy = leg(&id, "CALL_LEG_ENDED", "CONNECTOR", &json!("USER_BUSY"));
    assert_eq!(outcome(&api, &busy).await, "folded");
    assert_eq!(state().await, "FAILED");
    let answered = leg(&id, "CALL_LEG_ENDED", "CONNECTOR", &json!("NORMAL_CLEARING"));
    assert_eq!(outcome(&api, &answered).await, "folded");
    assert_eq!(state().await, "CONNECTED");

    let wrap_up = json!({
        "id": "w1",
        "header": {"sender": {"type": "AGENT"}, "originalMessageId": id, "timestamp": 1_795_424_400_000_i64},
        "body": {"type": "WRAPUP", "wrapups": [{"categoryName": "Sales", "value": "SALE"}]},
    });
    assert_eq!(outcome(&api, &wrap_up).await, "folded");
    assert_eq!(outcome(&api, &wrap_up).await, "repeated");
    let read = api
        .get(&format!("/v1/scheduled-activities/{id}"))
        .await
        .expect(200);
    let events = read.json["events"].as_array().unwrap();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["happening"], &last["reason"]),
        (&json!("wrappedUp"), &json!("SALE"))
    );
}

#[tokio::test]
async fn what_tells_of_no_call_is_refused() {
    let api = Api::new().await;
    for (message, pointer) in [
        (
            leg("x", "CALL_LEG_ENDED", "CONNECTOR", &json!("USER_BUSY")),
            "/header/originalMessageId",
        ),
        (
            leg("act_1", "CALL_HOLD", "CONNECTOR", &json!("USER_BUSY")),
            "/header/intent",
        ),
        (
            leg("act_1", "CALL_LEG_ENDED", "CONNECTOR", &Value::Null),
            "/body/reasonCode",
        ),
        (
            json!({"id": "w", "header": {"originalMessageId": "act_1"}, "body": {"type": "WRAPUP"}}),
            "/body/code",
        ),
    ] {
        let problem = api.post("/v1/cim-messages", &message).await.expect(422);
        assert_eq!(problem.json["errors"][0]["pointer"], pointer);
    }
}
