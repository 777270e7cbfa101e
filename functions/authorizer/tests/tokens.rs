//! Tokens of an issuer whose keys are served on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong may say so at once"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use application::api_keys::Role;
use authorizer::Tokens;
use authorizer::settings::{Claim, Issuer};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::time::{Millis, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use url::Url;

const NOW: i64 = 1_763_971_200;

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1_000)
}

/// A key pair of the issuer, with its name.
struct Key {
    name: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(name: &'static str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { name, pair }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| BASE64.encode(&point[range]);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.name,
               "x": part(1..33), "y": part(33..65)})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = format!(
            "{}.{}",
            BASE64.encode(header.to_string()),
            BASE64.encode(claims.to_string())
        );
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64.encode(signature.as_ref()))
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": self.name}), claims)
    }
}

/// What the issuer answers when it is asked for its keys, and how often it was.
struct Published {
    keys: std::sync::Mutex<Option<Value>>,
    asked: AtomicUsize,
}

impl Published {
    fn publish(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        *self.keys.lock().unwrap() = Some(json!({"keys": keys}));
    }

    fn fall_silent(&self) {
        *self.keys.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn keys(State(published): State<Arc<Published>>) -> Response {
    published.asked.fetch_add(1, Ordering::SeqCst);
    match published.keys.lock().unwrap().clone() {
        Some(keys) => axum::Json(keys).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn issuer() -> (Tokens, Arc<Published>) {
    let published = Arc::new(Published {
        keys: std::sync::Mutex::new(None),
        asked: AtomicUsize::new(0),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/jwks", get(keys))
        .with_state(published.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let issuer = Issuer {
        issuer: "https://id.example.com".into(),
        audience: "outbound".into(),
        keys_url: Url::parse(&format!("http://{address}/jwks")).unwrap(),
        tenant_claim: Claim::new("https://example.com/tenant"),
        role_claim: Claim::new("/access/roles"),
    };
    // Of several tests in one process the first installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    (Tokens::new(issuer, reqwest::Client::new()), published)
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example.com", "aud": ["other", "outbound"], "sub": "ann@example.com",
        "exp": NOW + 300, "nbf": NOW - 5, "https://example.com/tenant": "acme",
        "access": {"roles": ["offline_access", "reader"]}
    })
}

/// The claims with one of them changed, or gone.
fn with(name: &str, value: Value) -> Value {
    let mut changed = claims();
    match value {
        Value::Null => changed.as_object_mut().unwrap().remove(name),
        value => changed.as_object_mut().unwrap().insert(name.into(), value),
    };
    changed
}

#[tokio::test]
async fn a_genuine_token_tells_tenant_and_role() {
    let (tokens, published) = issuer().await;
    let key = Key::new("1");
    published.publish(&[&key]);
    let identity = tokens
        .identify(&key.token(&claims()), now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(identity.tenant.as_str(), "acme");
    assert_eq!(identity.role, Role::Reader);
    assert_eq!(identity.subject, "ann@example.com");
    for _ in 0..20 {
        assert!(
            tokens
                .identify(&key.token(&claims()), now())
                .await
                .unwrap()
                .is_some()
        );
    }
    assert_eq!(published.asked(), 1, "keys are kept");
}

#[tokio::test]
async fn a_token_that_is_not_for_us_or_not_for_now_is_nobodys() {
    let (tokens, published) = issuer().await;
    let key = Key::new("1");
    published.publish(&[&key]);
    let wrong = [
        ("iss", json!("https://id.example.org")),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", Value::Null),
        ("exp", json!(NOW - 60)),
        ("exp", Value::Null),
        ("nbf", json!(NOW + 61)),
        ("sub", Value::Null),
        ("https://example.com/tenant", Value::Null),
        ("https://example.com/tenant", json!("not a tenant!")),
        ("access", json!({"roles": ["offline_access"]})),
    ];
    for (name, value) in wrong {
        let token = key.token(&with(name, value.clone()));
        assert_eq!(tokens.identify(&token, now()).await, Ok(None), "{name} = {value}");
    }
}

#[tokio::test]
async fn a_forged_token_is_nobodys() {
    let (tokens, published) = issuer().await;
    let (key, forger) = (Key::new("1"), Key::new("1"));
    published.publish(&[&key]);
    let genuine = key.token(&claims());
    let (rest, signature) = genuine.rsplit_once('.').unwrap();
    let (header, _) = rest.split_once('.').unwrap();
    let other = BASE64.encode(with("access", json!({"roles": "admin"})).to_string());
    let unsigned = BASE64.encode(json!({"alg": "none", "kid": "1"}).to_string());
    let public = BASE64.encode(json!({"alg": "HS256", "kid": "1"}).to_string());
    for forged in [
        forger.token(&claims()),
        format!("{header}.{other}.{signature}"),
        format!("{unsigned}.{other}."),
        format!("{public}.{other}.{signature}"),
        format!("{rest}."),
        "a.b.c".into(),
        "..".into(),
        key.token(&with("padding", json!("x".repeat(9_000)))),
    ] {
        assert_eq!(tokens.identify(&forged, now()).await, Ok(None), "{forged}");
    }
    assert!(tokens.identify(&genuine, now()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_new_key_is_found_and_strangers_do_not_make_us_ask() {
    let (tokens, published) = issuer().await;
    let (old, new, unknown) = (Key::new("old"), Key::new("new"), Key::new("unknown"));
    published.publish(&[&old]);
    assert!(
        tokens
            .identify(&old.token(&claims()), now())
            .await
            .unwrap()
            .is_some()
    );
    published.publish(&[&old, &new]);
    for _ in 0..20 {
        assert_eq!(tokens.identify(&unknown.token(&claims()), now()).await, Ok(None));
    }
    assert_eq!(published.asked(), 1, "not within the pause");
    let later = now() + Millis::seconds(30);
    assert!(
        tokens
            .identify(&new.token(&claims()), later)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(published.asked(), 2);
}

#[tokio::test]
async fn a_token_without_key_name_fits_the_only_key() {
    let (tokens, published) = issuer().await;
    let (one, two) = (Key::new("1"), Key::new("2"));
    published.publish(&[&one]);
    let nameless = one.sign(&json!({"alg": "ES256"}), &claims());
    assert!(tokens.identify(&nameless, now()).await.unwrap().is_some());
    published.publish(&[&one, &two]);
    let later = now() + Millis::minutes(4);
    assert!(
        tokens
            .identify(&two.token(&claims()), later)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(tokens.identify(&nameless, later).await, Ok(None), "no guessing");
}

#[tokio::test]
async fn an_issuer_that_falls_silent_is_believed_for_a_day() {
    let (tokens, published) = issuer().await;
    let key = Key::new("1");
    let token = key.token(&with("exp", json!(NOW + 200_000)));
    assert!(tokens.identify(&token, now()).await.is_err(), "never seen");
    published.publish(&[&key]);
    let first = now() + Millis::seconds(30);
    assert!(tokens.identify(&token, first).await.unwrap().is_some());
    published.fall_silent();
    assert!(
        tokens
            .identify(&token, first + Millis::hours(23))
            .await
            .unwrap()
            .is_some()
    );
    assert!(tokens.identify(&token, first + Millis::hours(25)).await.is_err());
}
