//! The engine as a centre sees it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod lines;
mod promises;
mod readme;
mod recipes;
mod reserved;
