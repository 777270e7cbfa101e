//! Providers' callbacks: no key, but a signature.

use http::Method;

use crate::harness::Api;

#[tokio::test]
async fn a_signed_callback_moves_the_activity() {
    let api = Api::new().await;
    let connector = api.connector().await;
    let body = api.due_activity();
    let id = api.post("/v1/scheduled-activities", &body).await.expect(201).id();
    api.dispatch(&id).await;
    let path = format!("/v1/callbacks/acme/{}", connector.id());
    let report = |signature: &'static str, body: String| {
        api.anonymous(Method::POST, &path)
            .header("x-signature", signature)
            .bytes(body)
            .send()
    };
    report("forged", format!("acme.{id}.1"))
        .await
        .problem(401, "unauthenticated");
    // It cannot be judged now: the provider is to come again.
    report("top-secret-value", "unavailable".into())
        .await
        .problem(503, "unavailable");
    // An event that names nothing is passed over, and does not hold up the next.
    report("top-secret-value", format!("nonsense\nacme.{id}.1"))
        .await
        .expect(204);
    assert_eq!(
        api.get(&format!("/v1/scheduled-activities/{id}")).await.json["state"],
        "DELIVERED"
    );
    // Who quotes one of ours is known by it, whoever wrote; what quotes nothing of ours and comes from nowhere is not.
    report("top-secret-value", format!("nothing: Hello\nacme.{id}.1: STOP"))
        .await
        .expect(204);
    let barred = api.all("/v1/do-not-contact?address=%2B442079460958", 50).await;
    assert_eq!(barred[0]["source"], "optOut");
    let verified = api
        .anonymous(Method::GET, &format!("{path}?a=b"))
        .header("x-signature", "top-secret-value");
    assert_eq!(
        verified.send().await.expect(200).text,
        format!("https://api.example.org{path}?a=b")
    );

    for nowhere in ["/v1/callbacks/acme/none", "/v1/callbacks/other/none"] {
        api.anonymous(Method::POST, nowhere)
            .send()
            .await
            .problem(404, "not-found");
    }
    api.anonymous(Method::POST, "/v1/callbacks/acme/a%23b")
        .send()
        .await
        .problem(400, "malformed-request");
}
