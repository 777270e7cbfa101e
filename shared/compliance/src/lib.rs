//! The compliance gate: whether, and when, a person may be contacted.
//!
//! Pure: no I/O, no clock, no randomness. The caller reads what is known about the person, the
//! campaign and the tenant, and [`gate::decide`] answers with a [`gate::Verdict`] and the record that
//! replays and explains it.
//!
//! - [`zones`]: the time zones in which a person may be
//! - [`windows`]: weekly calling windows, exact over clock changes
//! - [`consent`], [`do_not_contact`]: what the person allowed and forbade
//! - [`caps`]: how often a person is contacted, across campaigns and channels
//! - [`optout`]: the words by which a person ends contact
//! - [`gate`]: all of these in one decision
//!
//! Sources of the rules are named where a rule stands. Nothing here is legal advice.

pub mod caps;
pub mod channels;
pub mod consent;
pub mod do_not_contact;
pub mod field;
pub mod gate;
pub mod optout;
pub mod windows;
pub mod zones;

pub use channels::Channels;
pub use field::FieldError;
pub use zones::TimeZone;
