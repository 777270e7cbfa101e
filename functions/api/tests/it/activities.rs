//! Scheduled activities.

use domain::time::Millis;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, activity, after};

#[tokio::test]
async fn an_activity_is_scheduled_read_changed_and_cancelled() {
    let api = Api::new().await;
    let created = api
        .post("/v1/scheduled-activities", &activity())
        .await
        .expect(201);
    assert_eq!(
        (created.header("etag"), &created.json["version"]),
        ("\"1\"", &json!(1))
    );
    let path = created.header("location").to_owned();
    assert_eq!(path, format!("/v1/scheduled-activities/{}", created.id()));
    assert_eq!(created.json["to"], "+442079460958");
    assert_eq!(created.json["metadata"], json!({"order": "4711"}));
    assert_eq!(created.json["queued"], false);

    let read = api.get(&path).await.expect(200);
    assert_eq!(
        (&read.json["state"], &read.json["responses"]),
        (&json!("SCHEDULED"), &json!([]))
    );

    let patch = json!({"dueAt": after(1), "priority": "high", "expiresAt": after(9)});
    let changed = api.patch(&path, &patch).await.expect(200);
    assert_eq!(
        (changed.header("etag"), &changed.json["queued"]),
        ("\"2\"", &json!(true))
    );
    assert_eq!(changed.json["expiresAt"], after(9));
    let removed = api.patch(&path, &json!({"expiresAt": null})).await.expect(200);
    assert_eq!(removed.json.get("expiresAt"), None);

    let cancelled = api.delete(&path).await.expect(200);
    assert_eq!(cancelled.json["state"], "CANCELLED");
    api.delete(&path).await.expect(200);
    api.patch(&path, &patch).await.problem(409, "too-late");
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let api = Api::new().await;
    for (pointer, value) in [
        ("/to", json!("020 7946 0958")),
        ("/channel", json!("pigeon")),
        ("/dueAt", json!("tomorrow")),
        ("/dueAt", json!(after(367 * 24 * 60))),
        ("/expiresAt", json!(after(0))),
        ("/message", json!({"type": "PLAIN"})),
        ("/callbackUrl", json!("ftp://example.org")),
        ("/callbackUrl", json!("http://user@example.org")),
        ("/metadata", json!({"k": "v".repeat(513)})),
        ("/assignTo", json!({"agentId": ""})),
        ("/customerId", json!("a#b")),
        ("/campaignId", json!("nobody")),
        ("/serviceIdentifier", json!("a\u{0}b")),
        ("/priority", json!("low")),
        ("/nonsense", json!(1)),
        ("/message/type", json!("WRAPUP")),
        ("/message/type", json!("VOICE")),
    ] {
        let mut body = activity();
        match pointer.strip_prefix("/message/") {
            Some(member) => body["message"][member] = value.clone(),
            None => body[&pointer[1..]] = value.clone(),
        }
        let answer = api
            .post("/v1/scheduled-activities", &body)
            .await
            .problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer], "{value}: {}", answer.text);
    }
    let body = json!({"channel": "sms", "to": "1", "dueAt": after(1), "message": {"type": "PLAIN", "markdownText": "x"},
        "callbackUrl": "ftp://x", "metadata": {"": ""}, "expiresAt": after(1)});
    let answer = api
        .post("/v1/scheduled-activities", &body)
        .await
        .problem(422, "invalid-request");
    assert_eq!(
        answer.pointers(),
        ["/to", "/callbackUrl", "/metadata", "/expiresAt"]
    );
}

#[tokio::test]
async fn a_parameter_that_is_not_known_stops_a_write() {
    let api = Api::new().await;
    let answer = api
        .post("/v1/scheduled-activities?dryRun=true", &activity())
        .await;
    assert_eq!(answer.problem(400, "malformed-request").pointers(), ["/dryRun"]);
}

#[tokio::test]
async fn one_bad_item_does_not_fail_a_batch() {
    let api = Api::new().await;
    let mut bad = activity();
    bad["to"] = json!("none");
    let mut late = activity();
    late["expiresAt"] = json!(after(1));
    let items = json!({"items": [activity(), bad, activity(), late, 7]});
    let results = api
        .post("/v1/scheduled-activities/batch", &items)
        .await
        .expect(200)
        .json["results"]
        .clone();
    let statuses: Vec<&Value> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| &result["status"])
        .collect();
    assert_eq!(statuses, [201, 422, 201, 422, 422]);
    assert_eq!(results[1]["problem"]["errors"][0]["pointer"], "/items/1/to");
    assert_eq!(
        results[3]["problem"]["errors"][0]["pointer"],
        "/items/3/expiresAt"
    );
    assert_ne!(results[0]["activity"]["id"], results[2]["activity"]["id"]);

    for items in [json!([]), json!(vec![0; 1_001])] {
        let answer = api
            .post("/v1/scheduled-activities/batch", &json!({"items": items}))
            .await;
        assert_eq!(answer.problem(422, "invalid-request").pointers(), ["/items"]);
    }
}

#[tokio::test]
async fn activities_are_listed_by_customer_and_campaign() {
    let api = Api::new().await;
    let campaign = api.campaign().await.id();
    for minute in 1..=7 {
        let mut body = activity();
        body["customerId"] = json!("ann");
        body["dueAt"] = json!(after(10 * minute));
        if minute % 2 == 0 {
            body["campaignId"] = json!(campaign);
        }
        let created = api.post("/v1/scheduled-activities", &body).await.expect(201);
        if minute == 2 {
            api.delete(created.header("location")).await.expect(200);
        }
    }
    api.catch_up().await;
    let list = "/v1/scheduled-activities";
    assert_eq!(api.all(&format!("{list}?customerId=ann"), 3).await.len(), 7);
    assert_eq!(
        api.all(&format!("{list}?campaignId={campaign}"), 1).await.len(),
        3
    );
    assert_eq!(
        api.all(&format!("{list}?campaignId={campaign}&state=CANCELLED"), 50)
            .await
            .len(),
        1
    );
    let between = format!("dueFrom={}&dueBefore={}", after(20), after(40)).replace('+', "%2B");
    assert_eq!(
        api.all(&format!("{list}?customerId=ann&{between}"), 50)
            .await
            .len(),
        2
    );

    let history = api.all("/v1/customers/ann/activities", 2).await;
    assert_eq!(history.len(), 7);
    assert_eq!(
        (&history[0]["type"], &history[0]["metadata"]["order"]),
        (&json!("activity"), &json!("4711"))
    );
    for bad in ["", "?campaignId=a&customerId=b", "?customerId=a%23b"] {
        api.get(&format!("{list}{bad}"))
            .await
            .problem(400, "malformed-request");
    }
    for (name, bad) in [
        ("limit", "0"),
        ("limit", "251"),
        ("limit", "x"),
        ("limit", "-1"),
        ("cursor", ""),
        ("state", "sent"),
        ("dueFrom", "now"),
        ("limits", "1"),
    ] {
        let answer = api.get(&format!("{list}?customerId=ann&{name}={bad}")).await;
        assert_eq!(
            answer.problem(400, "malformed-request").pointers(),
            [format!("/{name}")]
        );
    }
    let forged = "eyJwIjowLCJzIjoiIn0"; // {"p":0,"s":""}
    for cursor in ["AAAA", "%00", forged, "eyJwIjoxODQ0Njc0NDA3MzcwOTU1MTYxNX0"] {
        let answer = api.get(&format!("{list}?customerId=ann&cursor={cursor}")).await;
        assert!(answer.status.as_u16() < 500, "{cursor}: {}", answer.text);
    }
    // A cursor belongs to its list.
    let next = api
        .get(&format!("{list}?customerId=ann&limit=1"))
        .await
        .text_of("next");
    api.get(&format!("{list}?customerId=ann&cursor={next}"))
        .await
        .expect(200);
    for other in [
        format!("{list}?customerId=bob"),
        format!("{list}?campaignId={campaign}"),
        "/v1/connectors?limit=1".to_owned(),
        "/v1/webhooks?limit=1".to_owned(),
    ] {
        let answer = api.get(&format!("{other}&cursor={next}")).await;
        assert_eq!(answer.pointers(), ["/cursor"], "{}", answer.text);
    }
}

#[tokio::test]
async fn an_activity_belongs_to_a_campaign_that_runs() {
    let api = Api::new().await;
    let campaign = api.campaign().await.id();
    let mut body = activity();
    body["campaignId"] = json!(campaign);
    api.post("/v1/scheduled-activities", &body).await.expect(201);
    let stopped = api
        .call(Method::POST, &format!("/v1/campaigns/{campaign}/stop"))
        .send()
        .await
        .expect(200);
    assert!(stopped.text_of("quietAfter") > api.now());
    api.post("/v1/scheduled-activities", &body)
        .await
        .problem(409, "campaign-not-running");
}

#[tokio::test]
async fn what_is_due_while_everything_is_stopped_says_so() {
    let api = Api::new().await;
    api.connector().await;
    let body = api.due_activity();
    let id = api.post("/v1/scheduled-activities", &body).await.expect(201).id();
    let stop = api.call(Method::POST, "/v1/stop-everything");
    stop.send().await.expect(200);
    api.dispatch(&id).await;
    let ended = api
        .get(&format!("/v1/scheduled-activities/{id}"))
        .await
        .expect(200);
    let last = ended.json["events"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&ended.json["state"], &last["reason"]),
        (&json!("CANCELLED"), &json!("everything-stopped")),
        "{}",
        ended.text
    );
}

#[tokio::test]
async fn what_is_urgent_does_not_wait_behind_a_backlog_at_the_connector() {
    let api = Api::new().await;
    let connector = json!({"name": "SMS", "kind": "ccm", "channels": ["sms"], "ratePerSecond": 1,
        "settings": {"webhookUrl": "https://ccm.example.org/sms"}});
    api.post("/v1/connectors", &connector).await.expect(201);
    let schedule = async |changes: &[(&str, Value)]| {
        let mut body = activity();
        body["dueAt"] = json!(after(1));
        for (field, value) in changes {
            body[field] = value.clone();
        }
        api.post("/v1/scheduled-activities", &body).await.expect(201).id()
    };
    let mut backlog = Vec::new();
    for n in 0..100 {
        backlog.push(schedule(&[("to", json!(format!("+44 20 7946 {n:04}")))]).await);
    }
    let expiring = schedule(&[("expiresAt", json!(after(2)))]).await;
    let urgent = schedule(&[("priority", json!("high"))]).await;
    api.let_pass(Millis::minutes(1));
    for id in &backlog {
        api.dispatch(id).await;
    }
    api.dispatch(&expiring).await;
    assert_eq!(api.connectors.sent().len(), 1, "one a second");
    api.dispatch(&urgent).await;
    api.let_pass(Millis::seconds(2));
    api.dispatch(&urgent).await;
    let sent: Vec<_> = api
        .connectors
        .sent()
        .into_iter()
        .map(|message| message.id)
        .collect();
    assert_eq!(sent, [backlog[0].clone(), urgent]);
    // Its place would have come later.
    api.let_pass(Millis::seconds(58));
    api.dispatch(&expiring).await;
    let expired = api.get(&format!("/v1/scheduled-activities/{expiring}")).await;
    assert_eq!(expired.json["state"], "EXPIRED", "{}", expired.text);
}

#[tokio::test]
async fn a_page_of_large_activities_is_short_and_has_a_next() {
    let api = Api::new().await;
    api.connector().await;
    let mut body = activity();
    body["customerId"] = json!("ann");
    body["message"]["markdownText"] = json!("😀".repeat(10_000));
    for _ in 0..80 {
        api.post("/v1/scheduled-activities", &body).await.expect(201);
    }
    api.catch_up().await;
    let path = "/v1/scheduled-activities?customerId=ann";
    let page = api.get(&format!("{path}&limit=250")).await.expect(200);
    assert!(page.text.len() < 4_000_000, "{} bytes", page.text.len());
    assert!(page.json["next"].is_string());
    let mut all: Vec<_> = api
        .all(path, 250)
        .await
        .iter()
        .map(|one| one["id"].to_string())
        .collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 80);
}

#[tokio::test]
async fn an_attempt_is_repeated_only_where_it_went() {
    let api = Api::new().await;
    let connector = |url: &str, rate: u32| {
        json!({"name": "SMS", "kind": "ccm", "channels": ["sms"], "ratePerSecond": rate,
            "settings": {"webhookUrl": url}})
    };
    let here = "https://ccm.example.org/here";
    api.put("/v1/connectors/sms", &connector(here, 5))
        .await
        .expect(200);
    let unclear = async || {
        let mut body = api.due_activity();
        body["message"]["markdownText"] = json!("unclear");
        let id = api.post("/v1/scheduled-activities", &body).await.expect(201).id();
        api.dispatch(&id).await;
        id
    };
    let state = async |id: &str| {
        api.get(&format!("/v1/scheduled-activities/{id}"))
            .await
            .text_of("state")
    };
    // Another rate is no other way.
    let one = unclear().await;
    api.put("/v1/connectors/sms", &connector(here, 6))
        .await
        .expect(200);
    api.let_pass(Millis::seconds(10));
    api.dispatch(&one).await;
    assert_eq!(
        (state(&one).await.as_str(), api.connectors.sent().len()),
        ("DISPATCHING", 2)
    );
    let two = unclear().await;
    let there = connector("https://ccm.example.org/there", 6);
    api.put("/v1/connectors/sms", &there).await.expect(200);
    api.let_pass(Millis::seconds(10));
    api.dispatch(&two).await;
    assert_eq!(
        (state(&two).await.as_str(), api.connectors.sent().len()),
        ("UNKNOWN", 3)
    );
    // A person who sends it again there makes another attempt.
    let redriven = api
        .call(Method::POST, &format!("/v1/dead-letters/{two}/redrive"))
        .send()
        .await;
    redriven.expect(200);
    let again = api.get(&format!("/v1/scheduled-activities/{two}")).await;
    assert_eq!(again.json["attempt"], 1, "{}", again.text);
}
