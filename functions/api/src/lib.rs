//! The HTTP API: an axum router over the use cases.
//!
//! Handlers hold no rule: they turn a request into a use case's input and its outcome into an answer.
//! What all resources share stands in the modules beside [`resources`]: who calls ([`auth`]), problems
//! ([`problem`]), repeated writes ([`idempotency`]), versions ([`etag`]), pages ([`paging`]).

pub mod auth;
pub mod etag;
pub mod extract;
pub mod idempotency;
#[cfg(feature = "lambda")]
pub mod lambda;
mod objects;
pub mod openapi;
pub mod paging;
pub mod problem;
pub mod resources;
mod router;
mod schema;
pub mod state;
pub mod text;
pub mod trace;

pub use router::router;
pub use state::ApiState;
