//! One API in one world, and short ways to call it.

use std::sync::Arc;

use api::{ApiState, router};
use application::api_keys::{self, Role};
use application::cache::Caches;
use application::context::Context;
use application::timers::TimerMessage;
use application::{dispatch, history, waits};
use authorizer::Verdict;
use axum::Router;
use axum::body::{Body, to_bytes};
use domain::id::{ActivityId, TenantId};
use domain::time::{Millis, Timestamp};
use domain::timer::{DUE_SHARDS, TimerKind};
use http::{HeaderMap, Method, Request, StatusCode};

use platform::changes::{Changes, Consumer};
use platform::connector::ConnectorFactory;
use platform::world::Clock;
use platform_memory::{Executor, Faults, World};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fakes::{Fakes, Moody, NoWeb};

/// A Monday morning.
pub(crate) fn start() -> Timestamp {
    Timestamp::parse("2026-11-23T09:00:00Z").unwrap()
}

/// An instant, `minutes` after the start.
pub(crate) fn after(minutes: u64) -> String {
    (start() + Millis::minutes(minutes)).to_string()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The answer, which must be a problem with this code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{}",
            answer.text
        );
        assert_eq!(answer.json["code"], code, "{}", answer.text);
        assert_eq!(answer.json["status"], status);
        assert_eq!(answer.json["requestId"], answer.header("x-request-id"));
        answer
    }

    /// The pointers of the fields that are wrong.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let errors = self.json["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| error["pointer"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// A text member.
    #[track_caller]
    pub(crate) fn text_of(&self, member: &str) -> String {
        self.json[member]
            .as_str()
            .unwrap_or_else(|| panic!("no {member} in {}", self.text))
            .to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.text_of("id")
    }
}

/// A call in the making.
pub(crate) struct Call<'a> {
    api: &'a Api,
    request: http::request::Builder,
    body: Body,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// What an authorizer in front of the API found.
    pub(crate) fn authorized(mut self, verdict: Verdict) -> Self {
        self.request = self.request.extension(verdict);
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .bytes(body.to_string())
    }

    pub(crate) fn bytes(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let request = self.request.body(self.body).unwrap();
        let response = self.api.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
            json,
        }
    }
}

/// An API in a world of its own.
pub(crate) struct Api {
    pub(crate) world: World,
    pub(crate) context: Context,
    pub(crate) table: Arc<Moody>,
    pub(crate) connectors: Fakes,
    router: Router,
    token: String,
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::with_uploads(|world| world).await
    }

    /// An API whose uploads go elsewhere.
    pub(crate) async fn with_uploads<B: platform::blobs::Blobs + 'static>(
        uploads: impl FnOnce(Arc<World>) -> Arc<B>,
    ) -> Self {
        let connectors = Fakes::default();
        let factory = Arc::new(connectors.clone());
        Self::build(uploads, connectors, |_| factory).await
    }

    /// An API whose connectors are made by another factory.
    pub(crate) async fn with_connectors<C: ConnectorFactory + 'static>(
        factory: impl FnOnce(Arc<World>) -> C,
    ) -> Self {
        Self::build(|world| world, Fakes::default(), |world| Arc::new(factory(world))).await
    }

    async fn build<B: platform::blobs::Blobs + 'static>(
        uploads: impl FnOnce(Arc<World>) -> Arc<B>,
        connectors: Fakes,
        factory: impl FnOnce(Arc<World>) -> Arc<dyn ConnectorFactory>,
    ) -> Self {
        let world = World::new(7, start(), Faults::none());
        let port = Arc::new(world.clone());
        let table = Arc::new(Moody::new(world.clone()));
        let context = Context {
            table: table.clone(),
            queues: port.clone(),
            bus: port.clone(),
            blobs: uploads(port.clone()),
            secrets: port.clone(),
            web: Arc::new(NoWeb),
            connectors: factory(port.clone()),
            clock: port.clone(),
            entropy: port,
            caches: Arc::new(Caches::default()),
            trace: None,
        };
        let public_url = Some("https://api.example.org".parse().unwrap());
        let router = router(ApiState {
            context: context.clone(),
            public_url,
            tokens: None,
        });
        let mut api = Self {
            world,
            context,
            table,
            connectors,
            router,
            token: String::new(),
        };
        api.token = api.token_of("acme", Role::Admin).await;
        api
    }

    /// The same API, called with another key.
    pub(crate) async fn as_role(&self, tenant: &str, role: Role) -> Self {
        let token = self.token_of(tenant, role).await;
        let (world, context) = (self.world.clone(), self.context.clone());
        Self {
            world,
            context,
            table: self.table.clone(),
            connectors: self.connectors.clone(),
            router: self.router.clone(),
            token,
        }
    }

    /// The API's router.
    #[cfg(feature = "lambda")]
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    async fn token_of(&self, tenant: &str, role: Role) -> String {
        let tenant = TenantId::parse(tenant).unwrap();
        api_keys::create(&self.context, &tenant, "test", role)
            .await
            .unwrap()
            .1
    }

    pub(crate) fn anonymous(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            api: self,
            request: Request::builder().method(method).uri(path),
            body: Body::empty(),
        }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        self.anonymous(method, path)
            .header("authorization", &format!("Bearer {}", self.token))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path).json(body).send().await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path).json(body).send().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }

    /// All entries of a list, read in pages of this size.
    pub(crate) async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .get(&format!("{path}{joint}limit={limit}{cursor}"))
                .await
                .expect(200);
            let data = page.json["data"].as_array().unwrap();
            assert!(data.len() <= limit);
            all.extend(data.iter().cloned());
            match page.json["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Lets history and counters catch up.
    pub(crate) async fn catch_up(&self) {
        for shard in self.world.shards().await.unwrap() {
            loop {
                let changes = self.world.read(Consumer::History, &shard, 100).await.unwrap();
                let Some(last) = changes.last() else { break };
                let sequence = last.sequence.clone();
                history::consume(&self.context, &shard, &changes).await.unwrap();
                self.world
                    .checkpoint(Consumer::History, &shard, &sequence)
                    .await
                    .unwrap();
            }
        }
    }

    /// Lets time pass, and does nothing.
    pub(crate) fn let_pass(&self, span: Millis) {
        Executor::new(self.world.clone()).run_until(self.world.now() + span);
    }

    /// Lets time pass, second by second, and does what comes due for the flow worker.
    pub(crate) async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            let now = self.world.now() + Millis::seconds(1);
            Executor::new(self.world.clone()).run_until(now);
            self.wake(&[TimerKind::Job, TimerKind::Conversation]).await;
        }
    }

    /// Does what is due now for the flow worker, of some kinds.
    pub(crate) async fn wake(&self, kinds: &[TimerKind]) {
        for shard in 0..DUE_SHARDS {
            let now = self.world.now();
            for entry in self.context.table.due(shard, None, now, 100).await.unwrap() {
                if kinds.contains(&entry.timer.kind) {
                    let timer = TimerMessage::new(&entry.key, entry.timer.generation);
                    waits::due(&self.context, &timer).await.unwrap();
                }
            }
        }
    }

    /// Dispatches an activity that is due now.
    pub(crate) async fn dispatch(&self, id: &str) {
        let tenant = TenantId::parse("acme").unwrap();
        let id = ActivityId::parse(id).unwrap();
        dispatch::due(&self.context, &tenant, &id, 1).await.unwrap();
    }

    pub(crate) fn now(&self) -> String {
        self.world.now().to_string()
    }

    /// An activity that is due now.
    pub(crate) fn due_activity(&self) -> Value {
        let mut body = activity();
        body["dueAt"] = json!(self.now());
        body
    }

    /// A connector for SMS.
    pub(crate) async fn connector(&self) -> Answer {
        let body = json!({
            "name": "Messages", "kind": "ccm", "channels": ["sms"],
            "settings": {"webhookUrl": "https://ccm.example.org/sms"},
            "secrets": {"signing": "top-secret-value"},
        });
        self.post("/v1/connectors", &body).await.expect(201)
    }

    /// An empty contact list; its id.
    pub(crate) async fn list(&self) -> String {
        let list = json!({"name": "Everybody"});
        self.post("/v1/contact-lists", &list).await.expect(201).id()
    }

    /// An import into a list, which awaits its file.
    pub(crate) async fn begin_import(&self, list: &str) -> Answer {
        let path = format!("/v1/contact-lists/{list}/imports");
        self.call(Method::POST, &path).send().await.expect(201)
    }

    /// Imports a file into a list; the import when it is over.
    pub(crate) async fn import(&self, list: &str, file: &'static str) -> Answer {
        let import = self.begin_import(list).await;
        let at = import.header("location");
        let put = self.call(Method::PUT, &format!("{at}/file")).bytes(file);
        put.send().await.expect(200);
        self.pass(5).await;
        self.get(at).await.expect(200)
    }

    /// A published campaign on an empty list.
    pub(crate) async fn campaign(&self) -> Answer {
        let list = self.list().await;
        let campaign = self
            .post("/v1/campaigns", &campaign(&list))
            .await
            .expect(201)
            .id();
        self.call(Method::POST, &format!("/v1/campaigns/{campaign}/publish"))
            .send()
            .await
            .expect(200)
    }
}

/// A campaign of one message.
pub(crate) fn campaign(list: &str) -> Value {
    json!({
        "name": "Spring", "contactLists": [list], "flow": flow(),
        "policy": {"consentBasis": "contract", "timeZone": "Europe/London"},
        "startRatePerSecond": 100,
    })
}

/// One message, then the end; an event from outside and a variable besides.
pub(crate) fn flow() -> Value {
    json!({
        "schema": 1, "start": "hello",
        "variables": {"confirmed": {"type": "boolean"}},
        "nodes": {
            "hello": {
                "type": "message", "channels": [{"channel": "sms", "text": "Hello {{ contact.firstName }}"}],
                "outcomes": {
                    "sent": "wait", "failed": "done", "refused": "done", "expired": "done",
                    "no_address": "done", "unknown": "done", "cancelled": "done",
                },
            },
            "wait": {
                "type": "wait", "for": [{"on": "event", "name": "paid", "outcome": "paid"}], "timeout": "48h",
                "outcomes": {"paid": "done", "timeout": "done"},
            },
            "done": {"type": "end", "label": "done"},
        },
    })
}

/// An activity that is due in an hour.
pub(crate) fn activity() -> Value {
    json!({
        "channel": "sms", "to": "+44 20 7946 0958", "dueAt": after(60),
        "message": {"type": "PLAIN", "markdownText": "Your parcel arrives today."},
        "metadata": {"order": "4711"},
    })
}
