//! Messages of SNS topics: which are believed, and how subscriptions are confirmed.
//!
//! A message counts when its topic is configured and its signature fits the key of a certificate that
//! SNS itself serves by HTTPS. The certificate's address in the message is followed only to SNS in the
//! topic's region. Repeats are harmless: receipts are folded, and replies carry ids.
//!
//! Sources: Amazon SNS developer guide, "Verifying the signatures of Amazon SNS messages",
//! "HTTP/HTTPS subscription confirmation JSON format", "HTTP/HTTPS notification JSON format".

mod certificates;
mod envelope;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::connector::{Callback, CallbackError, CallbackOutcome, Inbound, SettingError};
use platform::world::Clock;
use reqwest::{Client, StatusCode};
use tokio::time::Instant;
use url::Url;

use self::certificates::Certificates;
use self::envelope::{Envelope, Kind};
use super::credentials::Surroundings;
use super::{domain, is_region, seconds};
use crate::http::{cause, read_body};
use crate::settings::Settings;

/// The longest that a call of SNS may take, and the longest wait for one's turn. SNS itself waits 15 s for
/// the callback's answer.
const WITHIN: Duration = Duration::from_secs(5);
/// The longest answer that is read: certificates have some 2 KB.
const MAX_ANSWER: usize = 32 * 1024;
/// Most topics of a connector.
const MAX_TOPICS: usize = 8;

/// A topic, and where its SNS is.
struct Topic {
    arn: String,
    sns: Url,
}

/// The topics that a connector believes.
pub(crate) struct Topics {
    topics: Vec<Topic>,
    certificates: Certificates,
    web: Web,
    clock: Arc<dyn Clock>,
}

impl Topics {
    /// Reads `topicArns` and `snsUrl`.
    pub(crate) fn new(
        client: Client,
        settings: &Settings<'_>,
        surroundings: &Surroundings,
    ) -> Result<Self, SettingError> {
        let arns = settings.optional("topicArns").unwrap_or_default();
        let arns = arns.split(',').map(str::trim).filter(|arn| !arn.is_empty());
        let topics: Vec<_> = arns.map(|arn| topic(arn, settings)).collect::<Result<_, _>>()?;
        if topics.len() > MAX_TOPICS {
            return Err(Settings::problem(
                "topicArns",
                format!("may name at most {MAX_TOPICS} topics"),
            ));
        }
        Ok(Self {
            topics,
            certificates: Certificates::default(),
            web: Web(client),
            clock: surroundings.clock.clone(),
        })
    }

    /// Takes a call of SNS in. `read` tells what a topic's message says; `None` when it is none of the
    /// service's events, as the text by which SES tries a topic out.
    pub(crate) async fn take(
        &self,
        callback: &Callback,
        read: impl Fn(&str) -> Option<Vec<Inbound>> + Send,
    ) -> Result<CallbackOutcome, CallbackError> {
        if self.topics.is_empty() {
            return Err(CallbackError::Unsupported);
        }
        let envelope: Envelope = serde_json::from_slice(&callback.body)
            .map_err(|error| CallbackError::Malformed(error.to_string()))?;
        let topic = self
            .topics
            .iter()
            .find(|topic| topic.arn == envelope.topic_arn)
            .ok_or(CallbackError::Signature)?;
        let certificate = topic.certificate(&envelope).ok_or(CallbackError::Signature)?;
        let key = self.certificates.get(&certificate, &self.web).await?;
        if !key.verifies(&envelope, seconds(self.clock.now())) {
            return Err(CallbackError::Signature);
        }
        let events = match envelope.kind {
            Kind::Notification => read(&envelope.message).unwrap_or_else(|| {
                tracing::info!(
                    message = envelope.message_id,
                    "a message of the topic is no event of the service"
                );
                Vec::new()
            }),
            Kind::SubscriptionConfirmation => {
                let url = topic
                    .confirmation(&envelope)
                    .ok_or_else(|| CallbackError::Malformed("the SubscribeURL leads elsewhere".into()))?;
                self.web.get(url).await?;
                tracing::info!(topic = topic.arn, "the subscription is confirmed");
                Vec::new()
            }
            Kind::UnsubscribeConfirmation => {
                tracing::warn!(
                    topic = topic.arn,
                    "the subscription has ended: no more receipts come"
                );
                Vec::new()
            }
        };
        Ok(CallbackOutcome::Events(events))
    }
}

/// Reads `arn:partition:sns:region:account:name`.
fn topic(arn: &str, settings: &Settings<'_>) -> Result<Topic, SettingError> {
    let parts: Vec<_> = arn.split(':').collect();
    let region = match parts.as_slice() {
        ["arn", _, "sns", region, account, name]
            if is_region(region)
                && !name.is_empty()
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit()) =>
        {
            region
        }
        _ => {
            let problem = "must hold ARNs of SNS topics, such as arn:aws:sns:eu-west-1:123456789012:receipts";
            return Err(Settings::problem("topicArns", problem));
        }
    };
    Ok(Topic {
        arn: arn.into(),
        sns: settings.url_or("snsUrl", &format!("https://sns.{region}.{}", domain(region)))?,
    })
}

impl Topic {
    /// An address at this topic's SNS, and nowhere else.
    fn address(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (bare && url.origin() == self.sns.origin()).then_some(url)
    }

    /// The certificate's address. Of SNS only the certificates themselves will do: its other answers may
    /// hold what a stranger wrote.
    fn certificate(&self, envelope: &Envelope) -> Option<Url> {
        let url = self.address(&envelope.signing_cert_url)?;
        let name = url.path_segments()?.next_back()?;
        let fits = name.starts_with("SimpleNotificationService-") && name.ends_with(".pem");
        (fits && url.query().is_none()).then_some(url)
    }

    /// The address that confirms the subscription to this topic, and does nothing else.
    fn confirmation(&self, envelope: &Envelope) -> Option<Url> {
        let url = self.address(envelope.subscribe_url.as_deref()?)?;
        let says = |name: &str, value: &str| {
            let mut values = url.query_pairs().filter(|(key, _)| key == name);
            values.next().is_some_and(|(_, given)| given == value) && values.next().is_none()
        };
        let fits = says("Action", "ConfirmSubscription")
            && says("TopicArn", &self.arn)
            && says("Token", envelope.token.as_deref()?);
        fits.then_some(url)
    }
}

/// Calls of SNS.
struct Web(Client);

impl Web {
    /// The body of a successful answer. What SNS refuses will not be granted when it calls again.
    async fn get(&self, url: Url) -> Result<Bytes, CallbackError> {
        let deadline = Instant::now() + WITHIN;
        let unavailable = |why: String| CallbackError::Unavailable(format!("SNS did not answer: {why}"));
        let response = match tokio::time::timeout_at(deadline, self.0.get(url).send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(unavailable(cause(&error))),
            Err(_) => return Err(unavailable("it took too long".into())),
        };
        match response.status() {
            status if status.is_success() => Ok(read_body(response, MAX_ANSWER, deadline).await),
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Err(CallbackError::Malformed(format!("SNS answered {status}")))
            }
            status => Err(unavailable(format!("it answered {status}"))),
        }
    }
}

#[cfg(test)]
mod tests;
