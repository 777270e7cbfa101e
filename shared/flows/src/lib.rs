//! Conversation flows: what a campaign does with one customer, step by step.
//!
//! A flow is a JSON document (see [`schema`]) of nodes whose named outcomes are wired to other nodes.
//! [`validate`] turns it into a [`Flow`] or tells every problem in it at once. A [`Conversation`] is
//! one customer walking one published version; [`step`] is its only motor:
//! `(flow, conversation, event, now) -> (conversation, effects)`.
//!
//! Pure: no I/O, no clock, no randomness. The same inputs give the same bits on every machine, so a
//! recorded conversation can be replayed and [`explain`]ed.

pub mod conversation;
mod document;
pub mod effect;
mod explain;
pub mod expression;
mod flow;
mod limits;
mod names;
mod nodes;
mod record;
mod scope;
mod span;
mod step;
mod template;
mod validate;
mod visit;

pub use conversation::{Conversation, event::Event};
pub use document::{SCHEMA, schema};
pub use effect::{Effect, Priority, Schedule};
pub use explain::explain;
pub use flow::{EventName, Flow, Label, NameError, NodeId, Outcome, VariableName};
pub use limits::*;
pub use span::{Span, SpanError};
pub use step::{Step, StepError, hold, release, step};
pub use validate::{Declarations, Problem, validate};
