//! The change stream.

use std::collections::BTreeMap;

use super::{World, delete, plain, put};
use crate::changes::{Change, Changes, Consumer, Sequence};
use crate::table::{Condition, Item, Key, Table};

/// All promises of this file. Nobody else may read as these consumers meanwhile.
pub async fn run(table: &dyn Table, changes: &dyn Changes, world: World<'_>) {
    announced_writes_arrive(table, changes, world).await;
    what_is_not_checkpointed_comes_again(table, changes, world).await;
}

/// Reads all shards on from their checkpoints until `enough`; checkpoints what it read.
async fn collect(
    changes: &dyn Changes,
    world: World<'_>,
    consumer: Consumer,
    enough: impl Fn(&[Change]) -> bool,
) -> Vec<Change> {
    let mut found: Vec<Change> = Vec::new();
    world
        .eventually("the changes arrive", async || {
            for shard in changes.shards().await.expect("shards") {
                loop {
                    let page = changes.read(consumer, &shard, 7).await.expect("changes");
                    assert!(page.len() <= 7, "no more than asked for");
                    let sequences: Vec<&Sequence> = page.iter().map(|change| &change.sequence).collect();
                    assert!(sequences.is_sorted(), "in order: {sequences:?}");
                    let Some(last) = page.last().map(|change| change.sequence.clone()) else {
                        break;
                    };
                    found.extend(
                        page.into_iter()
                            .filter(|change| change.key.partition.starts_with(world.prefix)),
                    );
                    changes
                        .checkpoint(consumer, &shard, &last)
                        .await
                        .expect("a checkpoint");
                }
            }
            enough(&found).then_some(())
        })
        .await;
    found
}

/// The versions that were seen of each key, each once, in the order in which they first came.
fn versions(found: &[Change]) -> BTreeMap<&Key, Vec<u64>> {
    let mut seen: BTreeMap<&Key, Vec<u64>> = BTreeMap::new();
    for change in found {
        let versions = seen.entry(&change.key).or_default();
        if !versions.contains(&change.version) {
            versions.push(change.version);
        }
    }
    seen
}

async fn announced_writes_arrive(table: &dyn Table, changes: &dyn Changes, world: World<'_>) {
    let item = |sort: &str, version, announced| Item {
        announced,
        ..plain(world.key(&format!("stream-{sort}"), sort), version)
    };
    for version in 1..=5 {
        world
            .store(table, ["a", "b", "c"].map(|sort| item(sort, version, true)))
            .await;
    }
    world
        .store(
            table,
            [
                item("silent", 1, false),
                item("a", 6, false),
                item("gone", 1, true),
            ],
        )
        .await;
    let gone = world.key("stream-gone", "gone");
    world
        .commit(table, vec![delete(gone.clone(), Condition::None)])
        .await
        .unwrap();
    // A failed transaction announces nothing; a whole one announces each of its puts.
    let refused = vec![
        put(item("refused", 1, true), Condition::None),
        put(item("a", 99, true), Condition::Version(98)),
    ];
    assert!(world.commit(table, refused).await.is_err());
    let whole = ["t", "u"].map(|sort| put(item(sort, 1, true), Condition::Absent));
    world.commit(table, whole.to_vec()).await.unwrap();
    let last = item("last", 1, true);
    world.store(table, [last.clone()]).await;

    for consumer in Consumer::ALL {
        let found = collect(changes, world, consumer, |found| {
            let seen = versions(found);
            let all = ["a", "b", "c"].iter().all(|sort| {
                seen.get(&world.key(&format!("stream-{sort}"), sort))
                    .is_some_and(|v| v.len() >= 5)
            });
            let each = ["gone", "t", "u", "last"]
                .iter()
                .all(|sort| seen.contains_key(&world.key(&format!("stream-{sort}"), sort)));
            all && each
        })
        .await;
        let seen = versions(&found);
        for sort in ["a", "b", "c"] {
            let key = world.key(&format!("stream-{sort}"), sort);
            assert_eq!(
                seen[&key],
                [1, 2, 3, 4, 5],
                "announced writes only, in order, for {sort}"
            );
        }
        for sort in ["silent", "refused"] {
            assert!(
                !seen.contains_key(&world.key(&format!("stream-{sort}"), sort)),
                "{sort} was not announced"
            );
        }
        for change in &found {
            match &change.item {
                Some(item) => {
                    assert_eq!(item.key, change.key);
                    assert!(
                        item.version >= change.version,
                        "that version or a later one: {change:?}"
                    );
                }
                None => assert_eq!(change.key, gone, "only what was deleted may be absent"),
            }
        }
    }
}

async fn what_is_not_checkpointed_comes_again(table: &dyn Table, changes: &dyn Changes, world: World<'_>) {
    let key = world.key("stream-again", "a");
    let write = |version| Item {
        announced: true,
        ..plain(key.clone(), version)
    };
    world.store(table, (1..=3).map(write)).await;
    // Read without checkpoint: version 1 is seen, and is seen again.
    for _ in 0..2 {
        world
            .eventually("a change that was not checkpointed", async || {
                for shard in changes.shards().await.expect("shards") {
                    let page = changes
                        .read(Consumer::History, &shard, 1_000)
                        .await
                        .expect("changes");
                    if page.iter().any(|change| change.key == key && change.version == 1) {
                        return Some(());
                    }
                }
                None
            })
            .await;
    }
    // A checkpoint in the middle: what stands behind it still comes.
    world
        .eventually("a place in the middle", async || {
            for shard in changes.shards().await.expect("shards") {
                let page = changes
                    .read(Consumer::History, &shard, 1_000)
                    .await
                    .expect("changes");
                let first = page
                    .iter()
                    .find(|change| change.key == key && change.version == 1);
                if let Some(first) = first {
                    changes
                        .checkpoint(Consumer::History, &shard, &first.sequence)
                        .await
                        .expect("a checkpoint");
                    return Some(());
                }
            }
            None
        })
        .await;
    let rest = |found: &[Change]| {
        versions(found)
            .get(&key)
            .is_some_and(|seen| seen.contains(&2) && seen.contains(&3))
    };
    collect(changes, world, Consumer::History, rest).await;
    // One consumer's checkpoints are not the other's.
    let all = |found: &[Change]| versions(found).get(&key).is_some_and(|seen| seen.len() == 3);
    collect(changes, world, Consumer::Webhooks, all).await;
}
