//! The database: its settings, tables and indexes.
//!
//! Every statement that reads names its index, so that no plan depends on statistics: without
//! them SQLite's planner may scan all finished rows. A test checks the plans on a filled table.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::OpenError;

/// The format of the database, in `user_version`.
const FORMAT: i64 = 1;

/// Marks the file as ours, in `application_id`: "OBCP".
const APPLICATION: i64 = 0x4F42_4350;

/// Pages in the write-ahead log after which a commit moves them into the database file. The commit
/// waits for that. Ten times as many gave no more writes per second, and pauses of 0.1 to 0.4 s.
const CHECKPOINT_PAGES: i64 = 2_000;

/// The cache of the connection that writes, in kilobytes (SQLite takes them as a negative number).
const WRITER_CACHE_KB: i64 = -16 * 1024;
/// The cache of a connection that reads.
const READER_CACHE_KB: i64 = -512;

/// How durable a commit is: it is on the disk before it is answered.
pub const SYNCHRONOUS: &str = "full";

/// Change rows carry no image: the reader joins the current item. Sequence numbers are given by the
/// writer, which never gives one again (see `table::changelog`).
const TABLES: &str = "
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    pk TEXT NOT NULL,
    sk TEXT NOT NULL,
    version INTEGER NOT NULL,
    announced INTEGER NOT NULL,
    due_shard INTEGER,
    due_at INTEGER,
    due_kind INTEGER,
    due_generation INTEGER,
    expires INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX items_key ON items (pk, sk);
CREATE INDEX items_due ON items (due_shard, due_at, due_kind, due_generation, pk, sk)
    WHERE due_at IS NOT NULL;
CREATE INDEX items_expiry ON items (expires) WHERE expires IS NOT NULL;
CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY,
    pk TEXT NOT NULL,
    sk TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE checkpoints (
    consumer TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Opens the connection that writes, and brings the file to the current format.
///
/// `vfs` names another file system layer of SQLite; tests that cut the power use one.
pub(crate) fn open_writer(path: &Path, vfs: Option<&str>) -> Result<Connection, OpenError> {
    let failed = |problem: rusqlite::Error| match problem.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign(path.to_owned()),
        _ => OpenError::Database {
            path: path.to_owned(),
            problem,
        },
    };
    let connection = connect(path, vfs).map_err(failed)?;
    let format = check_format(&connection, path, failed)?;

    // Takes effect on an empty file only.
    connection
        .pragma_update(None, "page_size", 8192)
        .map_err(failed)?;
    // Where fsync does not reach the disk (macOS), this does. Elsewhere it changes nothing.
    connection
        .pragma_update(None, "fullfsync", true)
        .map_err(failed)?;
    connection
        .pragma_update(None, "checkpoint_fullfsync", true)
        .map_err(failed)?;
    connection
        .pragma_update(None, "cache_size", WRITER_CACHE_KB)
        .map_err(failed)?;
    connection
        .pragma_update(None, "temp_store", "memory")
        .map_err(failed)?;
    connection
        .pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)
        .map_err(failed)?;
    if vfs.is_some() {
        // Other layers offer no shared memory; one connection alone needs none.
        connection
            .pragma_update(None, "locking_mode", "exclusive")
            .map_err(failed)?;
    }
    demand(&connection, path, "journal_mode", "wal", "wal").map_err(failed)??;
    demand(&connection, path, "synchronous", SYNCHRONOUS, "2").map_err(failed)??;

    if format == 0 {
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES}
                 PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; COMMIT;"
            ))
            .map_err(failed)?;
    }
    Ok(connection)
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, None)?;
    connection.pragma_update(None, "query_only", true)?;
    // After every commit of the writer it starts anew, so that more would seldom be used.
    connection.pragma_update(None, "cache_size", READER_CACHE_KB)?;
    Ok(connection)
}

fn connect(path: &Path, vfs: Option<&str>) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time, so SQLite's own locks are not needed.
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match vfs {
        None => Connection::open_with_flags(path, flags)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
    };
    connection.set_prepared_statement_cache_capacity(64);
    // Only a checkpoint that starts over can be in the way, and it is short.
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// The format of the file; 0 if it is empty.
fn check_format(
    connection: &Connection,
    path: &Path,
    failed: impl Fn(rusqlite::Error) -> OpenError + Copy,
) -> Result<i64, OpenError> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(failed)
    };
    let format = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if application == APPLICATION && format > FORMAT {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: format,
            known: FORMAT,
        });
    }
    if tables > 0 && application != APPLICATION {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    Ok(format)
}

/// Sets a pragma and reads it back.
fn demand(
    connection: &Connection,
    path: &Path,
    setting: &'static str,
    value: &'static str,
    wanted: &'static str,
) -> rusqlite::Result<Result<(), OpenError>> {
    connection.pragma_update(None, setting, value)?;
    let found = connection.pragma_query_value(None, setting, |row| {
        row.get_ref(0).map(|value| match value {
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        })
    })?;
    Ok(if found == wanted {
        Ok(())
    } else {
        Err(OpenError::NotDurable {
            path: path.to_owned(),
            setting,
            wanted,
            found,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_durability_are_in_force() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open_writer(&dir.path().join("data.sqlite"), None).unwrap();
        let number = |name| {
            connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .unwrap()
        };
        assert_eq!(number("synchronous"), 2);
        assert_eq!(number("page_size"), 8192);
        assert_eq!(number("user_version"), FORMAT);
    }

    #[test]
    fn a_newer_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.sqlite");
        open_writer(&path, None)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let error = open_writer(&path, None).unwrap_err();
        assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    }

    #[test]
    fn other_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("text");
        std::fs::write(
            &text,
            "This is a letter, not a database, and longer than a header. ".repeat(20),
        )
        .unwrap();
        assert!(matches!(open_writer(&text, None), Err(OpenError::Foreign(_))));
        let other = dir.path().join("other");
        Connection::open(&other)
            .unwrap()
            .execute_batch("CREATE TABLE t (a)")
            .unwrap();
        assert!(matches!(open_writer(&other, None), Err(OpenError::Foreign(_))));
    }
}
