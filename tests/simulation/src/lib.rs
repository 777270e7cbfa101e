//! The seeded simulation: the real use cases on the memory platform, under a virtual clock and the
//! worst legal behaviour of everything around them, with invariants checked after every run.
//!
//! A run is a chaotic part, in which clients schedule, change, cancel, pause, resume, stop and opt
//! out while messages are lost and processes die; and a calm part, in which nothing goes wrong any
//! more and everything has to come to its end. The same seed gives the same run.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the whole crate is a test: what does not hold is to stop it"
)]

pub mod clients;
pub mod endpoint;
pub mod event_sources;
pub mod floor;
pub mod invariants;
pub mod parallel;
pub mod plants;
pub mod processes;
pub mod provider;
pub mod run;
pub mod scenario;
pub mod sweeping;

pub use plants::Plant;
pub use run::{Report, run};
