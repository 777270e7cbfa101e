//! A message of a topic, as SNS writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
};
use serde::Deserialize;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// A message. Texts stay as they came: the signature covers them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Envelope {
    #[serde(rename = "Type")]
    pub(super) kind: Kind,
    pub(super) message_id: String,
    pub(super) topic_arn: String,
    pub(super) message: String,
    timestamp: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    pub(super) token: Option<String>,
    #[serde(default, rename = "SubscribeURL")]
    pub(super) subscribe_url: Option<String>,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    pub(super) signing_cert_url: String,
}

impl Envelope {
    /// The text that is signed: names and values in the order of the names, a line each.
    pub(super) fn signed_text(&self) -> String {
        let subject = self.subject.as_deref().map(|subject| ("Subject", subject));
        let subscribe = self.subscribe_url.as_deref().map(|url| ("SubscribeURL", url));
        let token = self.token.as_deref().map(|token| ("Token", token));
        let (subject, subscribe, token) = match self.kind {
            Kind::Notification => (subject, None, None),
            Kind::SubscriptionConfirmation | Kind::UnsubscribeConfirmation => (None, subscribe, token),
        };
        let fields = [
            Some(("Message", self.message.as_str())),
            Some(("MessageId", &self.message_id)),
            subject,
            subscribe,
            Some(("Timestamp", &self.timestamp)),
            token,
            Some(("TopicArn", &self.topic_arn)),
            Some(("Type", self.kind.name())),
        ];
        let lines = fields.into_iter().flatten();
        lines.map(|(name, value)| format!("{name}\n{value}\n")).collect()
    }

    /// The signature and its algorithm, by `SignatureVersion`.
    pub(super) fn signature(&self) -> Option<(&'static RsaParameters, Vec<u8>)> {
        let algorithm = match self.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return None,
        };
        Some((algorithm, STANDARD.decode(&self.signature).ok()?))
    }
}
