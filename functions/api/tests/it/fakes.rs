//! A connector and a web client that call nobody, and a table that fails on request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use domain::activity::receipt::DeliveryStatus;
use domain::channel::Channel;
use domain::cim::Message;
use domain::time::{Millis, Timestamp};
use futures::stream::BoxStream;
use platform::blobs::{BlobError, Blobs};
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, ConnectorFactory, ConnectorKind,
    Echo, EnquiryOutcome, Inbound, Repeat, ReplyTarget, SendFailure, SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use platform::table::{Consistency, DueEntry, Item, Key, Page, Query, Table, TableError, Write};
use platform::web::{WebClient, WebError, WebRequest, WebResponse};
use platform::world::Clock as _;
use platform_memory::{Executor, World};
use url::Url;

/// Makes [`Fake`]s. They need the setting `webhookUrl` and take the secrets `token` and `signing`.
#[derive(Clone, Default)]
pub(crate) struct Fakes {
    sent: Arc<Mutex<Vec<Message>>>,
}

impl Fakes {
    /// The messages that were sent, in their order.
    pub(crate) fn sent(&self) -> Vec<Message> {
        self.sent.lock().unwrap().clone()
    }
}

struct Fake {
    signing: Option<Secret>,
    fakes: Fakes,
}

impl ConnectorFactory for Fakes {
    fn build(
        &self,
        config: &ConnectorConfig,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        if !config.settings.contains_key("webhookUrl") {
            return Err(SettingError {
                setting: "webhookUrl".into(),
                problem: "is missing".into(),
            });
        }
        Ok(Arc::new(Fake {
            signing: secrets.get("signing").cloned(),
            fakes: self.clone(),
        }))
    }

    fn secret_names(&self, _: ConnectorKind) -> &'static [&'static str] {
        &["token", "signing"]
    }
}

#[async_trait]
impl Connector for Fake {
    fn repeat(&self) -> Repeat {
        Repeat::WithSameKey
    }

    fn timeout(&self) -> Millis {
        Millis::seconds(10)
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        self.fakes.sent.lock().unwrap().push(request.message.clone());
        if request.message.body.text("markdownText") == Some("unclear") {
            return SendOutcome::Unclear(SendFailure {
                code: "timeout".into(),
                detail: String::new(),
            });
        }
        // A customer of this name has told the provider that they want no more.
        if request.message.body.readable() == Some("Hello Refuser") {
            return SendOutcome::OptedOut(SendFailure {
                code: "21610".into(),
                detail: "the recipient has opted out".into(),
            });
        }
        SendOutcome::Accepted {
            provider_message_id: None,
        }
    }

    async fn enquire(&self, _: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(SendFailure {
            code: "unsupported".into(),
            detail: String::new(),
        })
    }

    /// `x-signature` must be the secret; a line of the body is an echo that was delivered, `!` and an echo that was
    /// refused for an opt-out, or `echo: answer`, of which nobody knows who wrote it.
    async fn read_callback(&self, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        let signature = callback.headers.get("x-signature").map(String::as_str);
        let secret = self.signing.as_ref().map(Secret::expose);
        if signature.is_none() || signature != secret {
            return Err(CallbackError::Signature);
        }
        if callback.method == "GET" {
            return Ok(CallbackOutcome::Challenge(callback.url.clone()));
        }
        let text =
            std::str::from_utf8(&callback.body).map_err(|_| CallbackError::Malformed("no text".into()))?;
        assert!(text != "panic!", "on purpose");
        if text == "unavailable" {
            return Err(CallbackError::Unavailable("nobody tells the key".into()));
        }
        let receipt = |text: &str| {
            let refused = text.strip_prefix('!');
            Inbound::Receipt {
                echo: Echo::parse(refused.unwrap_or(text)),
                provider_message_id: None,
                status: refused.map_or(DeliveryStatus::Delivered, |_| DeliveryStatus::Failed),
                reason_code: refused.map(|_| "131050".into()),
                opted_out: refused.is_some(),
                at: None,
            }
        };
        let event = |line: &str| match line.split_once(": ") {
            Some((echo, answer)) => Inbound::Reply {
                id: "r1".into(),
                in_reply_to: Echo::parse(echo).map(ReplyTarget::Echo),
                channel: Channel::Whatsapp,
                from: None,
                body: domain::cim::Body::plain(answer),
                at: None,
            },
            None => receipt(line),
        };
        Ok(CallbackOutcome::Events(text.lines().map(event).collect()))
    }
}

/// Reaches nobody.
pub(crate) struct NoWeb;

#[async_trait]
impl WebClient for NoWeb {
    async fn post(&self, _: WebRequest) -> Result<WebResponse, WebError> {
        Err(WebError::Connect("there is no web".into()))
    }
}

/// What the table does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Works,
    Fails,
    Hangs,
    /// Takes six tenths of a second for each.
    IsSlow,
}

/// A table that fails on request.
pub(crate) struct Moody {
    table: World,
    mood: AtomicU8,
}

impl Moody {
    pub(crate) fn new(table: World) -> Self {
        Self {
            table,
            mood: AtomicU8::new(Mood::Works as u8),
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    async fn before(&self) -> Result<(), TableError> {
        match self.mood.load(Ordering::SeqCst) {
            mood if mood == Mood::Works as u8 => Ok(()),
            mood if mood == Mood::Fails as u8 => Err(TableError::Unavailable("the disk is on fire".into())),
            mood if mood == Mood::IsSlow as u8 => {
                let answered = self.table.now() + Millis::new(600);
                Executor::new(self.table.clone()).run_until(answered);
                Ok(())
            }
            _ => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Table for Moody {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError> {
        self.before().await?;
        self.table.get(key, consistency).await
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, TableError> {
        self.before().await?;
        self.table.get_many(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.before().await?;
        self.table.query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.before().await?;
        self.table.transact(writes).await
    }

    async fn transact_each(&self, transactions: Vec<Vec<Write>>) -> Vec<Result<(), TableError>> {
        match self.before().await {
            Ok(()) => self.table.transact_each(transactions).await,
            Err(error) => transactions.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn due(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, TableError> {
        self.before().await?;
        self.table.due(shard, after, until, limit).await
    }
}

/// Uploads that go past the API, as they do to a bucket.
pub(crate) struct Bucket(pub(crate) Arc<platform_memory::World>);

#[async_trait]
impl Blobs for Bucket {
    async fn write(
        &self,
        name: &str,
        bytes: BoxStream<'static, Result<Bytes, String>>,
        max_bytes: u64,
    ) -> Result<u64, BlobError> {
        self.0.write(name, bytes, max_bytes).await
    }

    async fn upload_url(&self, name: &str) -> Result<Option<Url>, BlobError> {
        Ok(Url::parse(&format!("https://bucket.example.com/{name}?signature=x")).ok())
    }

    async fn length(&self, name: &str) -> Result<u64, BlobError> {
        self.0.length(name).await
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> Result<Bytes, BlobError> {
        self.0.read(name, offset, length).await
    }

    async fn delete(&self, name: &str) -> Result<(), BlobError> {
        Blobs::delete(self.0.as_ref(), name).await
    }
}
