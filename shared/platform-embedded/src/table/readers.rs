//! Connections that read, beside the writer.
//!
//! A small read takes microseconds, less than handing it to another thread and back, so it runs where
//! it is asked for. Pages run on the runtime's blocking threads, a few at a time. No connection keeps a
//! transaction open between two reads: that would keep the write-ahead log from being emptied.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use platform::table::TableError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::schema;

/// Reads of at most this many items run where they are asked for.
pub(crate) const FEW: usize = 100;
/// Pages read at once.
const PAGES_AT_ONCE: usize = 4;
/// Idle connections that are kept.
const KEPT: usize = 8;

/// The pool.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    // None once closed.
    idle: Mutex<Option<Vec<Connection>>>,
    pages: Semaphore,
}

pub(crate) fn unavailable(problem: &rusqlite::Error) -> TableError {
    TableError::Unavailable(problem.to_string())
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::new(Some(Vec::new())),
            pages: Semaphore::new(PAGES_AT_ONCE),
        }
    }

    /// Reads on this thread.
    pub(crate) fn here<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, TableError> {
        let connection = self.take()?;
        let result = read(&connection).map_err(|problem| unavailable(&problem));
        // After an error the connection may be in any state; a new one costs little.
        if result.is_ok() {
            self.give_back(connection);
        }
        result
    }

    /// Reads on a blocking thread.
    pub(crate) async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, TableError> {
        let _turn = self
            .pages
            .acquire()
            .await
            .map_err(|problem| TableError::Unavailable(problem.to_string()))?;
        let readers = Arc::clone(self);
        tokio::task::spawn_blocking(move || readers.here(read))
            .await
            .unwrap_or_else(|problem| Err(TableError::Unavailable(problem.to_string())))
    }

    /// Closes the idle connections and refuses further reads.
    pub(crate) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn take(&self) -> Result<Connection, TableError> {
        let idle = match self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(connections) => connections.pop(),
            None => return Err(TableError::Unavailable("the database is closed".to_owned())),
        };
        match idle {
            Some(connection) => Ok(connection),
            None => schema::open_reader(&self.path).map_err(|problem| unavailable(&problem)),
        }
    }

    fn give_back(&self, connection: Connection) {
        if let Some(connections) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
            && connections.len() < KEPT
        {
            connections.push(connection);
        }
    }
}
