//! A batch of the change stream: records of one shard, in order. Where one fails, the first that is
//! not done is told, and Lambda comes again from there.
//!
//! A record that cannot be read is skipped, logged and counted. Coming again would not mend it: it
//! would hold its shard up until it is too old, and then be lost with all that came behind it in its
//! batch. So is one that reads, and cannot be handled: see `part`. What it would have told is made good by `rebuild`.

use std::future::Future;

use application::error::Error;
use application::measures;
use aws_lambda_events::event::dynamodb::EventRecord;
use aws_lambda_events::event::streams::DynamoDbBatchItemFailure;
use domain::time::Millis;
use platform::changes::{Change, Consumer, Sequence, ShardId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Deadline;
use crate::part;

/// How long a part may take.
const LONGEST: Millis = Millis::seconds(15);

/// What Lambda passes to a consumer of a DynamoDB stream. Records are read one by one, so that one
/// that is broken stands for itself.
#[derive(Clone, Debug, Deserialize)]
pub struct StreamEvent {
    /// The records, in the order of the shard.
    #[serde(rename = "Records", default)]
    pub records: Vec<Value>,
    /// The shard. Lambda names it to functions that are invoked in time windows, and to no others.
    #[serde(rename = "shardId", default)]
    pub shard: Option<String>,
}

/// What Lambda is answered.
#[derive(Debug, Default, Serialize)]
pub struct StreamAnswer {
    /// The first record that is not done, if there is one.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<DynamoDbBatchItemFailure>,
    /// The state of the time window. We keep none, but an answer without it fails the invocation:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html>
    pub state: Map<String, Value>,
}

/// Handles a batch. `read` turns a record into a change, if it is one that anybody is to see, or says
/// why it does not read.
pub async fn batch<R, H, F>(
    event: StreamEvent,
    consumer: Consumer,
    shard: ShardId,
    deadline: Deadline,
    read: R,
    handler: H,
) -> StreamAnswer
where
    R: Fn(EventRecord) -> Result<Option<Change>, String>,
    H: Fn(ShardId, Vec<Change>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    let changes: Vec<Change> = event
        .records
        .into_iter()
        .filter_map(|record| readable(record, consumer, &read))
        .collect();
    let mut answer = StreamAnswer::default();
    for some in changes.chunks(part::together(consumer)) {
        let has_time = || deadline.allows(LONGEST);
        let stopped_at = if has_time() {
            part::take_in(consumer, &shard, some, has_time, &handler).await
        } else {
            Some(0)
        };
        if let Some(first) = stopped_at.and_then(|place| some.get(place)) {
            answer.failures.push(again_from(consumer, first));
            break;
        }
    }
    answer
}

fn again_from(consumer: Consumer, first: &Change) -> DynamoDbBatchItemFailure {
    let Sequence(from) = &first.sequence;
    tracing::warn!(
        consumer = consumer.name(),
        from,
        "the rest of the batch comes again"
    );
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(from.clone());
    failure
}

fn readable(
    record: Value,
    consumer: Consumer,
    read: impl Fn(EventRecord) -> Result<Option<Change>, String>,
) -> Option<Change> {
    let place = record
        .pointer("/dynamodb/SequenceNumber")
        .and_then(Value::as_str)
        .unwrap_or("-")
        .to_owned();
    let change = serde_json::from_value(record)
        .map_err(|error| error.to_string())
        .and_then(read);
    match change {
        Ok(change) => change,
        Err(error) => {
            measures::stream_skipped(consumer);
            tracing::error!(%error, sequence = place, consumer = consumer.name(), "a record does not read; skipped");
            None
        }
    }
}
