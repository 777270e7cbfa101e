//! The map of the table on DynamoDB: every attribute, key and index, in one place. Which keys there are
//! is in the application (`keys.rs`); this is how any item stands there.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `pk` | S | partition key of the table |
//! | `sk` | S | sort key of the table |
//! | `v` | N | version: how many writes the item has seen; what conditions compare |
//! | `b` | S | body: the JSON object as text, where it is short |
//! | `z` | B | body: the same text deflated (`platform::packing`), where that is shorter; one of the two |
//! | `due_shard` | S | shard of the due index, `0` to `15`; present while a timer is set |
//! | `due` | S | timer and key as text that sorts as they do ([`due`]); present while a timer is set |
//! | `ttl` | N | when DynamoDB may delete it: seconds since the Unix epoch, rounded up |
//! | `ttl_ms` | N | how many milliseconds before `ttl` it expires, 1 to 999; absent when none |
//! | `announced` | N | `1` on a write that consumers of the change stream are to see; else absent |
//!
//! **Index `due`** (partition `due_shard`, sort `due`, keys only): sparse, since items without timer lack
//! its keys. **Stream**: new images; a deleted item has none and so cannot be announced. Event source
//! mappings filter on [`STREAM_FILTER`].
//!
//! The body is one value and not a native map: DynamoDB charges by the byte, and a map of the same object
//! costs 3 bytes more for it and 1 for each member, and numbers lose their form (`1.0` comes back as `1`)
//! where the port promises the body as written. Nothing queries into it.

pub mod due;

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::time::Timestamp;
use domain::timer::due_shard;
use platform::packing::{Packed, inflate, pack};
use platform::table::{DueEntry, Item, Key, MAX_ITEM_BYTES, TableError};

/// Partition key of the table.
pub const PARTITION: &str = "pk";
/// Sort key of the table.
pub const SORT: &str = "sk";
/// Version.
pub const VERSION: &str = "v";
/// Body, as JSON text.
pub const BODY: &str = "b";
/// Body, deflated.
pub const DEFLATED: &str = "z";
/// Partition key of the due index.
pub const DUE_SHARD: &str = "due_shard";
/// Sort key of the due index.
pub const DUE: &str = "due";
/// DynamoDB's time to live, in seconds.
pub const TTL: &str = "ttl";
/// Milliseconds by which an item expires before [`TTL`].
pub const TTL_MILLIS: &str = "ttl_ms";
/// Marker of announced writes.
pub const ANNOUNCED: &str = "announced";

/// Name of the due index.
pub const DUE_INDEX: &str = "due";

/// The filter of event source mappings that lets announced writes through, and nothing else.
pub const STREAM_FILTER: &str = r#"{"dynamodb": {"NewImage": {"announced": {"N": ["1"]}}}}"#;

/// Most bytes of [`DUE`]: DynamoDB's bound for a sort key.
const MAX_DUE_BYTES: usize = 1024;

/// Attributes by name, as the SDK has them.
pub type Attributes = HashMap<String, AttributeValue>;

/// Why attributes are no item of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute `{attribute}` of a stored item {problem}")]
pub struct Unreadable {
    /// Which attribute.
    pub attribute: &'static str,
    /// What is wrong with it, as the end of a sentence.
    pub problem: &'static str,
}

/// The key attributes of the table.
pub fn key_attributes(key: &Key) -> Attributes {
    HashMap::from([
        (PARTITION.to_owned(), text(&key.partition)),
        (SORT.to_owned(), text(&key.sort)),
    ])
}

/// All keys of an entry of the due index, as a query of it goes on behind them.
pub fn due_attributes(shard: u16, entry: &DueEntry) -> Attributes {
    let mut attributes = key_attributes(&entry.key);
    attributes.insert(DUE_SHARD.to_owned(), shard_text(shard));
    attributes.insert(DUE.to_owned(), AttributeValue::S(due::text(entry)));
    attributes
}

/// A shard of the due index as its partition key.
pub fn shard_text(shard: u16) -> AttributeValue {
    AttributeValue::S(shard.to_string())
}

/// An item as it is stored.
///
/// # Errors
/// `TooLarge` beyond [`MAX_ITEM_BYTES`]: the due index repeats the key within the item, so that an item
/// with a timer has room for a body that much smaller. `Invalid` where timer and key together are longer
/// than an index key may be.
pub fn encode(item: Item) -> Result<Attributes, TableError> {
    check_size(&item)?;
    let mut attributes = key_attributes(&item.key);
    let mut set = |name: &str, value| attributes.insert(name.to_owned(), value);
    set(VERSION, number(item.version));
    if let Some(timer) = item.due {
        let shard = due_shard(&item.key.partition);
        let entry = DueEntry { timer, key: item.key };
        set(DUE_SHARD, shard_text(shard));
        set(DUE, AttributeValue::S(due::text(&entry)));
    }
    if let Some(expires) = item.expires {
        let millis = expires.millis();
        let seconds = millis.div_euclid(1_000) + i64::from(millis.rem_euclid(1_000) > 0);
        set(TTL, number(seconds));
        if seconds * 1_000 > millis {
            set(TTL_MILLIS, number(seconds * 1_000 - millis));
        }
    }
    if item.announced {
        set(ANNOUNCED, number(1));
    }
    match pack(item.body) {
        Packed::Text(text) => set(BODY, AttributeValue::S(text)),
        Packed::Deflated(bytes) => set(DEFLATED, AttributeValue::B(Blob::new(bytes))),
    };
    Ok(attributes)
}

/// What the attributes beside keys and body take at most: names, numbers, the shard.
const OVERHEAD_BYTES: usize = 128;

fn check_size(item: &Item) -> Result<(), TableError> {
    let index = item.due.map_or(0, |timer| {
        due::text_length(&DueEntry {
            timer,
            key: item.key.clone(),
        })
    });
    if index > MAX_DUE_BYTES {
        return Err(TableError::Invalid(format!(
            "a key with a timer at {:?}: its entry in the due index would have {index} bytes; \
             {MAX_DUE_BYTES} are allowed",
            item.key
        )));
    }
    let bytes = item.key.partition.len() + item.key.sort.len() + item.body.len() + index + OVERHEAD_BYTES;
    if bytes > MAX_ITEM_BYTES {
        return Err(TableError::TooLarge {
            key: item.key.clone(),
            bytes,
        });
    }
    Ok(())
}

/// The item that is stored so.
pub fn decode(mut attributes: Attributes) -> Result<Item, Unreadable> {
    let key = key(&mut attributes)?;
    let due = match take_text(&mut attributes, DUE)? {
        None => None,
        Some(text) => Some(due::timer(&text).ok_or(Unreadable {
            attribute: DUE,
            problem: "begins with no timer",
        })?),
    };
    let expires = match take_number::<i64>(&mut attributes, TTL)? {
        None => None,
        Some(seconds) => {
            let before = take_number::<i64>(&mut attributes, TTL_MILLIS)?.unwrap_or(0);
            Some(Timestamp::from_millis(seconds.saturating_mul(1_000) - before))
        }
    };
    Ok(Item {
        version: take_number(&mut attributes, VERSION)?.ok_or(missing(VERSION))?,
        due,
        expires,
        announced: take_number::<u8>(&mut attributes, ANNOUNCED)?.is_some(),
        body: body(&mut attributes)?,
        key,
    })
}

fn body(attributes: &mut Attributes) -> Result<String, Unreadable> {
    let broken = Unreadable {
        attribute: DEFLATED,
        problem: "does not inflate to a text",
    };
    match attributes.remove(DEFLATED) {
        None => take_text(attributes, BODY)?.ok_or(missing(BODY)),
        Some(AttributeValue::B(bytes)) => inflate(bytes.as_ref()).ok_or(broken),
        Some(_) => Err(broken),
    }
}

/// The key among the attributes.
pub fn key(attributes: &mut Attributes) -> Result<Key, Unreadable> {
    Ok(Key {
        partition: take_text(attributes, PARTITION)?.ok_or(missing(PARTITION))?,
        sort: take_text(attributes, SORT)?.ok_or(missing(SORT))?,
    })
}

/// The entry of the due index that is stored so.
pub fn decode_due(mut attributes: Attributes) -> Result<DueEntry, Unreadable> {
    let text = take_text(&mut attributes, DUE)?.ok_or(missing(DUE))?;
    Ok(DueEntry {
        timer: due::timer(&text).ok_or(Unreadable {
            attribute: DUE,
            problem: "begins with no timer",
        })?,
        key: key(&mut attributes)?,
    })
}

/// A text as an attribute.
pub fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A number as an attribute.
pub fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn missing(attribute: &'static str) -> Unreadable {
    Unreadable {
        attribute,
        problem: "is missing",
    }
}

fn take_text(attributes: &mut Attributes, attribute: &'static str) -> Result<Option<String>, Unreadable> {
    match attributes.remove(attribute) {
        None => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(_) => Err(Unreadable {
            attribute,
            problem: "is no text",
        }),
    }
}

fn take_number<N: std::str::FromStr>(
    attributes: &mut Attributes,
    attribute: &'static str,
) -> Result<Option<N>, Unreadable> {
    let wrong = Unreadable {
        attribute,
        problem: "is no number of ours",
    };
    match attributes.remove(attribute) {
        None => Ok(None),
        Some(AttributeValue::N(text)) => text.parse().map(Some).map_err(|_| wrong),
        Some(_) => Err(wrong),
    }
}

#[cfg(test)]
mod tests;
