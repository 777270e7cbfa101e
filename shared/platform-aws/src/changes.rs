//! Records of the table's stream as Lambda passes them, as changes.
//!
//! The stream shows new images, which is enough: a change carries the item as that write left it, and a
//! deleted item has no image, so no announcement. Event source mappings let announced writes through only
//! ([`crate::layout::STREAM_FILTER`]).
//!
//! # Which shard a batch is of
//!
//! Counters are one item per campaign and stream shard with the last sequence counted, which is right
//! only if the sequences that reach one counter never run back except in repetition. Sequence numbers rise
//! within a shard; between shards they say nothing. Neither a record nor a plain batch names its shard:
//! `eventID` is a digest, `eventSourceARN` is the stream, and what is computed from keys or sequences would
//! put two shards into one counter, where the change with the lower sequence would be lost.
//!
//! Lambda names it where the event source mapping has a **tumbling window**: then the event carries `shardId`.
//! So the mapping of `history` has `TumblingWindowInSeconds` (the window's state is not used) and
//! `ParallelizationFactor: 1`. That this counts each change once:
//!
//! 1. Lambda invokes one batch of a shard at a time (factor 1) and holds what comes behind a failed one;
//!    it promises the order of sequences for the first processing of a record, and none for repetitions
//!    (AWS Lambda Developer Guide, "Tumbling windows" of DynamoDB streams). So under one shard id a
//!    sequence that was not counted yet is higher than all that were.
//! 2. The counter takes in a sequence only above its last, in one conditional write with it. So it takes in
//!    each once: the first time, when all lower ones of its shard have come, and never again.
//! 3. All changes of an item stand in its shard, and after a split in that shard's children, which have ids
//!    and so counters of their own and are read after their parents. No change stands in two shards.
//!
//! An answer within a window **must carry `state`** (an empty object does): Lambda takes one without for a
//! failure. It invokes once more at the end of each window (`isFinalInvokeForWindow`), then without records:
//! that batch is empty, and done. A record that Lambda gave up on and parked is not counted by passing it
//! again later, since higher ones were: `rebuild` makes that good.

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodb::types::AttributeValue;
use platform::changes::{Change, Sequence};

use crate::layout::{self, Attributes, Unreadable};

/// Why a record is no change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Nobody is to see it: not announced, or a deletion. The filter of the event source mapping keeps
    /// such away.
    #[error("a write that is not announced; filter the stream by {filter}", filter = layout::STREAM_FILTER)]
    NotAnnounced,
    /// It has no sequence number, or one that is none.
    #[error("a record without sequence number")]
    NoSequence,
    /// The item is none of ours.
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
}

/// The change that a record tells.
///
/// # Errors
/// Where it tells none, or is broken.
pub fn change(record: EventRecord) -> Result<Change, RecordError> {
    let sequence = record
        .change
        .sequence_number
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .ok_or(RecordError::NoSequence)?;
    let image: Attributes = record
        .change
        .new_image
        .into_inner()
        .into_iter()
        .map(|(name, value)| (name, AttributeValue::from(value)))
        .collect();
    if !image.contains_key(layout::ANNOUNCED) {
        return Err(RecordError::NotAnnounced);
    }
    let item = layout::decode(image)?;
    Ok(Change {
        sequence: Sequence(sequence),
        key: item.key.clone(),
        version: item.version,
        item: Some(item),
    })
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;
    use domain::timer::{Timer, TimerKind};
    use platform::table::{Item, Key};
    use serde_json::{Value, json};

    use super::*;

    /// A record as Lambda passes it, of the table as [`layout`] has it.
    fn record() -> Value {
        json!({
            "eventID": "7de3041dd709b024af6f29e4fa13d34c",
            "eventName": "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-2",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_000_000.0,
                "Keys": {"pk": {"S": "acme#A#act_1"}, "sk": {"S": "A"}},
                "NewImage": {
                    "pk": {"S": "acme#A#act_1"},
                    "sk": {"S": "A"},
                    "v": {"N": "3"},
                    "b": {"S": "{\"state\":\"SENT\"}"},
                    "due_shard": {"S": "7"},
                    "due": {"S": "001795000000123a0000000000000002acme#A#act_1\u{0}\u{0}A"},
                    "ttl": {"N": "1803000001"},
                    "ttl_ms": {"N": "500"},
                    "announced": {"N": "1"}
                },
                "SequenceNumber": "4421584500000000017450439091",
                "SizeBytes": 326,
                "StreamViewType": "NEW_IMAGE"
            },
            "eventSourceARN": "arn:aws:dynamodb:eu-west-2:123456789012:table/campaigns-1/stream/2026-11-01T00:00:00.000"
        })
    }

    fn read(record: Value) -> Result<Change, RecordError> {
        change(serde_json::from_value(record).unwrap())
    }

    #[test]
    fn an_announced_write_is_a_change() {
        let key = Key::new("acme#A#act_1", "A");
        let item = Item {
            key: key.clone(),
            version: 3,
            due: Some(Timer {
                at: Timestamp::from_millis(1_795_000_000_123),
                kind: TimerKind::Activity,
                generation: 2,
            }),
            expires: Some(Timestamp::from_millis(1_803_000_000_500)),
            announced: true,
            body: "{\"state\":\"SENT\"}".to_owned(),
        };
        let expected = Change {
            sequence: Sequence("4421584500000000017450439091".to_owned()),
            key,
            version: 3,
            item: Some(item),
        };
        assert_eq!(read(record()), Ok(expected));
    }

    #[test]
    fn what_is_not_announced_is_none() {
        let mut silent = record();
        silent["dynamodb"]["NewImage"]
            .as_object_mut()
            .unwrap()
            .remove("announced");
        assert_eq!(read(silent), Err(RecordError::NotAnnounced));
        let mut deleted = record();
        deleted["eventName"] = "REMOVE".into();
        deleted["dynamodb"].as_object_mut().unwrap().remove("NewImage");
        deleted["userIdentity"] = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
        assert_eq!(read(deleted), Err(RecordError::NotAnnounced));
    }

    #[test]
    fn what_is_broken_is_said() {
        for number in [Value::Null, "".into(), "12x".into()] {
            let mut broken = record();
            broken["dynamodb"]["SequenceNumber"] = number;
            assert_eq!(read(broken), Err(RecordError::NoSequence));
        }
        let mut bare = record();
        bare["dynamodb"]["NewImage"].as_object_mut().unwrap().remove("b");
        assert!(matches!(
            read(bare),
            Err(RecordError::Unreadable(Unreadable { attribute: "b", .. }))
        ));
    }

    #[test]
    fn the_filter_is_json_and_names_the_marker() {
        let filter: Value = serde_json::from_str(layout::STREAM_FILTER).unwrap();
        let path = format!("/dynamodb/NewImage/{}/N/0", layout::ANNOUNCED);
        assert_eq!(filter.pointer(&path), Some(&Value::from("1")));
    }
}
