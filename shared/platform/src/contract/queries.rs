//! Walks over a partition.

use super::{World, plain};
use crate::table::{Consistency, Item, MAX_PAGE_BYTES, Order, Query, SortRange, Table};

/// All promises of this file.
pub async fn run(table: &dyn Table, world: World<'_>) {
    ranges_in_both_orders_and_all_page_sizes(table, world).await;
    pages_are_bounded_in_bytes(table, world).await;
}

/// Sort keys in the order of their UTF-8 bytes, which is not that of UTF-16.
const SORTS: [&str; 14] = [
    "A",
    "a",
    "a#",
    "a#1",
    "a#10",
    "a#2",
    "a#\u{7F}",
    "a#é",
    "a#\u{D7FF}x",
    "a#\u{FFFD}",
    "a#\u{1F600}",
    "a#\u{10FFFF}\u{10FFFF}",
    "b",
    "é",
];

async fn walk(table: &dyn Table, query: &Query) -> Vec<Item> {
    let mut query = query.clone();
    let mut items = Vec::new();
    for _ in 0..1_000 {
        let page = table.query(&query).await.expect("a page");
        assert!(page.items.len() <= query.limit, "no more than asked for");
        items.extend(page.items);
        match page.next {
            None => return items,
            Some(next) => query.after = Some(next),
        }
    }
    panic!("a walk without end: {query:?}");
}

async fn ranges_in_both_orders_and_all_page_sizes(table: &dyn Table, world: World<'_>) {
    let mut stored = SORTS;
    stored.reverse();
    world
        .store(table, stored.map(|sort| plain(world.key("walk", sort), 1)))
        .await;
    // Neighbours that must not be seen.
    world
        .store(
            table,
            ["walk2", "wal", "walk\u{1}"].map(|name| plain(world.key(name, "a#1"), 1)),
        )
        .await;

    let prefix = |text: &str| SortRange::Prefix(text.to_owned());
    let between = |low: &str, high: &str| SortRange::Between(low.to_owned(), high.to_owned());
    let ranges = [
        SortRange::All,
        prefix("a#"),
        prefix("a#1"),
        prefix("a#\u{10FFFF}"),
        prefix("a#\u{D7FF}"),
        prefix("é"),
        prefix("nothing"),
        between("a#1", "a#2"),
        between("a#11", "a#\u{1F600}"),
        between("\u{1}", "a#"),
        between("c", "d"),
        between("b", "b"),
    ];
    for range in ranges {
        let inside = |sort: &&str| match &range {
            SortRange::All => true,
            SortRange::Prefix(prefix) => sort.starts_with(prefix.as_str()),
            SortRange::Between(low, high) => low.as_str() <= *sort && *sort <= high.as_str(),
        };
        for order in [Order::Ascending, Order::Descending] {
            let mut expected: Vec<&str> = SORTS.iter().copied().filter(inside).collect();
            if order == Order::Descending {
                expected.reverse();
            }
            for limit in [1, 2, 3, 100] {
                let query = Query {
                    partition: world.partition("walk"),
                    range: range.clone(),
                    after: None,
                    order,
                    limit,
                    consistency: Consistency::Strong,
                };
                let items = walk(table, &query).await;
                let found: Vec<&str> = items.iter().map(|item| item.key.sort.as_str()).collect();
                assert_eq!(found, expected, "{range:?} {order:?} by {limit}");
            }
            // From any place within it, whether an item stands there or not.
            for (place, sort) in expected.iter().enumerate() {
                let query = Query {
                    partition: world.partition("walk"),
                    range: range.clone(),
                    after: Some((*sort).to_owned()),
                    order,
                    limit: 100,
                    consistency: Consistency::Strong,
                };
                let items = walk(table, &query).await;
                let found: Vec<&str> = items.iter().map(|item| item.key.sort.as_str()).collect();
                assert_eq!(
                    found,
                    expected[place + 1..],
                    "{range:?} {order:?} behind {sort:?}"
                );
            }
        }
    }
    let nothing = Query {
        partition: world.partition("walk-nothing"),
        range: SortRange::All,
        after: None,
        order: Order::Ascending,
        limit: 10,
        consistency: Consistency::Eventual,
    };
    assert_eq!(walk(table, &nothing).await, []);
}

async fn pages_are_bounded_in_bytes(table: &dyn Table, world: World<'_>) {
    let large = |n: usize| Item {
        body: format!("{{\"a\":\"{}\"}}", "x".repeat(300 * 1024)),
        ..plain(world.key("large", &format!("{n}")), 1)
    };
    world.store(table, (0..8).map(large)).await;
    let mut query = Query {
        partition: world.partition("large"),
        range: SortRange::All,
        after: None,
        order: Order::Ascending,
        limit: 100,
        consistency: Consistency::Strong,
    };
    let mut count = 0;
    loop {
        let page = table.query(&query).await.expect("a page");
        let bytes: usize = page.items.iter().map(|item| item.body.len()).sum();
        assert!(bytes <= MAX_PAGE_BYTES, "a page of {bytes} bytes");
        count += page.items.len();
        match page.next {
            None => break,
            Some(next) => query.after = Some(next),
        }
    }
    assert_eq!(count, 8);
}
