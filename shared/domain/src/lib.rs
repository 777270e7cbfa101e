//! The rules of the outbound contact centre.
//!
//! Pure: no I/O, no async, no clock and no randomness of its own. Time, random bits and ids are
//! arguments; the same inputs give the same outputs on every machine. Every decision that the
//! product takes about a customer is a function in this crate.

pub mod activity;
pub mod address;
pub mod agent;
pub mod campaign;
pub mod channel;
pub mod cim;
pub mod id;
pub mod json_text;
pub mod log;
pub mod time;
pub mod timer;
pub mod trace;
pub mod voice;
pub mod webhook;
pub mod zone;
