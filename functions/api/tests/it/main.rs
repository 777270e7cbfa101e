//! The API over the memory platform, request by request, in process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod access;
mod activities;
mod agents;
mod bad_input;
mod by_role;
mod callbacks;
mod campaigns;
mod conditions;
mod configuration;
mod contacts;
mod customers;
mod description;
mod failures;
mod fakes;
mod formulas;
#[cfg(feature = "lambda")]
mod gateway;
mod harness;
mod messages;
mod pacing;
mod repeats;
mod versions;
