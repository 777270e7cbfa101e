//! The contract of the ports, kept by the embedded platform.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use domain::time::{Millis, Timestamp};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::contract::{World, changes, due, queries, queues, races, stores, table};
use platform_embedded::Embedded;

fn sleep(time: Millis) -> BoxFuture<'static, ()> {
    tokio::time::sleep(time.duration()).boxed()
}

/// Runs a part of the suite on a fresh directory.
async fn with(part: impl AsyncFnOnce(&Embedded, World<'_>)) {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path()).unwrap();
    // The queues count delays by the runtime's clock, which stands still in tests that pause it.
    let start = tokio::time::Instant::now();
    let now = move || {
        let passed: Duration = start.elapsed();
        Timestamp::from_millis(i64::try_from(passed.as_millis()).unwrap())
    };
    part(
        &embedded,
        World {
            prefix: "run",
            sleep: &sleep,
            now: &now,
        },
    )
    .await;
    embedded.close().await;
}

#[tokio::test]
async fn tables() {
    with(async |embedded, world| table::run(&*embedded.table(), world).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_races() {
    with(async |embedded, world| races::run(&*embedded.table(), world).await).await;
}

#[tokio::test]
async fn walks_over_partitions() {
    with(async |embedded, world| queries::run(&*embedded.table(), world).await).await;
}

#[tokio::test]
async fn the_due_index() {
    with(async |embedded, world| due::run(&*embedded.table(), world).await).await;
}

#[tokio::test]
async fn the_change_stream() {
    with(async |embedded, world| changes::run(&*embedded.table(), &*embedded.changes(), world).await).await;
}

#[tokio::test(start_paused = true)]
async fn message_queues() {
    with(async |embedded, world| queues::run(&*embedded.queues(), world).await).await;
}

#[tokio::test]
async fn blobs_secrets_bus_clock() {
    with(async |embedded, world| {
        stores::blobs(&*embedded.blobs(), world).await;
        stores::secrets(&*embedded.secrets(), world).await;
        stores::bus(&*embedded.bus(), world).await;
        stores::world(&*embedded.clock(), &*embedded.entropy(), world).await;
    })
    .await;
}
