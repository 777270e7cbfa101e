//! Customers.

use serde_json::json;

use crate::harness::{Api, after};

#[tokio::test]
async fn a_profile_is_put_patched_and_deleted() {
    let api = Api::new().await;
    let profile = json!({
        "firstName": "Ann", "addresses": {"sms": "+44 20 7946 0958"}, "timeZone": "Europe/London",
        "language": "en-GB", "attributes": {"tier": "gold"},
        "consent": [{"channels": "sms", "status": "granted", "source": "form"}],
    });
    let put = api.put("/v1/customers/ann", &profile).await.expect(200);
    assert_eq!(
        (put.header("etag"), &put.json["addresses"]["sms"]),
        ("\"1\"", &json!("+442079460958"))
    );

    let denied = json!({"channel": "sms", "status": "denied", "purpose": "marketing"});
    let told = api.post("/v1/customers/ann/consent", &denied).await.expect(200);
    assert_eq!(told.json["consent"].as_array().unwrap().len(), 2);

    let patched = api
        .patch("/v1/customers/ann", &json!({"language": null, "lastName": "Lee"}))
        .await
        .expect(200);
    assert_eq!(
        (&patched.json["firstName"], &patched.json["lastName"]),
        (&json!("Ann"), &json!("Lee"))
    );
    assert_eq!(patched.json.get("language"), None);

    // Consent is proof: replacing the profile keeps it.
    let replaced = api
        .put("/v1/customers/ann", &json!({"firstName": "Anna"}))
        .await
        .expect(200);
    assert_eq!(replaced.json["consent"].as_array().unwrap().len(), 2);
    assert_eq!(
        (replaced.json.get("lastName"), &replaced.json["attributes"]),
        (None, &json!({}))
    );

    api.delete("/v1/customers/ann").await.expect(204);
    api.get("/v1/customers/ann").await.problem(404, "not-found");
    // What she had refused she has refused still, whoever imports her again.
    let barred = api.all("/v1/do-not-contact?customerId=ann", 50).await;
    assert_eq!(barred.len(), 1, "{barred:?}");
    assert_eq!(barred[0]["channels"], denied["channel"], "{barred:?}");
    api.patch("/v1/customers/ann", &json!({}))
        .await
        .problem(404, "not-found");
    api.post("/v1/customers/ann/consent", &denied)
        .await
        .problem(404, "not-found");
    assert_eq!(
        api.get("/v1/customers/ann/activities").await.expect(200).json["data"],
        json!([])
    );
}

#[tokio::test]
async fn profiles_name_what_is_wrong() {
    let api = Api::new().await;
    api.put("/v1/customers/ann", &json!({})).await.expect(200);
    let future = json!([{"status": "granted", "at": after(1)}]);
    for (body, pointer) in [
        (json!({"firstName": "a\u{7}"}), "/firstName"),
        (json!({"addresses": {"fax": "+442079460958"}}), "/addresses/fax"),
        (json!({"addresses": {"email": "x"}}), "/addresses/email"),
        (json!({"timeZone": "Mars/Olympus"}), "/timeZone"),
        (json!({"language": "???"}), "/language"),
        (json!({"attributes": {"k": 1}}), "/attributes/k"),
        (json!({"consent": future}), "/consent/0/at"),
        (json!({"consent": [{"status": "maybe"}]}), "/consent/0/status"),
        (json!({"nick": "A"}), "/nick"),
    ] {
        let answer = api
            .put("/v1/customers/ann", &body)
            .await
            .problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer], "{body}");
        let answer = api
            .patch("/v1/customers/ann", &body)
            .await
            .problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    let answer = api
        .post(
            "/v1/customers/ann/consent",
            &json!({"status": "granted", "at": after(1)}),
        )
        .await;
    assert_eq!(answer.problem(422, "invalid-request").pointers(), ["/at"]);
    api.get("/v1/customers/a%23b")
        .await
        .problem(400, "malformed-request");
    api.get("/v1/customers/%FF")
        .await
        .problem(400, "malformed-request");
    api.get(&format!("/v1/customers/{}", "a".repeat(65)))
        .await
        .problem(400, "malformed-request");
}
