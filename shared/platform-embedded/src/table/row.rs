//! Rows and items.

use domain::time::Timestamp;
use domain::timer::{Timer, TimerKind};
use platform::table::{Item, Key};
use rusqlite::Row;

/// The columns of an item but its key, in the order in which [`item`] reads them.
macro_rules! item_columns {
    () => {
        "items.version, items.announced, items.due_at, items.due_kind, items.due_generation, \
         items.expires, items.body"
    };
}
pub(crate) use item_columns;

/// Reads an item from [`item_columns`], the first of which stands in column `first`.
pub(crate) fn item(row: &Row<'_>, first: usize, key: Key) -> rusqlite::Result<Item> {
    let due = match row.get::<_, Option<i64>>(first + 2)? {
        None => None,
        Some(at) => Some(timer(at, row.get(first + 3)?, row.get(first + 4)?)),
    };
    Ok(Item {
        key,
        version: unsigned(row.get(first)?),
        announced: row.get(first + 1)?,
        due,
        expires: row.get::<_, Option<i64>>(first + 5)?.map(Timestamp::from_millis),
        body: row.get(first + 6)?,
    })
}

/// A timer from its columns.
pub(crate) fn timer(at: i64, kind: i64, generation: i64) -> Timer {
    Timer {
        at: Timestamp::from_millis(at),
        kind: kind_of(kind),
        generation: unsigned(generation),
    }
}

/// A kind in the file: its letter's number, which sorts as the kinds do.
pub(crate) fn kind_number(kind: TimerKind) -> i64 {
    i64::from(u32::from(kind.code()))
}

fn kind_of(number: i64) -> TimerKind {
    u32::try_from(number)
        .ok()
        .and_then(char::from_u32)
        .and_then(TimerKind::from_code)
        // Only a damaged file holds another number; the handler finds that nothing is due.
        .unwrap_or(TimerKind::Activity)
}

/// Versions and generations are checked to fit before they are written.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The way back.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_back_and_sort_as_they_do() {
        for kind in TimerKind::ALL {
            assert_eq!(kind_of(kind_number(kind)), kind);
        }
        let mut kinds = TimerKind::ALL;
        kinds.sort_unstable_by_key(|kind| kind_number(*kind));
        assert!(kinds.is_sorted());
    }
}
