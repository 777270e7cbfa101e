use std::collections::BTreeSet;

use compliance::zones::{ZoneInputs, ZonePolicy, candidates};
use domain::address::Address;
use domain::channel::Channel;
use domain::id::{ContactListId, TenantId};
use domain::time::Timestamp;

use super::*;
use crate::TimeZone;
use crate::header::Header;
use crate::import::{Target, read};

#[test]
fn an_import_gives_what_is_stated() {
    let (tenant, list) = (
        TenantId::parse("ten_1").unwrap(),
        ContactListId::parse("lst_1").unwrap(),
    );
    let target = Target {
        tenant: &tenant,
        list: &list,
        at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
    };
    for seed in 0..3 {
        let rows = 2_000;
        let csv = contacts_csv(seed, rows);
        let bytes = csv.as_bytes();
        let (header, start) = Header::read(bytes, true).unwrap().unwrap();
        let offset = usize::try_from(start.offset).unwrap();
        let piece = read(&target, &header, start, &bytes[offset..], true, usize::MAX);
        assert_eq!(piece.rows.len(), rows);
        assert_eq!(piece.position.offset, u64::try_from(bytes.len()).unwrap());

        let mut found = Expected::default();
        let (mut ids, mut phones) = (BTreeSet::new(), BTreeSet::new());
        for row in piece.rows {
            match row.outcome {
                Ok(contact) if ids.insert(contact.id.clone()) => {
                    found.contacts += 1;
                    if let Some(phone) = contact.addresses.get(&Channel::Voice) {
                        assert!(phones.insert(phone.clone()), "{}", phone.as_str());
                    }
                }
                Ok(_) => found.duplicates += 1,
                Err(reject) => *found.rejected.entry(reject.code).or_default() += 1,
            }
        }
        assert_eq!(found, expected(rows), "seed {seed}");
        assert_eq!(found.rejected.len(), INVALID.len());
    }
    assert_ne!(contacts_csv(1, 10), contacts_csv(2, 10));
    assert_eq!(contacts_csv(1, 500), contacts_csv(1, 500));
}

#[test]
fn places_have_valid_numbers_in_their_zone() {
    for place in PLACES {
        let zone = TimeZone::parse(place.zone).unwrap();
        let last = 10_u32.pow(u32::try_from(place.digits).unwrap()) - 1;
        for n in [0, last / 2, last] {
            let text = format!("{}{n:0digits$}", place.range, digits = place.digits);
            let address = Address::parse(Channel::Voice, &text).unwrap_or_else(|e| panic!("{text} {e}"));
            let zones = candidates(
                ZoneInputs::default(),
                &address,
                ZonePolicy::Explicit,
                TimeZone::UTC,
            );
            let at = Timestamp::parse("2026-07-01T12:00:00Z").unwrap().utc();
            let clock = |zone: TimeZone| at.with_timezone(&chrono_tz::Tz::from(zone)).naive_local();
            assert!(
                zones.iter().any(|candidate| clock(candidate.zone) == clock(zone)),
                "{} not in {zones:?}",
                place.city
            );
        }
    }
    for name in AWAY {
        assert!(TimeZone::parse(name).is_ok());
    }
}

/// The file under `examples/` is the one that the generator makes.
#[test]
fn the_example_file_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/contacts.csv");
    let csv = contacts_csv(EXAMPLE_SEED, EXAMPLE_ROWS);
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(path, &csv).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == csv,
        "run this test with UPDATE_EXAMPLES=1"
    );
}
