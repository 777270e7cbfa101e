//! The simulated providers: one per channel, one per kind of promise.
//!
//! SMS honours no idempotency key, WhatsApp does, e-mail can be asked. Each decides by the seed and
//! the attempt what becomes of a request, remembers every request before it deduplicates, and sends
//! receipts: late, twice, out of order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::activity::receipt::DeliveryStatus;
use domain::activity::settle::Trouble;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, ConnectorId, hash_bits};
use domain::time::{Millis, Timestamp};
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, ConnectorFactory, ConnectorKind,
    EnquiryOutcome, Inbound, Repeat, ReplyTarget, SendFailure, SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use platform::world::Clock;
use platform_memory::World;

use crate::floor::Floor;

/// The longest that a request is under way.
pub const TIMEOUT: Millis = Millis::seconds(10);

/// Something that reached a customer, or was about to.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which activity.
    pub activity: ActivityId,
    /// Which attempt.
    pub attempt: u32,
    /// By which channel.
    pub channel: Channel,
    /// When it arrived.
    pub at: Timestamp,
    /// Whether it reached the customer: not refused, and not a repetition that was recognised.
    pub effect: bool,
}

/// A receipt or answer on its way back.
#[derive(Clone, Debug)]
pub struct Returning {
    /// When it is sent.
    pub at: Timestamp,
    /// To which connector it belongs.
    pub connector: ConnectorId,
    /// What it says.
    pub inbound: Inbound,
}

/// What a customer answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its id.
    pub id: String,
    /// To which activity.
    pub activity: ActivityId,
    /// Whether it was to be the last they hear.
    pub opts_out: bool,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    answers: Vec<Answer>,
    taken: BTreeMap<String, Option<String>>,
    returning: Vec<Returning>,
}

/// The providers. Clones share their memory: providers do not crash with us.
#[derive(Clone)]
pub struct Providers {
    world: World,
    seed: u64,
    state: Arc<Mutex<State>>,
    /// Who takes the calls.
    pub floor: Floor,
}

impl Providers {
    /// Providers that decide by a seed.
    pub fn new(world: World, seed: u64) -> Self {
        Self {
            world,
            seed,
            state: Arc::default(),
            floor: Floor::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every request, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// Takes a receipt that is due, picked by the seed: they overtake each other.
    pub fn take_returning(&self) -> Option<Returning> {
        let now = self.world.now();
        let mut state = self.state();
        let due: Vec<usize> = state
            .returning
            .iter()
            .enumerate()
            .filter(|(_, r)| r.at <= now)
            .map(|(i, _)| i)
            .collect();
        let place = *due.get(self.world.pick(due.len()))?;
        Some(state.returning.swap_remove(place))
    }

    /// Every answer of customers.
    pub fn answers(&self) -> Vec<Answer> {
        self.state().answers.clone()
    }

    /// Something comes back.
    pub fn bring_back(&self, returning: Returning) {
        self.state().returning.push(returning);
    }

    /// A callback was not answered: it comes again after a while.
    pub fn give_back(&self, returning: Returning) {
        let at = self.world.now() + Millis::seconds(20);
        self.state().returning.push(Returning { at, ..returning });
    }

    /// Whether anything is still on its way back.
    pub fn is_returning(&self) -> bool {
        !self.state().returning.is_empty()
    }

    /// A number below 1000, decided by the seed and the attempt.
    fn dice(&self, key: &str, what: &str) -> u64 {
        u64::try_from(hash_bits(&[&self.seed.to_string(), key, what]) % 1_000).unwrap_or(0)
    }

    fn accept(&self, connector: &ConnectorId, request: &SendRequest) -> Option<String> {
        let key = request.idempotency_key.clone();
        let provider_id = format!("p-{key}");
        if request.channel == Channel::Voice {
            self.floor
                .dial(&self.world, connector, request, |what| self.dice(&key, what));
        } else {
            self.return_receipts(connector, request, &provider_id);
        }
        self.state().taken.insert(key.clone(), Some(provider_id.clone()));
        // Some providers give no id.
        (request.channel == Channel::Voice || self.dice(&key, "id") < 900).then_some(provider_id)
    }

    /// Decides what comes back for a message that was taken.
    fn return_receipts(&self, connector: &ConnectorId, request: &SendRequest, provider_id: &str) {
        let key = &request.idempotency_key;
        let mut statuses = Vec::new();
        if self.dice(key, "fails") < 200 {
            statuses.push(DeliveryStatus::Failed);
        } else {
            statuses.push(DeliveryStatus::Delivered);
            if self.dice(key, "read") < 500 {
                statuses.push(DeliveryStatus::Read);
            }
        }
        let now = self.world.now();
        let later = |what: &str, base: u64| now + Millis::new(base + self.dice(key, what) * 60);
        // Half of the providers echo our id, the others know only theirs.
        let echo = (self.dice(key, "echo") < 500).then(|| request.echo.clone());
        let mut state = self.state();
        for status in statuses {
            let receipt = Inbound::Receipt {
                echo: echo.clone(),
                provider_message_id: Some(provider_id.to_owned()),
                status,
                reason_code: None,
                opted_out: false,
                at: None,
            };
            let copies = if self.dice(key, "twice") < 300 { 2 } else { 1 };
            for copy in 0..copies {
                let at = later(&format!("{status:?}{copy}"), 0);
                state.returning.push(Returning {
                    at,
                    connector: connector.clone(),
                    inbound: receipt.clone(),
                });
            }
        }
        if self.dice(key, "reply") < 250 {
            let text = if self.dice(key, "stop") < 300 {
                "STOP"
            } else {
                "Yes, please"
            };
            let reply = Inbound::Reply {
                id: format!("r-{key}"),
                // Half of the customers quote what they answer, the others just write.
                in_reply_to: (self.dice(key, "quotes") < 500)
                    .then(|| ReplyTarget::Echo(request.echo.clone())),
                channel: request.channel,
                from: Some(request.to.clone()),
                body: Body::plain(text),
                at: None,
            };
            state.answers.push(Answer {
                id: format!("r-{key}"),
                activity: request.activity.clone(),
                opts_out: text == "STOP",
            });
            for copy in 0..2 {
                let at = later(&format!("reply{copy}"), 1_000);
                state.returning.push(Returning {
                    at,
                    connector: connector.clone(),
                    inbound: reply.clone(),
                });
            }
        }
    }
}

/// A provider's side of one channel.
struct Simulated {
    providers: Providers,
    id: ConnectorId,
    repeat: Repeat,
}

fn failure(code: &str) -> SendFailure {
    SendFailure {
        code: code.into(),
        detail: "simulated".into(),
    }
}

#[async_trait]
impl Connector for Simulated {
    fn repeat(&self) -> Repeat {
        self.repeat
    }

    fn timeout(&self) -> Millis {
        TIMEOUT
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        let providers = &self.providers;
        let key = &request.idempotency_key;
        // The network takes its time, and less than the time-out.
        providers
            .world
            .sleep(Millis::new(providers.world.pick(2_000) as u64))
            .await;
        let known = providers.state().taken.get(key).cloned();
        let decision = providers.dice(key, "decision");
        let log = |effect| {
            let request = Request {
                activity: request.activity.clone(),
                attempt: request.attempt,
                channel: request.channel,
                at: providers.world.now(),
                effect,
            };
            providers.state().requests.push(request);
        };
        if self.repeat == Repeat::WithSameKey
            && let Some(provider_message_id) = known
        {
            log(false);
            return SendOutcome::Accepted { provider_message_id };
        }
        if decision < 60 {
            log(false);
            return SendOutcome::Rejected(failure("bad-number"));
        }
        if decision < 160 {
            log(false);
            let retry_after = (decision < 100).then_some(Millis::seconds(30));
            return SendOutcome::Deferred {
                failure: failure("http-429"),
                retry_after,
                trouble: if decision < 130 {
                    Trouble::Connector
                } else {
                    Trouble::Message
                },
            };
        }
        if decision < 220 {
            // The request was lost on the way; we cannot know that.
            log(false);
            providers.world.sleep(Millis::seconds(8)).await;
            return SendOutcome::Unclear(failure("timeout"));
        }
        log(true);
        let provider_message_id = providers.accept(&self.id, request);
        if decision < 300 {
            // It was taken, but the answer was lost.
            providers.world.sleep(Millis::seconds(8)).await;
            return SendOutcome::Unclear(failure("timeout"));
        }
        providers
            .world
            .sleep(Millis::new(providers.world.pick(1_000) as u64))
            .await;
        SendOutcome::Accepted { provider_message_id }
    }

    async fn enquire(&self, request: &SendRequest) -> EnquiryOutcome {
        let providers = &self.providers;
        providers
            .world
            .sleep(Millis::new(providers.world.pick(500) as u64))
            .await;
        match providers.state().taken.get(&request.idempotency_key) {
            Some(provider_message_id) => EnquiryOutcome::Found {
                provider_message_id: provider_message_id.clone(),
            },
            None => EnquiryOutcome::NotFound,
        }
    }

    async fn read_callback(&self, _: &Callback) -> Result<CallbackOutcome, CallbackError> {
        Err(CallbackError::Unsupported)
    }
}

impl ConnectorFactory for Providers {
    fn build(
        &self,
        config: &ConnectorConfig,
        _: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        let repeat = match config.channels.first() {
            Some(Channel::Whatsapp | Channel::Voice) => Repeat::WithSameKey,
            Some(Channel::Email) => Repeat::AfterEnquiry {
                settles_within: Millis::seconds(30),
            },
            _ => Repeat::Never,
        };
        Ok(Arc::new(Simulated {
            providers: self.clone(),
            id: config.id.clone(),
            repeat,
        }))
    }

    fn secret_names(&self, _: ConnectorKind) -> &'static [&'static str] {
        &[]
    }
}
