//! Opening and closing the whole platform.

use std::path::Path;
use std::sync::Arc;

use domain::time::Timestamp;
use platform::blobs::Blobs;
use platform::bus::EventBus;
use platform::changes::{Changes, Consumer};
use platform::queues::Queues;
use platform::secrets::Secrets;
use platform::table::{Table, TableError};
use platform::world::{Clock, Entropy};

use crate::blobs::FileBlobs;
use crate::bus::LocalBus;
use crate::changes::SqliteChanges;
use crate::error::OpenError;
use crate::lock::DirectoryLock;
use crate::queues::MemoryQueues;
use crate::secrets::FileSecrets;
use crate::stats::{Counters, Stats};
use crate::table::SqliteTable;
use crate::table::changelog::stored_checkpoint;
use crate::table::readers::Readers;
use crate::table::writer::Writer;
use crate::world::{SystemClock, SystemEntropy};
use crate::{files, schema};

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most messages that each queue holds.
    pub queue_capacity: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_capacity: 100_000,
        }
    }
}

/// The platform on one machine: a directory with a database and files, and queues in memory.
#[derive(Clone, Debug)]
pub struct Embedded {
    table: SqliteTable,
    changes: Arc<SqliteChanges>,
    queues: Arc<MemoryQueues>,
    bus: LocalBus,
    blobs: FileBlobs,
    secrets: FileSecrets,
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    counters: Arc<Counters>,
}

impl Embedded {
    /// Opens the directory, making it if need be. No other process may have it open.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, Options::default())
    }

    /// The same with other options.
    pub fn open_with(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let unusable = |problem| OpenError::Directory {
            path: directory.to_owned(),
            problem,
        };
        let (uploads, secrets) = (directory.join("uploads"), directory.join("secrets"));
        files::directory(directory).map_err(unusable)?;
        let lock = DirectoryLock::acquire(directory)?;
        for part in [&uploads, &secrets] {
            files::private_directory(part).map_err(unusable)?;
            files::remove_unfinished(part).map_err(unusable)?;
        }

        let path = directory.join("data.sqlite");
        let database = |problem| OpenError::Database {
            path: path.clone(),
            problem,
        };
        let connection = schema::open_writer(&path, None)?;
        // The names of new files, beside their content.
        files::sync_directory(directory).map_err(unusable)?;
        let history = stored_checkpoint(&connection, Consumer::History).map_err(database)?;
        let webhooks = stored_checkpoint(&connection, Consumer::Webhooks).map_err(database)?;

        let counters = Arc::new(Counters::default());
        let writer = Arc::new(Writer::start(
            connection,
            Some(lock),
            Arc::clone(&counters),
            &path,
        )?);
        let readers = Arc::new(Readers::new(path));
        Ok(Self {
            table: SqliteTable::new(Arc::clone(&writer), Arc::clone(&readers)),
            changes: Arc::new(SqliteChanges::new(
                Arc::clone(&writer),
                Arc::clone(&readers),
                history,
                webhooks,
            )),
            queues: Arc::new(MemoryQueues::new(options.queue_capacity)),
            bus: LocalBus::default(),
            blobs: FileBlobs::new(uploads),
            secrets: FileSecrets::new(secrets),
            writer,
            readers,
            counters,
        })
    }

    /// The table.
    pub fn table(&self) -> Arc<dyn Table> {
        Arc::new(self.table.clone())
    }

    /// The table, to be walked.
    pub fn scan(&self) -> Arc<dyn platform::table::Scan> {
        Arc::new(self.table.clone())
    }

    /// The change stream.
    pub fn changes(&self) -> Arc<dyn Changes> {
        Arc::clone(&self.changes) as Arc<dyn Changes>
    }

    /// The queues.
    pub fn queues(&self) -> Arc<dyn Queues> {
        Arc::clone(&self.queues) as Arc<dyn Queues>
    }

    /// The event bus.
    pub fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(self.bus.clone())
    }

    /// The store of uploads.
    pub fn blobs(&self) -> Arc<dyn Blobs> {
        Arc::new(self.blobs.clone())
    }

    /// The store of secrets.
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::new(self.secrets.clone())
    }

    /// The machine's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// The machine's randomness.
    pub fn entropy(&self) -> Arc<dyn Entropy> {
        Arc::new(SystemEntropy)
    }

    /// Deletes up to `limit` items whose `expires` lies at or before `now`; tells how many. Call it
    /// now and then, and again at once when it deleted `limit`.
    pub async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, TableError> {
        self.table.purge_expired(now, limit).await
    }

    /// What the writer has done since the start.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// Finishes what was asked before, empties the write-ahead log into the database and gives the
    /// directory free. Later calls of table and change stream answer `Unavailable`.
    pub async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}
