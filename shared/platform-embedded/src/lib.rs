//! All ports in one process, on an embedded SQLite database and a directory of files.
//!
//! - [`table`](table::SqliteTable) and change stream: one database, one writer thread that commits
//!   in groups, answers only after the commit is on the disk; readers beside it.
//! - queues: in memory. They are accelerators; after a restart the sweep finds what is due.
//! - blobs and secrets: files beside the database.
//! - event bus: in process, see [`bus::LocalBus`].

pub mod blobs;
pub mod bus;
pub mod changes;
pub mod error;
mod files;
mod lock;
mod open;
pub mod queues;
mod schema;
pub mod secrets;
pub mod stats;
pub mod table;
pub mod world;

#[cfg(test)]
mod power_loss;

pub use error::OpenError;
pub use open::{Embedded, Options};
pub use schema::SYNCHRONOUS;
pub use stats::Stats;
