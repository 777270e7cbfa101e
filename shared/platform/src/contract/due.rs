//! The due index. It may lag, so everything is waited for.

use domain::time::{Millis, Timestamp};
use domain::timer::{Timer, TimerKind, due_shard};

use super::{World, delete, plain, put};
use crate::table::{Condition, DueEntry, Item, Table};

/// All promises of this file.
pub async fn run(table: &dyn Table, world: World<'_>) {
    entries_follow_their_items(table, world).await;
    entries_come_in_order_and_pages(table, world).await;
}

/// Instants of this suite: long past, so that no sweep of a shared platform is disturbed by much.
fn instant(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000) + Millis::seconds(seconds)
}

fn timer(seconds: u64, generation: u64) -> Timer {
    Timer {
        at: instant(seconds),
        kind: TimerKind::Activity,
        generation,
    }
}

/// All entries of this run's items in a shard, read by pages.
async fn entries(
    table: &dyn Table,
    world: World<'_>,
    shard: u16,
    until: Timestamp,
    limit: usize,
) -> Vec<DueEntry> {
    let mut found: Vec<DueEntry> = Vec::new();
    let mut after: Option<DueEntry> = None;
    for _ in 0..10_000 {
        let page = table
            .due(shard, after.as_ref(), until, limit)
            .await
            .expect("due entries");
        assert!(page.len() <= limit, "no more than asked for");
        assert!(page.iter().all(|entry| entry.timer.at <= until), "none due later");
        assert!(page.is_sorted(), "in order of timer and key: {page:?}");
        if let (Some(before), Some(first)) = (&after, page.first()) {
            assert!(before < first, "behind the place that was named");
        }
        let Some(last) = page.last() else { return found };
        after = Some(last.clone());
        found.extend(
            page.into_iter()
                .filter(|entry| entry.key.partition.starts_with(world.prefix)),
        );
    }
    panic!("a due index without end");
}

/// Waits until the index shows exactly this of an item.
async fn shows(table: &dyn Table, world: World<'_>, item: &Item, until: Timestamp, expected: Option<Timer>) {
    let shard = due_shard(&item.key.partition);
    world
        .eventually("the due index follows the item", async || {
            let found: Vec<Timer> = entries(table, world, shard, until, 100)
                .await
                .into_iter()
                .filter(|entry| entry.key == item.key)
                .map(|entry| entry.timer)
                .collect();
            (found == Vec::from_iter(expected)).then_some(())
        })
        .await;
}

async fn entries_follow_their_items(table: &dyn Table, world: World<'_>) {
    let far = instant(100_000);
    let item = |version, due| Item {
        due,
        ..plain(world.key("due-follow", "a"), version)
    };
    let steps = [
        item(1, Some(timer(50, 1))),
        // Moved later, moved sooner, same instant in a new generation, another kind.
        item(2, Some(timer(500, 1))),
        item(3, Some(timer(5, 2))),
        item(4, Some(timer(5, 3))),
        item(
            5,
            Some(Timer {
                kind: TimerKind::Job,
                ..timer(5, 3)
            }),
        ),
        // Off, and on again.
        item(6, None),
        item(7, Some(timer(60, 4))),
    ];
    for step in steps {
        world.store(table, [step.clone()]).await;
        shows(table, world, &step, far, step.due).await;
    }
    let last = item(7, Some(timer(60, 4)));
    // The instant itself is included, the one before it not.
    shows(table, world, &last, instant(60), last.due).await;
    shows(table, world, &last, instant(60) - Millis::new(1), None).await;
    world
        .commit(table, vec![delete(last.key.clone(), Condition::Version(7))])
        .await
        .unwrap();
    shows(table, world, &last, far, None).await;
}

async fn entries_come_in_order_and_pages(table: &dyn Table, world: World<'_>) {
    // One partition, so one shard. Equal instants are told apart by kind, generation and key.
    let mut items = Vec::new();
    for n in (0..30_u64).rev() {
        let due = Timer {
            at: instant(1_000 + n / 12),
            kind: TimerKind::ALL[usize::try_from(n / 4 % 3).unwrap()],
            generation: n / 2 % 2,
        };
        items.push(Item {
            due: Some(due),
            ..plain(world.key("due-order", &format!("{n:02}")), 1)
        });
    }
    let writes = items
        .iter()
        .map(|item| put(item.clone(), Condition::Absent))
        .collect();
    world.commit(table, writes).await.unwrap();
    let mut expected: Vec<DueEntry> = items
        .iter()
        .filter_map(|item| {
            item.due.map(|timer| DueEntry {
                timer,
                key: item.key.clone(),
            })
        })
        .collect();
    expected.sort();

    let partition = world.partition("due-order");
    let shard = due_shard(&partition);
    for limit in [1, 7, 30, 1_000] {
        world
            .eventually("all entries, in order", async || {
                let mut found = entries(table, world, shard, instant(2_000), limit).await;
                found.retain(|entry| entry.key.partition == partition);
                (found == expected).then_some(())
            })
            .await;
    }
    // Each shard shows its own.
    let other = (shard + 1) % domain::timer::DUE_SHARDS;
    let found = entries(table, world, other, instant(2_000), 1_000).await;
    assert!(found.iter().all(|entry| entry.key.partition != partition));
    // Nothing is left behind for sweeps.
    let writes = items
        .into_iter()
        .map(|item| delete(item.key, Condition::None))
        .collect();
    world.commit(table, writes).await.unwrap();
}
