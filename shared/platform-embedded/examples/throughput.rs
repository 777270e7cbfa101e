//! What the bare table does on this machine: `cargo run --release -p platform-embedded --example throughput`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement, not a program"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::id::ActivityId;
use domain::time::{Millis, Timestamp};
use domain::timer::{Timer, TimerKind};
use futures::StreamExt;
use futures::stream::iter;
use platform::changes::Consumer;
use platform::queues::{OutgoingMessage, QueueName, Queues};
use platform::table::{Condition, Consistency, Item, Key, Order, Query, SortRange, Table, Write};
use platform_embedded::Embedded;

const ITEMS: usize = 200_000;
const BATCH: usize = 500;
const WORKERS: usize = 256;

#[tokio::main]
async fn main() {
    let place = std::env::args().nth(1);
    let temporary = tempfile::tempdir().unwrap();
    let directory = place.as_ref().map_or(temporary.path(), std::path::Path::new);
    let embedded = Embedded::open(directory).unwrap();
    let table = embedded.table();
    let now = embedded.clock().now();
    let keys: Vec<Key> = (0..ITEMS)
        .map(|n| {
            let at = now + Millis::new(u64::try_from(n / 20).unwrap());
            let id = ActivityId::generate(at, embedded.entropy().bits());
            Key::new(format!("ten_01ARYZ6S410000000000000001#act#{id}"), "activity")
        })
        .collect();

    report(&embedded, "create, batches of 500, 4 at once", ITEMS, async {
        iter(keys.chunks(BATCH).enumerate())
            .map(|(n, keys)| {
                let writes = keys
                    .iter()
                    .map(|key| vec![put(key, 1, due(now, n), true, Condition::Absent)]);
                timed(&table, writes.collect())
            })
            .buffer_unordered(4)
            .collect()
            .await
    })
    .await;

    let pair = |key: Key| {
        let table = Arc::clone(&table);
        async move {
            let start = Instant::now();
            let claim = put(&key, 2, due(now, 9_999_999), false, Condition::Version(1));
            table.transact(vec![claim]).await.unwrap();
            let result = put(&key, 3, None, true, Condition::Version(2));
            table.transact(vec![result]).await.unwrap();
            start.elapsed()
        }
    };
    report(
        &embedded,
        "claim + result, one call each, 256 workers",
        ITEMS / 2,
        async {
            iter(keys[..ITEMS / 2].iter().cloned())
                .map(&pair)
                .buffer_unordered(WORKERS)
                .collect()
                .await
        },
    )
    .await;

    report(
        &embedded,
        "claim + result, ten per call, 26 workers",
        ITEMS / 2,
        async {
            iter(keys[ITEMS / 2..].chunks(10))
                .map(|keys| {
                    let table = &table;
                    async move {
                        let claims = keys
                            .iter()
                            .map(|k| vec![put(k, 2, due(now, 9_999_999), false, Condition::Version(1))]);
                        let first = timed(table, claims.collect()).await;
                        let results = keys
                            .iter()
                            .map(|k| vec![put(k, 3, None, true, Condition::Version(2))]);
                        first + timed(table, results.collect()).await
                    }
                })
                .buffer_unordered(26)
                .collect()
                .await
        },
    )
    .await;

    report(&embedded, "transactions of 4 writes, 64 workers", 50_000, async {
        iter(keys[..50_000].iter())
            .map(|key| {
                let table = &table;
                async move {
                    let other = |sort: &str| Key::new(key.partition.clone(), sort);
                    let writes = vec![
                        put(key, 4, None, true, Condition::Version(3)),
                        put(&other("event#1"), 1, None, true, Condition::Absent),
                        put(&other("timer#1"), 1, due(now, 5), false, Condition::Absent),
                        Write::Check {
                            key: other("nothing"),
                            condition: Condition::Absent,
                        },
                    ];
                    timed(table, vec![writes]).await
                }
            })
            .buffer_unordered(64)
            .collect()
            .await
    })
    .await;

    let get = |key: Key| {
        let table = Arc::clone(&table);
        async move {
            let start = Instant::now();
            assert!(table.get(&key, Consistency::Strong).await.unwrap().is_some());
            start.elapsed()
        }
    };
    report(&embedded, "get", ITEMS, async {
        iter(keys.iter().cloned())
            .map(get)
            .buffer_unordered(16)
            .collect()
            .await
    })
    .await;

    report(
        &embedded,
        "query of one small partition (limit 20)",
        20_000,
        async {
            iter(keys[..20_000].iter())
                .map(|key| {
                    let table = &table;
                    async move {
                        let start = Instant::now();
                        let query = Query {
                            partition: key.partition.clone(),
                            range: SortRange::All,
                            after: None,
                            order: Order::Ascending,
                            limit: 20,
                            consistency: Consistency::Strong,
                        };
                        assert_eq!(table.query(&query).await.unwrap().items.len(), 3);
                        start.elapsed()
                    }
                })
                .buffer_unordered(16)
                .collect()
                .await
        },
    )
    .await;

    let changes = embedded.changes();
    let shard = changes.shards().await.unwrap().remove(0);
    for consumer in Consumer::ALL {
        let mut count = 0;
        let start = Instant::now();
        loop {
            let page = changes.read(consumer, &shard, 500).await.unwrap();
            let Some(last) = page.last() else { break };
            count += page.len();
            changes
                .checkpoint(consumer, &shard, &last.sequence)
                .await
                .unwrap();
        }
        println!(
            "{:<46} {:>9.0}/s  ({count})",
            format!("changes to {}", consumer.name()),
            rate(count, start.elapsed())
        );
    }

    let mut latencies = Vec::new();
    let start = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    for n in 0..10_000_usize {
        ticks.tick().await;
        let key = Key::new(format!("steady#{n}"), "activity");
        let began = Instant::now();
        table
            .transact(vec![put(&key, 1, due(now, n), true, Condition::Absent)])
            .await
            .unwrap();
        latencies.push(began.elapsed());
    }
    print_line(
        &embedded,
        "steady creates, one call each, 500/s",
        latencies,
        start.elapsed(),
    );

    queue_throughput(&embedded).await;
    queue_lateness(&embedded).await;

    let start = Instant::now();
    embedded.close().await;
    println!("close took {:?}", start.elapsed());
}

fn message(body: String, delay: Millis, n: usize) -> OutgoingMessage {
    OutgoingMessage {
        body,
        delay,
        group: format!("tenant-{}", n % 7),
    }
}

async fn receive(queues: &dyn Queues) -> Vec<String> {
    let messages = queues
        .receive(QueueName::Dispatch, 10, Millis::seconds(60))
        .await
        .unwrap();
    let (bodies, receipts) = messages
        .into_iter()
        .map(|message| (message.body, message.receipt))
        .unzip();
    queues.delete(QueueName::Dispatch, receipts).await.unwrap();
    bodies
}

async fn queue_throughput(embedded: &Embedded) {
    let queues = embedded.queues();
    let start = Instant::now();
    for n in 0..10_000_usize {
        let body = format!("{{\"id\":\"act_01ARYZ6S410000000000000001\",\"generation\":{n}}}");
        let messages = (0..20).map(|n| message(body.clone(), Millis::ZERO, n)).collect();
        assert_eq!(queues.send(QueueName::Dispatch, messages).await, Ok(20));
        assert_eq!(receive(&*queues).await.len() + receive(&*queues).await.len(), 20);
    }
    println!(
        "{:<46} {:>9.0}/s",
        "queue: send, receive, delete; one task",
        rate(200_000, start.elapsed())
    );
}

/// 20,000 messages due within two seconds, eight receivers: how late they come.
async fn queue_lateness(embedded: &Embedded) {
    let queues = embedded.queues();
    let start = Instant::now();
    let messages = (0..20_000_usize)
        .map(|n| {
            let due = u64::try_from(n / 10 + 200).unwrap();
            let delay = Duration::from_millis(due)
                .saturating_sub(start.elapsed())
                .as_micros()
                .div_ceil(1_000);
            message(due.to_string(), Millis::new(u64::try_from(delay).unwrap()), n)
        })
        .collect();
    assert_eq!(queues.send(QueueName::Dispatch, messages).await, Ok(20_000));
    let receivers: Vec<_> = (0..8)
        .map(|_| {
            let queues = Arc::clone(&queues);
            tokio::spawn(async move {
                let mut late = Vec::new();
                loop {
                    let bodies = receive(&*queues).await;
                    if bodies.is_empty() {
                        return late;
                    }
                    let now = start.elapsed();
                    late.extend(
                        bodies
                            .iter()
                            .map(|due| now.saturating_sub(Duration::from_millis(due.parse().unwrap()))),
                    );
                }
            })
        })
        .collect();
    let mut late = Vec::new();
    for receiver in receivers {
        late.extend(receiver.await.unwrap());
    }
    assert_eq!(late.len(), 20_000);
    println!(
        "{:<46} late: {}",
        "queue: 10,000 messages/s by delay",
        percentiles(late)
    );
}

fn due(now: Timestamp, spread: usize) -> Option<Timer> {
    let at = now + Millis::new(u64::try_from(spread).unwrap());
    Some(Timer {
        at,
        kind: TimerKind::Activity,
        generation: 1,
    })
}

fn put(key: &Key, version: u64, due: Option<Timer>, announced: bool, condition: Condition) -> Write {
    let item = Item {
        key: key.clone(),
        version,
        due,
        expires: None,
        announced,
        body: format!("{{\"text\":\"{}\"}}", "x".repeat(588)),
    };
    Write::Put { item, condition }
}

async fn timed(table: &Arc<dyn Table>, transactions: Vec<Vec<Write>>) -> Duration {
    let start = Instant::now();
    for answer in table.transact_each(transactions).await {
        answer.unwrap();
    }
    start.elapsed()
}

async fn report(embedded: &Embedded, name: &str, count: usize, work: impl Future<Output = Vec<Duration>>) {
    let before = embedded.stats().commits;
    let start = Instant::now();
    let latencies = work.await;
    let elapsed = start.elapsed();
    let commits = embedded.stats().commits - before;
    println!(
        "{name:<46} {:>9.0}/s  {commits:>6} commits, calls: {}",
        rate(count, elapsed),
        percentiles(latencies)
    );
}

fn print_line(embedded: &Embedded, name: &str, latencies: Vec<Duration>, elapsed: Duration) {
    let commits = embedded.stats().commits;
    println!(
        "{name:<46} {:>9.0}/s  {commits:>6} commits in all, calls: {}",
        rate(latencies.len(), elapsed),
        percentiles(latencies)
    );
}

fn percentiles(mut latencies: Vec<Duration>) -> String {
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 1000];
    format!(
        "p50 {:?} p99 {:?} p99.9 {:?} max {:?}",
        at(500),
        at(990),
        at(999),
        at(1000)
    )
}

fn rate(count: usize, elapsed: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / elapsed.as_secs_f64()
}
