//! Conditional writes that meet.

use futures::future::join_all;

use super::{World, plain, put, read};
use crate::table::{Condition, Item, Table, TableError};

/// All promises of this file.
pub async fn run(table: &dyn Table, world: World<'_>) {
    one_creator_wins(table, world).await;
    every_increment_counts(table, world).await;
    transfers_keep_the_sum(table, world).await;
}

async fn one_creator_wins(table: &dyn Table, world: World<'_>) {
    let key = world.key("creators", "a");
    let creators = (1..=20_u64).map(|n| {
        let item = Item {
            body: format!("{{\"creator\":{n}}}"),
            ..plain(key.clone(), 1)
        };
        world.commit(table, vec![put(item, Condition::Absent)])
    });
    let winners: Vec<usize> = join_all(creators)
        .await
        .into_iter()
        .enumerate()
        .filter_map(|(place, answer)| match answer {
            Ok(()) => Some(place + 1),
            Err(TableError::ConditionFailed(_)) => None,
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(winners.len(), 1, "one creator wins");
    let body = read(table, &key).await.unwrap().body;
    assert_eq!(
        body,
        format!("{{\"creator\":{}}}", winners[0]),
        "and it is the one that was told so"
    );
}

/// Reads the number in a body of the form `{"n":1}`.
fn number(item: &Item) -> i64 {
    item.body
        .trim_start_matches("{\"n\":")
        .trim_end_matches('}')
        .parse()
        .unwrap()
}

fn with_number(item: &Item, number: i64) -> Item {
    Item {
        version: item.version + 1,
        body: format!("{{\"n\":{number}}}"),
        ..item.clone()
    }
}

async fn every_increment_counts(table: &dyn Table, world: World<'_>) {
    const WORKERS: i64 = 16;
    const EACH: i64 = 5;
    let key = world.key("counter", "a");
    world.store(table, [with_number(&plain(key.clone(), 0), 0)]).await;
    join_all((0..WORKERS).map(|_| async {
        for _ in 0..EACH {
            world
                .eventually("an increment", async || {
                    let item = read(table, &key).await.unwrap();
                    let next = with_number(&item, number(&item) + 1);
                    let write = put(next, Condition::Version(item.version));
                    match world.commit(table, vec![write]).await {
                        Ok(()) => Some(()),
                        Err(TableError::ConditionFailed(_)) => None,
                        Err(error) => panic!("{error}"),
                    }
                })
                .await;
        }
    }))
    .await;
    assert_eq!(number(&read(table, &key).await.unwrap()), WORKERS * EACH);
}

async fn transfers_keep_the_sum(table: &dyn Table, world: World<'_>) {
    let keys = ["a", "b", "c", "d"].map(|name| world.key(&format!("account-{name}"), "a"));
    world
        .store(
            table,
            keys.iter().map(|key| with_number(&plain(key.clone(), 0), 100)),
        )
        .await;
    join_all((0..24_usize).map(|n| {
        let (from, to) = (&keys[n % 4], &keys[(n + 1 + n % 3) % 4]);
        async move {
            world
                .eventually("a transfer", async || {
                    let (source, target) = (read(table, from).await.unwrap(), read(table, to).await.unwrap());
                    let writes = vec![
                        put(
                            with_number(&source, number(&source) - 1),
                            Condition::Version(source.version),
                        ),
                        put(
                            with_number(&target, number(&target) + 1),
                            Condition::Version(target.version),
                        ),
                    ];
                    match world.commit(table, writes).await {
                        Ok(()) => Some(()),
                        Err(TableError::ConditionFailed(_)) => None,
                        Err(error) => panic!("{error}"),
                    }
                })
                .await;
        }
    }))
    .await;
    let mut sum = 0;
    let mut versions = 0;
    for key in &keys {
        let item = read(table, key).await.unwrap();
        sum += number(&item);
        versions += item.version;
    }
    assert_eq!(sum, 400);
    assert_eq!(versions, 4 + 2 * 24, "each transfer wrote twice");
}
