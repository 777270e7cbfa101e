//! The table on DynamoDB.

mod bounds;
mod errors;
mod read;
mod retries;
mod write;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use domain::time::Timestamp;
use futures::StreamExt;
use platform::table::{Consistency, DueEntry, Item, Key, Page, Query, Scan, Table, TableError, Write};

use crate::capacity::Capacity;

/// Transactions of one call that are under way at once: enough to fill a batch's time, few enough that one
/// process does not throttle a table.
const AT_ONCE: usize = 32;
/// The longest that a writer waits who lost to another, or was not answered: its caller comes again at once, and would
/// meet the same others again.
const APART: Duration = Duration::from_millis(40);

/// The table.
#[derive(Clone, Debug)]
pub struct DynamoTable {
    client: Client,
    name: Arc<str>,
    capacity: Arc<Capacity>,
}

impl DynamoTable {
    pub(crate) fn new(client: Client, name: &str, capacity: Arc<Capacity>) -> Self {
        Self {
            client,
            name: name.into(),
            capacity,
        }
    }

    /// Whether calls are to say what they consumed.
    fn consumed(&self) -> Option<ReturnConsumedCapacity> {
        self.capacity.counts().then_some(ReturnConsumedCapacity::Total)
    }
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError> {
        bounds::check_key(key)?;
        self.get_item(key, consistency).await
    }

    async fn get_many(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, TableError> {
        for key in keys {
            bounds::check_key(key)?;
        }
        self.get_items(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        bounds::check_query(query)?;
        self.query_page(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        bounds::check_transaction(&writes)?;
        let written = self.write(writes).await;
        if let Err(TableError::Conflict | TableError::Unavailable(_)) = written {
            tokio::time::sleep(APART.mul_f64(rand::random())).await;
        }
        written
    }

    async fn transact_each(&self, transactions: Vec<Vec<Write>>) -> Vec<Result<(), TableError>> {
        futures::stream::iter(transactions)
            .map(|writes| self.transact(writes))
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn due(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueEntry>, TableError> {
        self.due_entries(shard, after, until, limit).await
    }
}

#[async_trait]
impl Scan for DynamoTable {
    async fn scan(&self, after: Option<&Key>, limit: usize) -> Result<Vec<Item>, TableError> {
        self.scan_page(after, limit).await
    }
}
