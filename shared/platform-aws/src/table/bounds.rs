//! The bounds of the port, checked before DynamoDB is called: it would refuse the call in other words.

use std::collections::HashSet;

use platform::table::{Key, MAX_TRANSACTION, Query, SortRange, TableError, Write};

/// Longest partition key, in bytes.
const MAX_PARTITION: usize = 2048;
/// Longest sort key, in bytes.
const MAX_SORT: usize = 1024;

fn invalid(problem: String) -> TableError {
    TableError::Invalid(problem)
}

fn check_length(name: &str, text: &str, most: usize) -> Result<(), TableError> {
    if (1..=most).contains(&text.len()) {
        Ok(())
    } else {
        Err(invalid(format!(
            "a {name} key of {} bytes; 1 to {most} are allowed",
            text.len()
        )))
    }
}

/// Lengths of a key.
pub(super) fn check_key(key: &Key) -> Result<(), TableError> {
    check_length("partition", &key.partition, MAX_PARTITION)?;
    check_length("sort", &key.sort, MAX_SORT)
}

/// The partition, the range and the limit of a query.
pub(super) fn check_query(query: &Query) -> Result<(), TableError> {
    check_length("partition", &query.partition, MAX_PARTITION)?;
    if query.limit == 0 {
        return Err(invalid("a query with limit 0".to_owned()));
    }
    match &query.range {
        SortRange::Between(low, high) if low > high => {
            Err(invalid(format!("a range from {low:?} down to {high:?}")))
        }
        _ => Ok(()),
    }
}

/// Number of writes and their keys. Sizes are checked where items are encoded.
pub(super) fn check_transaction(writes: &[Write]) -> Result<(), TableError> {
    if !(1..=MAX_TRANSACTION).contains(&writes.len()) {
        return Err(invalid(format!(
            "a transaction of {} writes; 1 to {MAX_TRANSACTION} are allowed",
            writes.len()
        )));
    }
    let mut keys = HashSet::with_capacity(writes.len());
    for key in writes.iter().map(Write::key) {
        check_key(key)?;
        if !keys.insert(key) {
            return Err(invalid(format!("a transaction that names {key:?} twice")));
        }
    }
    Ok(())
}
