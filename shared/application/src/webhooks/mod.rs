//! Webhooks: endpoints are told what happens, each event once by its id, until they take it.
//!
//! ```text
//! change -> events -> POST at once -> a delivery per endpoint, written once as settled
//!                  -> or as pending -> message -> POST -> settled
//!                  -> the event bus
//! ```
//!
//! Told are the registered endpoints whose filter lets the event pass, the `callbackUrl` of the
//! event's activity, and the tenant's CX Activities endpoint, all by the same machinery. An
//! endpoint's own change (it was disabled, it recovered) is an event like any other.

mod cim;
mod consume;
mod deliver;
mod deliveries;
mod endpoint;
mod first;
mod model;
mod registry;
mod signing;
mod slots;
mod targets;

pub use consume::{BusDetail, consume, consume_of_batch};
pub use deliver::{Outcome, deliver};
pub use deliveries::{delivery, list_deliveries, redeliver, test};
pub use model::{Definition, MAX_WEBHOOKS, Webhook, WebhookEvent, WebhookState, event_filter};
pub use registry::{Created, Revision, change, create, delete, get, list, page, rotate_secret};
pub use signing::{RETIRED_FOR, Signing, rotate_callback_secret};
pub use slots::{FIRST_AT_ONCE, MAX_AT_ONCE, Slots, WORKER_AT_ONCE};
pub use targets::{MAX_BODY, callback_endpoint, cx_activities_endpoint};
