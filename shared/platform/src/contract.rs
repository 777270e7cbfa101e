//! The contract of the ports, as tests that every platform runs.
//!
//! It asserts no more than the weakest platform keeps: the due index may lag, transactions may conflict
//! for no reason, changes and messages may repeat. Where a promise takes time the suite polls with a
//! deadline. `Unavailable` is not retried, since the write may have happened: run the suite on a
//! platform that answers.
//!
//! The suite needs no executor of its own: time comes in with [`World`]. A broken promise panics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test suite: a broken promise is a panic"
)]

pub mod changes;
pub mod due;
pub mod queries;
pub mod queues;
pub mod races;
pub mod stores;
pub mod table;

use domain::time::{Millis, Timestamp};
use futures::future::BoxFuture;

use crate::table::{Condition, Consistency, Item, Key, Table, TableError, Write};

/// How long the suite waits for what is promised to happen at last.
const PATIENCE: Millis = Millis::seconds(60);

/// Waits for this long.
pub type Sleep<'a> = &'a (dyn Fn(Millis) -> BoxFuture<'static, ()> + Send + Sync);

/// What the suite needs beside the port.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Starts all keys, bodies and names. Choose one that was never used on this platform.
    pub prefix: &'a str,
    /// Waits for this long, by the clock of `now`.
    pub sleep: Sleep<'a>,
    /// The clock by which the platform counts delays.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
}

impl World<'_> {
    /// A key in a partition of this run.
    fn key(&self, partition: &str, sort: &str) -> Key {
        Key::new(self.partition(partition), sort)
    }

    fn partition(&self, name: &str) -> String {
        format!("{}#{name}", self.prefix)
    }

    async fn pause(&self, time: Millis) {
        (self.sleep)(time).await;
    }

    /// Tries until there is a result.
    async fn eventually<T>(&self, what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = (self.now)() + PATIENCE;
        let mut wait = 1;
        loop {
            if let Some(result) = attempt().await {
                return result;
            }
            assert!((self.now)() < deadline, "not within {PATIENCE}: {what}");
            self.pause(Millis::new(wait)).await;
            wait = (wait * 2).min(200);
        }
    }

    /// A transaction, tried again while the platform is busy.
    async fn commit(&self, table: &dyn Table, writes: Vec<Write>) -> Result<(), TableError> {
        self.eventually("an answer to a transaction", async || {
            match table.transact(writes.clone()).await {
                Err(TableError::Conflict | TableError::Throttled) => None,
                answer => Some(answer),
            }
        })
        .await
    }

    /// Puts items without condition.
    async fn store(&self, table: &dyn Table, items: impl IntoIterator<Item = Item>) {
        for item in items {
            self.commit(table, vec![put(item, Condition::None)])
                .await
                .expect("an unconditional put");
        }
    }
}

/// An item with nothing special.
fn plain(key: Key, version: u64) -> Item {
    Item {
        body: format!("{{\"version\":{version}}}"),
        key,
        version,
        due: None,
        expires: None,
        announced: false,
    }
}

fn put(item: Item, condition: Condition) -> Write {
    Write::Put { item, condition }
}

fn delete(key: Key, condition: Condition) -> Write {
    Write::Delete { key, condition }
}

fn check(key: Key, condition: Condition) -> Write {
    Write::Check { key, condition }
}

async fn read(table: &dyn Table, key: &Key) -> Option<Item> {
    table.get(key, Consistency::Strong).await.expect("a read")
}
