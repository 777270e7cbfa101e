//! What is expected of the next half minute: which agents get free, which calls get answered.

pub(crate) mod demand;
pub(crate) mod supply;

/// Moments looked at: each is where another eighth of the answers to a call dialed now lies.
pub(crate) const HORIZONS: usize = 8;

/// One value for each moment.
pub(crate) type Row = [f64; HORIZONS];
