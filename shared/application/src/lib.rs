//! The use cases. Each has one shape: load what it needs, ask the pure rules for a decision, commit
//! it in one conditional write, then send messages. A lost race reloads and decides again.
//!
//! Functions, workers and the `campaigns` program call these and hold no rule of their own.

pub mod activities;
pub mod agents;
pub mod api_keys;
pub mod cache;
pub mod campaigns;
mod commit;
pub mod connectors;
pub mod contact_lists;
pub mod context;
pub mod conversations;
pub mod customers;
pub mod dead_letters;
pub mod dispatch;
pub mod do_not_contact;
pub mod error;
pub mod events;
pub mod expected;
pub mod history;
pub mod idempotency;
pub mod imports;
pub mod jobs;
pub mod keys;
pub mod listing;
pub mod measures;
mod opt_out;
pub mod pacing;
mod persons;
pub mod rate;
pub mod receipts;
pub mod settings;
pub mod skill_groups;
mod starts;
pub mod store;
pub mod sweep;
pub mod timers;
pub mod waits;
pub mod webhooks;

use domain::activity::claim::LEASE;
use domain::time::Timestamp;

/// After a pause or stop at `now`: the instant after which nothing more leaves. Until then a worker
/// may still act on what it read a moment before, and finish what it holds under a lease.
pub fn quiet_after(now: Timestamp) -> Timestamp {
    now + cache::OLDEST_READ + LEASE
}
