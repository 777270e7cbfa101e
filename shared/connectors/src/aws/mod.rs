//! What the connectors of AWS's services share: credentials, signed calls, errors, and the events that
//! come back by SNS.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `region` | the service's region, such as `eu-west-1` | required |
//! | `topicArns` | the SNS topics whose messages are believed, separated by commas | none: no callbacks |
//! | `baseUrl` | where the service is, for emulators and private endpoints; only with `accessKeyId` | the region's endpoint |
//! | `snsUrl` | where SNS is, for emulators | `https://sns.` and the topic's region |
//! | `timeoutMs` | how long one request may take | `15000` |
//!
//! | secret | meaning |
//! |---|---|
//! | `accessKeyId`, `secretAccessKey` | sign the requests; without them the machine's credentials do, if the [`Factory`](crate::Factory) was given some |
//! | `sessionToken` | of temporary credentials |
//!
//! The events' way back: an event destination of the service publishes to an SNS topic of the signature
//! version 1 or 2, to which this connector's callback address is subscribed by HTTPS, without raw
//! delivery. The subscription confirms itself.
//!
//! The messaging services take no client token (no such member in the service models of `SendTextMessage`,
//! `SendWhatsAppMessage` and `SendEmail`), and cannot be asked for a message by anything of ours: an
//! unclear attempt is never repeated. Amazon Connect takes one: see [`crate::amazon_connect`].

mod credentials;
mod errors;
mod service;
mod signing;
mod sns;

pub(crate) use credentials::Surroundings;
pub use credentials::from_environment;
pub(crate) use errors::outcome;
pub(crate) use service::{Endpoint, Service, Verb};
pub(crate) use sns::Topics;

/// The secrets that these kinds take.
pub(crate) const SECRETS: &[&str] = &["accessKeyId", "secretAccessKey", "sessionToken"];

/// The end of the names of AWS's hosts in a region.
fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// Whether a text can be a region: it becomes part of host names.
fn is_region(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

/// Seconds since the epoch, as certificates and signatures count.
fn seconds(at: domain::time::Timestamp) -> i64 {
    at.millis().div_euclid(1_000)
}
