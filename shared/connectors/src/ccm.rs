//! `ccm`: Expertflow's channel connectors.
//!
//! A CIM message is POSTed as JSON to the provider webhook of a service identifier, as Expertflow's
//! Customer Channel Manager does it. Receipts and replies do not come back here but through
//! `/v1/cim-messages`, so this kind takes no callbacks.
//!
//! Idempotency: every repetition of an attempt carries the same CIM message `id` and the same
//! `Idempotency-Key` header. **Assumption:** the receiver drops a repetition by either of them. Where
//! it does not, set `honoursIdempotencyKey` to `false`; an unclear attempt is then never repeated.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `webhookUrl` | the provider webhook; private addresses are allowed, CCM runs inside | required |
//! | `serviceIdentifier` | the company's address, for messages that name none | |
//! | `honoursIdempotencyKey` | whether an unclear attempt may be repeated | `true` |
//! | `timeoutMs` | how long one request may take; a slow connect counts as unclear below 5000 | `15000` |
//!
//! | secret | meaning |
//! |---|---|
//! | `token` | optional; sent as `Authorization: Bearer` |
//!
//! A VOICE body is a call: it goes out with `callId`, the activity's id, and `leg`, `<callId>:<attempt>`.
//! The dialer reports by delivery notifications (`DELIVERED` = pending dialing, `CONNECTED`, `FAILED` with
//! the reason code) or by the call's legs (VOICE messages under `CALL_LEG_STARTED`, `CALL_LEG_ENDED`). How
//! the call is to be paced stands in `schedulingMetaData.dialing`; where `schedulingMetaData.paced` is true, the
//! product has paced it, and it is to be dialed at once: for the agent of `assignTo`, if one is kept for it.
//!
//! `abandonedMessage` is what the dialer is to say to a customer who has answered and for whom no agent is there
//! in time. A wish to be called no more, by key or word, comes back as the customer's answer: a message with an
//! opt-out word.
//!
//! A message of a request that was traced carries `X-Amzn-Trace-Id` with its trace.
//!
//! Source: `expertflow/object-model` (class `CimMessage`) for the message. The answer has no
//! published form: any 2xx accepts, and a top-level `providerMessageId` is read if there is one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::channel::Channel;
use domain::cim::{ChannelData, Message};
use domain::time::Millis;
use domain::trace::TRACE_HEADER;
use http::StatusCode;
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, EnquiryOutcome, Repeat,
    SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use serde::Deserialize;
use url::Url;

use crate::http::{Caller, Verdict, failure, status_failure};
use crate::settings::Settings;

/// The secrets that this kind takes.
pub(crate) const SECRETS: &[&str] = &["token"];

const SETTINGS: &[&str] = &[
    "webhookUrl",
    "serviceIdentifier",
    "honoursIdempotencyKey",
    "timeoutMs",
];

struct Ccm {
    webhook: Url,
    service_identifier: Option<String>,
    repeat: Repeat,
    token: Option<Secret>,
    caller: Caller,
}

/// Makes a connector of this kind.
pub(crate) fn build(
    client: reqwest::Client,
    config: &ConnectorConfig,
    secrets: &BTreeMap<String, Secret>,
) -> Result<Arc<dyn Connector>, SettingError> {
    let settings = Settings::new(config, secrets, &Channel::ALL, SETTINGS)?;
    let repeat = if settings.flag("honoursIdempotencyKey", true)? {
        Repeat::WithSameKey
    } else {
        Repeat::Never
    };
    Ok(Arc::new(Ccm {
        webhook: settings.url("webhookUrl")?,
        service_identifier: settings.optional("serviceIdentifier").map(Into::into),
        repeat,
        token: settings.optional_secret("token"),
        caller: Caller::new(client, settings.concurrency(), settings.timeout()?),
    }))
}

/// The part of an answer that is read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    #[serde(default)]
    provider_message_id: Option<String>,
}

impl Ccm {
    /// The message, with the addresses filled in where the header lacks them, and a call's names.
    fn message<'a>(&self, request: &'a SendRequest) -> Cow<'a, Message> {
        let addressed = self.addressed(request);
        if addressed.body.kind() != "VOICE" {
            return addressed;
        }
        let mut message = addressed.into_owned();
        let (call, attempt) = (&request.activity, request.attempt);
        message.body.set("callId", call.as_str());
        message.body.set("leg", format!("{call}:{attempt}"));
        Cow::Owned(message)
    }

    fn addressed<'a>(&self, request: &'a SendRequest) -> Cow<'a, Message> {
        let service = request
            .service_identifier
            .as_ref()
            .or(self.service_identifier.as_ref());
        match &request.message.header.channel_data {
            Some(data) if data.service_identifier.is_some() || service.is_none() => {
                return Cow::Borrowed(&request.message);
            }
            _ => {}
        }
        let mut message = request.message.clone();
        let data = message.header.channel_data.get_or_insert_with(|| ChannelData {
            channel_customer_identifier: request.to.as_str().into(),
            service_identifier: None,
            rest: serde_json::Map::new(),
        });
        data.service_identifier = service.cloned();
        Cow::Owned(message)
    }
}

#[async_trait]
impl Connector for Ccm {
    fn repeat(&self) -> Repeat {
        self.repeat
    }

    fn timeout(&self) -> Millis {
        self.caller.longest()
    }

    fn names_by_provider_id(&self) -> bool {
        false
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        let mut call = self
            .caller
            .client()
            .post(self.webhook.clone())
            .header("idempotency-key", &request.idempotency_key)
            .json(self.message(request).as_ref());
        if let Some(token) = &self.token {
            call = call.bearer_auth(token.expose());
        }
        if let Some(trace) = &request.trace {
            call = call.header(TRACE_HEADER, trace.header());
        }
        let answer = match self.caller.call(call).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        if answer.status.is_success() {
            let accepted: Accepted = serde_json::from_slice(&answer.body).unwrap_or_default();
            return SendOutcome::Accepted {
                provider_message_id: accepted.provider_message_id,
            };
        }
        let verdict = match answer.status {
            // A receiver that knows the key says by it that the first request is still in its hands.
            StatusCode::CONFLICT if self.repeat == Repeat::WithSameKey => Verdict::Unclear,
            status => Verdict::of(status),
        };
        answer.judged(verdict, status_failure(answer.status))
    }

    async fn enquire(&self, _request: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(failure("unsupported", "channel connectors cannot be asked"))
    }

    async fn read_callback(&self, _callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        Err(CallbackError::Unsupported)
    }
}
