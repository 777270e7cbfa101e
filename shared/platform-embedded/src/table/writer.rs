//! The writer: one thread, one connection, group commit.
//!
//! It takes what waits in its channel, carries it out in one SQLite transaction, commits, and only
//! then answers. Each transaction sees the earlier ones of its batch. While one batch is being
//! flushed to the disk the next one gathers, so batches grow with the load.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::time::Timestamp;
use platform::changes::Consumer;
use platform::table::{TableError, Write};
use rusqlite::{Connection, params};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::apply;
use super::changelog::{ChangeLog, Upkeep};
use crate::error::OpenError;
use crate::lock::DirectoryLock;
use crate::stats::Counters;

pub(crate) const PURGE: &str = "DELETE FROM items WHERE id IN \
     (SELECT id FROM items INDEXED BY items_expiry WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";

/// Kilobytes of writes that may be under way; more wait outside.
const ROOM_KB: u32 = 32 * 1024;
/// Transactions after which a batch is committed even if more wait.
const BATCH: usize = 2_000;
/// How long checkpoints wait for a batch to go with.
const UPKEEP_DELAY: Duration = Duration::from_millis(100);

type Answers = Vec<Result<(), TableError>>;

enum Command {
    Transact {
        transactions: Vec<Vec<Write>>,
        answer: oneshot::Sender<Answers>,
        // Given back when the command is done with.
        room: OwnedSemaphorePermit,
    },
    Purge {
        now: Timestamp,
        limit: usize,
        answer: oneshot::Sender<Result<usize, TableError>>,
    },
    Checkpoint {
        consumer: Consumer,
        sequence: i64,
    },
    Close,
}

/// The handle of the writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    commands: Sender<Command>,
    room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The writer is gone. Whether it wrote is not known.
pub(crate) fn stopped() -> TableError {
    TableError::Unavailable("the database writer has stopped; restart the program".to_owned())
}

impl Writer {
    /// Starts the thread. It keeps the lock of the directory until the connection is closed.
    pub(crate) fn start(
        connection: Connection,
        lock: Option<DirectoryLock>,
        counters: Arc<Counters>,
        path: &Path,
    ) -> Result<Self, OpenError> {
        let log = ChangeLog::load(&connection).map_err(|problem| OpenError::Database {
            path: path.to_owned(),
            problem,
        })?;
        let (commands, inbox) = channel();
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || {
                let mut work = Work {
                    connection,
                    log,
                    counters,
                };
                work.run(&inbox);
                work.finish();
                drop(lock);
            })
            .map_err(OpenError::Thread)?;
        let room = Arc::new(Semaphore::new(usize::try_from(ROOM_KB).unwrap_or(usize::MAX)));
        Ok(Self {
            commands,
            room,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Carries out each transaction; the answers come after the commit.
    pub(crate) async fn transact(&self, transactions: Vec<Vec<Write>>) -> Answers {
        let count = transactions.len();
        if count == 0 {
            return Vec::new();
        }
        let unavailable = || vec![Err(stopped()); count];
        let Ok(room) = Arc::clone(&self.room)
            .acquire_many_owned(kilobytes(&transactions))
            .await
        else {
            return unavailable();
        };
        let (answer, answers) = oneshot::channel();
        let command = Command::Transact {
            transactions,
            answer,
            room,
        };
        if self.commands.send(command).is_err() {
            return unavailable();
        }
        answers.await.unwrap_or_else(|_| unavailable())
    }

    /// Deletes expired items.
    pub(crate) async fn purge(&self, now: Timestamp, limit: usize) -> Result<usize, TableError> {
        let (answer, deleted) = oneshot::channel();
        self.commands
            .send(Command::Purge { now, limit, answer })
            .map_err(|_| stopped())?;
        deleted.await.map_err(|_| stopped())?
    }

    /// Stores a checkpoint soon: with the next batch, or shortly if there is none.
    pub(crate) fn checkpoint(&self, consumer: Consumer, sequence: i64) -> Result<(), TableError> {
        self.commands
            .send(Command::Checkpoint { consumer, sequence })
            .map_err(|_| stopped())
    }

    /// Finishes what was sent before, closes the database and waits for the thread to end.
    pub(crate) async fn close(&self) {
        // It fails when the thread has ended already.
        let _ = self.commands.send(Command::Close);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join().is_ok()).await;
            if !matches!(joined, Ok(true)) {
                tracing::error!("the database writer ended with a panic");
            }
        }
    }
}

fn kilobytes(transactions: &[Vec<Write>]) -> u32 {
    let bytes: usize = transactions
        .iter()
        .flatten()
        .map(|write| match write {
            Write::Put { item, .. } => item.size(),
            Write::Delete { .. } | Write::Check { .. } => 128,
        })
        .sum();
    u32::try_from(bytes / 1024 + 1).unwrap_or(ROOM_KB).min(ROOM_KB)
}

/// What the thread owns.
struct Work {
    connection: Connection,
    log: ChangeLog,
    counters: Arc<Counters>,
}

/// Answers that wait for the commit.
enum Pending {
    Transact(oneshot::Sender<Answers>, Answers, OwnedSemaphorePermit),
    Purge(oneshot::Sender<Result<usize, TableError>>, usize),
}

impl Work {
    fn run(&mut self, inbox: &Receiver<Command>) {
        loop {
            let first = if self.log.needs_upkeep() {
                match inbox.recv_timeout(UPKEEP_DELAY) {
                    Ok(command) => Some(command),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                match inbox.recv() {
                    Ok(command) => Some(command),
                    Err(_) => return,
                }
            };
            if !self.batch(first, inbox) {
                return;
            }
        }
    }

    /// Carries out `first` and what waits behind it. False when the writer is to end.
    fn batch(&mut self, first: Option<Command>, inbox: &Receiver<Command>) -> bool {
        let idle = first.is_none();
        let mut commands = Vec::new();
        let mut open = true;
        let mut transactions = 0;
        let mut next = first;
        loop {
            match next {
                Some(Command::Close) => {
                    open = false;
                    break;
                }
                Some(Command::Checkpoint { consumer, sequence }) => self.log.tell(consumer, sequence),
                Some(command) => {
                    if let Command::Transact {
                        transactions: more, ..
                    } = &command
                    {
                        transactions += more.len();
                    }
                    commands.push(command);
                }
                None => {}
            }
            if transactions >= BATCH {
                break;
            }
            next = match inbox.try_recv() {
                Ok(command) => Some(command),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            };
        }
        // Checkpoints alone wait for company, so that they cost no flush of their own.
        if !commands.is_empty() || idle || !open {
            self.commit(commands);
        }
        open
    }

    fn commit(&mut self, commands: Vec<Command>) {
        let mut pending = Vec::with_capacity(commands.len());
        let outcome = self.carry_out(commands, &mut pending);
        match &outcome {
            Ok(upkeep) => {
                self.log.committed(*upkeep);
                Counters::add(&self.counters.commits, 1);
            }
            Err(problem) => {
                tracing::error!(%problem, "the database could not commit");
                if !self.connection.is_autocommit()
                    && let Err(problem) = self.connection.execute_batch("ROLLBACK")
                {
                    tracing::error!(%problem, "the database could not roll back");
                }
            }
        }
        let failure = outcome
            .err()
            .map(|problem| TableError::Unavailable(problem.to_string()));
        for answer in pending {
            self.answer(answer, failure.as_ref());
        }
    }

    /// All commands in one SQLite transaction, committed. Even after an error each command stands in
    /// `pending`, so that it is answered.
    fn carry_out(&mut self, commands: Vec<Command>, pending: &mut Vec<Pending>) -> rusqlite::Result<Upkeep> {
        let mut failure = self.connection.execute_batch("BEGIN IMMEDIATE").err();
        for command in commands {
            match command {
                Command::Transact {
                    transactions,
                    answer,
                    room,
                } => {
                    let mut answers = Vec::with_capacity(transactions.len());
                    for writes in &transactions {
                        let result = match failure {
                            Some(_) => Ok(()),
                            None => apply::transaction(&self.connection, &mut self.log, writes)
                                .unwrap_or_else(|problem| {
                                    failure = Some(problem);
                                    Ok(())
                                }),
                        };
                        answers.push(result);
                    }
                    pending.push(Pending::Transact(answer, answers, room));
                }
                Command::Purge { now, limit, answer } => {
                    let deleted = match failure {
                        Some(_) => 0,
                        None => self.purge(now, limit).unwrap_or_else(|problem| {
                            failure = Some(problem);
                            0
                        }),
                    };
                    pending.push(Pending::Purge(answer, deleted));
                }
                Command::Checkpoint { .. } | Command::Close => {}
            }
        }
        if let Some(problem) = failure {
            return Err(problem);
        }
        let upkeep = self.log.upkeep(&self.connection)?;
        self.connection.execute_batch("COMMIT")?;
        Ok(upkeep)
    }

    fn purge(&self, now: Timestamp, limit: usize) -> rusqlite::Result<usize> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(PURGE)?
            .execute(params![now.millis(), limit])
    }

    fn answer(&self, pending: Pending, failure: Option<&TableError>) {
        // The asker may have gone away; then nobody needs the answer.
        match pending {
            Pending::Transact(asker, mut answers, room) => {
                if let Some(failure) = failure {
                    answers.fill(Err(failure.clone()));
                    Counters::add(&self.counters.unavailable, answers.len());
                }
                Counters::add(&self.counters.transactions, answers.len());
                let failed = answers
                    .iter()
                    .filter(|a| matches!(a, Err(TableError::ConditionFailed(_))))
                    .count();
                Counters::add(&self.counters.conditions_failed, failed);
                drop(room);
                let _ = asker.send(answers);
            }
            Pending::Purge(asker, deleted) => {
                let _ = asker.send(failure.map_or(Ok(deleted), |failure| Err(failure.clone())));
            }
        }
    }

    /// Stores what is left to store and moves the write-ahead log into the database file.
    fn finish(self) {
        let checkpoint = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if let Err(problem) = checkpoint {
            tracing::warn!(%problem, "the write-ahead log was not emptied; the next start reads it");
        }
        if let Err((_, problem)) = self.connection.close() {
            tracing::warn!(%problem, "the database was not closed in order");
        }
    }
}
