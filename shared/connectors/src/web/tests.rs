use std::collections::BTreeMap;

use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// Names from a table.
struct Table(BTreeMap<&'static str, Vec<&'static str>>);

#[async_trait]
impl Names for Table {
    async fn look_up(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        let addresses = self.0.get(name).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(addresses
            .iter()
            .map(|text| SocketAddr::new(text.parse().unwrap(), 0))
            .collect())
    }
}

fn loopback() -> AddressPolicy {
    AddressPolicy {
        allowed: vec!["127.0.0.0/8".parse().unwrap()],
        https_only: false,
    }
}

fn client(policy: AddressPolicy, names: &[(&'static str, &[&'static str])]) -> SafeWebClient {
    let table = names.iter().map(|(name, list)| (*name, list.to_vec())).collect();
    SafeWebClient::resolving_with(policy, Arc::new(Table(table))).unwrap()
}

fn request(url: &str) -> WebRequest {
    WebRequest {
        url: Url::parse(url).unwrap(),
        headers: vec![("webhook-id".into(), "evt_1".into())],
        body: "{}".into(),
        timeout: Millis::seconds(5),
    }
}

#[tokio::test]
async fn spellings_of_forbidden_addresses_are_refused_before_connecting() {
    let client = client(AddressPolicy::default(), &[]);
    for url in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://user:password@10.0.0.1/secret?token=x",
        "ftp://example.org/",
        "file:///etc/passwd",
    ] {
        let error = client.post(request(url)).await.unwrap_err();
        let WebError::Forbidden(text) = error else {
            panic!("{url}: {error:?}");
        };
        assert!(!text.contains("password") && !text.contains("token"), "{text}");
    }
}

#[tokio::test]
async fn names_are_judged_where_they_are_resolved() {
    let client = client(
        AddressPolicy::default(),
        &[
            ("inside.example", &["10.0.0.1", "::1", "::ffff:127.0.0.1"]),
            ("empty.example", &[]),
        ],
    );
    for (url, expected) in [
        ("https://inside.example/", true),
        ("http://inside.example./", false), // not in the table: unknown, not forbidden
        ("http://unknown.example/", false),
        ("http://empty.example/", false),
    ] {
        let error = client.post(request(url)).await.unwrap_err();
        match (expected, &error) {
            (true, WebError::Forbidden(_)) | (false, WebError::Connect(_)) => {}
            _ => panic!("{url}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn the_system_resolver_is_filtered_too() {
    let client = SafeWebClient::new(AddressPolicy::default()).unwrap();
    let error = client.post(request("http://localhost:9/")).await.unwrap_err();
    assert_eq!(error, WebError::Forbidden("http://localhost".into()));
}

#[tokio::test]
async fn only_the_permitted_answers_of_a_name_are_used() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/hook"))
        .and(header("webhook-id", "evt_1"))
        .and(body_string("{}"))
        .respond_with(ResponseTemplate::new(200).set_body_string("thanks"))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(loopback(), &[("mixed.example", &["10.0.0.1", "127.0.0.1"])]);
    let url = format!("http://mixed.example:{}/hook", server.address().port());
    let response = client.post(request(&url)).await.unwrap();
    assert_eq!((response.status, response.excerpt.as_str()), (200, "thanks"));
}

#[tokio::test]
async fn https_only_refuses_http() {
    let policy = AddressPolicy {
        https_only: true,
        ..loopback()
    };
    let error = client(policy, &[])
        .post(request("http://127.0.0.1/"))
        .await
        .unwrap_err();
    assert_eq!(error, WebError::Forbidden("http://127.0.0.1".into()));
}

#[tokio::test]
async fn redirects_are_answers_and_long_bodies_are_cut() {
    let server = MockServer::start().await;
    Mock::given(path("/away"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/"))
        .mount(&server)
        .await;
    Mock::given(path("/long"))
        .respond_with(
            ResponseTemplate::new(503)
                .insert_header("retry-after", "7")
                .set_body_string("é".repeat(1_000_000)),
        )
        .mount(&server)
        .await;
    let client = client(loopback(), &[]);
    let away = client
        .post(request(&format!("{}/away", server.uri())))
        .await
        .unwrap();
    assert_eq!(away.status, 302);
    let long = client
        .post(request(&format!("{}/long", server.uri())))
        .await
        .unwrap();
    assert_eq!((long.status, long.retry_after), (503, Some(Millis::seconds(7))));
    assert_eq!(long.excerpt, "é".repeat(512));
}

#[tokio::test]
async fn silence_and_refusal_are_told_apart() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(60)))
        .mount(&server)
        .await;
    let client = client(loopback(), &[]);
    let mut slow = request(&server.uri());
    slow.timeout = Millis::new(200);
    assert_eq!(
        client.post(slow).await.unwrap_err(),
        WebError::Timeout(Millis::new(200))
    );

    // A port that was just free: nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(
        client.post(request(&url)).await.unwrap_err(),
        WebError::Connect(_)
    ));
}

#[test]
fn excerpts_keep_within_their_bound() {
    assert_eq!(excerpt(b"ok"), "ok");
    assert_eq!(excerpt(&[0xff, b'a', 0xc3]), "\u{fffd}a\u{fffd}");
    assert!(excerpt(&[0xff; 2048]).len() <= EXCERPT);
}
