use super::*;
use chrono::{DateTime, Offset, TimeZone as _};
use std::collections::BTreeMap;

/// The country codes that ITU-T has assigned to countries and areas.
const ASSIGNED: &str = "1 20 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 \
    237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 \
    266 267 268 269 27 290 291 297 298 299 30 31 32 33 34 350 351 352 353 354 355 356 357 358 359 36 370 371 372 373 \
    374 375 376 377 378 379 380 381 382 383 385 386 387 389 39 40 41 420 421 423 43 44 45 46 47 48 49 500 501 502 503 \
    504 505 506 507 508 509 51 52 53 54 55 56 57 58 590 591 592 593 594 595 596 597 598 599 60 61 62 63 64 65 66 670 \
    672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 7 81 82 84 850 852 853 855 856 86 \
    880 886 90 91 92 93 94 95 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 98 992 993 994 995 \
    996 998";

fn names(number: &str) -> Vec<&'static str> {
    zones(number).iter().map(|zone| zone.name()).collect()
}

#[test]
fn every_country_has_zones() {
    for code in ASSIGNED.split_ascii_whitespace() {
        assert!(!zones(&format!("{code}5550000")).is_empty(), "{code}");
    }
}

#[test]
fn numbers_of_no_country_have_none() {
    for number in [
        "80012345678",
        "870773111632",
        "881612345678",
        "88299000000",
        "97912345678",
        "",
    ] {
        assert!(zones(number).is_empty(), "{number}");
    }
}

#[test]
fn no_prefix_stands_twice() {
    let mut count = BTreeMap::<&str, usize>::new();
    for (prefix, zones) in SORTED.iter() {
        assert!(prefix.len() <= LONGEST && !zones.is_empty(), "{prefix}");
        *count.entry(prefix).or_default() += 1;
    }
    count.retain(|_, times| *times > 1);
    assert_eq!(count, BTreeMap::new());
}

#[test]
fn no_row_holds_a_zone_twice_by_its_clock() {
    let clock = |zone: Tz| -> Vec<i32> {
        (0..52)
            .map(|week| {
                let at = DateTime::from_timestamp(1_767_225_600 + week * 604_800, 0).unwrap();
                zone.offset_from_utc_datetime(&at.naive_utc())
                    .fix()
                    .local_minus_utc()
            })
            .collect()
    };
    for (prefix, zones) in SORTED.iter() {
        let mut clocks: Vec<_> = zones.iter().map(|zone| clock(*zone)).collect();
        clocks.sort();
        clocks.dedup();
        assert_eq!(clocks.len(), zones.len(), "{prefix}");
    }
}

#[test]
fn places_are_found_and_mobile_numbers_have_none() {
    for (number, expected) in [
        ("442079460958", &["Europe/London"][..]),
        ("12125550100", &["America/New_York"]),
        ("17135550100", &["America/Chicago"]),
        ("18505550100", &["America/New_York", "America/Chicago"]),
        ("12085550100", &["America/Denver", "America/Los_Angeles"]),
        ("9779841234567", &["Asia/Kathmandu"]),
        (
            "6168532100",
            &[
                "Australia/Sydney",
                "Australia/Brisbane",
                "Australia/Adelaide",
                "Australia/Darwin",
                "Australia/Perth",
            ],
        ),
        ("61268532100", &["Australia/Sydney"]),
        ("61893221000", &["Australia/Perth"]),
        ("61889991000", &["Australia/Darwin"]),
        ("74232000000", &["Asia/Vladivostok"]),
        ("77172000000", &["Asia/Almaty"]),
        ("5511912345678", &["America/Sao_Paulo"]),
        ("5592912345678", &["America/Manaus"]),
        ("526641234567", &["America/Tijuana"]),
        ("34928123456", &["Atlantic/Canary"]),
        ("34612345678", &["Europe/Madrid", "Atlantic/Canary"]),
        ("6433051234", &["Pacific/Chatham"]),
    ] {
        assert_eq!(names(number), expected, "{number}");
    }
    assert_eq!(zones("79161234567").len(), 11);
    assert_eq!(zones("61412345678").len(), 5);
    assert_eq!(zones("18005550199").len(), 10);
}
