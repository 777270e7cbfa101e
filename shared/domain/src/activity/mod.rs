//! Scheduled activities: their states, claims, results and receipts.

pub mod receipt;
pub mod state;
