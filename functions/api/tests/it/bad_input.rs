//! Bad input of every kind: generated from good input, for every body that the API takes. Nothing of
//! it is ever a failure of the service, and what is taken reads back.

use http::Method;
use serde_json::{Map, Value, json};

use crate::harness::{Api, activity, campaign, flow};

/// A body, and where it goes.
type Sample = (Method, String, Value);

async fn samples(api: &Api) -> Vec<Sample> {
    let list = api.list().await;
    let created = api.post("/v1/campaigns", &campaign(&list)).await.expect(201);
    let draft = created.header("location").to_owned();
    let waiting = api
        .post("/v1/scheduled-activities", &activity())
        .await
        .expect(201)
        .header("location")
        .to_owned();
    let hook = json!({"url": "https://example.org/x", "eventTypes": ["*"], "campaignId": created.id(), "description": "d"});
    let webhook = api
        .post("/v1/webhooks", &hook)
        .await
        .expect(201)
        .header("location")
        .to_owned();
    api.put("/v1/customers/ann", &json!({})).await.expect(200);
    api.put("/v1/skill-groups/sales", &json!({"name": "Sales"}))
        .await
        .expect(200);
    api.put("/v1/agents/ada", &json!({"name": "Ada"}))
        .await
        .expect(200);
    let told =
        json!({"sequence": 1, "at": "2026-11-23T08:00:00Z", "event": {"type": "wrap_up", "left": 5.5}});
    let told_by_name = json!({"sequence": 2, "agentState": "NOT_READY", "reason": "lunch"});
    let mut whole = activity();
    for (name, value) in [
        ("expiresAt", json!("2026-11-24T09:00:00+01:00")),
        ("assignTo", json!({"queue": "sales"})),
        ("priority", json!("high")),
        ("callbackUrl", json!("https://example.org/back")),
        ("customerId", json!("ann")),
        ("serviceIdentifier", json!("+442079460000")),
    ] {
        whole[name] = value;
    }
    let mut call = whole.clone();
    call["channel"] = json!("voice");
    call["dialing"] = json!({"kind": "agent", "mode": "preview", "pool": {"skillGroup": "sales"}});
    let pacing = json!({"lines": 2, "gateways": {"own": {"lines": 1}}});
    let connector = json!({"name": "c", "kind": "ccm", "channels": ["sms"], "settings": {"webhookUrl": "https://x.org"},
        "secrets": {"token": "t"}, "ratePerSecond": 1, "concurrency": 1});
    let consent = json!({"channels": ["sms"], "status": "granted", "purpose": "p", "source": "s", "at": "2026-01-01T00:00:00Z"});
    let policy = json!({"timeZone": "UTC", "zonePolicy": "intersect", "caps": [{"max": 1, "windowMs": 1000, "channels": "all"}],
        "channelWindows": {"sms": {"days": {"mon": ["09:00-12:00"]}, "except": ["2026-12-25"]}}});
    let receipt = json!({"id": "n", "header": {"sender": {"type": "CONNECTOR"}, "timestamp": 1, "originalMessageId": "act_1",
        "channelData": {"channelCustomerIdentifier": "+442079460958", "serviceIdentifier": "s"}},
        "body": {"type": "DELIVERYNOTIFICATION", "messageId": "act_1", "status": "READ", "reasonCode": 200}});
    let mut message = receipt.clone();
    message["body"] = json!({"type": "PLAIN", "markdownText": "hi"});
    message["header"]["originalMessageId"] = json!(null);
    vec![
        (Method::POST, "/v1/scheduled-activities".into(), whole.clone()),
        (Method::POST, "/v1/scheduled-activities".into(), call),
        (
            Method::POST,
            "/v1/scheduled-activities/batch".into(),
            json!({"items": [whole]}),
        ),
        (
            Method::PATCH,
            waiting,
            json!({"dueAt": "2026-11-23T11:00:00Z", "expiresAt": "2026-11-25T11:00:00Z",
            "message": {"type": "PLAIN", "markdownText": "x"}, "priority": "high", "metadata": {"a": "b"}}),
        ),
        (Method::POST, "/v1/cim-messages".into(), receipt),
        (Method::POST, "/v1/cim-messages".into(), message),
        (
            Method::PUT,
            "/v1/customers/ann".into(),
            json!({"firstName": "A", "lastName": "B", "timeZone": "UTC",
            "language": "en", "addresses": {"sms": "+442079460958"}, "attributes": {"a": "b"}, "consent": [consent]}),
        ),
        (
            Method::PATCH,
            "/v1/customers/ann".into(),
            json!({"firstName": "A", "addresses": {"email": "a@example.org"}}),
        ),
        (Method::POST, "/v1/customers/ann/consent".into(), consent),
        (Method::POST, "/v1/contact-lists".into(), json!({"name": "x"})),
        (
            Method::POST,
            "/v1/do-not-contact".into(),
            json!({"address": "a@example.org", "channels": ["email"],
            "reason": "r", "source": "s", "expiresAt": "2027-01-01T00:00:00Z"}),
        ),
        (
            Method::POST,
            "/v1/do-not-contact/batch".into(),
            json!({"items": [{"customerId": "ann"}]}),
        ),
        (
            Method::PUT,
            "/v1/agents/ada".into(),
            json!({"name": "Ada", "skillGroups": ["sales"]}),
        ),
        (
            Method::PUT,
            "/v1/agents/ada/side".into(),
            json!({"side": "outbound"}),
        ),
        (Method::POST, "/v1/agents/ada/events".into(), told.clone()),
        (Method::POST, "/v1/agents/ada/events".into(), told_by_name),
        (
            Method::POST,
            "/v1/agent-events/batch".into(),
            json!({"items": [{"agentId": "ada", "event": told}]}),
        ),
        (
            Method::PUT,
            "/v1/skill-groups/sales".into(),
            json!({"name": "Sales", "pacing": pacing}),
        ),
        (
            Method::POST,
            "/v1/flows/validate".into(),
            json!({"flow": flow(), "contactColumns": {"a": "string"}}),
        ),
        (
            Method::POST,
            "/v1/formulas/evaluate".into(),
            json!({"kind": "init", "expression": "power(2)", "parameters": {"a": 1}, "moments": [{"idle": 1}]}),
        ),
        (Method::POST, "/v1/campaigns".into(), campaign(&list)),
        (Method::PATCH, draft, campaign(&list)),
        (
            Method::PATCH,
            "/v1/conversations/none/data".into(),
            json!({"values": {"a": 1}, "expected": {"a": 1}}),
        ),
        (
            Method::POST,
            "/v1/conversations/none/events".into(),
            json!({"name": "a", "data": {"b": 1}, "at": "2026-01-01T00:00:00Z"}),
        ),
        (
            Method::PUT,
            "/v1/settings".into(),
            json!({"policy": policy, "contactLedger": "always", "cxActivitiesUrl": "https://x.org"}),
        ),
        (Method::PUT, "/v1/connectors/own".into(), connector.clone()),
        (Method::POST, "/v1/connectors".into(), connector),
        (Method::POST, "/v1/webhooks".into(), hook),
        (
            Method::PATCH,
            webhook,
            json!({"url": "https://example.org", "eventTypes": ["activity.*"], "enabled": true}),
        ),
        (
            Method::POST,
            "/v1/api-keys".into(),
            json!({"name": "k", "role": "reader"}),
        ),
    ]
}

fn nasty() -> Vec<Value> {
    let deep =
        |open: &str, close: &str, count: usize| format!("{}{}", open.repeat(count), close.repeat(count));
    let mut values = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("a\u{0}b"),
        json!("\u{feff}\u{202e}x"),
        json!("#"),
        json!("a/b~c"),
        json!("x".repeat(70_000)),
        json!("💥".repeat(300)),
        json!("9999-12-31T23:59:59.999Z"),
        json!("1969-12-31T23:59:59Z"),
        json!("{{ contact.x }}"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[], {}, "", 1]),
        json!({"": ""}),
        json!({"\u{0}": "\u{0}"}),
        json!({"a#b": {"c": []}}),
        json!(vec![""; 2_000]),
    ];
    for text in [deep("[", "]", 40), deep("{\"a\":", "}", 30).replace(":}", ":1}")] {
        values.extend(serde_json::from_str::<Value>(&text));
    }
    values
}

/// Every place in a document.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let token = name.replace('~', "~0").replace('/', "~1");
                places(member, &format!("{at}/{token}"), found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{place}"), found);
            }
        }
        _ => {}
    }
}

fn without(mut document: Value, pointer: &str) -> Option<Value> {
    let (parent, name) = pointer.rsplit_once('/')?;
    document.pointer_mut(parent)?.as_object_mut()?.remove(name)?;
    Some(document)
}

fn with_stranger(mut document: Value, pointer: &str) -> Option<Value> {
    let members: &mut Map<String, Value> = document.pointer_mut(pointer)?.as_object_mut()?;
    members.insert("x/y~z".into(), json!({"deep": [1]}));
    Some(document)
}

async fn check(api: &Api, method: &Method, path: &str, body: String) -> u16 {
    let shown: String = body.chars().take(300).collect();
    let call = api
        .call(method.clone(), path)
        .header("content-type", "application/json")
        .bytes(body);
    let answer = call.send().await;
    let status = answer.status.as_u16();
    assert!(status < 500, "{method} {path} {shown}: {}", answer.text);
    if status >= 400 {
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{method} {path} {shown}"
        );
        assert!(
            answer.json["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        if status == 422 {
            assert!(
                !answer.pointers().is_empty(),
                "{method} {path} {shown}: {}",
                answer.text
            );
        }
    }
    let location = answer.header("location");
    if !location.is_empty() {
        api.get(location).await.expect(200);
    }
    status
}

#[tokio::test]
async fn no_body_is_a_failure_of_the_service() {
    let api = Api::new().await;
    let nasty = nasty();
    let (mut refused, mut taken) = (0, 0);
    for (method, path, sample) in samples(&api).await {
        let mut found = Vec::new();
        places(&sample, "", &mut found);
        let mut bodies = Vec::new();
        for place in &found {
            for value in &nasty {
                let mut body = sample.clone();
                *body.pointer_mut(place).unwrap() = value.clone();
                bodies.push(body);
            }
            bodies.extend(without(sample.clone(), place));
            bodies.extend(with_stranger(sample.clone(), place));
        }
        for body in bodies {
            match check(&api, &method, &path, body.to_string()).await {
                400.. => refused += 1,
                _ => taken += 1,
            }
        }
    }
    // Everything that was taken, or stood before, still reads.
    for list in [
        "/v1/campaigns",
        "/v1/contact-lists",
        "/v1/customers",
        "/v1/do-not-contact",
        "/v1/connectors",
        "/v1/webhooks",
        "/v1/api-keys",
        "/v1/cim-messages/orphans",
    ] {
        api.all(list, 250).await;
    }
    api.get("/v1/settings").await.expect(200);
    assert!(refused > 3_000 && taken > 100, "{refused} refused, {taken} taken");
}

/// A document in which the members of one object stand as a list.
fn listed(mut document: Value, pointer: &str) -> Option<Value> {
    let object = document.pointer_mut(pointer)?;
    *object = object.as_object()?.values().cloned().collect();
    Some(document)
}

#[tokio::test]
async fn a_list_is_not_taken_for_an_object() {
    let api = Api::new().await;
    let mut count = 0;
    for (method, path, sample) in samples(&api).await {
        let mut found = Vec::new();
        places(&sample, "", &mut found);
        // A flow is a document of its own, and may be wrong in a draft.
        for place in found.iter().filter(|place| !place.starts_with("/flow")) {
            let Some(body) = listed(sample.clone(), place) else {
                continue;
            };
            let answer = api.call(method.clone(), &path).json(&body).send().await;
            // In a batch each item has its own problem.
            let problem = match answer.status.as_u16() {
                200 => &answer.json["results"][0]["problem"],
                _ => &answer.json,
            };
            assert_eq!(problem["status"], 422, "{method} {path} {place}: {}", answer.text);
            assert_eq!(
                problem["errors"][0]["pointer"], **place,
                "{method} {path} {}",
                answer.text
            );
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

#[tokio::test]
async fn the_member_that_is_wrong_is_named() {
    let api = Api::new().await;
    for (windows, places) in [
        (json!({"days": {"mon": ["9 to 5"]}}), vec!["/days/mon/0"]),
        (
            json!({"days": {"mon": ["09:00-12:00", "11:00-13:00"]}}),
            vec!["/days/mon/1"],
        ),
        (
            json!({"days": {"a/b": []}, "except": ["2026-12-25", "soon"]}),
            vec!["/days/a~1b", "/except/1"],
        ),
        (json!({"days": {}}), vec!["/days"]),
        (json!({"days": {"mon": [9]}}), vec!["/days/mon/0"]),
        (json!({"days": {"mon": "09:00-12:00"}}), vec!["/days/mon"]),
        (json!({"hours": {}}), vec!["/hours"]),
    ] {
        for (member, value, at) in [
            ("windows", windows.clone(), "/policy/windows"),
            (
                "channelWindows",
                json!({"sms": windows}),
                "/policy/channelWindows/sms",
            ),
        ] {
            let policy = json!({"consentBasis": "contract", "timeZone": "UTC", member: value});
            let body = json!({"name": "x", "policy": policy});
            let answer = api
                .post("/v1/campaigns", &body)
                .await
                .problem(422, "invalid-request");
            let expected: Vec<_> = places.iter().map(|place| format!("{at}{place}")).collect();
            assert_eq!(answer.pointers(), expected, "{}", answer.text);
        }
    }
    let body = json!({"policy": {"channelWindows": {"pigeon": {"days": {}}}}});
    let answer = api.put("/v1/settings", &body).await;
    assert_eq!(
        answer.problem(422, "invalid-request").pointers(),
        ["/policy/channelWindows/pigeon"]
    );
    for (dialing, place) in [
        (
            json!({"kind": "agent", "mode": "slow", "pool": {"agent": "a"}}),
            "/mode",
        ),
        (json!({"kind": "agent", "pool": {"agent": "a"}}), "/mode"),
        (json!({"kind": "agent", "mode": "power"}), "/pool"),
        (
            json!({"kind": "agent", "mode": "power", "pool": {"agents": "a"}}),
            "/pool",
        ),
        (
            json!({"kind": "agent", "mode": "power", "pool": {"skillGroup": 1}}),
            "/pool/skillGroup",
        ),
        (
            json!({"kind": "agent", "mode": "power", "pool": {"skillGroup": ""}}),
            "/pool/skillGroup",
        ),
        (json!({"kind": "robot"}), "/kind"),
        (json!({"mode": "power"}), "/kind"),
        (json!({"kind": "ivr", "mode": "power"}), ""),
        (json!({"kind": "ivr", "speed": 1}), "/speed"),
        (json!(["ivr"]), ""),
        (json!("ivr"), ""),
    ] {
        let mut body = activity();
        body["channel"] = json!("voice");
        body["dialing"] = dialing;
        let answer = api.post("/v1/scheduled-activities", &body).await;
        let answer = answer.problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [format!("/dialing{place}")], "{}", answer.text);
    }
}

#[tokio::test]
async fn what_is_no_json_is_refused_everywhere() {
    let api = Api::new().await;
    let garbage: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" \n".to_vec(),
        b"{".to_vec(),
        b"}".to_vec(),
        b"nul".to_vec(),
        b"\0".to_vec(),
        b"\xff\xfe".to_vec(),
        b"{\"name\": \"\xff\"}".to_vec(),
        b"{\"name\": \"a\0b\"}".to_vec(),
        b"{\"a\": 1,}".to_vec(),
        b"{'a': 1}".to_vec(),
        b"{\"a\": 1e999}".to_vec(),
        b"[".repeat(200_000),
        b"{\"a\":".repeat(100_000),
        b"{} {}".to_vec(),
        b"NaN".to_vec(),
        b"{\"a\": \"\\ud800\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"-".to_vec(),
        vec![b'1'; 400_000],
    ];
    for (method, path, _) in samples(&api).await {
        for body in &garbage {
            let call = api
                .call(method.clone(), &path)
                .header("content-type", "application/json")
                .bytes(body.clone());
            let answer = call.send().await;
            let status = answer.status.as_u16();
            assert!(
                (400..500).contains(&status),
                "{method} {path} {:?}: {}",
                &body[..body.len().min(40)],
                answer.text
            );
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
    }
}

#[tokio::test]
async fn no_path_or_query_is_a_failure_of_the_service() {
    let api = Api::new().await;
    let described = api.get("/v1/openapi.json").await.expect(200).json;
    let long = "a".repeat(3_000);
    for (path, item) in described["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for id in [
                "none",
                "%00",
                "%FF",
                "a%2Fb",
                "%23",
                "..",
                &long,
                "%F0%9F%92%A5",
                "a%20b",
            ] {
                let mut real = String::new();
                for part in path.split('/').skip(1) {
                    real.push('/');
                    real.push_str(if part.starts_with('{') { id } else { part });
                }
                for query in [
                    "",
                    "?limit=%00",
                    "?cursor=%FF&cursor=2",
                    "?=&&=",
                    "?%F0=1",
                    "?state=%00&customerId=%00",
                ] {
                    let answer = api
                        .call(method.clone(), &format!("{real}{query}"))
                        .json(&json!({}))
                        .send()
                        .await;
                    assert!(
                        answer.status.as_u16() < 500,
                        "{method} {real}{query}: {}",
                        answer.text
                    );
                }
            }
        }
    }
}
