//! The contract of the ports, kept by the simulated platform: calm, and while it lags, conflicts,
//! throttles and repeats. Lost calls and answers, crashes and losses are for the simulation.

use domain::time::{Millis, Timestamp};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::contract::{World as Terms, changes, due, queries, queues, races, stores, table};
use platform::world::Clock;
use platform_memory::executor::block_on;
use platform_memory::{Fault, Faults, World};

/// What the suite cannot know whether it happened, or cannot wait for.
const NOT_HERE: [Fault; 12] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Freeze,
    Fault::LostCall,
    Fault::LostAnswer,
    Fault::WriteLate,
    Fault::ThrottlingBurst,
    Fault::MessageLost,
    Fault::MessageLate,
    Fault::InFlightRepeated,
    Fault::DeletedRepeated,
    Fault::BatchHalfTaken,
];

/// Runs a part of the suite, calm and under several seeds of faults.
fn with(part: impl AsyncFn(&World, Terms<'_>) + Copy + 'static) {
    let lively = NOT_HERE.into_iter().fold(Faults::worst(), Faults::without);
    let worlds = std::iter::once((0, Faults::none())).chain((1..20).map(|seed| (seed, lively.clone())));
    for (seed, faults) in worlds {
        let world = World::new(seed, Timestamp::from_millis(1_800_000_000_000), faults);
        let inner = world.clone();
        let done = block_on(&world, async move {
            let sleeper = inner.clone();
            let sleep = move |span: Millis| -> BoxFuture<'static, ()> { sleeper.sleep(span).boxed() };
            let clock = inner.clone();
            let now = move || clock.now();
            part(
                &inner,
                Terms {
                    prefix: "run",
                    sleep: &sleep,
                    now: &now,
                },
            )
            .await;
        });
        assert!(done.is_some(), "seed {seed} stood still");
    }
}

#[test]
fn tables() {
    with(async |world, terms| table::run(world, terms).await);
}

#[test]
fn conditional_races() {
    with(async |world, terms| races::run(world, terms).await);
}

#[test]
fn walks_over_partitions() {
    with(async |world, terms| queries::run(world, terms).await);
}

#[test]
fn the_due_index() {
    with(async |world, terms| due::run(world, terms).await);
}

#[test]
fn the_change_stream() {
    with(async |world, terms| changes::run(world, world, terms).await);
}

#[test]
fn message_queues() {
    with(async |world, terms| queues::run(world, terms).await);
}

#[test]
fn blobs_secrets_bus_clock() {
    with(async |world, terms| {
        stores::blobs(world, terms).await;
        stores::secrets(world, terms).await;
        stores::bus(world, terms).await;
        stores::world(world, world, terms).await;
    });
}
