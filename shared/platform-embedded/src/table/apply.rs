//! Carries out one transaction inside the writer's open batch.
//!
//! All conditions are checked before the first write, so nothing has to be taken back when one fails and
//! no savepoint is needed. An error of SQLite itself takes back the whole batch.

use domain::timer::due_shard;
use platform::table::{Condition, Item, Key, TableError, Write};
use rusqlite::{Connection, OptionalExtension, params};

use super::changelog::ChangeLog;
use super::row::{kind_number, signed};

/// Values of a new item; `?11` is the version that an update expects.
macro_rules! insert {
    ($conflict:literal) => {
        concat!(
            "INSERT INTO items (pk, sk, version, announced, due_shard, due_at, due_kind, due_generation, \
             expires, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (pk, sk) DO ",
            $conflict
        )
    };
}

pub(crate) const INSERT: &str = insert!("NOTHING");
pub(crate) const UPSERT: &str = insert!(
    "UPDATE SET version = excluded.version, announced = excluded.announced, \
     due_shard = excluded.due_shard, due_at = excluded.due_at, due_kind = excluded.due_kind, \
     due_generation = excluded.due_generation, expires = excluded.expires, body = excluded.body"
);
pub(crate) const UPDATE: &str = "UPDATE items INDEXED BY items_key SET version = ?3, announced = ?4, \
     due_shard = ?5, due_at = ?6, due_kind = ?7, due_generation = ?8, expires = ?9, body = ?10 \
     WHERE pk = ?1 AND sk = ?2 AND version = ?11";
pub(crate) const DELETE: &str = "DELETE FROM items INDEXED BY items_key WHERE pk = ?1 AND sk = ?2";
pub(crate) const DELETE_VERSION: &str =
    "DELETE FROM items INDEXED BY items_key WHERE pk = ?1 AND sk = ?2 AND version = ?3";
pub(crate) const VERSION: &str = "SELECT version FROM items INDEXED BY items_key WHERE pk = ?1 AND sk = ?2";

/// All of the writes or none. The outer error is SQLite's, and means that the batch is lost.
pub(crate) fn transaction(
    connection: &Connection,
    log: &mut ChangeLog,
    writes: &[Write],
) -> rusqlite::Result<Result<(), TableError>> {
    // A write alone carries its condition in its statement, which saves a search.
    if let [write] = writes {
        return Ok(if execute(connection, log, write)? {
            Ok(())
        } else {
            Err(TableError::ConditionFailed(vec![write.key().clone()]))
        });
    }
    let mut failed = Vec::new();
    for write in writes {
        if !holds(connection, write.key(), write.condition())? {
            failed.push(write.key().clone());
        }
    }
    if !failed.is_empty() {
        return Ok(Err(TableError::ConditionFailed(failed)));
    }
    for write in writes {
        if !matches!(write, Write::Check { .. }) {
            execute(connection, log, write)?;
        }
    }
    Ok(Ok(()))
}

fn holds(connection: &Connection, key: &Key, condition: Condition) -> rusqlite::Result<bool> {
    if condition == Condition::None {
        return Ok(true);
    }
    let found: Option<i64> = connection
        .prepare_cached(VERSION)?
        .query_row(params![key.partition, key.sort], |row| row.get(0))
        .optional()?;
    Ok(match condition {
        Condition::None => true,
        Condition::Absent => found.is_none(),
        Condition::Version(version) => found == Some(signed(version)),
    })
}

/// Does one write if its condition holds; tells whether it did.
fn execute(connection: &Connection, log: &mut ChangeLog, write: &Write) -> rusqlite::Result<bool> {
    match write {
        Write::Put { item, condition } => {
            let done = put(connection, item, *condition)?;
            if done && item.announced {
                log.append(connection, &item.key, item.version)?;
            }
            Ok(done)
        }
        Write::Delete { key, condition } => match condition {
            Condition::None => {
                connection
                    .prepare_cached(DELETE)?
                    .execute(params![key.partition, key.sort])?;
                Ok(true)
            }
            // Nothing is there to delete.
            Condition::Absent => holds(connection, key, Condition::Absent),
            Condition::Version(version) => connection
                .prepare_cached(DELETE_VERSION)?
                .execute(params![key.partition, key.sort, signed(*version)])
                .map(|rows| rows > 0),
        },
        Write::Check { key, condition } => holds(connection, key, *condition),
    }
}

fn put(connection: &Connection, item: &Item, condition: Condition) -> rusqlite::Result<bool> {
    let due = item.due;
    let shard = due.map(|_| due_shard(&item.key.partition));
    let at = due.map(|timer| timer.at.millis());
    let kind = due.map(|timer| kind_number(timer.kind));
    let generation = due.map(|timer| signed(timer.generation));
    let expires = item.expires.map(|at| at.millis());
    macro_rules! run {
        ($sql:expr $(, $more:expr)*) => {
            connection.prepare_cached($sql)?.execute(params![
                item.key.partition, item.key.sort, signed(item.version), item.announced,
                shard, at, kind, generation, expires, item.body $(, $more)*
            ])
        };
    }
    let rows = match condition {
        Condition::None => run!(UPSERT),
        Condition::Absent => run!(INSERT),
        Condition::Version(version) => run!(UPDATE, signed(version)),
    }?;
    Ok(rows > 0)
}
