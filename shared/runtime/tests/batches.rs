//! Batches as Lambda passes them, with scripted handlers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong may say so at once"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use application::error::Error;
use aws_lambda_events::event::dynamodb::EventRecord;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::time::{Millis, Timestamp};
use platform::changes::{Change, Consumer, Sequence, ShardId};
use platform::table::Key;
use runtime::lambda::sqs::Bounds;
use runtime::lambda::stream::{StreamAnswer, StreamEvent};
use runtime::lambda::{Deadline, sqs, stream};
use runtime::record::Message;

const FIRST: &str = "059f36b4-87a3-44ab-83d2-661975830a7d";
const SECOND: &str = "2e1424d4-f796-459a-8184-9c92662be6da";
const THIRD: &str = "0f1c5d5e-9c7a-4f0a-9d43-5a40c6b4c2f1";

const BOUNDS: Bounds = Bounds {
    at_once: 2,
    longest: Millis::seconds(20),
};

fn now() -> Timestamp {
    Timestamp::from_millis(1_763_971_200_150)
}

fn in_time() -> Deadline {
    Deadline::new(now() + Millis::seconds(60), now())
}

fn messages() -> SqsEvent {
    serde_json::from_str(include_str!("fixtures/sqs.json")).unwrap()
}

fn failed(response: SqsBatchResponse) -> Vec<String> {
    let mut ids: Vec<String> = response
        .batch_item_failures
        .into_iter()
        .map(|f| f.item_identifier)
        .collect();
    ids.sort();
    ids
}

fn busy() -> Error {
    Error::Busy {
        retry_after: Millis::seconds(1),
    }
}

#[tokio::test]
async fn a_batch_that_is_done_names_no_failure() {
    let seen = Mutex::new(Vec::new());
    let response = sqs::batch(messages(), in_time(), BOUNDS, now(), async |message: Message| {
        seen.lock().unwrap().push(message);
        Ok(())
    })
    .await;
    assert_eq!(failed(response), Vec::<String>::new());
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen[0].body.contains("act_01jd8n3c6w4f5r7t9v2x8y0z1a"));
    let trace = seen[0].trace.as_ref().unwrap();
    assert_eq!(trace.as_str(), "1-67891233-abcdef012345678912345678");
    assert_eq!(seen[1].trace, None);
}

#[tokio::test]
async fn each_record_fails_for_itself() {
    let response = sqs::batch(
        messages(),
        in_time(),
        BOUNDS,
        now(),
        async |message: Message| match message.body {
            body if body.starts_with("not") => Err(Error::Platform("the table is away".into())),
            body if body.contains("globex") => Err(busy()),
            _ => Ok(()),
        },
    )
    .await;
    assert_eq!(failed(response), [THIRD, SECOND]);
}

#[tokio::test]
async fn a_panic_is_a_failure_of_its_record() {
    let response = sqs::batch(messages(), in_time(), BOUNDS, now(), async |message: Message| {
        assert!(!message.body.contains("acme"), "deliberate");
        Ok(())
    })
    .await;
    assert_eq!(failed(response), [FIRST]);
}

#[tokio::test(start_paused = true)]
async fn what_would_be_cut_in_the_middle_is_not_begun() {
    let bounds = Bounds { at_once: 1, ..BOUNDS };
    let begun = AtomicUsize::new(0);
    let response = sqs::batch(messages(), in_time(), bounds, now(), async |_: Message| {
        begun.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Millis::seconds(25).duration()).await;
        Ok(())
    })
    .await;
    // Begun at 0 s and 25 s; at 50 s there are 10 s left, and one may take 20.
    assert_eq!(begun.into_inner(), 2);
    assert_eq!(failed(response), [THIRD]);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_allowed_are_handled_at_once() {
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    sqs::batch(messages(), in_time(), BOUNDS, now(), async |_: Message| {
        most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::time::sleep(Millis::seconds(1).duration()).await;
        running.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    })
    .await;
    assert_eq!(most.into_inner(), 2);
}

#[test]
fn the_answer_has_the_form_that_lambda_reads() {
    let mut response = SqsBatchResponse::default();
    response.set_failures([FIRST]);
    let text = serde_json::to_value(response).unwrap();
    assert_eq!(
        text,
        serde_json::json!({"batchItemFailures": [{"itemIdentifier": FIRST}]})
    );
}

fn changes() -> StreamEvent {
    serde_json::from_str(include_str!("fixtures/stream.json")).unwrap()
}

/// Many records, numbered from 1000.
fn many(count: usize) -> StreamEvent {
    let mut event = changes();
    let record = event.records[0].clone();
    event.records = (0..count)
        .map(|n| {
            let mut record = record.clone();
            record["dynamodb"]["SequenceNumber"] = (1000 + n).to_string().into();
            record
        })
        .collect();
    event
}

/// Reads a record; deletions are not announced.
fn read(record: EventRecord) -> Result<Option<Change>, String> {
    if record.event_name == "REMOVE" {
        return Ok(None);
    }
    let sequence = record.change.sequence_number.ok_or("no sequence number")?;
    Ok(Some(Change {
        key: Key::new(format!("item-{sequence}"), "A"),
        sequence: Sequence(sequence),
        version: 1,
        item: None,
    }))
}

async fn consume(
    event: StreamEvent,
    deadline: Deadline,
    handler: impl AsyncFn(Vec<Change>) -> Result<(), Error>,
) -> Option<String> {
    consume_as(Consumer::Webhooks, event, deadline, handler).await
}

async fn consume_as(
    consumer: Consumer,
    event: StreamEvent,
    deadline: Deadline,
    handler: impl AsyncFn(Vec<Change>) -> Result<(), Error>,
) -> Option<String> {
    let shard = ShardId(event.shard.clone().unwrap_or_default());
    let consumed = stream::batch(event, consumer, shard, deadline, read, async |shard, changes| {
        assert_eq!(shard.0, "shardId-00000001763971100000-1a2b3c4d");
        handler(changes).await
    });
    let StreamAnswer { failures, .. } = consumed.await;
    assert!(failures.len() <= 1, "Lambda goes on from one place");
    failures.into_iter().next()?.item_identifier
}

#[tokio::test]
async fn changes_come_in_order_and_what_does_not_read_is_skipped() {
    let seen = Mutex::new(Vec::new());
    let failure = consume(changes(), in_time(), async |changes| {
        seen.lock()
            .unwrap()
            .extend(changes.into_iter().map(|change| change.sequence.0));
        Ok(())
    })
    .await;
    assert_eq!(failure, None);
    let seen = seen.into_inner().unwrap();
    assert_eq!(
        seen,
        ["4421584500000000017450439091", "4421584500000000017450439093"]
    );
}

#[tokio::test]
async fn the_first_change_that_is_not_done_is_told() {
    let failure = consume(many(250), in_time(), async |changes| {
        let holds = changes.iter().any(|change| change.sequence.0 == "1150");
        if holds { Err(busy()) } else { Ok(()) }
    })
    .await;
    assert_eq!(failure.as_deref(), Some("1150"), "what stands before it is done");
}

#[tokio::test]
async fn what_is_done_together_is_not_handled_again_alone() {
    let calls = Mutex::new(Vec::new());
    let failure = consume(many(250), in_time(), async |changes| {
        calls.lock().unwrap().push(changes.len());
        let holds = changes.iter().any(|change| change.sequence.0 == "1101");
        if holds { Err(busy()) } else { Ok(()) }
    })
    .await;
    assert_eq!(failure.as_deref(), Some("1101"));
    // 100 together; then 100 that fail, of which the second stops the batch.
    assert_eq!(calls.into_inner().unwrap(), [100, 100, 1, 1]);
}

#[tokio::test]
async fn history_handles_a_batch_as_one() {
    let calls = Mutex::new(Vec::new());
    let failure = consume_as(Consumer::History, many(500), in_time(), async |changes| {
        calls.lock().unwrap().push(changes.len());
        Ok(())
    })
    .await;
    assert_eq!((failure, calls.into_inner().unwrap()), (None, vec![500]));
}

#[tokio::test]
async fn a_change_that_always_fails_is_passed_over_and_the_rest_is_done() {
    for wrong in [
        Error::Corrupt("it does not read".into()),
        Error::field("", "would need 500000 bytes; at most 400 KB fit into one record"),
        Error::not_found("campaign", "cmp_1"),
    ] {
        let alone = Mutex::new(Vec::new());
        let failure = consume(many(120), in_time(), async |changes| {
            let place = |change: &Change| change.sequence.0.clone();
            let fails = changes.iter().map(place).any(|place| place == "1050");
            if fails {
                return Err(wrong.clone());
            }
            if let [change] = &changes[..] {
                alone.lock().unwrap().push(place(change));
            }
            Ok(())
        })
        .await;
        assert_eq!(failure, None, "nothing comes again");
        let alone = alone.into_inner().unwrap();
        assert_eq!(alone.len(), 99, "all of its part but itself, each by itself");
        assert!(alone.is_sorted() && !alone.contains(&"1050".to_owned()));
    }
}

#[tokio::test]
async fn what_nobody_is_to_see_is_passed_over() {
    let mut event = changes();
    event.records[0]["eventName"] = "REMOVE".into();
    let failure = consume(event, in_time(), async |changes| {
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].sequence.0, "4421584500000000017450439093");
        Ok(())
    })
    .await;
    assert_eq!(failure, None);
}

#[tokio::test]
async fn the_end_of_a_window_is_an_empty_batch() {
    let mut event = changes();
    event.records.clear();
    assert_eq!(
        consume(event, in_time(), async |_| panic!("nothing to do")).await,
        None
    );
    let bare: StreamEvent = serde_json::from_str("{}").unwrap();
    assert!(bare.records.is_empty() && bare.shard.is_none());
}

#[tokio::test]
async fn a_change_that_panics_twice_alone_is_passed_over() {
    let (seen, tries) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let failure = consume(many(3), in_time(), async |changes| {
        if changes.iter().any(|change| change.sequence.0 == "1001") {
            tries.fetch_add(1, Ordering::Relaxed);
            panic!("deliberate");
        }
        seen.lock()
            .unwrap()
            .extend(changes.into_iter().map(|change| change.sequence.0));
        Ok(())
    })
    .await;
    assert_eq!(failure, None);
    assert_eq!(seen.into_inner().unwrap(), ["1000", "1002"]);
    assert_eq!(tries.into_inner(), 3, "together, and twice alone");
}

#[tokio::test]
async fn a_panic_that_passes_costs_no_change() {
    let calls = AtomicUsize::new(0);
    let failure = consume(many(1), in_time(), async |_| {
        assert!(calls.fetch_add(1, Ordering::Relaxed) >= 2, "deliberate");
        Ok(())
    })
    .await;
    assert_eq!((failure, calls.into_inner()), (None, 3));
}

#[tokio::test]
async fn where_all_of_many_panic_the_stream_stops() {
    let failure = consume(many(30), in_time(), async |_| panic!("deliberate")).await;
    assert_eq!(
        failure.as_deref(),
        Some("1000"),
        "a fault of the program takes no change"
    );
    let failure = consume(many(9), in_time(), async |_| panic!("deliberate")).await;
    assert_eq!(failure, None, "few may well be broken themselves");
}

#[tokio::test(start_paused = true)]
async fn changes_alone_are_begun_while_there_is_time() {
    let failure = consume(many(3), in_time(), async |changes| {
        tokio::time::sleep(Millis::seconds(20).duration()).await;
        if changes.len() > 1 { Err(busy()) } else { Ok(()) }
    })
    .await;
    // Together until 20 s, alone until 40 s and until 60 s.
    assert_eq!(failure.as_deref(), Some("1002"));
}

#[tokio::test(start_paused = true)]
async fn changes_for_which_there_is_no_time_come_again() {
    let failure = consume(many(450), in_time(), async |_| {
        tokio::time::sleep(Millis::seconds(24).duration()).await;
        Ok(())
    })
    .await;
    // Begun at 0 s and 24 s; at 48 s there are 12 s left, and 100 may take 15.
    assert_eq!(failure.as_deref(), Some("1200"));
}

#[test]
fn an_answer_to_a_time_window_has_a_state() {
    let answer = serde_json::to_value(StreamAnswer::default()).unwrap();
    assert_eq!(answer, serde_json::json!({"batchItemFailures": [], "state": {}}));
}
