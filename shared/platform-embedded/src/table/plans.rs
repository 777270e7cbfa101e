//! How SQLite carries out each statement, on a filled table and without statistics.

use std::path::Path;

use platform::table::Order;
use rusqlite::{Connection, params};

use super::{apply, changelog, select, writer};
use crate::schema;

/// A table with many finished items, few due ones, and changes.
fn filled(path: &Path) -> Connection {
    let connection = schema::open_writer(path, None).unwrap();
    let transaction = connection.unchecked_transaction().unwrap();
    for n in 0..20_000_i64 {
        let due = (n % 50 == 0).then_some(n);
        transaction
            .prepare_cached(apply::INSERT)
            .unwrap()
            .execute(params![
                format!("p{}", n / 10),
                format!("s{n}"),
                1,
                false,
                due.map(|n| n % 16),
                due,
                due.map(|_| 0),
                due.map(|_| 1),
                (n % 100 == 0).then_some(n),
                "{}"
            ])
            .unwrap();
        transaction
            .prepare_cached(changelog::APPEND)
            .unwrap()
            .execute(params![n, "p1", "s10", 1])
            .unwrap();
    }
    transaction.commit().unwrap();
    connection
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get::<_, String>("detail").unwrap());
    }
    steps
}

#[test]
fn every_statement_searches_by_its_index() {
    let directory = tempfile::tempdir().unwrap();
    let connection = filled(&directory.path().join("data.sqlite"));
    let key = "SEARCH items USING INDEX items_key (pk=? AND sk=?)";
    let cases: Vec<(String, Vec<&str>)> = vec![
        (select::ITEM.to_owned(), vec![key]),
        (apply::VERSION.to_owned(), vec![key]),
        (apply::UPDATE.to_owned(), vec![key]),
        (apply::DELETE.to_owned(), vec![key]),
        (apply::DELETE_VERSION.to_owned(), vec![key]),
        (
            select::SCAN.to_owned(),
            vec!["SEARCH items USING INDEX items_key ((pk,sk)>(?,?))"],
        ),
        (apply::INSERT.to_owned(), vec![]),
        (apply::UPSERT.to_owned(), vec![]),
        (
            select::due_sql(false),
            vec!["SEARCH items USING COVERING INDEX items_due (due_shard=? AND due_at<?)"],
        ),
        (
            select::due_sql(true),
            vec![
                "SEARCH items USING COVERING INDEX items_due (due_shard=? AND \
                 (due_at,due_kind,due_generation,pk,sk)>(?,?,?,?,?) AND due_at<?)",
            ],
        ),
        (
            select::CHANGES.to_owned(),
            vec![
                "SEARCH changes USING INTEGER PRIMARY KEY (rowid>?)",
                "SEARCH items USING INDEX items_key (pk=? AND sk=?) LEFT-JOIN",
            ],
        ),
        (changelog::APPEND.to_owned(), vec![]),
        (
            changelog::TRIM.to_owned(),
            vec!["SEARCH changes USING INTEGER PRIMARY KEY (rowid<?)"],
        ),
        (changelog::CHECKPOINT.to_owned(), vec![]),
        (
            writer::PURGE.to_owned(),
            vec![
                "SEARCH items USING INTEGER PRIMARY KEY (rowid=?)",
                "LIST SUBQUERY 1",
                "SEARCH items USING COVERING INDEX items_expiry (expires<?)",
            ],
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(plan(&connection, &sql), expected, "{sql}");
    }
}

#[test]
fn every_walk_follows_the_key_without_sorting() {
    let directory = tempfile::tempdir().unwrap();
    let connection = filled(&directory.path().join("data.sqlite"));
    let ends = [None, Some(true), Some(false)];
    for order in [Order::Ascending, Order::Descending] {
        for (low, high) in ends.into_iter().flat_map(|low| ends.map(|high| (low, high))) {
            let range = match (low, high) {
                (None, None) => "",
                (Some(_), None) => " AND sk>?",
                (None, Some(_)) => " AND sk<?",
                (Some(_), Some(_)) => " AND sk>? AND sk<?",
            };
            let expected = format!("SEARCH items USING INDEX items_key (pk=?{range})");
            assert_eq!(plan(&connection, &select::page_sql(low, high, order)), [expected]);
        }
    }
}
