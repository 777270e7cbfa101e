//! What the embedded platform promises beyond the contract.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use domain::time::{Millis, Timestamp};
use platform::changes::{Change, Consumer, ShardId};
use platform::table::{Condition, Consistency, Item, Key, TableError, Write};
use platform_embedded::{Embedded, OpenError};

fn item(sort: &str, version: u64) -> Item {
    Item {
        key: Key::new("p", sort),
        version,
        due: None,
        expires: None,
        announced: true,
        body: "{}".to_owned(),
    }
}

async fn store(embedded: &Embedded, item: Item) {
    embedded
        .table()
        .transact(vec![Write::Put {
            item,
            condition: Condition::None,
        }])
        .await
        .unwrap();
}

async fn changes(embedded: &Embedded, consumer: Consumer) -> Vec<Change> {
    embedded
        .changes()
        .read(consumer, &ShardId("0".to_owned()), 1_000)
        .await
        .unwrap()
}

async fn checkpoint(embedded: &Embedded, consumer: Consumer, change: &Change) {
    embedded
        .changes()
        .checkpoint(consumer, &ShardId("0".to_owned()), &change.sequence)
        .await
        .unwrap();
}

#[tokio::test]
async fn one_process_per_directory() {
    let directory = tempfile::tempdir().unwrap();
    let first = Embedded::open(directory.path()).unwrap();
    let error = Embedded::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    assert!(error.to_string().contains("another process"), "{error}");
    first.close().await;
    Embedded::open(directory.path()).unwrap().close().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Embedded::open(&file.join("data")).unwrap_err();
    assert!(error.to_string().contains("file/data"), "{error}");
}

#[tokio::test]
async fn a_closed_platform_answers_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path()).unwrap();
    store(&embedded, item("a", 1)).await;
    embedded.close().await;
    embedded.close().await;
    let table = embedded.table();
    let key = Key::new("p", "a");
    let unavailable = |answer: Result<(), TableError>| {
        assert!(matches!(answer, Err(TableError::Unavailable(_))), "{answer:?}");
    };
    unavailable(table.get(&key, Consistency::Strong).await.map(drop));
    unavailable(
        table
            .transact(vec![Write::Delete {
                key,
                condition: Condition::None,
            }])
            .await,
    );
    unavailable(table.due(0, None, Timestamp::MAX, 1).await.map(drop));
    unavailable(embedded.purge_expired(Timestamp::MAX, 1).await.map(drop));
    // All is in the database file; the write-ahead log is gone.
    let left: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().ends_with("-wal")),
        "{left:?}"
    );
}

#[tokio::test]
async fn checkpoints_and_sequences_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path()).unwrap();
    for version in 1..=4 {
        store(&embedded, item("a", version)).await;
    }
    let seen = changes(&embedded, Consumer::History).await;
    assert_eq!(seen.len(), 4);
    checkpoint(&embedded, Consumer::History, &seen[1]).await;
    let rest = changes(&embedded, Consumer::History).await;
    assert_eq!(rest, seen[2..], "at once");
    for consumer in Consumer::ALL {
        checkpoint(&embedded, consumer, &seen[3]).await;
    }
    embedded.close().await;

    // All rows may be deleted by now; numbers go on from the checkpoints.
    let embedded = Embedded::open(directory.path()).unwrap();
    assert_eq!(changes(&embedded, Consumer::History).await, []);
    store(&embedded, item("a", 5)).await;
    for consumer in Consumer::ALL {
        let next = changes(&embedded, consumer).await;
        assert_eq!(next.len(), 1);
        assert!(next[0].sequence > seen[3].sequence);
    }
    embedded.close().await;
}

#[tokio::test]
async fn a_checkpoint_never_runs_ahead_or_back() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path()).unwrap();
    for version in 1..=3 {
        store(&embedded, item("a", version)).await;
    }
    let seen = changes(&embedded, Consumer::History).await;
    checkpoint(&embedded, Consumer::History, &seen[1]).await;
    checkpoint(&embedded, Consumer::History, &seen[0]).await;
    assert_eq!(changes(&embedded, Consumer::History).await, seen[2..]);
    embedded.close().await;
    let embedded = Embedded::open(directory.path()).unwrap();
    assert_eq!(changes(&embedded, Consumer::History).await, seen[2..]);
    assert_eq!(
        changes(&embedded, Consumer::Webhooks).await,
        seen,
        "the other consumer has not moved"
    );
    embedded.close().await;
}

#[tokio::test]
async fn changes_that_both_consumers_passed_are_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path()).unwrap();
    for version in 1..=10 {
        store(&embedded, item("a", version)).await;
    }
    let seen = changes(&embedded, Consumer::History).await;
    for (consumer, place) in [(Consumer::History, 7), (Consumer::Webhooks, 4)] {
        checkpoint(&embedded, consumer, &seen[place]).await;
    }
    let reader = rusqlite::Connection::open(directory.path().join("data.sqlite")).unwrap();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let left: i64 = reader
            .query_row("SELECT count(*) FROM changes", [], |row| row.get(0))
            .unwrap();
        if left == 5 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{left} rows are left");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    drop(reader);
    embedded.close().await;
}

#[tokio::test]
async fn expired_items_are_deleted_a_few_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path()).unwrap();
    let now = Timestamp::from_millis(1_000_000);
    for n in 0..10_u64 {
        let expires = Some(now + Millis::new(n) - Millis::new(5));
        store(
            &embedded,
            Item {
                expires,
                ..item(&n.to_string(), 1)
            },
        )
        .await;
    }
    store(&embedded, item("forever", 1)).await;
    assert_eq!(embedded.purge_expired(now, 4).await, Ok(4));
    assert_eq!(embedded.purge_expired(now, 4).await, Ok(2));
    assert_eq!(embedded.purge_expired(now, 4).await, Ok(0));
    let table = embedded.table();
    for (sort, there) in [("5", false), ("6", true), ("forever", true)] {
        let found = table
            .get(&Key::new("p", sort), Consistency::Strong)
            .await
            .unwrap();
        assert_eq!(found.is_some(), there, "{sort}");
    }
    embedded.close().await;
}

#[tokio::test]
async fn many_transactions_share_a_commit() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path()).unwrap();
    let create = |n: u64| {
        vec![Write::Put {
            item: item(&n.to_string(), 1),
            condition: Condition::Absent,
        }]
    };
    let before = embedded.stats();
    // The last one repeats the first: it sees what came earlier in its batch.
    let answers = embedded
        .table()
        .transact_each((0..1_000).chain([0]).map(create).collect())
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1_000);
    assert_eq!(
        answers[1_000],
        Err(TableError::ConditionFailed(vec![Key::new("p", "0")]))
    );
    let after = embedded.stats();
    assert_eq!(after.commits - before.commits, 1);
    assert_eq!(after.transactions - before.transactions, 1_001);
    assert_eq!(after.conditions_failed - before.conditions_failed, 1);
    embedded.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn secrets_are_private_files() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path()).unwrap();
    embedded
        .secrets()
        .put("../a/b", platform::secrets::Secret::new("s"))
        .await
        .unwrap();
    let secrets = directory.path().join("secrets");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&secrets), 0o700);
    let files: Vec<_> = std::fs::read_dir(&secrets)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(mode(&files[0]), 0o600);
    embedded.close().await;
}

#[tokio::test]
async fn bus_events_reach_subscribers_of_this_process() {
    let bus = platform_embedded::bus::LocalBus::default();
    let mut events = bus.subscribe();
    let event = platform::bus::BusEvent {
        detail_type: "a.b".to_owned(),
        detail: "{}".to_owned(),
    };
    platform::bus::EventBus::publish(&bus, vec![event.clone()])
        .await
        .unwrap();
    assert_eq!(events.recv().await.unwrap(), event);
}
