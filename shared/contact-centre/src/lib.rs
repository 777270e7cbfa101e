//! A contact centre in virtual time, against which pacing is measured.
//!
//! Agents come and go, talk and wrap up; calls ring, are busy, go to machines; persons wait for an agent and
//! give up; inbound callers queue. A [`Scenario`] says how, a seed decides the rest: the same scenario, seed
//! and pacer give the same run to the bit. The centre speaks with a [`Pacer`] in the lines of
//! [`pacing::protocol`] and with nothing else, so that what is measured here is what any centre would see.
//!
//! [`simulate`] tells what really happened, as [`Fact`]s; [`Metrics`] are counted from them.

mod centre;
mod draw;
mod fact;
mod metrics;
mod pacers;
mod readings;
pub mod scenario;
mod series;
mod statistics;

pub use centre::{Unanswered, simulate};
pub use fact::{Ending, Fact, Party, Phase, Refusal};
pub use metrics::{Inbound, Metrics, Starvation};
pub use pacers::{AdaptiveLevel, Power, Progressive};
pub use pacing::protocol::Pacer;
pub use readings::{Announcement, BusyCount, Order, Readings};
pub use scenario::Scenario;
pub use series::{Sample, Series};
pub use statistics::{Summary, summarize};
