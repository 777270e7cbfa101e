//! Campaigns, their conversations, flows.

use domain::time::Millis;
use domain::timer::TimerKind;
use http::Method;
use platform::world::Clock;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, activity, after, campaign, flow};

async fn act(api: &Api, campaign: &str, action: &str) -> Answer {
    api.call(Method::POST, &format!("/v1/campaigns/{campaign}/{action}"))
        .send()
        .await
}

#[tokio::test]
async fn a_campaign_lives_its_life() {
    let api = Api::new().await;
    let list = api.list().await;
    let draft = api.post("/v1/campaigns", &campaign(&list)).await.expect(201);
    let (id, path) = (draft.id(), draft.header("location").to_owned());
    assert_eq!(
        (&draft.json["state"], &draft.json["publishedVersion"]),
        (&json!("draft"), &json!(0))
    );

    let changed = api
        .patch(&path, &json!({"name": "Summer", "startRatePerSecond": 7}))
        .await
        .expect(200);
    assert_eq!(
        (&changed.json["name"], &changed.json["startRatePerSecond"]),
        (&json!("Summer"), &json!(7))
    );
    assert_eq!(changed.json["flow"], flow());

    act(&api, &id, "pause").await.problem(409, "not-possible-now");
    let published = act(&api, &id, "publish").await.expect(200);
    assert_eq!(
        (&published.json["state"], published.json.get("quietAfter")),
        (&json!("published"), None)
    );
    api.patch(&path, &json!({"name": "x"}))
        .await
        .problem(409, "not-a-draft");
    api.delete(&path).await.problem(409, "was-published");

    let paused = act(&api, &id, "pause").await.expect(200);
    assert!(paused.text_of("quietAfter") > api.now());
    act(&api, &id, "resume").await.expect(200);
    let draft_again = act(&api, &id, "unpublish").await.expect(200);
    assert_eq!(draft_again.json["state"], "draft");
    act(&api, &id, "publish").await.expect(200);
    let stopped = act(&api, &id, "stop").await.expect(200);
    let kinds: Vec<_> = stopped.json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(kinds[..2], ["campaign.published", "campaign.paused"]);
    act(&api, &id, "publish").await.problem(409, "not-possible-now");

    let copy = act(&api, &id, "duplicate").await.expect(201);
    assert_eq!(
        (&copy.json["name"], &copy.json["state"]),
        (&json!("Summer (copy)"), &json!("draft"))
    );
    api.delete(copy.header("location")).await.expect(204);
    assert_eq!(api.all("/v1/campaigns", 1).await.len(), 1);
    let progress = api.get(&format!("{path}/progress")).await.expect(200);
    assert_eq!(progress.json["activities"], json!({}));
    api.get("/v1/campaigns/none/progress")
        .await
        .problem(404, "not-found");
    api.get("/v1/campaigns/none/conversations")
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn publishing_names_everything_that_is_wrong() {
    let api = Api::new().await;
    let policy = json!({"consentBasis": "contract", "timeZone": "UTC"});
    let draft = json!({"name": "x", "contactLists": ["none"], "policy": policy});
    let id = api.post("/v1/campaigns", &draft).await.expect(201).id();
    let answer = act(&api, &id, "publish").await.problem(422, "invalid-request");
    let pointers = answer.pointers();
    assert!(
        pointers.contains(&"/contactLists/0".to_owned()),
        "{}",
        answer.text
    );
    assert!(
        pointers.iter().any(|pointer| pointer.starts_with("/flow/")),
        "{}",
        answer.text
    );

    for (member, value, pointer) in [
        ("policy", json!({"timeZone": "UTC"}), "/policy/consentBasis"),
        (
            "policy",
            json!({"consentBasis": "contract", "timeZone": "UTC", "caps": [{"max": 0, "windowMs": 1000}]}),
            "/policy/caps/0/max",
        ),
        (
            "policy",
            json!({"consentBasis": "contract", "timeZone": "UTC", "purpose": " "}),
            "/policy/purpose",
        ),
        (
            "policy",
            json!({"consentBasis": "contract", "timeZone": "UTC", "windows": {"days": {"mo": []}}}),
            "/policy/windows/days/mo",
        ),
        ("name", json!(""), "/name"),
        ("name", json!(null), "/name"),
        ("flow", json!([]), "/flow"),
        ("contactColumns", json!({"x": "date"}), "/contactColumns/x"),
        ("startRatePerSecond", json!(0), "/startRatePerSecond"),
        ("contactLists", json!(["a b"]), "/contactLists/0"),
        ("nonsense", json!(1), "/nonsense"),
    ] {
        let mut body = json!({"name": "x", "policy": policy});
        body[member] = value.clone();
        let answer = api
            .post("/v1/campaigns", &body)
            .await
            .problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer], "{member} {value}");
        let answer = api
            .patch(&format!("/v1/campaigns/{id}"), &json!({member: value}))
            .await;
        assert_eq!(
            answer.problem(422, "invalid-request").pointers(),
            [pointer],
            "patch {member}"
        );
    }
}

#[tokio::test]
async fn flows_are_checked() {
    let api = Api::new().await;
    let check = async |flow: Value| {
        let body = json!({"flow": flow, "contactColumns": {"tier": "string"}});
        api.post("/v1/flows/validate", &body).await.expect(200).json
    };
    let good = check(flow()).await;
    assert_eq!(good, json!({"valid": true, "problems": []}));
    let mut bad = flow();
    bad["nodes"]["wait"]["outcomes"]["paid"] = json!("nowhere");
    let found = check(bad).await;
    assert_eq!(found["valid"], false);
    assert_eq!(found["problems"][0]["node"], "wait", "{found}");
    assert_eq!(check(json!(7)).await["valid"], false);
    assert_eq!(
        api.get("/v1/flows/schema").await.expect(200).json["title"],
        "Conversation flow"
    );
}

/// A list with the contacts of a file.
async fn list(api: &Api, file: &'static str) -> String {
    let list = api.list().await;
    api.import(&list, file).await;
    list
}

/// A conversation that waits for the payment.
async fn conversation(api: &Api) -> String {
    api.connector().await;
    let list = list(api, "first name,phone\nAnn,+442079460958\n").await;
    let id = api.post("/v1/campaigns", &campaign(&list)).await.expect(201).id();
    act(api, &id, "publish").await.expect(200);
    api.pass(20).await;
    let found = api.all(&format!("/v1/campaigns/{id}/conversations"), 50).await;
    found[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn conversations_are_read_told_and_stopped() {
    let api = Api::new().await;
    let id = conversation(&api).await;
    let path = format!("/v1/conversations/{id}");
    let read = api.get(&path).await.expect(200);
    assert_eq!(
        (&read.json["state"], &read.json["node"]),
        (&json!("running"), &json!("hello"))
    );
    assert!(read.text_of("explanation").contains("began at `hello`"));

    let data = format!("{path}/data");
    let set = api
        .patch(
            &data,
            &json!({"values": {"confirmed": true}, "expected": {"confirmed": 0}}),
        )
        .await
        .expect(200);
    assert_eq!(set.json["data"]["confirmed"]["value"], true);
    let again = json!({"values": {"confirmed": false}, "expected": {"confirmed": 0}});
    api.patch(&data, &again).await.problem(409, "data-version");
    let stale = api
        .call(Method::PATCH, &data)
        .header("if-match", "\"1\"")
        .json(&json!({"values": {"confirmed": null}}));
    stale.send().await.problem(412, "precondition-failed");
    for (body, pointer) in [
        (json!({"values": {}}), "/values"),
        (json!({"values": {"confirmed": "yes"}}), "/values/confirmed"),
        (json!({"values": {"nothing": 1}}), "/values/nothing"),
        (
            json!({"values": {"confirmed": true}, "expected": {"nothing": 0}}),
            "/expected/nothing",
        ),
        (json!({"values": 1}), "/values"),
        (json!({"value": {}}), "/value"),
    ] {
        let answer = api.patch(&data, &body).await.problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }

    let events = format!("{path}/events");
    let activity = read.json["messages"][0]["activity"].as_str().unwrap();
    api.dispatch(activity).await;
    let waiting = api.get(&path).await.expect(200);
    assert_eq!(waiting.json["node"], "wait", "{}", waiting.text);
    api.post(&events, &json!({"name": "something"})).await.expect(200);
    for (body, pointer) in [
        (json!({"name": "a b"}), "/name"),
        (json!({"name": "paid", "data": 1}), "/data"),
        (json!({"name": "paid", "data": {"x": "y".repeat(800)}}), "/data"),
        (json!({"name": "paid", "at": "now"}), "/at"),
    ] {
        let answer = api.post(&events, &body).await.problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    let paid = api
        .post(&events, &json!({"name": "paid", "data": {"sum": 7}}))
        .await
        .expect(200);
    assert_eq!(
        (&paid.json["state"], &paid.json["outcome"]),
        (&json!("ended"), &json!("done"))
    );
    api.patch(&data, &json!({"values": {"confirmed": false}}))
        .await
        .problem(409, "conversation-ended");

    api.catch_up().await;
    let campaign = paid.text_of("campaignId");
    let progress = api
        .get(&format!("/v1/campaigns/{campaign}/progress"))
        .await
        .expect(200);
    assert_eq!(progress.json["activities"], json!({"sms": {"SENT": 1}}));
    assert_eq!(progress.json["conversations"], json!({"done": 1}));
}

#[tokio::test]
async fn a_conversation_is_stopped() {
    let api = Api::new().await;
    let id = conversation(&api).await;
    let stopped = api
        .call(Method::POST, &format!("/v1/conversations/{id}/stop"))
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&stopped.json["state"], &stopped.json["outcome"]),
        (&json!("ended"), &json!("stopped"))
    );
    let activity = stopped.json["messages"][0]["activity"].as_str().unwrap();
    assert_eq!(
        api.get(&format!("/v1/scheduled-activities/{activity}"))
            .await
            .json["state"],
        "CANCELLED"
    );
}

#[tokio::test]
async fn what_is_scheduled_for_a_campaign_that_is_published_again_is_not_cleared_with_its_past() {
    let api = Api::new().await;
    let id = api.campaign().await.id();
    act(&api, &id, "publish").await.expect(200);
    let schedule = async || {
        let mut body = activity();
        body["campaignId"] = json!(id);
        body["dueAt"] = json!(after(24 * 60));
        api.post("/v1/scheduled-activities", &body).await.expect(201).id()
    };
    let state = async |id: &str| {
        let path = format!("/v1/scheduled-activities/{id}");
        api.get(&path).await.expect(200).text_of("state")
    };
    let before = schedule().await;
    api.catch_up().await;
    act(&api, &id, "unpublish").await.expect(200);
    api.pass(5).await;
    act(&api, &id, "publish").await.expect(200);
    let since = schedule().await;
    api.catch_up().await;
    // As long as what was under way then is looked for.
    api.pass(20 * 60).await;
    assert_eq!(state(&before).await, "CANCELLED");
    assert_eq!(state(&since).await, "SCHEDULED");
}

#[tokio::test]
async fn where_the_row_says_that_a_contact_is_windows_have_to_be_open_too() {
    let api = Api::new().await;
    api.connector().await;
    let row = "customerId,phone,timeZone\nann,+442079460958,Asia/Tokyo\n";
    let list = list(&api, row).await;
    // Somebody else knows it otherwise. It is nine o'clock in London, and six in the evening in Tokyo.
    let profile = json!({"addresses": {"sms": "+442079460958"}, "timeZone": "Europe/London"});
    let put = api.call(Method::PUT, "/v1/customers/ann").header("if-match", "*");
    put.json(&profile).send().await.expect(200);
    let mut definition = campaign(&list);
    definition["policy"]["windows"] = json!({"days": {"mon": ["08:00-17:00"], "tue": ["08:00-17:30"]}});
    let id = api.post("/v1/campaigns", &definition).await.expect(201).id();
    act(&api, &id, "publish").await.expect(200);
    api.pass(20).await;
    api.catch_up().await;
    let scheduled = api
        .all(&format!("/v1/scheduled-activities?campaignId={id}"), 50)
        .await;
    let activity = scheduled[0]["id"].as_str().unwrap();
    api.dispatch(activity).await;
    let held = api
        .get(&format!("/v1/scheduled-activities/{activity}"))
        .await
        .expect(200);
    assert_eq!(held.text_of("state"), "SCHEDULED", "{held:?}");
    // Both are open on Tuesday from eight in London till half past five in Tokyo.
    assert_eq!(held.text_of("nextAt"), "2026-11-24T08:00:00.000Z", "{held:?}");
}

/// A conversation of a person of this name, with its one message dispatched, where a message that fails is followed by
/// another; the campaign, the message, and where the connector's provider calls.
async fn told(api: &Api, file: &'static str) -> (String, String, String) {
    let connector = api.connector().await.id();
    let mut definition = campaign(&list(api, file).await);
    let mut again = definition["flow"]["nodes"]["hello"].clone();
    again["outcomes"]["sent"] = json!("done");
    definition["flow"]["nodes"]["again"] = again;
    definition["flow"]["nodes"]["hello"]["outcomes"]["failed"] = json!("again");
    let id = api.post("/v1/campaigns", &definition).await.expect(201).id();
    act(api, &id, "publish").await.expect(200);
    api.pass(20).await;
    api.catch_up().await;
    let messages = api
        .all(&format!("/v1/scheduled-activities?campaignId={id}"), 50)
        .await;
    let message = messages[0]["id"].as_str().unwrap().to_owned();
    api.dispatch(&message).await;
    (id, message, format!("/v1/callbacks/acme/{connector}"))
}

/// The conversation has ended with an opt-out: nothing follows, and the number is barred on this channel.
async fn has_opted_out(api: &Api, campaign: &str) {
    api.catch_up().await;
    let found = api
        .all(&format!("/v1/campaigns/{campaign}/conversations"), 50)
        .await;
    assert_eq!(found[0]["outcome"], "opted_out", "{found:?}");
    let messages = api
        .all(&format!("/v1/scheduled-activities?campaignId={campaign}"), 50)
        .await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["state"], "FAILED");
    let barred = api.all("/v1/do-not-contact?address=%2B442079460958", 50).await;
    assert_eq!(
        (&barred[0]["channels"], &barred[0]["source"]),
        (&json!("sms"), &json!("optOut")),
        "{barred:?}"
    );
}

#[tokio::test]
async fn who_has_opted_out_with_the_provider_is_asked_no_further() {
    let api = Api::new().await;
    let (campaign, ..) = told(&api, "first name,phone\nRefuser,+442079460958\n").await;
    has_opted_out(&api, &campaign).await;

    let api = Api::new().await;
    let (campaign, message, callbacks) = told(&api, "first name,phone\nAnn,+442079460958\n").await;
    api.anonymous(Method::POST, &callbacks)
        .header("x-signature", "top-secret-value")
        .bytes(format!("!acme.{message}.1"))
        .send()
        .await
        .expect(204);
    has_opted_out(&api, &campaign).await;
}

#[tokio::test]
async fn an_answer_that_is_told_late_ends_the_call_that_was_to_follow() {
    let api = Api::new().await;
    let connector = json!({
        "name": "Calls", "kind": "ccm", "channels": ["voice"],
        "settings": {"webhookUrl": "https://ccm.example.org/voice"},
    });
    api.post("/v1/connectors", &connector).await.expect(201);
    let list = list(&api, "customerId,voice\nann,+442079460958\n").await;
    let mut definition = campaign(&list);
    let lost = [
        "no_answer",
        "busy",
        "machine",
        "fax",
        "invalid",
        "rejected",
        "failed",
        "refused",
        "expired",
        "cancelled",
        "no_address",
        "unknown",
    ];
    let mut outcomes: serde_json::Map<_, _> = lost
        .map(|name| (name.to_owned(), json!("lost")))
        .into_iter()
        .collect();
    outcomes.insert("answered".into(), json!("spoken"));
    definition["flow"] = json!({"schema": 1, "start": "ring", "nodes": {
        "ring": {
            "type": "ivr", "say": "Hello", "outcomes": outcomes,
            "retries": {"busy": {"after": "1h", "attempts": 1}},
        },
        "spoken": {"type": "end", "label": "spoken"},
        "lost": {"type": "end", "label": "lost"},
    }});
    let id = api.post("/v1/campaigns", &definition).await.expect(201).id();
    act(&api, &id, "publish").await.expect(200);
    api.pass(20).await;
    api.catch_up().await;
    let calls = async || {
        api.catch_up().await;
        let mut calls = api
            .all(&format!("/v1/scheduled-activities?campaignId={id}"), 50)
            .await;
        calls.sort_by_key(|call| call["dueAt"].to_string());
        calls
    };
    let first = calls().await[0]["id"].as_str().unwrap().to_owned();
    api.dispatch(&first).await;
    let told = async |n: u8, status: &str, reason: Value| {
        let receipt = json!({
            "id": format!("n{n}"), "header": {"sender": {"type": "CONNECTOR"}, "originalMessageId": first},
            "body": {"type": "DELIVERYNOTIFICATION", "messageId": first, "status": status, "reasonCode": reason},
        });
        api.post("/v1/cim-messages", &receipt).await.expect(202);
    };
    told(1, "FAILED", json!("USER_BUSY")).await;
    let again = calls().await;
    assert_eq!(again.len(), 2, "{again:?}");
    assert_eq!(again[1]["state"], "SCHEDULED");
    // The customer had answered after all.
    told(2, "CONNECTED", Value::Null).await;
    let over = calls().await;
    assert_eq!(over[1]["state"], "CANCELLED", "{over:?}");
    let conversations = api.all(&format!("/v1/campaigns/{id}/conversations"), 50).await;
    assert_eq!(conversations[0]["outcome"], "spoken", "{conversations:?}");
}

#[tokio::test]
async fn when_a_campaign_is_over_it_begins_no_further_conversations() {
    let api = Api::new().await;
    api.connector().await;
    let rows: String = (0..60).map(|n| format!("c{n},+4420794600{n:02}\n")).collect();
    let rows = format!("customerId,phone\n{rows}").leak();
    let mut body = campaign(&list(&api, rows).await);
    body["startRatePerSecond"] = json!(1);
    body["endAt"] = json!((api.world.now() + Millis::seconds(20)).to_string());
    let campaign = api.post("/v1/campaigns", &body).await.expect(201).id();
    act(&api, &campaign, "publish").await.expect(200);
    api.pass(90).await;
    let begun = api
        .all(&format!("/v1/campaigns/{campaign}/conversations"), 100)
        .await;
    assert!((1..=21).contains(&begun.len()), "{} began", begun.len());
}

/// A conversation that waits for the payment, in a campaign that ends otherwise where none comes.
async fn waiting(api: &Api) -> (String, String) {
    api.connector().await;
    let list = list(api, "first name,phone\nAnn,+442079460958\n").await;
    let mut definition = campaign(&list);
    definition["flow"]["start"] = json!("wait");
    definition["flow"]["nodes"]
        .as_object_mut()
        .unwrap()
        .remove("hello");
    definition["flow"]["nodes"]["wait"]["outcomes"]["timeout"] = json!("late");
    definition["flow"]["nodes"]["late"] = json!({"type": "end", "label": "late"});
    let campaign = api.post("/v1/campaigns", &definition).await.expect(201).id();
    act(api, &campaign, "publish").await.expect(200);
    api.pass(20).await;
    let found = api
        .all(&format!("/v1/campaigns/{campaign}/conversations"), 50)
        .await;
    (campaign, found[0]["id"].as_str().unwrap().to_owned())
}

/// A campaign and its conversation, which is told of the payment during a pause that is over.
async fn paid_in_a_pause(api: &Api) -> (String, String) {
    let (campaign, conversation) = waiting(api).await;
    act(api, &campaign, "pause").await.expect(200);
    let path = format!("/v1/conversations/{conversation}/events");
    api.post(&path, &json!({"name": "paid"})).await.expect(200);
    act(api, &campaign, "resume").await.expect(200);
    (campaign, conversation)
}

#[tokio::test]
async fn what_came_during_a_pause_goes_before_what_comes_after_it() {
    let api = Api::new().await;
    let (_, id) = paid_in_a_pause(&api).await;
    // The wait is over before those who missed something are visited.
    api.let_pass(Millis::hours(49));
    api.wake(&[TimerKind::Conversation]).await;
    let ended = api.get(&format!("/v1/conversations/{id}")).await.expect(200);
    assert_eq!(ended.json["outcome"], "done", "{}", ended.text);
}

#[tokio::test]
async fn a_campaign_that_is_paused_again_lets_nobody_act() {
    let api = Api::new().await;
    let (campaign, id) = paid_in_a_pause(&api).await;
    act(&api, &campaign, "pause").await.expect(200);
    api.pass(30).await;
    let path = format!("/v1/conversations/{id}");
    assert_eq!(api.get(&path).await.expect(200).json["state"], "running");
    act(&api, &campaign, "resume").await.expect(200);
    api.pass(30).await;
    assert_eq!(api.get(&path).await.expect(200).json["outcome"], "done");
}
