//! Channel connectors: how a message leaves, and what comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::activity::receipt::DeliveryStatus;
use domain::activity::settle::Trouble;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::{Body, Message};
use domain::id::{ActivityId, ConnectorId, TenantId};
use domain::time::{Millis, Timestamp};
use domain::trace::TraceId;
use serde::{Deserialize, Serialize};

use crate::secrets::Secret;

/// What a worker may do when it does not know whether an attempt reached the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The provider honours an idempotency key: repeat the same request.
    WithSameKey,
    /// The provider can be asked; "not found" counts only this long after the request can no longer
    /// be under way.
    AfterEnquiry {
        /// How long the provider may take to know of a request that it accepted.
        settles_within: Millis,
    },
    /// Neither: the attempt is `UNKNOWN`.
    Never,
}

/// One attempt to send.
#[derive(Clone, Debug)]
pub struct SendRequest {
    /// Whose activity.
    pub tenant: TenantId,
    /// Which activity.
    pub activity: ActivityId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// `activity id.attempt`: the same on every repetition of one attempt.
    pub idempotency_key: String,
    /// What the provider is made to echo in receipts, so that they find the activity.
    pub echo: Echo,
    /// The channel.
    pub channel: Channel,
    /// The customer's address.
    pub to: Address,
    /// The company's address on the channel, if the activity names one.
    pub service_identifier: Option<String>,
    /// The message, whole: id, header with `schedulingMetaData`, body.
    pub message: Message,
    /// The trace under which the activity was created: for our own components, never for strangers.
    pub trace: Option<TraceId>,
}

/// Names an attempt in a provider's receipt: `<tenant>.<activity>.<attempt>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Whose activity.
    pub tenant: TenantId,
    /// Which activity.
    pub activity: ActivityId,
    /// Which attempt.
    pub attempt: u32,
}

impl Echo {
    /// The text that the provider carries.
    pub fn text(&self) -> String {
        format!("{}.{}.{}", self.tenant, self.activity, self.attempt)
    }

    /// Reads [`Echo::text`].
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let echo = Self {
            tenant: TenantId::parse(parts.next()?).ok()?,
            activity: ActivityId::parse(parts.next()?).ok()?,
            attempt: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(echo)
    }
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider took it.
    Accepted {
        /// The provider's id of the message, if it gave one.
        provider_message_id: Option<String>,
    },
    /// The provider refused it for good (bad number, unknown template, ...).
    Rejected(SendFailure),
    /// The provider refused it for good: the recipient has told it that they want no more.
    OptedOut(SendFailure),
    /// The provider surely did not take it, but may take it later (429, 503, no connection, ...).
    Deferred {
        /// Why.
        failure: SendFailure,
        /// When the provider wants to be asked again.
        retry_after: Option<Millis>,
        /// Whose trouble it is.
        trouble: Trouble,
    },
    /// Not known whether the provider took it (time-out or break after the request was written).
    Unclear(SendFailure),
    /// No request was made: as many were under way already as the configuration allows. The attempt
    /// does not count.
    Busy,
}

/// A failure in the provider's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendFailure {
    /// The provider's or protocol's code, e.g. `21610`, `http-503`, `timeout`.
    pub code: String,
    /// For people; holds no secret and no address.
    pub detail: String,
}

/// What a provider answers to an enquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnquiryOutcome {
    /// It has the message.
    Found {
        /// The provider's id of it.
        provider_message_id: Option<String>,
    },
    /// It does not have it.
    NotFound,
    /// It did not answer.
    Unclear(SendFailure),
}

/// What came back from a provider, in one vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// A delivery receipt.
    Receipt {
        /// Which attempt, if the provider echoed it.
        echo: Option<Echo>,
        /// The provider's id of the message.
        provider_message_id: Option<String>,
        /// What happened.
        status: DeliveryStatus,
        /// The provider's reason code.
        reason_code: Option<String>,
        /// Whether it failed because the recipient has told the provider that they want no more.
        opted_out: bool,
        /// When, by the provider's clock.
        at: Option<Timestamp>,
    },
    /// A message from the customer.
    Reply {
        /// The provider's id of the customer's message: repeats carry the same.
        id: String,
        /// Which of our messages it answers, if the provider says so; it always does where there is no address.
        in_reply_to: Option<ReplyTarget>,
        /// The channel.
        channel: Channel,
        /// The customer's address, if the provider tells it.
        from: Option<Address>,
        /// The content.
        body: Body,
        /// When, by the provider's clock.
        at: Option<Timestamp>,
    },
}

/// Which message a reply answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyTarget {
    /// By our own echo.
    Echo(Echo),
    /// By the provider's id of our message.
    ProviderMessage(String),
}

/// A provider's call of our callback address, as it came.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The full URL that the provider called, query included: some signatures cover it.
    pub url: String,
    /// `GET` (Meta's verification) or `POST`.
    pub method: String,
    /// Header names in lower case, and values.
    pub headers: BTreeMap<String, String>,
    /// The raw body: signatures cover its bytes.
    pub body: bytes::Bytes,
}

/// What to do about a callback.
#[derive(Clone, Debug, PartialEq)]
pub enum CallbackOutcome {
    /// Genuine; these things happened.
    Events(Vec<Inbound>),
    /// A verification handshake: answer 200 with this text.
    Challenge(String),
}

/// Why a callback is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The signature is missing or wrong.
    #[error("the signature is missing or wrong")]
    Signature,
    /// Not the provider's format.
    #[error("the callback is malformed: {0}")]
    Malformed(String),
    /// This kind of connector has no callbacks.
    #[error("this connector takes no callbacks")]
    Unsupported,
    /// It cannot be told now whether it is genuine: the provider is to call again.
    #[error("the callback cannot be checked now: {0}")]
    Unavailable(String),
}

/// The kinds of connectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectorKind {
    /// Expertflow's channel connectors: CIM messages to a provider webhook.
    Ccm,
    /// Twilio's Messages API: SMS and WhatsApp.
    Twilio,
    /// Meta's WhatsApp Cloud API.
    WhatsappCloud,
    /// E-mail by SMTP.
    Smtp,
    /// SMS by AWS End User Messaging.
    AwsSms,
    /// WhatsApp by AWS End User Messaging Social.
    AwsWhatsapp,
    /// E-mail by Amazon SES.
    AwsSes,
    /// Calls by Amazon Connect.
    AmazonConnect,
}

impl ConnectorKind {
    /// Whether its provider reports by callbacks in a format of its own.
    pub const fn has_callbacks(self) -> bool {
        !matches!(self, Self::Ccm | Self::Smtp)
    }
}

/// A connector's configuration, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorConfig {
    /// Its id.
    pub id: ConnectorId,
    /// Its kind.
    pub kind: ConnectorKind,
    /// The channels it serves.
    pub channels: Vec<Channel>,
    /// Settings by name; which there are depends on the kind.
    pub settings: BTreeMap<String, String>,
    /// Most messages per second, over all workers.
    pub rate_per_second: u32,
    /// Most requests under way at once, per worker.
    pub concurrency: u32,
}

/// A wrong setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting `{setting}` {problem}")]
pub struct SettingError {
    /// Which setting or secret.
    pub setting: String,
    /// What is wrong with it, as the end of a sentence.
    pub problem: String,
}

/// One configured connector.
#[async_trait]
pub trait Connector: Send + Sync {
    /// What may be done after an unclear attempt.
    fn repeat(&self) -> Repeat;

    /// The longest that one request can be under way.
    fn timeout(&self) -> Millis;

    /// Whether its callbacks may name a message by the provider's id alone, so that the id has to be kept.
    fn names_by_provider_id(&self) -> bool {
        true
    }

    /// Makes one attempt. Returns within [`Connector::timeout`].
    async fn send(&self, request: &SendRequest) -> SendOutcome;

    /// Asks the provider about an attempt; only with [`Repeat::AfterEnquiry`].
    async fn enquire(&self, request: &SendRequest) -> EnquiryOutcome;

    /// Checks a callback's signature and reads it. A provider may have to be asked for the key of its
    /// signatures, or to be answered by a call of its own.
    async fn read_callback(&self, callback: &Callback) -> Result<CallbackOutcome, CallbackError>;
}

/// Makes connectors from their configuration.
pub trait ConnectorFactory: Send + Sync {
    /// Names of settings and of secrets that a kind takes are documented with the kind.
    fn build(
        &self,
        config: &ConnectorConfig,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError>;

    /// The secrets that a kind needs.
    fn secret_names(&self, kind: ConnectorKind) -> &'static [&'static str];
}
