//! The bounds of the port, enforced before anything reaches the writer.

use std::collections::HashSet;

use platform::table::{
    Condition, Item, Key, MAX_ITEM_BYTES, MAX_TRANSACTION, Query, SortRange, TableError, Write,
};

/// Longest partition key, in bytes.
const MAX_PARTITION: usize = 2048;
/// Longest sort key, in bytes.
const MAX_SORT: usize = 1024;

fn invalid(problem: impl Into<String>) -> TableError {
    TableError::Invalid(problem.into())
}

fn check_partition(partition: &str) -> Result<(), TableError> {
    if (1..=MAX_PARTITION).contains(&partition.len()) {
        Ok(())
    } else {
        Err(invalid(format!(
            "a partition key of {} bytes; 1 to {MAX_PARTITION} are allowed",
            partition.len()
        )))
    }
}

/// Lengths of a key.
pub(crate) fn check_key(key: &Key) -> Result<(), TableError> {
    check_partition(&key.partition)?;
    if (1..=MAX_SORT).contains(&key.sort.len()) {
        Ok(())
    } else {
        Err(invalid(format!(
            "a sort key of {} bytes; 1 to {MAX_SORT} are allowed",
            key.sort.len()
        )))
    }
}

/// The partition, the range and the limit of a query.
pub(crate) fn check_query(query: &Query) -> Result<(), TableError> {
    check_partition(&query.partition)?;
    if query.limit == 0 {
        return Err(invalid("a query with limit 0"));
    }
    match &query.range {
        SortRange::Between(low, high) if low > high => {
            Err(invalid(format!("a range from {low:?} down to {high:?}")))
        }
        _ => Ok(()),
    }
}

/// Number of writes, keys, sizes, numbers.
pub(crate) fn check_transaction(writes: &[Write]) -> Result<(), TableError> {
    if !(1..=MAX_TRANSACTION).contains(&writes.len()) {
        return Err(invalid(format!(
            "a transaction of {} writes; 1 to {MAX_TRANSACTION} are allowed",
            writes.len()
        )));
    }
    for write in writes {
        check_key(write.key())?;
        if let Condition::Version(version) = write.condition() {
            check_number("version", version)?;
        }
        if let Write::Put { item, .. } = write {
            check_item(item)?;
        }
    }
    if writes.len() > 1 {
        let mut keys = HashSet::with_capacity(writes.len());
        if let Some(twice) = writes.iter().map(Write::key).find(|key| !keys.insert(*key)) {
            return Err(invalid(format!("a transaction that names {twice:?} twice")));
        }
    }
    Ok(())
}

fn check_item(item: &Item) -> Result<(), TableError> {
    if item.size() > MAX_ITEM_BYTES {
        return Err(TableError::TooLarge {
            key: item.key.clone(),
            bytes: item.size(),
        });
    }
    check_number("version", item.version)?;
    item.due
        .map_or(Ok(()), |timer| check_number("generation", timer.generation))
}

/// SQLite's integers have 63 bits and a sign.
fn check_number(name: &str, number: u64) -> Result<(), TableError> {
    i64::try_from(number)
        .map(drop)
        .map_err(|_| invalid(format!("a {name} beyond 2^63: {number}")))
}
