//! The real program over HTTP, with the provider simulator at its other side.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: what does not hold is to stop it"
)]

mod kills;
mod process;
mod ten_steps;
