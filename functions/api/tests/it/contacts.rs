//! Contact lists, imports, the do-not-contact list.

use std::sync::Arc;

use futures::StreamExt;
use http::Method;
use platform::blobs::Blobs;
use serde_json::{Value, json};

use crate::fakes::Bucket;
use crate::harness::{Api, after};

const FILE: &str = "first name;phone;email;tier\nAnn;+442079460958;ann@example.org;gold\nBob;12;;\n\
                    Ann;+442079460958;;\nCarl;;carl@example.org;\n";

#[tokio::test]
async fn contacts_come_in_by_an_import() {
    let api = Api::new().await;
    let list = api
        .post("/v1/contact-lists", &json!({"name": " Everybody "}))
        .await
        .expect(201);
    assert_eq!(list.json["name"], "Everybody");
    let path = list.header("location").to_owned();
    let import = api
        .call(Method::POST, &format!("{path}/imports"))
        .send()
        .await
        .expect(201);
    assert_eq!(import.json["state"], "awaitingUpload");
    let file = import.text_of("uploadUrl");
    let file = file.strip_prefix("https://api.example.org").unwrap();
    let at = import.header("location").to_owned();

    let put = || {
        api.call(Method::PUT, file)
            .header("content-type", "text/csv")
            .bytes(FILE)
    };
    assert_eq!(put().send().await.expect(200).json["state"], "running");
    put().send().await.problem(409, "already-uploaded");
    api.pass(5).await;

    let done = api.get(&at).await.expect(200);
    assert_eq!(done.json["state"], "done", "{}", done.text);
    assert_eq!(
        done.json["rows"],
        json!({"accepted": 2, "duplicates": 1, "rejected": 1})
    );
    assert_eq!(done.json.get("uploadUrl"), None);
    let rejects = api.all(&format!("{at}/rejects"), 1).await;
    assert_eq!(
        (&rejects[0]["row"], &rejects[0]["column"]),
        (&json!(3), &json!("phone"))
    );
    let contacts = api.all(&format!("{path}/contacts"), 1).await;
    assert_eq!(contacts.len(), 2);
    assert!(
        contacts
            .iter()
            .any(|contact| contact["columns"] == json!({"tier": "gold"}))
    );
    assert_eq!(api.all(&format!("{path}/imports"), 50).await.len(), 1);
    assert_eq!(api.all("/v1/customers", 1).await.len(), 2);
}

#[tokio::test]
async fn uploads_are_bounded_and_belong_to_an_import() {
    let api = Api::new().await;
    let list = api.list().await;
    let import = api.begin_import(&list).await;
    let file = format!("{}/file", import.header("location"));
    let too_large = (200 * 1024 * 1024 + 1).to_string();
    api.call(Method::PUT, &file)
        .header("content-length", &too_large)
        .send()
        .await
        .problem(413, "too-large");
    let zipped = api
        .call(Method::PUT, &file)
        .header("content-encoding", "gzip")
        .bytes("x");
    zipped.send().await.problem(415, "unsupported-media-type");
    let nowhere = format!("/v1/contact-lists/{list}/imports/imp_none/file");
    api.call(Method::PUT, &nowhere)
        .bytes("x")
        .send()
        .await
        .problem(404, "not-found");
    // An empty file is a file without header.
    api.call(Method::PUT, &file).send().await.expect(200);
    api.pass(5).await;
    let failed = api.get(import.header("location")).await.expect(200);
    assert_eq!(failed.json["state"], "failed", "{}", failed.text);
    assert_eq!(failed.json["problems"][0]["code"], "missing");
}

#[tokio::test]
async fn addresses_and_persons_are_barred() {
    let api = Api::new().await;
    let entry =
        json!({"address": "+44 2079460958", "channels": ["sms"], "reason": "asked", "expiresAt": after(9)});
    let entered = api.post("/v1/do-not-contact", &entry).await.expect(201);
    assert_eq!(
        (&entered.json["address"], &entered.json["source"]),
        (&json!("+442079460958"), &json!("api"))
    );
    let items = json!({"items": [{"customerId": "ann"}, {"address": "x"}, {"address": "Bob@Example.org"}, {}, 7,
        {"customerId": "a", "address": "+442079460958"}]});
    let results = api
        .post("/v1/do-not-contact/batch", &items)
        .await
        .expect(200)
        .json["results"]
        .clone();
    let statuses: Vec<_> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].clone())
        .collect();
    assert_eq!(statuses, [201, 422, 201, 422, 422, 422]);
    assert_eq!(results[1]["problem"]["errors"][0]["pointer"], "/items/1/address");
    assert_eq!(api.all("/v1/do-not-contact", 1).await.len(), 3);

    let one = "/v1/do-not-contact?address=Bob%40EXAMPLE.org";
    assert_eq!(api.all(one, 50).await.len(), 1);
    // A passing entry does not end one that binds for ever; that one replaces both.
    let expiries = async || -> Vec<_> {
        let entries = api.all(one, 50).await;
        entries.iter().map(|entry| entry["expiresAt"].clone()).collect()
    };
    let passing = json!({"address": "Bob@example.org", "expiresAt": after(9)});
    api.post("/v1/do-not-contact", &passing).await.expect(201);
    assert_eq!(expiries().await, [Value::Null, passing["expiresAt"].clone()]);
    let lasting = json!({"address": "Bob@example.org"});
    api.post("/v1/do-not-contact", &lasting).await.expect(201);
    assert_eq!(expiries().await, [Value::Null]);
    api.delete(one).await.expect(204);
    api.delete(one).await.problem(404, "not-found");
    api.delete("/v1/do-not-contact")
        .await
        .problem(400, "malformed-request");
    api.get("/v1/do-not-contact?address=x&customerId=y")
        .await
        .problem(400, "malformed-request");
}

#[tokio::test]
async fn a_file_may_come_past_the_api() {
    let api = Api::with_uploads(|world| Arc::new(Bucket(world))).await;
    let list = api
        .post("/v1/contact-lists", &json!({"name": "Everybody"}))
        .await
        .expect(201);
    let path = list.header("location").to_owned();
    let create = || api.call(Method::POST, &format!("{path}/imports")).key("once");
    let import = create().send().await.expect(201);
    let address = import.text_of("uploadUrl");
    assert_eq!(
        address,
        format!("https://bucket.example.com/{}?signature=x", import.id())
    );
    let at = import.header("location").to_owned();
    assert_eq!(api.get(&at).await.expect(200).text_of("uploadUrl"), address);
    let again = create().send().await.expect(201);
    assert_eq!(again.id(), import.id());
    assert_eq!(
        again.json.get("uploadUrl"),
        None,
        "whoever has it may write: it is not kept"
    );

    let start = async || api.call(Method::POST, &format!("{at}/start")).send().await;
    start().await.problem(409, "not-uploaded");
    let file = futures::stream::iter([Ok(bytes::Bytes::from(FILE))]).boxed();
    Blobs::write(&api.world, &import.id(), file, 1_000).await.unwrap();
    assert_eq!(start().await.expect(200).json["state"], "running");
    api.pass(5).await;
    let done = start().await.expect(200);
    assert_eq!(done.json["state"], "done", "{}", done.text);
    assert_eq!(
        done.json["rows"],
        json!({"accepted": 2, "duplicates": 1, "rejected": 1})
    );
}

#[tokio::test]
async fn what_a_further_row_says_of_consent_counts() {
    let api = Api::new().await;
    let list = api.list().await;
    let rows = async |file: &'static str| api.import(&list, file).await.json["rows"].clone();
    let first = "customerId,firstName,phone,consent\nann,Ann,+442079460958,yes\nbob,Bob,+442079460959,yes\n\
                 ann,Anne,+442079460958,no\n";
    assert_eq!(
        rows(first).await,
        json!({"accepted": 2, "duplicates": 1, "rejected": 0})
    );
    let again = "customerId,firstName,phone,consent\nbob,Bobby,+442079460959,no\n";
    assert_eq!(
        rows(again).await,
        json!({"accepted": 0, "duplicates": 1, "rejected": 0})
    );
    for (id, name) in [("ann", "Ann"), ("bob", "Bob")] {
        let customer = api.get(&format!("/v1/customers/{id}")).await.expect(200);
        let said = customer.json["consent"].as_array().unwrap();
        assert!(
            said.iter().any(|record| record["status"] == "denied"),
            "{}",
            customer.text
        );
        assert_eq!(
            customer.json["firstName"], name,
            "all else of the row is passed over"
        );
    }
}

#[tokio::test]
async fn an_import_whose_file_is_lost_says_so() {
    let api = Api::new().await;
    let list = api.list().await;
    let import = api.begin_import(&list).await;
    let at = import.header("location");
    let put = api.call(Method::PUT, &format!("{at}/file")).bytes(FILE);
    put.send().await.expect(200);
    api.context.blobs.delete(&import.id()).await.unwrap();
    api.pass(5).await;
    let failed = api.get(at).await.expect(200);
    assert_eq!(
        (&failed.json["state"], &failed.json["problems"][0]["code"]),
        (&json!("failed"), &json!("lost")),
        "{}",
        failed.text
    );
}
