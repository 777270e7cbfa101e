//! Reading: items, pages of a partition, pages of the due index, pages of all.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::time::Timestamp;
use futures::{StreamExt, TryStreamExt};
use platform::table::{Consistency, DueEntry, Item, Key, MAX_PAGE_BYTES, Order, Page, Query, TableError};

use super::{DynamoTable, errors};
use crate::layout::{self, Attributes, due};
use range::Range;

mod range;

/// Most keys in one `BatchGetItem` (DynamoDB's bound).
const MAX_BATCH: usize = 100;
/// Batches of one call that are under way at once.
const BATCHES_AT_ONCE: usize = 8;
/// How often the keys that a batch left out are asked for again.
const BATCH_TRIES: u32 = 6;
/// The longest first pause between these; it doubles.
const BATCH_PAUSE: Duration = Duration::from_millis(50);

fn strong(consistency: Consistency) -> bool {
    consistency == Consistency::Strong
}

fn item(attributes: Attributes) -> Result<Item, TableError> {
    layout::decode(attributes).map_err(errors::unreadable)
}

/// A limit as DynamoDB takes it.
fn limit(limit: usize) -> i32 {
    i32::try_from(limit.max(1)).unwrap_or(i32::MAX)
}

impl DynamoTable {
    pub(super) async fn get_item(
        &self,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&*self.name)
            .set_key(Some(layout::key_attributes(key)))
            .consistent_read(strong(consistency))
            .set_return_consumed_capacity(self.consumed())
            .send()
            .await
            .map_err(errors::of)?;
        self.capacity.read(answer.consumed_capacity());
        answer.item.map(item).transpose()
    }

    pub(super) async fn get_items(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, TableError> {
        let mut seen = HashSet::with_capacity(keys.len());
        let distinct = keys.iter().filter(|key| seen.insert(*key));
        let attributes: Vec<Attributes> = distinct.map(layout::key_attributes).collect();
        let batches: Vec<Vec<Attributes>> = attributes.chunks(MAX_BATCH).map(<[_]>::to_vec).collect();
        let found: HashMap<Key, Item> = futures::stream::iter(batches)
            .map(|batch| self.batch(batch, consistency))
            .buffer_unordered(BATCHES_AT_ONCE)
            .map_ok(|items| futures::stream::iter(items.into_iter().map(Ok)))
            .try_flatten()
            .map_ok(|item: Item| (item.key.clone(), item))
            .try_collect()
            .await?;
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    /// Asks until nothing is left out: DynamoDB leaves out what is beyond 16 MB or over its throughput.
    async fn batch(
        &self,
        mut open: Vec<Attributes>,
        consistency: Consistency,
    ) -> Result<Vec<Item>, TableError> {
        let mut items = Vec::with_capacity(open.len());
        for attempt in 0..BATCH_TRIES {
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(open))
                .consistent_read(strong(consistency))
                .build()
                .map_err(|error| TableError::Invalid(error.to_string()))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&*self.name, wanted)
                .set_return_consumed_capacity(self.consumed())
                .send()
                .await
                .map_err(errors::of)?;
            self.capacity.read(answer.consumed_capacity());
            let found = answer.responses.into_iter().flatten();
            for attributes in found.flat_map(|(_, items)| items) {
                items.push(item(attributes)?);
            }
            let left = answer.unprocessed_keys.into_iter().flatten();
            open = left.flat_map(|(_, keys)| keys.keys).collect();
            if open.is_empty() {
                return Ok(items);
            }
            let longest = BATCH_PAUSE.saturating_mul(2_u32.saturating_pow(attempt));
            tokio::time::sleep(longest.mul_f64(rand::random())).await;
        }
        Err(TableError::Throttled)
    }

    fn ask(&self, limit: i32) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&*self.name)
            .limit(limit)
            .set_return_consumed_capacity(self.consumed())
    }

    pub(super) async fn query_page(&self, query: &Query) -> Result<Page, TableError> {
        let Some(range) = Range::of(query) else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        let answer = self
            .ask(limit(query.limit))
            .key_condition_expression(range.condition())
            .set_expression_attribute_values(Some(range.values(&query.partition)))
            .set_exclusive_start_key(range.start(&query.partition))
            .scan_index_forward(query.order == Order::Ascending)
            .consistent_read(strong(query.consistency))
            .send()
            .await
            .map_err(errors::of)?;
        self.capacity.read(answer.consumed_capacity());
        let next = answer
            .last_evaluated_key
            .map(|mut last| layout::key(&mut last))
            .transpose();
        let next = next.map_err(errors::unreadable)?.map(|key| key.sort);
        page(answer.items.into_iter().flatten().map(item), next)
    }

    pub(super) async fn due_entries(
        &self,
        shard: u16,
        after: Option<&DueEntry>,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<DueEntry>, TableError> {
        let mut entries: Vec<DueEntry> = Vec::new();
        // DynamoDB refuses to go on from a place outside the range.
        if most == 0 || after.is_some_and(|after| after.timer.at > until) {
            return Ok(entries);
        }
        let values = Attributes::from([
            (":shard".to_owned(), layout::shard_text(shard)),
            (":behind".to_owned(), layout::text(&due::behind(until))),
        ]);
        let mut start = after.map(|after| layout::due_attributes(shard, after));
        loop {
            let answer = self
                .ask(limit(most - entries.len()))
                .index_name(layout::DUE_INDEX)
                .key_condition_expression(format!(
                    "{} = :shard AND {} < :behind",
                    layout::DUE_SHARD,
                    layout::DUE
                ))
                .set_expression_attribute_values(Some(values.clone()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(errors::of)?;
            self.capacity.read(answer.consumed_capacity());
            for attributes in answer.items.into_iter().flatten() {
                entries.push(layout::decode_due(attributes).map_err(errors::unreadable)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() || entries.len() >= most {
                return Ok(entries);
            }
        }
    }

    /// In DynamoDB's own order. An empty page that is not the last is gone past.
    pub(super) async fn scan_page(&self, after: Option<&Key>, most: usize) -> Result<Vec<Item>, TableError> {
        let mut start = after.map(layout::key_attributes);
        loop {
            let answer = self
                .client
                .scan()
                .table_name(&*self.name)
                .limit(limit(most))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .set_return_consumed_capacity(self.consumed())
                .send()
                .await
                .map_err(errors::of)?;
            self.capacity.read(answer.consumed_capacity());
            let found = answer.items.into_iter().flatten();
            let items: Vec<Item> = found.map(item).collect::<Result<_, _>>()?;
            start = answer.last_evaluated_key;
            if start.is_none() || !items.is_empty() {
                return Ok(items);
            }
        }
    }
}

/// A page of what DynamoDB read, up to the port's bound: it counts bodies as they are stored, deflated, and their
/// texts may be many times as long.
fn page(
    items: impl Iterator<Item = Result<Item, TableError>>,
    next: Option<String>,
) -> Result<Page, TableError> {
    let mut page = Page {
        items: Vec::new(),
        next,
    };
    let mut bytes = 0;
    for item in items {
        let item = item?;
        bytes += item.size();
        if bytes > MAX_PAGE_BYTES
            && let Some(last) = page.items.last()
        {
            page.next = Some(last.key.sort.clone());
            break;
        }
        page.items.push(item);
    }
    Ok(page)
}
