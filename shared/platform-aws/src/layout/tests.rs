use domain::timer::{Timer, TimerKind};
use platform::table::MAX_ITEM_BYTES;
use proptest::prelude::*;

use super::*;

fn timers() -> impl Strategy<Value = Timer> {
    let instant = prop_oneof![0..5_i64, Just(Timestamp::MAX.millis()), any::<i64>()];
    let generation = prop_oneof![0..3_u64, any::<u64>()];
    (instant, 0..TimerKind::ALL.len(), generation).prop_map(|(at, kind, generation)| Timer {
        at: Timestamp::from_millis(at),
        kind: TimerKind::ALL[kind],
        generation,
    })
}

/// Keys near each other, with the bytes that escaping is about.
fn keys() -> impl Strategy<Value = Key> {
    let part = || "[a\u{0}\u{1}\u{2}#é\u{1F600}]{1,4}";
    (part(), part()).prop_map(|(partition, sort)| Key { partition, sort })
}

fn entries() -> impl Strategy<Value = DueEntry> {
    (timers(), keys()).prop_map(|(timer, key)| DueEntry { timer, key })
}

/// Short ones, and long ones that repeat themselves.
fn bodies() -> impl Strategy<Value = String> {
    (".*", 1..40_usize).prop_map(|(text, times)| text.repeat(times))
}

fn items() -> impl Strategy<Value = Item> {
    let expires = proptest::option::of(any::<i64>().prop_map(Timestamp::from_millis));
    let due = proptest::option::of(timers());
    (keys(), any::<u64>(), due, expires, any::<bool>(), bodies()).prop_map(
        |(key, version, due, expires, announced, body)| Item {
            key,
            version,
            due,
            expires,
            announced,
            body,
        },
    )
}

/// Bytes as DynamoDB counts them: names and values, of numbers at most 21.
fn stored_bytes(attributes: &Attributes) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 21,
    };
    attributes.iter().map(|(name, v)| name.len() + value(v)).sum()
}

proptest! {
    #[test]
    fn an_item_comes_back_as_written(item in items()) {
        let attributes = encode(item.clone()).unwrap();
        prop_assert_eq!(decode(attributes), Ok(item));
    }

    #[test]
    fn time_to_live_is_never_before_the_expiry(item in items()) {
        let expires = item.expires;
        let ttl = encode(item).unwrap().remove(TTL).map(|ttl| ttl.as_n().unwrap().parse::<i64>().unwrap());
        prop_assert_eq!(ttl.is_some(), expires.is_some());
        if let (Some(ttl), Some(expires)) = (ttl, expires) {
            prop_assert!(ttl * 1_000 >= expires.millis() && ttl * 1_000 - expires.millis() < 1_000);
        }
    }

    #[test]
    fn what_is_checked_is_no_less_than_what_is_stored(item in items()) {
        let checked = item.key.partition.len() + item.key.sort.len() + item.body.len() + OVERHEAD_BYTES
            + item.due.map_or(0, |timer| due::text_length(&DueEntry { timer, key: item.key.clone() }));
        prop_assert!(stored_bytes(&encode(item).unwrap()) <= checked);
    }

    #[test]
    fn texts_sort_as_entries_do(one in entries(), other in entries()) {
        prop_assert_eq!(due::text(&one).as_bytes().cmp(due::text(&other).as_bytes()), one.cmp(&other));
        prop_assert_eq!(due::text(&one).len(), due::text_length(&one));
    }

    #[test]
    fn an_entry_comes_back_as_written(entry in entries()) {
        prop_assert_eq!(decode_due(due_attributes(3, &entry)), Ok(entry));
    }

    #[test]
    fn behind_is_just_behind(entry in entries()) {
        let (at, text) = (entry.timer.at, due::text(&entry));
        prop_assert!(text < due::behind(at));
        if at.millis() > 0 {
            prop_assert!(text >= due::behind(Timestamp::from_millis(at.millis() - 1)));
        }
    }
}

#[test]
fn bounds_count_the_index_too() {
    let item = |bytes: usize, due| Item {
        key: Key::new("p", "s"),
        version: 1,
        due,
        expires: None,
        announced: false,
        body: "x".repeat(bytes),
    };
    let timer = Some(Timer {
        at: Timestamp::MAX,
        kind: TimerKind::Job,
        generation: 1,
    });
    let largest = MAX_ITEM_BYTES - 2 - OVERHEAD_BYTES;
    assert!(encode(item(largest, None)).is_ok());
    assert!(matches!(
        encode(item(largest + 1, None)),
        Err(TableError::TooLarge { .. })
    ));
    assert!(matches!(
        encode(item(largest, timer)),
        Err(TableError::TooLarge { .. })
    ));
    let long = Item {
        key: Key::new("p".repeat(980), "s".repeat(20)),
        ..item(1, timer)
    };
    assert!(matches!(encode(long), Err(TableError::Invalid(_))));
}

#[test]
fn what_is_broken_is_named() {
    let item = Item {
        key: Key::new("p", "s"),
        version: 1,
        due: None,
        expires: None,
        announced: false,
        body: "{}".to_owned(),
    };
    for (attribute, value, problem) in [
        (VERSION, text("1"), "is no number of ours"),
        (BODY, number(1), "is no text"),
        (DUE, text("soon"), "begins with no timer"),
        (TTL, number("1.5"), "is no number of ours"),
    ] {
        let mut attributes = encode(item.clone()).unwrap();
        attributes.insert(attribute.to_owned(), value);
        assert_eq!(decode(attributes), Err(Unreadable { attribute, problem }));
    }
    let mut attributes = encode(item).unwrap();
    attributes.remove(BODY);
    assert_eq!(decode(attributes), Err(missing(BODY)));
}
