//! The authorizer as API Gateway invokes it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong may say so at once"
)]

use std::sync::Arc;

use application::api_keys::{self, Role};
use application::cache::Caches;
use application::context::Context;
use async_trait::async_trait;
use authorizer::{Identity, Verdict, gateway};
use aws_lambda_events::apigw::ApiGatewayV2CustomAuthorizerV2Request;
use domain::id::TenantId;
use domain::time::Timestamp;
use platform::connector::{Connector, ConnectorConfig, ConnectorFactory, ConnectorKind, SettingError};
use platform::secrets::Secret;
use platform::web::{WebClient, WebError, WebRequest, WebResponse};
use platform_memory::{Faults, World};
use serde_json::{Value, json};

struct Nobody;

impl ConnectorFactory for Nobody {
    fn build(
        &self,
        _: &ConnectorConfig,
        _: &std::collections::BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        panic!("an authorizer makes no connectors")
    }

    fn secret_names(&self, _: ConnectorKind) -> &'static [&'static str] {
        &[]
    }
}

#[async_trait]
impl WebClient for Nobody {
    async fn post(&self, _: WebRequest) -> Result<WebResponse, WebError> {
        panic!("an authorizer calls no webhooks")
    }
}

fn context() -> Context {
    let world = World::new(7, Timestamp::from_millis(1_763_971_200_000), Faults::none());
    let port = Arc::new(world);
    Context {
        table: port.clone(),
        queues: port.clone(),
        bus: port.clone(),
        blobs: port.clone(),
        secrets: port.clone(),
        web: Arc::new(Nobody),
        connectors: Arc::new(Nobody),
        clock: port.clone(),
        entropy: port,
        caches: Arc::new(Caches::default()),
        trace: None,
    }
}

fn request(credential: &str) -> ApiGatewayV2CustomAuthorizerV2Request {
    let text = include_str!("fixtures/request.json").replace("CREDENTIAL", credential);
    serde_json::from_str(&text).unwrap()
}

/// What the API reads out of the answer, once it came through API Gateway as text.
async fn asked(
    context: &Context,
    request: &ApiGatewayV2CustomAuthorizerV2Request,
) -> (Value, Option<Verdict>) {
    let answer = gateway::handle(context, None, request).await.unwrap();
    let text = serde_json::to_string(&answer).unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    let verdict = Verdict::of_context(|name| answer["context"].get(name));
    (answer, verdict)
}

#[tokio::test]
async fn an_api_key_is_told_to_the_api() {
    let context = context();
    let tenant = TenantId::parse("acme").unwrap();
    let (key, text) = api_keys::create(&context, &tenant, "test", Role::Reader)
        .await
        .unwrap();
    let (answer, verdict) = asked(&context, &request(&text)).await;
    assert_eq!(answer["isAuthorized"], true);
    let texts = answer["context"]
        .as_object()
        .unwrap()
        .values()
        .all(Value::is_string);
    assert!(texts, "API Gateway carries texts only");
    let known = Identity {
        tenant: tenant.clone(),
        role: Role::Reader,
        subject: key.id.to_string(),
    };
    assert_eq!(verdict, Some(Verdict::Known(known)));
    assert!(
        !answer.to_string().contains(&text),
        "the key itself goes no further"
    );
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_told_as_such() {
    let context = context();
    let tenant = TenantId::parse("acme").unwrap();
    let (key, text) = api_keys::create(&context, &tenant, "test", Role::Admin)
        .await
        .unwrap();
    api_keys::revoke(&context, &tenant, &key.id).await.unwrap();
    for unknown in [text.as_str(), "oc_0", "", "a.b.c"] {
        let (answer, verdict) = asked(&context, &request(unknown)).await;
        assert_eq!(verdict, Some(Verdict::Unknown), "{unknown}");
        assert_eq!(
            answer,
            json!({"isAuthorized": true, "context": {"unknown": "true"}})
        );
    }
}

#[tokio::test]
async fn without_a_header_nobody_calls() {
    let context = context();
    let mut bare = request("x");
    bare.headers.clear();
    assert_eq!(asked(&context, &bare).await.1, Some(Verdict::Unknown));
}
