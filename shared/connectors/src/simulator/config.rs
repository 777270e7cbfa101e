//! What the simulator is told.

use std::collections::BTreeMap;

use domain::channel::Channel;
use domain::time::Millis;
use platform::secrets::Secret;
use url::Url;

use super::floor::FloorConfig;
use super::telephony::CallScript;

/// The simulator's configuration.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// Decides, with an attempt's key, all that happens to the attempt.
    pub seed: u64,
    /// What happens on each channel; [`Script::default`] on the others.
    pub scripts: BTreeMap<Channel, Script>,
    /// How many simulated seconds pass in a real one between an answer and what comes back. Latencies
    /// of answers are real time.
    pub time_scale: f64,
    /// Where receipts and replies go. Often known only later: [`super::Simulator::report_to`].
    pub targets: Targets,
    /// The contact centre that takes answered calls. Without one, whoever answers is connected at once.
    pub floor: Option<FloorConfig>,
    /// Receipts and replies under way at once.
    pub concurrent_calls: usize,
    /// How many of the latest raw requests are kept whole. Every attempt is counted, at some 50 bytes.
    pub remembered_requests: usize,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            scripts: BTreeMap::new(),
            time_scale: 1.0,
            targets: Targets::default(),
            floor: None,
            concurrent_calls: 64,
            remembered_requests: 10_000,
        }
    }
}

impl SimulatorConfig {
    /// The same script on every channel.
    pub fn with_script(mut self, script: Script) -> Self {
        for channel in Channel::ALL {
            self.scripts.insert(channel, script.clone());
        }
        self
    }

    /// Sets the default script where there is none.
    pub(super) fn complete(mut self) -> Self {
        for channel in Channel::ALL {
            self.scripts.entry(channel).or_default();
        }
        self
    }
}

/// Where receipts and replies go. What has no target is not sent.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// The product's `/v1/cim-messages`.
    pub cim_messages: Option<Url>,
    /// What the product's `/v1` stands below: for agent events and previews.
    pub api: Option<Url>,
    /// The API key for both, sent as `Authorization: Bearer`.
    pub api_key: Option<Secret>,
    /// Twilio's auth token: signs callbacks, and is asked of requests. Status callbacks go to the URL
    /// that each message names.
    pub twilio_auth_token: Option<Secret>,
    /// Where Twilio's inbound messages go.
    pub twilio_inbound: Option<Url>,
    /// Meta's webhook, for statuses and messages.
    pub meta_webhook: Option<Url>,
    /// Meta's app secret: signs callbacks.
    pub meta_app_secret: Option<Secret>,
}

impl Targets {
    /// The headers of a JSON request to the product's API.
    pub(super) fn api_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(key) = &self.api_key {
            headers.push(("authorization", format!("Bearer {}", key.expose())));
        }
        headers
    }
}

/// A range of durations, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub from: Millis,
    /// The longest.
    pub to: Millis,
}

impl Span {
    /// From milliseconds.
    pub const fn millis(from: u64, to: u64) -> Self {
        Self {
            from: Millis::new(from),
            to: Millis::new(to),
        }
    }
}

/// What happens on a channel. Shares lie between 0 and 1.
///
/// Of all attempts, `reject`, `defer` and `lose_answer` exclude each other. Of those taken, `failed`
/// and `delivered` exclude each other; the rest gets no receipt at all. `read` and `reply` are shares
/// of the delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// How long an answer takes.
    pub latency: Span,
    /// Share refused for good.
    pub reject: f64,
    /// Share answered with 429 and `Retry-After`.
    pub defer: f64,
    /// What `Retry-After` says, rounded up to seconds.
    pub retry_after: Millis,
    /// Share taken, but the connection is closed instead of an answer.
    pub lose_answer: f64,
    /// Share that fails later.
    pub failed: f64,
    /// When, after the answer.
    pub failed_after: Span,
    /// Share delivered.
    pub delivered: f64,
    /// When, after the answer.
    pub delivered_after: Span,
    /// Share read.
    pub read: f64,
    /// When, after the delivery.
    pub read_after: Span,
    /// Share answered by the customer.
    pub reply: f64,
    /// When, after the delivery, or after the reading if there is one.
    pub reply_after: Span,
    /// What customers answer, by weight.
    pub replies: Vec<(u32, String)>,
    /// Share of receipts and replies that come twice.
    pub repeated: f64,
    /// How much later they come again.
    pub repeated_after: Span,
    /// Share of attempts whose READ comes before their DELIVERED.
    pub out_of_order: f64,
    /// What happens to calls: VOICE bodies on the voice channel have these reports instead of the above.
    pub calls: CallScript,
}

impl Default for Script {
    /// Takes everything, delivers it at once, and nobody reads or answers.
    fn default() -> Self {
        Self {
            latency: Span::default(),
            reject: 0.0,
            defer: 0.0,
            retry_after: Millis::seconds(1),
            lose_answer: 0.0,
            failed: 0.0,
            failed_after: Span::default(),
            delivered: 1.0,
            delivered_after: Span::default(),
            read: 0.0,
            read_after: Span::default(),
            reply: 0.0,
            reply_after: Span::default(),
            replies: vec![(9, "Yes, please".into()), (1, "STOP".into())],
            repeated: 0.0,
            repeated_after: Span::default(),
            out_of_order: 0.0,
            calls: CallScript::default(),
        }
    }
}
