//! An SNS topic on loopback: its certificate, and messages with genuine signatures.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::connector::{Callback, CallbackError, CallbackOutcome, Connector, Inbound};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const ARN: &str = "arn:aws:sns:eu-west-1:123456789012:receipts";
pub(crate) const CERTIFICATE: &str = "/SimpleNotificationService-0123456789abcdef.pem";

/// A key of these tests alone; `ring` makes no RSA keys.
const KEY: &[u8] = include_bytes!("sns_key.der");

/// What SNS signs, in the order in which it does.
const SIGNED: [&str; 8] = [
    "Message",
    "MessageId",
    "Subject",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
];

/// A topic, and its SNS.
pub(crate) struct Topic {
    pub(crate) server: MockServer,
}

impl Topic {
    /// Serves a valid certificate.
    pub(crate) async fn new() -> Self {
        let topic = Self::without_certificate().await;
        topic.serve(CERTIFICATE, &certificate(4096)).await;
        topic
    }

    pub(crate) async fn without_certificate() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) async fn serve(&self, at: &str, body: &str) {
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(ResponseTemplate::new(200).set_body_string(body))
            .mount(&self.server)
            .await;
    }

    /// A genuine notification with this message.
    pub(crate) fn notification(&self, message: &str) -> Value {
        self.signed(json!({
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": ARN,
            "Subject": "Amazon SES Email Event Notification",
            "Message": message,
            "Timestamp": "2026-11-24T11:59:00.123Z",
        }))
    }

    /// Signs a message by version 2.
    pub(crate) fn signed(&self, mut envelope: Value) -> Value {
        let line = |name: &&str| Some(format!("{name}\n{}\n", envelope.get(*name)?.as_str()?));
        let text: String = SIGNED.iter().filter_map(line).collect();
        let key = RsaKeyPair::from_pkcs8(KEY).unwrap();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text.as_bytes(),
            &mut signature,
        )
        .unwrap();
        envelope["SignatureVersion"] = "2".into();
        envelope["Signature"] = STANDARD.encode(signature).into();
        envelope["SigningCertURL"] = format!("{}{CERTIFICATE}", self.server.uri()).into();
        envelope
    }

    /// The paths and queries that were asked for.
    pub(crate) async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests
            .iter()
            .map(|request| {
                let url = &request.url;
                url.as_str()[url.origin().ascii_serialization().len()..].to_owned()
            })
            .collect()
    }
}

/// A certificate with the tests' key that is valid until the beginning of a year.
pub(crate) fn certificate(until: i32) -> String {
    let key = PrivatePkcs8KeyDer::from(KEY);
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_RSA_SHA256).unwrap();
    let mut parameters = CertificateParams::new(["sns.amazonaws.com".to_owned()]).unwrap();
    parameters.not_after = date_time_ymd(until, 1, 1);
    parameters.self_signed(&key).unwrap().pem()
}

/// The call by which SNS brings a message.
pub(crate) fn call(envelope: &Value) -> Callback {
    Callback {
        url: "https://campaigns.example.com/v1/callbacks/ten_1/cnn_1".into(),
        method: "POST".into(),
        headers: BTreeMap::from([("content-type".into(), "text/plain; charset=UTF-8".into())]),
        body: envelope.to_string().into(),
    }
}

/// Brings a message.
pub(crate) async fn bring(
    connector: &dyn Connector,
    envelope: &Value,
) -> Result<Vec<Inbound>, CallbackError> {
    match connector.read_callback(&call(envelope)).await? {
        CallbackOutcome::Events(events) => Ok(events),
        CallbackOutcome::Challenge(text) => panic!("{text}"),
    }
}
