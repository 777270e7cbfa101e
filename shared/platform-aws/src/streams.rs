//! The change stream, read by us: for maintenance and tests. Functions are passed their records by Lambda.
//!
//! Checkpoints stand in the table, partition `stream#<consumer>`, sort key the shard. A shard is read once
//! its parent is read to the end, so that the changes of an item keep their order over a split.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_lambda_events::event::dynamodb::EventRecord;
use platform::changes::{Change, Changes, Consumer, Sequence, ShardId};
use platform::table::{Condition, Consistency, Item, Key, Table, TableError, Write};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::changes::{RecordError, change};
use crate::signed::{CallError, Service, Signed};

const DYNAMODB: Service = Service {
    signing: "dynamodb",
    host: "dynamodb",
    target: "DynamoDB_20120810",
    media: "application/x-amz-json-1.0",
};
const STREAMS: Service = Service {
    signing: "dynamodb",
    host: "streams.dynamodb",
    target: "DynamoDBStreams_20120810",
    media: "application/x-amz-json-1.0",
};

/// Most records of one call (DynamoDB's bound).
const MAX_RECORDS: usize = 1_000;
/// Most calls for one read: a shard may begin with many records that nobody is to see.
const MAX_CALLS: usize = 20;
/// How often a checkpoint that meets another one is tried again.
const CHECKPOINT_TRIES: usize = 5;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shard {
    shard_id: String,
    parent_shard_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    #[serde(default)]
    shards: Vec<Shard>,
    last_evaluated_shard_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Records {
    #[serde(default)]
    records: Vec<EventRecord>,
    next_shard_iterator: Option<String>,
}

/// What is known beside the checkpoints; lost with the process, and then found out again.
#[derive(Debug, Default)]
struct Memory {
    /// Up to here, from the checkpoint on, there is nothing that anybody is to see.
    passed: HashMap<(Consumer, String), Sequence>,
    /// Closed shards that were read to their end.
    ended: HashSet<(Consumer, String)>,
}

/// The stream of a table.
#[derive(Clone)]
pub struct DynamoStream {
    signed: Arc<Signed>,
    table: Arc<dyn Table>,
    name: String,
    arn: Arc<OnceCell<String>>,
    memory: Arc<Mutex<Memory>>,
}

impl std::fmt::Debug for DynamoStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoStream")
            .field("table", &self.name)
            .finish_non_exhaustive()
    }
}

/// What one read found.
struct Found {
    changes: Vec<Change>,
    /// The last record looked at, announced or not.
    last: Option<Sequence>,
    ended: bool,
}

fn unavailable(error: impl std::fmt::Display) -> TableError {
    TableError::Unavailable(error.to_string())
}

fn parse<T: for<'de> Deserialize<'de>>(answer: Value) -> Result<T, TableError> {
    serde_json::from_value(answer).map_err(unavailable)
}

fn checkpoint_key(consumer: Consumer, shard: &str) -> Key {
    Key::new(format!("stream#{}", consumer.name()), shard)
}

impl DynamoStream {
    pub(crate) fn new(signed: Arc<Signed>, table: Arc<dyn Table>, name: &str) -> Self {
        Self {
            signed,
            table,
            name: name.to_owned(),
            arn: Arc::new(OnceCell::new()),
            memory: Arc::default(),
        }
    }

    async fn call(&self, action: &str, input: Value) -> Result<Value, CallError> {
        self.signed.call(&STREAMS, action, "stream", &input).await
    }

    async fn arn(&self) -> Result<&str, TableError> {
        let found = self.arn.get_or_try_init(|| async {
            let input = json!({"TableName": self.name});
            let answer = self
                .signed
                .call(&DYNAMODB, "DescribeTable", "table", &input)
                .await;
            let answer = answer.map_err(unavailable)?;
            let arn = answer.pointer("/Table/LatestStreamArn").and_then(Value::as_str);
            arn.map(str::to_owned)
                .ok_or_else(|| TableError::Unavailable(format!("the table {} has no stream", self.name)))
        });
        found.await.map(String::as_str)
    }

    async fn all_shards(&self) -> Result<Vec<Shard>, TableError> {
        let arn = self.arn().await?;
        let mut shards = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut input = serde_json::Map::from_iter([("StreamArn".to_owned(), arn.into())]);
            if let Some(after) = after {
                input.insert("ExclusiveStartShardId".to_owned(), after.into());
            }
            let answer = self
                .call("DescribeStream", input.into())
                .await
                .map_err(unavailable)?;
            let description = answer.get("StreamDescription").cloned().unwrap_or_default();
            let page: Description = parse(description)?;
            shards.extend(page.shards);
            match page.last_evaluated_shard_id {
                Some(last) => after = Some(last),
                None => return Ok(shards),
            }
        }
    }

    async fn stored(&self, consumer: Consumer, shard: &str) -> Result<Option<(Sequence, u64)>, TableError> {
        let item = self
            .table
            .get(&checkpoint_key(consumer, shard), Consistency::Strong)
            .await?;
        let Some(item) = item else { return Ok(None) };
        let body: Value = serde_json::from_str(&item.body).map_err(unavailable)?;
        let sequence = body.get("sequence").and_then(Value::as_str);
        Ok(sequence.map(|sequence| (Sequence(sequence.to_owned()), item.version)))
    }

    /// Where to go on: behind the checkpoint, and behind what was passed since.
    async fn place(&self, consumer: Consumer, shard: &str) -> Result<Option<Sequence>, TableError> {
        let stored = self.stored(consumer, shard).await?.map(|(sequence, _)| sequence);
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(stored.max(memory.passed.get(&(consumer, shard.to_owned())).cloned()))
    }

    async fn iterator(&self, shard: &str, after: Option<&Sequence>) -> Result<String, TableError> {
        let arn = self.arn().await?;
        let from_the_start = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let answer = match after {
            None => self.call("GetShardIterator", from_the_start).await,
            Some(after) => {
                let input = json!({
                    "StreamArn": arn,
                    "ShardId": shard,
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "SequenceNumber": after.0,
                });
                match self.call("GetShardIterator", input).await {
                    // The stream no longer reaches back so far.
                    Err(error) if error.is("TrimmedDataAccessException") => {
                        self.call("GetShardIterator", from_the_start).await
                    }
                    answer => answer,
                }
            }
        };
        let answer = answer.map_err(unavailable)?;
        let iterator = answer.get("ShardIterator").and_then(Value::as_str);
        iterator
            .map(str::to_owned)
            .ok_or_else(|| unavailable("no shard iterator"))
    }

    async fn find(&self, shard: &str, after: Option<&Sequence>, limit: usize) -> Result<Found, TableError> {
        let mut iterator = self.iterator(shard, after).await?;
        let mut found = Found {
            changes: Vec::new(),
            last: None,
            ended: false,
        };
        for _ in 0..MAX_CALLS {
            let most = (limit - found.changes.len()).clamp(1, MAX_RECORDS);
            let input = json!({"ShardIterator": iterator, "Limit": most});
            let answer = self.call("GetRecords", input).await.map_err(unavailable)?;
            let page: Records = parse(answer)?;
            let nothing = page.records.is_empty();
            for record in page.records {
                found.last = record.change.sequence_number.clone().map(Sequence).or(found.last);
                match change(record) {
                    Ok(change) => found.changes.push(change),
                    Err(RecordError::NotAnnounced) => {}
                    Err(error) => return Err(TableError::Invalid(error.to_string())),
                }
            }
            match page.next_shard_iterator {
                None => {
                    found.ended = true;
                    return Ok(found);
                }
                Some(_) if nothing || found.changes.len() >= limit => return Ok(found),
                Some(next) => iterator = next,
            }
        }
        Ok(found)
    }

    async fn read_shard(
        &self,
        consumer: Consumer,
        shard: &str,
        limit: usize,
    ) -> Result<Vec<Change>, TableError> {
        let after = self.place(consumer, shard).await?;
        let found = self.find(shard, after.as_ref(), limit.max(1)).await?;
        if found.changes.is_empty() {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(last) = found.last {
                memory.passed.insert((consumer, shard.to_owned()), last);
            }
            if found.ended {
                memory.ended.insert((consumer, shard.to_owned()));
            }
        }
        Ok(found.changes)
    }

    /// Whether all that stands before a shard has been read. What stood in a shard that the stream no
    /// longer lists is gone.
    async fn parent_has_ended(&self, consumer: Consumer, shard: &str) -> Result<bool, TableError> {
        let shards = self.all_shards().await?;
        let parent = shards
            .iter()
            .find(|listed| listed.shard_id == shard)
            .and_then(|listed| listed.parent_shard_id.clone())
            .filter(|parent| shards.iter().any(|listed| listed.shard_id == *parent));
        let Some(parent) = parent else { return Ok(true) };
        let place = (consumer, parent);
        let ended = |memory: &Memory| memory.ended.contains(&place);
        if ended(&self.memory.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(true);
        }
        // It may have been read to its end by an earlier process.
        self.read_shard(consumer, &place.1, 1).await?;
        Ok(ended(&self.memory.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[async_trait]
impl Changes for DynamoStream {
    async fn shards(&self) -> Result<Vec<ShardId>, TableError> {
        let shards = self.all_shards().await?;
        Ok(shards.into_iter().map(|shard| ShardId(shard.shard_id)).collect())
    }

    async fn read(
        &self,
        consumer: Consumer,
        shard: &ShardId,
        limit: usize,
    ) -> Result<Vec<Change>, TableError> {
        if !self.parent_has_ended(consumer, &shard.0).await? {
            return Ok(Vec::new());
        }
        self.read_shard(consumer, &shard.0, limit).await
    }

    async fn checkpoint(
        &self,
        consumer: Consumer,
        shard: &ShardId,
        sequence: &Sequence,
    ) -> Result<(), TableError> {
        for _ in 0..CHECKPOINT_TRIES {
            let (version, condition) = match self.stored(consumer, &shard.0).await? {
                Some((stored, _)) if stored >= *sequence => return Ok(()),
                Some((_, version)) => (version + 1, Condition::Version(version)),
                None => (1, Condition::Absent),
            };
            let item = Item {
                key: checkpoint_key(consumer, &shard.0),
                version,
                due: None,
                expires: None,
                announced: false,
                body: json!({"sequence": sequence.0}).to_string(),
            };
            match self.table.transact(vec![Write::Put { item, condition }]).await {
                Err(TableError::ConditionFailed(_)) => {}
                answer => return answer,
            }
        }
        Err(TableError::Conflict)
    }
}
