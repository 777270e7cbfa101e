//! The centre as a whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod conservation;
mod erlang;
mod harness;
mod literal;
mod recount;
