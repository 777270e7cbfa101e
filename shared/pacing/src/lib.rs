//! Pacing: how many calls to start now, and which agents to seize for outbound.
//!
//! [`decide`] is a state machine: it takes what happened in a contact centre, line by line, and answers
//! what is asked. Pure: time comes with each line, there is no randomness, and all arithmetic goes through
//! `libm`, so that a recorded run can be replayed to the bit on any machine.

mod budget;
mod engine;
pub mod formula;
pub mod group;
mod inbound;
mod learn;
mod model;
mod modes;
mod pairs;
mod plan;
mod predictive;
pub mod protocol;
mod seize;
mod surplus;
pub mod trial;

pub use budget::{Limit, Window};
pub use engine::{Engine, State, decide};
pub use plan::{Mode, Plan};

/// Takes one line in, as [`decide`] does; with the answer, why a formula had no value.
pub fn decide_and_tell(
    plan: &Plan,
    state: &mut State,
    line: &protocol::Line,
) -> Option<(protocol::Answer, Option<String>)> {
    let (answer, failed) = engine::attempt(plan, state, line)?;
    Some((answer, failed.map(|error| error.to_string())))
}
