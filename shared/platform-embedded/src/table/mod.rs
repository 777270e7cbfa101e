//! The table on SQLite.

mod apply;
pub(crate) mod bounds;
pub(crate) mod changelog;
#[cfg(test)]
mod plans;
pub(crate) mod readers;
mod row;
pub(crate) mod select;
pub(crate) mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use domain::time::Timestamp;
use platform::table::{Consistency, DueEntry, Item, Key, Page, Query, Scan, Table, TableError, Write};

use readers::Readers;
use writer::Writer;

/// The table. Reads see every write that was answered before they began, whatever freshness is asked
/// for; the due index does not lag.
#[derive(Clone, Debug)]
pub struct SqliteTable {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
}

impl SqliteTable {
    pub(crate) fn new(writer: Arc<Writer>, readers: Arc<Readers>) -> Self {
        Self { writer, readers }
    }

    /// Deletes up to `limit` items whose `expires` lies at or before `now`; tells how many.
    pub async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, TableError> {
        self.writer.purge(now, limit).await
    }
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, key: &Key, _: Consistency) -> Result<Option<Item>, TableError> {
        bounds::check_key(key)?;
        self.readers.here(|connection| select::item_at(connection, key))
    }

    async fn get_many(&self, keys: &[Key], _: Consistency) -> Result<Vec<Option<Item>>, TableError> {
        for key in keys {
            bounds::check_key(key)?;
        }
        if keys.len() <= readers::FEW {
            return self.readers.here(|connection| select::items(connection, keys));
        }
        let keys = keys.to_vec();
        self.readers
            .aside(move |connection| select::items(connection, &keys))
            .await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        bounds::check_query(query)?;
        if query.limit <= readers::FEW {
            return self.readers.here(|connection| select::page(connection, query));
        }
        let query = query.clone();
        self.readers
            .aside(move |connection| select::page(connection, &query))
            .await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.transact_each(vec![writes])
            .await
            .pop()
            .unwrap_or_else(|| Err(TableError::Unavailable("no answer".to_owned())))
    }

    async fn transact_each(&self, transactions: Vec<Vec<Write>>) -> Vec<Result<(), TableError>> {
        let refusals: Vec<Option<TableError>> = transactions
            .iter()
            .map(|writes| bounds::check_transaction(writes).err())
            .collect();
        let accepted = transactions
            .into_iter()
            .zip(&refusals)
            .filter_map(|(writes, refusal)| refusal.is_none().then_some(writes))
            .collect();
        let mut answers = self.writer.transact(accepted).await.into_iter();
        refusals
            .into_iter()
            .map(|refusal| match refusal {
                Some(error) => Err(error),
                None => answers.next().unwrap_or_else(|| Err(writer::stopped())),
            })
            .collect()
    }

    async fn due(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, TableError> {
        let after = after.cloned();
        self.readers
            .aside(move |connection| select::due(connection, shard, after.as_ref(), until, limit))
            .await
    }
}

#[async_trait]
impl Scan for SqliteTable {
    async fn scan(&self, after: Option<&Key>, limit: usize) -> Result<Vec<Item>, TableError> {
        // No key is empty, so all stand behind this one.
        let after = after.cloned().unwrap_or_else(|| Key::new("", ""));
        self.readers
            .aside(move |connection| select::scan(connection, &after, limit))
            .await
    }
}
