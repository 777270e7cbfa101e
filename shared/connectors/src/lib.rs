//! Channel connectors: the providers' protocols behind the ports of `platform`, and a simulator of
//! the providers.
//!
//! One module per kind of connector; [`Factory`] is the only place that lists them. To add a kind:
//! write its module, add its variant to `ConnectorKind`, and its line to the factory.
//!
//! What all of them keep to:
//!
//! - A request that surely was not taken is [`Deferred`](platform::connector::SendOutcome::Deferred):
//!   no connection could be made, or the provider said 408, 425, 429 or 503.
//! - A request that may have been taken is [`Unclear`](platform::connector::SendOutcome::Unclear):
//!   the answer did not come in time, the connection broke after it stood, or the provider answered
//!   with another 5xx. Nothing is ever repeated inside a connector.
//! - Answers are read up to a bound, and no address and no secret gets into a failure's text.
//! - At most `concurrency` requests of a connector are under way at once. Its rate is leased by the
//!   application before it calls.

pub mod amazon_connect;
pub mod aws;
pub mod aws_ses;
pub mod aws_sms;
pub mod aws_whatsapp;
pub mod ccm;
mod factory;
mod http;
mod refusal;
mod settings;
pub mod simulator;
pub mod smtp;
mod tls;
mod turns;
pub mod twilio;
pub mod web;
pub mod whatsapp_cloud;

pub use factory::Factory;
pub use http::{ClientError, client as http_client};
