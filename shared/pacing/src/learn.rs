//! What is learned from the run itself, and forgotten again.

pub(crate) mod bursts;
pub(crate) mod deviation;
pub(crate) mod grid;
pub(crate) mod hazard;
pub(crate) mod level;
