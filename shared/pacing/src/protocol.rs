//! The lines that a contact centre and a pacer exchange.
//!
//! A centre tells a pacer everything that happens, as one JSON object a line, and asks with some of
//! them: a line with the key `q` is answered by exactly one line, one without is not answered.
//!
//! ```json
//! {"ev":"start","t":0,"proto":1,"limit":0.03,"abandon_wait":2.0,"ring_max":22,"agents_max":10,
//!  "blended":false,"duration":21600,"max_lines_per_agent":12}
//! {"ev":"tick","t":1,"q":"dial","idle":3,"talk":0,"wrap":0,"inflight":4,"waiting":0}
//! ```
//!
//! What a line must have is required ([`Malformed`] says what is missing); keys and events that are
//! not known are ignored, so that either side may grow. A question that is not known is none to a pacer.

mod event;
mod id;
mod lenient;
mod wire;

pub use event::{AgentEvent, CallEvent, Event, InboundEvent, Start};
pub use id::Id;
pub use wire::{Asked, Malformed, PROTOCOL, Reply};

use serde::{Deserialize, Serialize};

/// What happened, when, and what is asked, if anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "wire::Wire", into = "wire::Wire")]
pub struct Line {
    /// Seconds since the run began.
    pub t: f64,
    /// What happened.
    pub event: Event,
    /// What is asked.
    pub question: Option<Question>,
    /// The numbers of agents and calls after the event. A centre gives them with every question.
    pub counts: Counts,
}

/// What a centre asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// How many calls to start now.
    Dial,
    /// Which side an agent is to serve.
    Seize,
}

/// Numbers of agents and calls. What is not given is what the pacer has counted itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Agents seized for outbound who are free.
    pub idle: Option<u32>,
    /// Agents who talk.
    pub talk: Option<u32>,
    /// Agents in wrap-up.
    pub wrap: Option<u32>,
    /// Calls dialed and without a verdict.
    pub inflight: Option<u32>,
    /// Live calls without an agent.
    pub waiting: Option<u32>,
    /// Agents of the inbound side who are free.
    pub idle_in: Option<u32>,
    /// Inbound callers who queue.
    pub in_queue: Option<u32>,
    /// Seconds that the oldest of them has waited.
    pub in_wait: Option<f64>,
    /// Contacts that may still be called.
    pub pending: Option<u32>,
}

/// The side that an agent serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// Seized: takes answered outbound calls.
    Outbound,
    /// Takes inbound calls.
    Inbound,
}

/// Why it is asked whether to seize an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The agent has just become free.
    Freed,
    /// An answered outbound call waits, and the agent is idle on the inbound side.
    OutboundWaiting,
    /// An inbound call arrived, and the agent is idle on the outbound side.
    InboundWaiting,
    /// A look at an idle agent, now and then.
    Review,
}

/// The answer to a question: `{"dial":3}` or `{"seize":true}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Calls to start now.
    Dial(u32),
    /// The side that the agent is to serve: true for outbound.
    #[serde(with = "wire::seized")]
    Seize(Pool),
}

/// Whoever answers the lines of a centre.
pub trait Pacer {
    /// Takes one line in; an answer for a question, none otherwise.
    fn tell(&mut self, line: &Line) -> Option<Answer>;
}

#[cfg(test)]
mod tests;
