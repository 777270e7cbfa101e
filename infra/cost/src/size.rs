//! What DynamoDB bills for one item: its size as the AWS layout has it, and the units of a read or a
//! write of that size.
//!
//! Rules: Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats" and "DynamoDB read and
//! write operations". Strings count their UTF-8 bytes, numbers about a byte for two digits and one
//! more, booleans one byte, and every attribute its name.

use platform::packing::pack;
use platform::table::{Item, Key};

/// Bytes of one write unit.
const WRITE_UNIT: usize = 1_024;
/// Bytes of one read unit.
const READ_UNIT: usize = 4_096;

/// Attributes of the AWS layout (`shared/platform-aws/src/layout`).
const PARTITION: &str = "pk";
const SORT: &str = "sk";
const VERSION: &str = "v";
/// Or `z`, deflated: as long.
const BODY: &str = "b";
const TTL: &str = "ttl";
const TTL_MILLIS: &str = "ttl_ms";
const ANNOUNCED: &str = "announced";
const DUE_SHARD: &str = "due_shard";
const DUE: &str = "due";
/// Bytes of the instant, kind and generation, and of the mark between the two keys, in `due`.
const DUE_TEXT: usize = 15 + 1 + 16 + 2;

/// Bytes of an item in the table.
pub(crate) fn item(item: &Item) -> usize {
    let version = VERSION.len() + number(item.version.to_string().len());
    let due = item.due.map_or(0, |_| due(&item.key));
    let expires = item.expires.map_or(0, |expires| {
        let millis = if expires.millis() % 1_000 == 0 {
            0
        } else {
            TTL_MILLIS.len() + number(3)
        };
        TTL.len() + number(10) + millis
    });
    let announced = if item.announced {
        ANNOUNCED.len() + number(1)
    } else {
        0
    };
    key(&item.key) + version + due + expires + announced + BODY.len() + pack(item.body.clone()).bytes()
}

/// Bytes of a number of this many digits.
const fn number(digits: usize) -> usize {
    digits.div_ceil(2) + 1
}

fn key(key: &Key) -> usize {
    PARTITION.len() + key.partition.len() + SORT.len() + key.sort.len()
}

fn due(key: &Key) -> usize {
    let shard = domain::timer::due_shard(&key.partition).to_string().len();
    DUE_SHARD.len() + shard + DUE.len() + DUE_TEXT + key.partition.len() + key.sort.len()
}

/// Bytes of an entry of the due index, which holds keys only.
pub(crate) fn due_entry(of: &Key) -> usize {
    key(of) + due(of)
}

/// Write units of this many bytes, at least one.
pub(crate) fn write_units(bytes: usize) -> f64 {
    units(bytes, WRITE_UNIT)
}

/// Units of a strongly consistent read of this many bytes, at least one.
pub(crate) fn read_units(bytes: usize) -> f64 {
    units(bytes, READ_UNIT)
}

#[allow(clippy::cast_precision_loss, reason = "items have at most 400 KB, pages 1 MB")]
fn units(bytes: usize, unit: usize) -> f64 {
    bytes.div_ceil(unit).max(1) as f64
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;
    use domain::timer::{Timer, TimerKind};

    use super::*;

    #[test]
    fn units_are_begun_kilobytes() {
        assert_eq!(write_units(0), 1.0);
        assert_eq!(write_units(1_024), 1.0);
        assert_eq!(write_units(1_025), 2.0);
        assert_eq!(read_units(4_096), 1.0);
        assert_eq!(read_units(4_097), 2.0);
    }

    #[test]
    fn an_item_counts_names_and_values() {
        let bare = Item {
            key: Key::new("p", "s"),
            version: 12,
            due: None,
            expires: None,
            announced: false,
            body: "{}".into(),
        };
        // pk p sk s v 12 b {}
        let bytes = 2 + 1 + 2 + 1 + 1 + 2 + 1 + 2;
        assert_eq!(item(&bare), bytes);
        let announced = Item {
            announced: true,
            ..bare.clone()
        };
        assert_eq!(item(&announced), bytes + 9 + 2);
        let due = Item {
            due: Some(Timer {
                at: Timestamp::from_millis(1),
                kind: TimerKind::Activity,
                generation: 1,
            }),
            ..bare
        };
        let shard = domain::timer::due_shard("p").to_string().len();
        assert_eq!(item(&due), bytes + 9 + shard + 3 + 34 + 2);
    }
}
