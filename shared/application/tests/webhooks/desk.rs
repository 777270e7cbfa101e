//! A world with one process that does everything, and receivers that answer as they are told.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex};

use application::activities::{self, NewActivity};
use application::cache::Caches;
use application::context::Context;
use application::settings::{self, Settings};
use application::timers::TimerMessage;
use application::webhooks::{self, Definition, Webhook, WebhookState};
use application::{campaigns, connectors, dispatch, keys, receipts, sweep};
use async_trait::async_trait;
use domain::activity::receipt::DeliveryStatus;
use domain::activity::{AssignTo, Plan, Priority};
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, CampaignId, ConnectorId, CustomerId, TenantId, WebhookId};
use domain::time::{Millis, Timestamp};
use domain::timer::DUE_SHARDS;
use domain::webhook::delivery::Delivery;
use domain::webhook::signature::SigningKey;
use futures::future::join_all;
use platform::changes::{Changes, Consumer};
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, ConnectorFactory, ConnectorKind,
    Echo, EnquiryOutcome, Inbound, Repeat, ReplyTarget, SendOutcome, SendRequest, SettingError,
};
use platform::queues::{QueueName, Queues};
use platform::secrets::Secret;
use platform::web::{WebClient, WebError, WebRequest, WebResponse};
use platform::world::Clock;
use platform_memory::executor::block_on;
use platform_memory::{Faults, World};
use serde_json::{Value, json};
use url::Url;

/// The tenant.
pub(crate) fn tenant() -> TenantId {
    TenantId::parse("t").unwrap()
}

/// An endpoint at `https://<name>.example/hook`.
pub(crate) fn definition(name: &str, patterns: &[&str]) -> Definition {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    Definition {
        url: format!("https://{name}.example/hook").parse().unwrap(),
        event_types: webhooks::event_filter(&patterns).unwrap(),
        campaign_id: None,
        description: format!("endpoint {name}"),
    }
}

/// How a receiver answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Status(u16),
    RetryAfter(u16, Millis),
    Timeout,
    Forbidden,
    /// 200, after so long.
    Takes(Millis),
}

/// A call, as the receiver saw it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) at: Timestamp,
    pub(crate) url: Url,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).cloned().unwrap_or_default()
    }
}

#[derive(Default)]
struct Script {
    next: BTreeMap<String, VecDeque<Answer>>,
    always: BTreeMap<String, Answer>,
    requests: Vec<Request>,
}

#[derive(Clone)]
struct Receivers {
    world: World,
    script: Arc<Mutex<Script>>,
}

#[async_trait]
impl WebClient for Receivers {
    async fn post(&self, request: WebRequest) -> Result<WebResponse, WebError> {
        let answer = {
            let mut script = self.script.lock().unwrap();
            let host = request.url.host_str().unwrap().to_owned();
            let next = script.next.get_mut(&host).and_then(VecDeque::pop_front);
            let answer = next
                .or(script.always.get(&host).copied())
                .unwrap_or(Answer::Status(200));
            script.requests.push(Request {
                at: self.world.now(),
                url: request.url,
                headers: request.headers.into_iter().collect(),
                body: request.body,
            });
            answer
        };
        let status = |status, retry_after| {
            Ok(WebResponse {
                status,
                retry_after,
                excerpt: "answer".into(),
            })
        };
        match answer {
            Answer::Status(code) => status(code, None),
            Answer::RetryAfter(code, wish) => status(code, Some(wish)),
            Answer::Timeout => Err(WebError::Timeout(request.timeout)),
            Answer::Takes(span) if span <= request.timeout => {
                self.world.sleep(span).await;
                status(200, None)
            }
            Answer::Takes(_) => {
                self.world.sleep(request.timeout).await;
                Err(WebError::Timeout(request.timeout))
            }
            Answer::Forbidden => Err(WebError::Forbidden("https://10.0.0.1".into())),
        }
    }
}

/// A provider that takes everything.
struct Provider;

#[async_trait]
impl Connector for Provider {
    fn repeat(&self) -> Repeat {
        Repeat::WithSameKey
    }

    fn timeout(&self) -> Millis {
        Millis::seconds(5)
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        SendOutcome::Accepted {
            provider_message_id: Some(format!("pm-{}", request.activity)),
        }
    }

    async fn enquire(&self, _: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::NotFound
    }

    async fn read_callback(&self, _: &Callback) -> Result<CallbackOutcome, CallbackError> {
        Err(CallbackError::Unsupported)
    }
}

struct Factory;

impl ConnectorFactory for Factory {
    fn build(
        &self,
        _: &ConnectorConfig,
        _: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        Ok(Arc::new(Provider))
    }

    fn secret_names(&self, _: ConnectorKind) -> &'static [&'static str] {
        &[]
    }
}

/// The one process, and the receivers.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) context: Context,
    receivers: Receivers,
}

impl Desk {
    /// Runs a test in a world without faults.
    pub(crate) fn calm<F: Future<Output = ()> + 'static>(test: impl FnOnce(Self) -> F) {
        Self::with(7, Faults::none(), test);
    }

    /// Runs a test in a world of its own.
    pub(crate) fn with<F: Future<Output = ()> + 'static>(
        seed: u64,
        faults: Faults,
        test: impl FnOnce(Self) -> F,
    ) {
        let start = Timestamp::parse("2027-03-28T00:30:00Z").unwrap();
        let world = World::new(seed, start, faults);
        let receivers = Receivers {
            world: world.clone(),
            script: Arc::default(),
        };
        let port = Arc::new(world.clone());
        let context = Context {
            table: port.clone(),
            queues: port.clone(),
            bus: port.clone(),
            blobs: port.clone(),
            secrets: port.clone(),
            web: Arc::new(receivers.clone()),
            connectors: Arc::new(Factory),
            clock: port.clone(),
            entropy: port,
            caches: Arc::new(Caches::default()),
            trace: None,
        };
        let desk = Self {
            world: world.clone(),
            context,
            receivers,
        };
        block_on(&world, test(desk)).expect("the test stands still");
    }

    /// When the world began.
    pub(crate) fn start(&self) -> Timestamp {
        Timestamp::parse("2027-03-28T00:30:00Z").unwrap()
    }

    pub(crate) fn id(&self, name: &str) -> WebhookId {
        WebhookId::parse(&format!("whk_{name}")).unwrap()
    }

    /// Registers an endpoint; answers with its secret.
    pub(crate) async fn register(&self, name: &str, patterns: &[&str]) -> String {
        let definition = definition(name, patterns);
        webhooks::create(&self.context, &tenant(), self.id(name), definition)
            .await
            .unwrap()
            .secret
    }

    async fn webhook(&self, name: &str) -> Webhook {
        let stored = webhooks::get(&self.context, &tenant(), &self.id(name)).await;
        stored.unwrap().value
    }

    /// Where an endpoint stands.
    pub(crate) async fn state(&self, name: &str) -> WebhookState {
        self.webhook(name).await.state
    }

    /// Deletes the secret of an endpoint, in a process that has not read it.
    pub(crate) async fn lose_secret(&mut self, name: &str) {
        let webhook = serde_json::to_value(self.webhook(name).await).unwrap();
        let secret = webhook["signing"]["current"].as_str().unwrap();
        self.context.secrets.delete(secret).await.unwrap();
        self.context.caches = Arc::new(Caches::default());
    }

    /// What an endpoint answers next; 200 after that.
    pub(crate) fn answer(&self, name: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut script = self.receivers.script.lock().unwrap();
        script
            .next
            .entry(format!("{name}.example"))
            .or_default()
            .extend(answers);
    }

    /// What an endpoint answers from now on.
    pub(crate) fn answer_always(&self, name: &str, answer: Answer) {
        self.receivers
            .script
            .lock()
            .unwrap()
            .always
            .insert(format!("{name}.example"), answer);
    }

    /// Every call made.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.receivers.script.lock().unwrap().requests.clone()
    }

    /// The calls to one endpoint.
    pub(crate) fn requests_to(&self, name: &str) -> Vec<Request> {
        let host = format!("{name}.example");
        self.requests()
            .into_iter()
            .filter(|request| request.url.host_str() == Some(&host))
            .collect()
    }

    /// The deliveries of an endpoint, newest event first.
    pub(crate) async fn deliveries(&self, name: &str) -> Vec<Delivery> {
        let id = self.id(name);
        let page = webhooks::list_deliveries(&self.context, &tenant(), &id, None, None, 100)
            .await
            .unwrap();
        page.data.into_iter().map(|stored| stored.value).collect()
    }

    /// Schedules a text message for the day after tomorrow.
    pub(crate) async fn schedule(&self, id: &str, change: impl FnOnce(&mut Plan)) {
        let mut plan = Plan {
            channel: Channel::Sms,
            to: Address::parse(Channel::Sms, "+447400123456").unwrap(),
            service_identifier: None,
            customer: CustomerId::parse("ann").unwrap(),
            campaign: None,
            step: None,
            due_at: self.start() + Millis::hours(24 * 30),
            expires_at: None,
            message: Body::plain("Hello"),
            dialing: None,
            assign_to: None,
            priority: Priority::Normal,
            callback_url: None,
            metadata: BTreeMap::new(),
        };
        change(&mut plan);
        let new = NewActivity {
            id: ActivityId::parse(id).unwrap(),
            plan,
        };
        activities::schedule(&self.context, &tenant(), new, id)
            .await
            .unwrap();
    }

    /// Makes a campaign that is not published.
    pub(crate) async fn draft(&self, id: &str) -> CampaignId {
        let id = CampaignId::parse(id).unwrap();
        let definition = serde_json::from_value(json!({
            "name": "Spring", "contactLists": [], "flow": {}, "startRatePerSecond": 1,
            "policy": {"consentBasis": "contract", "timeZone": "Europe/London"},
        }));
        campaigns::create(&self.context, &tenant(), id.clone(), definition.unwrap())
            .await
            .unwrap();
        id
    }

    /// Sets the CX Activities endpoint.
    pub(crate) async fn send_to_cx(&self, url: &str) {
        let url: Url = url.parse().unwrap();
        let set = |settings| Settings {
            cx_activities_url: Some(url.clone()),
            ..settings
        };
        settings::change(&self.context, &tenant(), None, set)
            .await
            .unwrap();
    }

    /// Two messages go out; one is delivered, read and answered, the other fails; then the customer
    /// writes on their own.
    pub(crate) async fn lifecycle(&self) {
        let connector = ConnectorId::parse("texts").unwrap();
        let config = ConnectorConfig {
            id: connector.clone(),
            kind: ConnectorKind::Ccm,
            channels: vec![Channel::Sms],
            settings: BTreeMap::new(),
            rate_per_second: 100,
            concurrency: 10,
        };
        connectors::put(
            &self.context,
            &tenant(),
            "Texts".into(),
            config,
            BTreeMap::new(),
            None,
        )
        .await
        .unwrap();
        for id in ["one", "two"] {
            self.schedule(id, |plan| {
                plan.due_at = self.start();
                plan.service_identifier = Some("bank".into());
                plan.assign_to = Some(AssignTo::Queue("loans".into()));
                plan.metadata.insert("ticket".into(), "7".into());
            })
            .await;
            // Each at its own instant, so that their order is certain.
            self.world.sleep(Millis::seconds(1)).await;
            let activity = ActivityId::parse(id).unwrap();
            for _ in 0..3 {
                dispatch::due(&self.context, &tenant(), &activity, 1)
                    .await
                    .unwrap();
                self.world.sleep(Millis::seconds(1)).await;
            }
        }
        let echo = |id: &str| Echo {
            tenant: tenant(),
            activity: ActivityId::parse(id).unwrap(),
            attempt: 1,
        };
        let receipt = |id: &str, status, reason: Option<&str>| Inbound::Receipt {
            echo: Some(echo(id)),
            provider_message_id: None,
            status,
            reason_code: reason.map(Into::into),
            opted_out: false,
            at: None,
        };
        let reply = |in_reply_to, channel, text: &str| Inbound::Reply {
            id: format!("reply-{text}"),
            in_reply_to,
            channel,
            from: Some(Address::parse(Channel::Sms, "+447400123456").unwrap()),
            body: Body::plain(text),
            at: None,
        };
        for inbound in [
            receipt("one", DeliveryStatus::Delivered, None),
            receipt("one", DeliveryStatus::Read, None),
            reply(Some(ReplyTarget::Echo(echo("one"))), Channel::Sms, "Yes"),
            receipt("two", DeliveryStatus::Failed, Some("30003")),
            // Nothing went to them by this channel.
            reply(None, Channel::Whatsapp, "Hello"),
        ] {
            self.world.sleep(Millis::seconds(1)).await;
            receipts::take_in_callback(&self.context, &tenant(), &connector, inbound)
                .await
                .unwrap();
        }
    }

    /// Takes in what is new in the change stream.
    pub(crate) async fn consume(&self) {
        self.consume_of_batch(self.world.now()).await;
    }

    /// The same, as a part of a batch that began at `began`.
    pub(crate) async fn consume_of_batch(&self, began: Timestamp) {
        for shard in self.world.shards().await.unwrap_or_default() {
            let Ok(changes) = self.world.read(Consumer::Webhooks, &shard, 100).await else {
                continue;
            };
            let Some(last) = changes.last().map(|change| change.sequence.clone()) else {
                continue;
            };
            let consumed = webhooks::consume_of_batch(&self.context, &shard, &changes, began).await;
            if consumed.is_ok() {
                let _ = self.world.checkpoint(Consumer::Webhooks, &shard, &last).await;
            }
        }
    }

    /// Takes in the whole stream once more. (Nobody checkpoints as the other consumer here.)
    pub(crate) async fn consume_from_the_start(&self) {
        for shard in self.world.shards().await.unwrap() {
            let changes = self.world.read(Consumer::History, &shard, 1_000).await.unwrap();
            webhooks::consume(&self.context, &shard, &changes).await.unwrap();
        }
    }

    /// Does everything that comes up within a time: the stream, the deliveries, the sweep.
    pub(crate) async fn run(&self, span: Millis) {
        let until = self.world.now() + span;
        let mut swept = Timestamp::default();
        while self.world.now() < until {
            self.consume().await;
            if self.world.now() >= swept + Millis::minutes(1) {
                swept = self.world.now();
                for shard in 0..DUE_SHARDS {
                    let _ = sweep::sweep(&self.context, shard, sweep::From::Cursor).await;
                }
            }
            let Ok(messages) = self
                .world
                .receive(QueueName::WebhookDelivery, 10, Millis::seconds(120))
                .await
            else {
                continue;
            };
            for message in messages {
                if self.deliver(&message.body).await {
                    let _ = self
                        .world
                        .delete(QueueName::WebhookDelivery, vec![message.receipt])
                        .await;
                }
            }
        }
    }

    /// Delivers within a time, as a worker does: so many at once.
    pub(crate) async fn work(&self, span: Millis) {
        let until = self.world.now() + span;
        let place = || async {
            while self.world.now() < until {
                let received = self
                    .world
                    .receive(QueueName::WebhookDelivery, 1, Millis::seconds(120))
                    .await;
                for message in received.unwrap() {
                    assert!(self.deliver(&message.body).await);
                    self.world
                        .delete(QueueName::WebhookDelivery, vec![message.receipt])
                        .await
                        .unwrap();
                }
            }
        };
        join_all((0..webhooks::WORKER_AT_ONCE).map(|_| place())).await;
    }

    async fn deliver(&self, message: &str) -> bool {
        let message = TimerMessage::decode(message).unwrap();
        let (tenant, webhook, event) = keys::parse_delivery(&message.key()).unwrap();
        webhooks::deliver(&self.context, &tenant, &webhook, &event, message.generation)
            .await
            .is_ok()
    }
}

/// Reads a body.
pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Checks a call as a receiver would.
pub(crate) fn is_signed_by(request: &Request, secret: &str) -> bool {
    let seconds: i64 = request.header("webhook-timestamp").parse().unwrap();
    let id = request.header("webhook-id");
    let expected = SigningKey::parse(secret)
        .unwrap()
        .sign(&id, seconds, &request.body);
    request
        .header("webhook-signature")
        .split(' ')
        .any(|signature| signature == expected)
}
