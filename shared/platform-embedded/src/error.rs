//! Why the embedded platform does not start. Every message says what to do.

use std::path::PathBuf;

/// Why [`crate::Embedded::open`] failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made, read or written.
    #[error(
        "cannot use the data directory {path}: {problem}. Check that the path is right and that this user may write there"
    )]
    Directory {
        /// Which directory or file.
        path: PathBuf,
        /// What the operating system said.
        problem: std::io::Error,
    },
    /// Another process has it open.
    #[error(
        "the data directory {0} is in use by another process. Stop that one first, or name another directory"
    )]
    InUse(PathBuf),
    /// Written by a later version of this program.
    #[error(
        "the data in {path} has format {found}; this program knows formats up to {known}. Start the newer version of the program, or name another directory"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// Not a database of this program.
    #[error("{0} is not a database of this program. Name another directory, or move the file away")]
    Foreign(PathBuf),
    /// A setting on which durability rests did not take effect.
    #[error(
        "SQLite did not accept `{setting} = {wanted}` for {path} (it is {found}), without which accepted data could be lost. Use a local disk rather than a network share"
    )]
    NotDurable {
        /// The database file.
        path: PathBuf,
        /// Which setting.
        setting: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// SQLite failed otherwise.
    #[error(
        "cannot open the database {path}: {problem}. If the disk is full, free some space; if the file is damaged, restore it from a backup"
    )]
    Database {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        problem: rusqlite::Error,
    },
    /// The writer thread did not start.
    #[error("cannot start a thread: {0}. Check the limit of processes of this user (ulimit -u)")]
    Thread(std::io::Error),
}
