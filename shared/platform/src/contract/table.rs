//! Single items, conditions, transactions, bounds.

use domain::time::Timestamp;
use domain::timer::{Timer, TimerKind};

use super::{World, check, delete, plain, put, read};
use crate::table::{
    Condition, Consistency, Item, Key, MAX_ITEM_BYTES, MAX_TRANSACTION, Query, SortRange, Table, TableError,
};

/// All promises of this file.
pub async fn run(table: &dyn Table, world: World<'_>) {
    items_come_back_as_written(table, world).await;
    conditions_of_a_single_write(table, world).await;
    transactions_are_all_or_nothing(table, world).await;
    transactions_of_one_call_stand_alone(table, world).await;
    several_reads_keep_their_order(table, world).await;
    bounds_are_kept(table, world).await;
}

async fn items_come_back_as_written(table: &dyn Table, world: World<'_>) {
    let full = Item {
        key: world.key("whole", "é#\u{1F600}#\u{0}#'\"%_"),
        version: 7,
        due: Some(Timer {
            at: Timestamp::MAX,
            kind: TimerKind::WebhookDelivery,
            generation: 1 << 40,
        }),
        expires: Some(Timestamp::from_millis(253_000_000_000_000)),
        announced: true,
        body: "{\"text\":\"naïve \\u0000 \u{1F600}\"}".to_owned(),
    };
    let bare = plain(world.key("whole", "bare"), 1);
    world.store(table, [full.clone(), bare.clone()]).await;
    assert_eq!(read(table, &full.key).await, Some(full.clone()));
    assert_eq!(read(table, &bare.key).await, Some(bare));
    assert_eq!(read(table, &world.key("whole", "missing")).await, None);
    assert_eq!(read(table, &world.key("missing", "bare")).await, None);
    let found = table.get(&full.key, Consistency::Eventual).await;
    assert!(found.is_ok(), "{found:?}");

    // Taking due entry and expiry off is a write like any other.
    let shorter = Item {
        version: 8,
        due: None,
        expires: None,
        announced: false,
        ..full
    };
    world.store(table, [shorter.clone()]).await;
    assert_eq!(read(table, &shorter.key).await, Some(shorter));
}

async fn conditions_of_a_single_write(table: &dyn Table, world: World<'_>) {
    use Condition::{Absent, None as Nothing, Version};
    let key = world.key("conditions", "a");
    let failed = Err(TableError::ConditionFailed(vec![key.clone()]));
    let one = |write| world.commit(table, vec![write]);

    assert_eq!(
        one(put(plain(key.clone(), 2), Version(1))).await,
        failed,
        "nothing is there yet"
    );
    assert_eq!(one(check(key.clone(), Version(1))).await, failed);
    assert_eq!(one(check(key.clone(), Absent)).await, Ok(()));
    assert_eq!(one(delete(key.clone(), Version(1))).await, failed);
    assert_eq!(
        one(delete(key.clone(), Nothing)).await,
        Ok(()),
        "deleting nothing is no error"
    );
    assert_eq!(one(put(plain(key.clone(), 1), Absent)).await, Ok(()));

    assert_eq!(
        one(put(plain(key.clone(), 9), Absent)).await,
        failed,
        "it is there already"
    );
    assert_eq!(one(check(key.clone(), Absent)).await, failed);
    assert_eq!(one(delete(key.clone(), Absent)).await, failed);
    assert_eq!(one(check(key.clone(), Version(1))).await, Ok(()));
    assert_eq!(one(check(key.clone(), Nothing)).await, Ok(()));
    assert_eq!(
        one(put(plain(key.clone(), 9), Version(2))).await,
        failed,
        "a wrong version"
    );
    assert_eq!(
        read(table, &key).await.map(|item| item.version),
        Some(1),
        "nothing changed it"
    );

    assert_eq!(one(put(plain(key.clone(), 2), Version(1))).await, Ok(()));
    assert_eq!(one(put(plain(key.clone(), 5), Nothing)).await, Ok(()));
    assert_eq!(read(table, &key).await.map(|item| item.version), Some(5));
    assert_eq!(one(delete(key.clone(), Version(4))).await, failed);
    assert_eq!(one(delete(key.clone(), Version(5))).await, Ok(()));
    assert_eq!(read(table, &key).await, None);
    assert_eq!(
        one(put(plain(key.clone(), 1), Absent)).await,
        Ok(()),
        "it may come again"
    );
}

async fn transactions_are_all_or_nothing(table: &dyn Table, world: World<'_>) {
    let key = |name: &str| world.key(&format!("atomic-{name}"), "a");
    world
        .store(table, [plain(key("old"), 1), plain(key("gone"), 1)])
        .await;

    let attempt = |old: Condition, fresh: Condition, checked: Condition| {
        let writes = vec![
            put(plain(key("old"), 2), old),
            put(plain(key("new"), 1), fresh),
            delete(key("gone"), Condition::Version(1)),
            check(key("checked"), checked),
        ];
        world.commit(table, writes)
    };
    let state = async || {
        let mut versions = Vec::new();
        for name in ["old", "new", "gone"] {
            versions.push(read(table, &key(name)).await.map(|item| item.version));
        }
        versions
    };

    // Whichever condition fails, nothing is written, and all that failed are named.
    let (one, absent, wrong) = (Condition::Version(1), Condition::Absent, Condition::Version(77));
    for (old, fresh, checked, culprits) in [
        (wrong, absent, absent, vec![key("old")]),
        (one, wrong, absent, vec![key("new")]),
        (one, absent, wrong, vec![key("checked")]),
        (wrong, absent, wrong, vec![key("old"), key("checked")]),
    ] {
        match attempt(old, fresh, checked).await {
            Err(TableError::ConditionFailed(mut failed)) => {
                failed.sort();
                let mut culprits = culprits;
                culprits.sort();
                assert_eq!(failed, culprits);
            }
            answer => panic!("{answer:?} although conditions failed at {culprits:?}"),
        }
        assert_eq!(state().await, [Some(1), None, Some(1)]);
    }
    assert_eq!(attempt(one, absent, absent).await, Ok(()));
    assert_eq!(state().await, [Some(2), Some(1), None]);

    let many: Vec<Key> = (0..MAX_TRANSACTION)
        .map(|n| world.key("many", &format!("{n:03}")))
        .collect();
    let writes = many
        .iter()
        .map(|key| put(plain(key.clone(), 1), Condition::Absent))
        .collect();
    assert_eq!(
        world.commit(table, writes).await,
        Ok(()),
        "the largest transaction"
    );
    let found = table.get_many(&many, Consistency::Strong).await.unwrap();
    assert!(found.iter().all(Option::is_some), "all of it is there");
}

async fn transactions_of_one_call_stand_alone(table: &dyn Table, world: World<'_>) {
    let key = |n: usize| world.key("each", &format!("{n:03}"));
    world.store(table, [plain(key(3), 1)]).await;
    let create = |n| vec![put(plain(key(n), 1), Condition::Absent)];
    let mut answers: Vec<Option<Result<(), TableError>>> = vec![None; 40];
    // Those that met a busy platform go again.
    world
        .eventually("an answer to each transaction", async || {
            let open: Vec<usize> = (0..40).filter(|n| answers[*n].is_none()).collect();
            let results = table
                .transact_each(open.iter().map(|n| create(*n)).collect())
                .await;
            assert_eq!(results.len(), open.len(), "one answer each");
            for (n, result) in open.into_iter().zip(results) {
                if !matches!(result, Err(TableError::Conflict | TableError::Throttled)) {
                    answers[n] = Some(result);
                }
            }
            answers.iter().all(Option::is_some).then_some(())
        })
        .await;
    for (n, answer) in answers.into_iter().flatten().enumerate() {
        let expected = if n == 3 {
            Err(TableError::ConditionFailed(vec![key(3)]))
        } else {
            Ok(())
        };
        assert_eq!(answer, expected, "transaction {n}");
        assert!(read(table, &key(n)).await.is_some());
    }
    assert_eq!(table.transact_each(Vec::new()).await, Vec::new());
}

async fn several_reads_keep_their_order(table: &dyn Table, world: World<'_>) {
    let key = |n: usize| world.key(&format!("several-{}", n % 3), &format!("{n:03}"));
    world.store(table, (0..20).map(|n| plain(key(n), 1))).await;
    // Backwards, with gaps, more than DynamoDB takes in one call, one of them twice.
    let keys: Vec<Key> = (0..150).rev().chain([7]).map(key).collect();
    let found = table.get_many(&keys, Consistency::Strong).await.unwrap();
    assert_eq!(found.len(), keys.len());
    for (key, item) in keys.iter().zip(&found) {
        let wanted = key.sort.as_str() < "020";
        assert_eq!(item.as_ref().map(|item| &item.key), wanted.then_some(key));
    }
    assert_eq!(table.get_many(&[], Consistency::Strong).await, Ok(Vec::new()));
}

async fn bounds_are_kept(table: &dyn Table, world: World<'_>) {
    let good = world.key("bounds", "a");
    let sized = |bytes: usize| {
        let mut item = plain(good.clone(), 1);
        item.body = String::new();
        item.body = format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - item.size() - 8));
        assert_eq!(item.size(), bytes);
        item
    };
    let largest = sized(MAX_ITEM_BYTES);
    world.store(table, [largest.clone()]).await;
    assert_eq!(read(table, &good).await, Some(largest));
    assert_eq!(
        world
            .commit(table, vec![put(sized(MAX_ITEM_BYTES + 1), Condition::None)])
            .await,
        Err(TableError::TooLarge {
            key: good.clone(),
            bytes: MAX_ITEM_BYTES + 1
        })
    );

    let longest = Key::new(filled(world.prefix, 2048), filled("s", 1024));
    world.store(table, [plain(longest.clone(), 1)]).await;
    assert!(read(table, &longest).await.is_some(), "the longest key");

    let invalid = |answer: Result<(), TableError>, what: &str| {
        assert!(
            matches!(answer, Err(TableError::Invalid(_))),
            "{what}: {answer:?}"
        );
    };
    for (key, what) in [
        (Key::new("", "a"), "no partition key"),
        (Key::new(world.prefix, ""), "no sort key"),
        (
            Key::new(filled(world.prefix, 2049), "a"),
            "too long a partition key",
        ),
        (Key::new(world.prefix, filled("s", 1025)), "too long a sort key"),
    ] {
        invalid(
            world
                .commit(table, vec![put(plain(key.clone(), 1), Condition::None)])
                .await,
            what,
        );
        invalid(
            world
                .commit(table, vec![check(key.clone(), Condition::Absent)])
                .await,
            what,
        );
        invalid(table.get(&key, Consistency::Strong).await.map(drop), what);
        invalid(table.get_many(&[key], Consistency::Strong).await.map(drop), what);
    }
    let twice = vec![
        check(good.clone(), Condition::None),
        delete(good.clone(), Condition::None),
    ];
    invalid(world.commit(table, twice).await, "a key twice");
    let many = (0..=MAX_TRANSACTION).map(|n| check(world.key("bounds", &n.to_string()), Condition::None));
    invalid(world.commit(table, many.collect()).await, "too many writes");
    let query = Query {
        partition: String::new(),
        range: SortRange::All,
        after: None,
        order: crate::table::Order::Ascending,
        limit: 1,
        consistency: Consistency::Strong,
    };
    invalid(table.query(&query).await.map(drop), "a query without partition");

    // One bad transaction does not spoil the others of its call.
    let other = world.key("bounds", "other");
    let answers = table
        .transact_each(vec![
            Vec::from([check(Key::new("", ""), Condition::None)]),
            vec![check(other, Condition::Absent)],
        ])
        .await;
    assert!(matches!(answers[0], Err(TableError::Invalid(_))), "{answers:?}");
    assert!(!matches!(answers[1], Err(TableError::Invalid(_))), "{answers:?}");
}

fn filled(start: &str, length: usize) -> String {
    format!("{start}{}", "x".repeat(length - start.len()))
}
