//! The statements that read.

use domain::time::Timestamp;
use platform::changes::{Change, Sequence};
use platform::table::{DueEntry, Item, Key, MAX_PAGE_BYTES, Order, Page, Query, SortRange};
use rusqlite::{Connection, OptionalExtension, Rows, ToSql, params};

use super::row::{item, item_columns, kind_number, signed, timer, unsigned};

pub(crate) const ITEM: &str = concat!(
    "SELECT ",
    item_columns!(),
    " FROM items INDEXED BY items_key WHERE pk = ?1 AND sk = ?2"
);

const DUE_HEAD: &str = "SELECT due_at, due_kind, due_generation, pk, sk FROM items INDEXED BY items_due \
     WHERE due_shard = ?1 AND due_at <= ?2 ";
const DUE_TAIL: &str = " ORDER BY due_at, due_kind, due_generation, pk, sk LIMIT ?3";

pub(crate) const CHANGES: &str = concat!(
    "SELECT changes.sequence, changes.pk, changes.sk, changes.version, ",
    item_columns!(),
    " FROM changes LEFT JOIN items INDEXED BY items_key \
     ON items.pk = changes.pk AND items.sk = changes.sk \
     WHERE changes.sequence > ?1 ORDER BY changes.sequence LIMIT ?2"
);

/// One item.
pub(crate) fn item_at(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Item>> {
    connection
        .prepare_cached(ITEM)?
        .query_row(params![key.partition, key.sort], |row| item(row, 0, key.clone()))
        .optional()
}

/// Several items.
pub(crate) fn items(connection: &Connection, keys: &[Key]) -> rusqlite::Result<Vec<Option<Item>>> {
    // One transaction finds the end of the write-ahead log once, not per item.
    let transaction = connection.unchecked_transaction()?;
    let items = keys
        .iter()
        .map(|key| item_at(&transaction, key))
        .collect::<rusqlite::Result<_>>()?;
    transaction.commit()?;
    Ok(items)
}

/// One end of a range of sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    sort: String,
    included: bool,
}

/// The lowest and the highest sort key that a query still has to visit.
fn ends(query: &Query) -> (Option<Bound>, Option<Bound>) {
    let bound = |sort: &str, included| {
        Some(Bound {
            sort: sort.to_owned(),
            included,
        })
    };
    let (mut low, mut high) = match &query.range {
        SortRange::All => (None, None),
        SortRange::Prefix(prefix) => (
            bound(prefix, true),
            successor(prefix).map(|sort| Bound {
                sort,
                included: false,
            }),
        ),
        SortRange::Between(low, high) => (bound(low, true), bound(high, true)),
    };
    if let Some(after) = &query.after {
        let outside = |end: &Option<Bound>, beyond: fn(&str, &str) -> bool| {
            end.as_ref().is_some_and(|end| beyond(&end.sort, after))
        };
        match query.order {
            Order::Ascending if !outside(&low, |low, after| low > after) => low = bound(after, false),
            Order::Descending if !outside(&high, |high, after| high < after) => high = bound(after, false),
            Order::Ascending | Order::Descending => {}
        }
    }
    (low, high)
}

/// The lowest text above all texts that start with `prefix`. The order of UTF-8 bytes is the order of
/// code points.
fn successor(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // A step of a range of characters leaps over the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

/// The text of a query's statement: one of a dozen.
pub(crate) fn page_sql(low: Option<bool>, high: Option<bool>, order: Order) -> String {
    let low = match low {
        None => "",
        Some(true) => " AND sk >= ?3",
        Some(false) => " AND sk > ?3",
    };
    let high = match high {
        None => "",
        Some(true) => " AND sk <= ?4",
        Some(false) => " AND sk < ?4",
    };
    let direction = match order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    format!(
        "SELECT {}, sk FROM items INDEXED BY items_key WHERE pk = ?1{low}{high} ORDER BY sk {direction} LIMIT ?2",
        item_columns!()
    )
}

/// One page of a partition.
pub(crate) fn page(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let (low, high) = ends(query);
    let included = |end: &Option<Bound>| end.as_ref().map(|end| end.included);
    let mut statement = connection.prepare_cached(&page_sql(included(&low), included(&high), query.order))?;
    // One more than asked for tells whether there is a next page.
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1);
    statement.raw_bind_parameter(1, &query.partition)?;
    statement.raw_bind_parameter(2, limit)?;
    for (place, end) in [(3, &low), (4, &high)] {
        if let Some(end) = end {
            statement.raw_bind_parameter(place, &end.sort)?;
        }
    }
    let mut rows = statement.raw_query();
    let mut page = Page {
        items: Vec::new(),
        next: None,
    };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let full = page.items.len() >= query.limit;
        let found = if full {
            None
        } else {
            Some(item(
                row,
                0,
                Key::new(&*query.partition, row.get::<_, String>(7)?),
            )?)
        };
        match found {
            Some(found) if page.items.is_empty() || bytes + found.size() <= MAX_PAGE_BYTES => {
                bytes += found.size();
                page.items.push(found);
            }
            _ => {
                page.next = page.items.last().map(|last| last.key.sort.clone());
                break;
            }
        }
    }
    Ok(page)
}

pub(crate) const SCAN: &str = concat!(
    "SELECT ",
    item_columns!(),
    ", pk, sk FROM items INDEXED BY items_key WHERE (pk, sk) > (?1, ?2) ORDER BY pk, sk LIMIT ?3"
);

/// Items behind a key, in the order of the keys.
pub(crate) fn scan(connection: &Connection, after: &Key, limit: usize) -> rusqlite::Result<Vec<Item>> {
    let mut statement = connection.prepare_cached(SCAN)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![after.partition, after.sort, limit])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(item(
            row,
            0,
            Key::new(row.get::<_, String>(7)?, row.get::<_, String>(8)?),
        )?);
    }
    Ok(items)
}

/// The text of the due statement, for the first page or a further one.
pub(crate) fn due_sql(further: bool) -> String {
    let behind = if further {
        "AND (due_at, due_kind, due_generation, pk, sk) > (?4, ?5, ?6, ?7, ?8)"
    } else {
        ""
    };
    format!("{DUE_HEAD}{behind}{DUE_TAIL}")
}

/// Entries of the due index.
pub(crate) fn due(
    connection: &Connection,
    shard: u16,
    after: Option<&DueEntry>,
    until: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<DueEntry>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&due_sql(after.is_some()))?;
    let until = until.millis();
    let read = |mut rows: Rows<'_>| {
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(DueEntry {
                timer: timer(row.get(0)?, row.get(1)?, row.get(2)?),
                key: Key::new(row.get::<_, String>(3)?, row.get::<_, String>(4)?),
            });
        }
        Ok(entries)
    };
    match after {
        None => read(statement.query(params![shard, until, limit])?),
        Some(DueEntry { timer, key }) => {
            let place: [&dyn ToSql; 8] = [
                &shard,
                &until,
                &limit,
                &timer.at.millis(),
                &kind_number(timer.kind),
                &signed(timer.generation),
                &key.partition,
                &key.sort,
            ];
            read(statement.query(place.as_slice())?)
        }
    }
}

/// Changes behind a sequence number, each with the item as it is now. At most a page of bytes.
pub(crate) fn changes(connection: &Connection, after: i64, limit: usize) -> rusqlite::Result<Vec<Change>> {
    let mut statement = connection.prepare_cached(CHANGES)?;
    let mut rows = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut changes = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let key = Key::new(row.get::<_, String>(1)?, row.get::<_, String>(2)?);
        let present = row.get::<_, Option<i64>>(4)?.is_some();
        let found = if present {
            Some(item(row, 4, key.clone())?)
        } else {
            None
        };
        bytes += found.as_ref().map_or(128, Item::size);
        if bytes > MAX_PAGE_BYTES && !changes.is_empty() {
            break;
        }
        changes.push(Change {
            sequence: Sequence(row.get::<_, i64>(0)?.to_string()),
            key,
            version: unsigned(row.get(3)?),
            item: found,
        });
    }
    Ok(changes)
}
