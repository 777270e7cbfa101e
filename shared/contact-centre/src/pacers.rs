//! Pacers to compare with: what dialers do without a model.

mod adaptive;
mod ratio;

pub use adaptive::AdaptiveLevel;
pub use ratio::{Power, Progressive};

use pacing::protocol::{Counts, Pool};

/// Which side an agent serves if inbound calls come first: whoever queues is served, and who is not needed
/// there dials.
fn inbound_first(counts: &Counts) -> Pool {
    if counts.in_queue.unwrap_or(0) > 0 {
        Pool::Inbound
    } else {
        Pool::Outbound
    }
}
