use domain::time::{Millis, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::zones::TimeZone;

fn zone(name: &str) -> TimeZone {
    TimeZone::parse(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn windows(value: serde_json::Value) -> WeeklyWindows {
    WeeklyWindows::parse(&value).unwrap()
}

fn every_day(range: &str) -> WeeklyWindows {
    let days: serde_json::Map<_, _> = NAMES
        .iter()
        .map(|name| ((*name).to_owned(), json!([range])))
        .collect();
    windows(json!({ "days": days }))
}

/// Zones with clock changes of every kind: an hour, half an hour, two hours, none, 45-minute offsets,
/// across the date line.
const ZONES: [&str; 14] = [
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Beirut",
    "UTC",
];

/// Starts shortly before clock changes of 2026 and 2027, and others.
const STARTS: [&str; 9] = [
    "2026-03-07T00:00:00Z",
    "2026-03-28T00:00:00Z",
    "2026-04-03T00:00:00Z",
    "2026-09-04T00:00:00Z",
    "2026-10-02T00:00:00Z",
    "2026-10-24T00:00:00Z",
    "2026-10-31T00:00:00Z",
    "2027-02-06T00:00:00Z",
    "2026-12-30T00:00:00Z",
];

/// What the search is checked against: look at the wall clock, minute by minute.
fn open_by_clock(windows: &WeeklyWindows, zone: TimeZone, at: Timestamp) -> bool {
    use chrono::{Datelike, Timelike};
    let local = at.utc().with_timezone(&chrono_tz::Tz::from(zone));
    let minute = local.hour() * 60 + local.minute();
    windows
        .ranges(local.date_naive(), local.weekday())
        .iter()
        .any(|range| (u32::from(range.from)..u32::from(range.to)).contains(&minute))
}

fn scan(
    windows: &[&WeeklyWindows],
    zones: &[TimeZone],
    from: Timestamp,
    minutes: u64,
    open: bool,
) -> Option<Timestamp> {
    (0..minutes).map(|i| from + Millis::minutes(i)).find(|at| {
        let all = windows
            .iter()
            .all(|w| zones.iter().all(|zone| open_by_clock(w, *zone, *at)));
        all == open
    })
}

fn range() -> impl Strategy<Value = String> {
    (0_u16..96, 1_u16..40).prop_map(|(from, length)| {
        let from = from * 15;
        Range {
            from,
            to: (from + length * 15).min(DAY),
        }
        .to_string()
    })
}

fn any_windows() -> impl Strategy<Value = WeeklyWindows> {
    let day = proptest::collection::vec(range(), 0..3);
    let days =
        proptest::collection::vec(day, 7).prop_filter("opens", |days| days.iter().any(|d| !d.is_empty()));
    (days, 0_u8..4).prop_map(|(days, excepted)| {
        let mut built = WeeklyWindows {
            days: Default::default(),
            except: BTreeSet::new(),
        };
        for (place, texts) in days.iter().enumerate() {
            let mut ranges: Vec<Range> = texts.iter().filter_map(|text| Range::parse(text)).collect();
            ranges.sort_unstable();
            let mut kept: Vec<Range> = Vec::new();
            for range in ranges {
                if kept.last().is_none_or(|last| last.to <= range.from) {
                    kept.push(range);
                }
            }
            built.days[place] = kept;
        }
        for start in STARTS.iter().take(usize::from(excepted) * 2) {
            built.except.insert(at(start).utc().date_naive());
        }
        built
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_search_agrees_with_the_wall_clock(
        first in any_windows(),
        second in proptest::option::of(any_windows()),
        zones in proptest::collection::vec(proptest::sample::select(ZONES.to_vec()), 1..4),
        start in proptest::sample::select(STARTS.to_vec()),
        minute in 0_u64..3 * 24 * 60,
    ) {
        let zones: Vec<TimeZone> = zones.into_iter().map(zone).collect();
        let windows: Vec<&WeeklyWindows> = std::iter::once(&first).chain(&second).collect();
        let now = at(start) + Millis::minutes(minute);
        let days = 9 * 24 * 60;
        match status(&windows, &zones, now) {
            Status::Open { until } => {
                prop_assert_eq!(scan(&windows, &zones, now, 1, true), Some(now));
                prop_assert_eq!(until, scan(&windows, &zones, now, 8 * 24 * 60, false));
            }
            Status::Closed { opens_at } => {
                prop_assert_eq!(scan(&windows, &zones, now, 1, false), Some(now));
                let seen = scan(&windows, &zones, now, days, true);
                let far = now + Millis::minutes(days);
                prop_assert_eq!(opens_at.filter(|at| *at < far), seen);
            }
        }
        for zone in zones {
            prop_assert_eq!(is_open(&windows, zone, now), scan(&windows, &[zone], now, 1, true).is_some());
        }
    }

    #[test]
    fn windows_read_back_what_they_write(windows in any_windows()) {
        let text = serde_json::to_string(&windows).unwrap();
        prop_assert_eq!(serde_json::from_str::<WeeklyWindows>(&text).unwrap(), windows);
    }

    #[test]
    fn any_text_is_a_range_or_none(text in ".{0,12}") {
        if let Some(range) = Range::parse(&text) {
            prop_assert_eq!(Range::parse(&range.to_string()), Some(range));
        }
    }
}

fn opens(windows: &WeeklyWindows, zones: &[&str], now: &str) -> Option<String> {
    let zones: Vec<TimeZone> = zones.iter().map(|name| zone(name)).collect();
    match status(&[windows], &zones, at(now)) {
        Status::Open { .. } => Some("open".to_owned()),
        Status::Closed { opens_at } => opens_at.map(|at| at.to_string()),
    }
}

fn closes(windows: &WeeklyWindows, name: &str, now: &str) -> Option<String> {
    match status(&[windows], &[zone(name)], at(now)) {
        Status::Open { until } => until.map(|at| at.to_string()),
        Status::Closed { .. } => Some("closed".to_owned()),
    }
}

#[test]
fn a_window_in_the_hour_that_the_clock_skips_opens_a_day_later() {
    // Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC.
    let windows = every_day("02:15-02:45");
    assert_eq!(
        opens(&windows, &["Europe/Berlin"], "2026-03-29T00:00:00Z").unwrap(),
        "2026-03-30T00:15:00.000Z"
    );
    // A window that only begins in the gap opens where the clock goes on.
    let windows = every_day("02:30-04:00");
    assert_eq!(
        opens(&windows, &["Europe/Berlin"], "2026-03-29T00:00:00Z").unwrap(),
        "2026-03-29T01:00:00.000Z"
    );
}

#[test]
fn a_window_in_the_hour_that_comes_twice_opens_twice() {
    // Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
    let windows = every_day("02:15-02:45");
    let berlin = &["Europe/Berlin"];
    assert_eq!(
        opens(&windows, berlin, "2026-10-25T00:00:00Z").unwrap(),
        "2026-10-25T00:15:00.000Z"
    );
    assert_eq!(
        closes(&windows, "Europe/Berlin", "2026-10-25T00:15:00Z").unwrap(),
        "2026-10-25T00:45:00.000Z"
    );
    assert_eq!(
        opens(&windows, berlin, "2026-10-25T00:45:00Z").unwrap(),
        "2026-10-25T01:15:00.000Z"
    );
    // Across the change: the clock jumps back from beyond the end into the window.
    let windows = every_day("01:00-03:00");
    assert_eq!(
        closes(&windows, "Europe/Berlin", "2026-10-25T00:59:59.999Z").unwrap(),
        "2026-10-25T02:00:00.000Z"
    );
}

#[test]
fn half_an_hour_of_change_is_found() {
    // Lord Howe, 2026-10-04: 02:00 becomes 02:30 at 15:30 UTC of the day before.
    assert_eq!(
        opens(
            &every_day("02:00-02:30"),
            &["Australia/Lord_Howe"],
            "2026-10-03T15:00:00Z"
        )
        .unwrap(),
        "2026-10-04T15:00:00.000Z"
    );
}

#[test]
fn a_date_that_a_zone_skipped_never_opened() {
    // Apia crossed the date line and had no 30 December 2011.
    let windows = windows(json!({"days": {"fri": ["10:00-11:00"]}}));
    assert_eq!(
        opens(&windows, &["Pacific/Apia"], "2011-12-29T12:00:00Z").unwrap(),
        "2012-01-05T20:00:00.000Z"
    );
}

#[test]
fn the_end_of_a_day_joins_the_next() {
    let windows = windows(json!({"days": {"mon": ["22:00-24:00"], "tue": ["00:00-01:00"]}}));
    assert_eq!(
        closes(&windows, "Asia/Kathmandu", "2026-11-23T17:00:00Z").unwrap(),
        "2026-11-23T19:15:00.000Z"
    );
    assert_eq!(
        closes(&WeeklyWindows::always(), "Europe/Berlin", "2026-11-23T17:00:00Z"),
        None
    );
}

#[test]
fn all_zones_must_be_open_at_once() {
    let windows = every_day("09:00-18:00");
    // 09:00 in Los Angeles is 12:00 in New York.
    assert_eq!(
        opens(
            &windows,
            &["America/New_York", "America/Los_Angeles"],
            "2026-11-23T15:00:00Z"
        )
        .unwrap(),
        "2026-11-23T17:00:00.000Z"
    );
    assert_eq!(
        opens(
            &windows,
            &["Pacific/Kiritimati", "Europe/London"],
            "2026-11-23T15:00:00Z"
        ),
        None
    );
    // Only in the weeks in which New York is four hours behind London do these two meet.
    let morning = windows_of("09:00-10:00", "13:00-14:00");
    let zones = [zone("America/New_York"), zone("Europe/London")];
    let pairs: Vec<&WeeklyWindows> = morning.iter().collect();
    let Status::Closed {
        opens_at: Some(first),
    } = first_common(&pairs, &zones, "2026-11-23T00:00:00Z")
    else {
        panic!("closed until spring");
    };
    assert_eq!(first.to_string(), "2027-03-14T13:00:00.000Z");
}

/// Windows for the hours of two zones, to be asked zone by zone.
fn windows_of(first: &str, second: &str) -> [WeeklyWindows; 2] {
    [every_day(first), every_day(second)]
}

/// `status` asks every window in every zone; this asks the first in the first and so on, by stepping.
fn first_common(windows: &[&WeeklyWindows], zones: &[TimeZone], now: &str) -> Status {
    let mut at = at(now);
    loop {
        let mut moved = false;
        for (window, zone) in windows.iter().zip(zones) {
            match status(&[*window], &[*zone], at) {
                Status::Open { .. } => {}
                Status::Closed {
                    opens_at: Some(opening),
                } => {
                    at = opening;
                    moved = true;
                }
                closed @ Status::Closed { opens_at: None } => return closed,
            }
        }
        if !moved {
            return Status::Closed { opens_at: Some(at) };
        }
    }
}

#[test]
fn excluded_dates_are_closed_all_day_in_local_time() {
    let windows = windows(json!({
        "days": {"thu": ["09:00-10:00"], "fri": ["00:00-24:00"]},
        "except": ["2026-12-25"],
    }));
    assert_eq!(
        opens(&windows, &["Pacific/Auckland"], "2026-12-24T10:00:00Z").unwrap(),
        "2026-12-30T20:00:00.000Z"
    );
    let closed_for_long: Vec<String> = (0..366)
        .map(|day| {
            (chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(day)).to_string()
        })
        .collect();
    let mut all = serde_json::to_value(WeeklyWindows::always()).unwrap();
    all["except"] = json!(closed_for_long);
    assert_eq!(
        opens(
            &WeeklyWindows::parse(&all).unwrap(),
            &["UTC"],
            "2026-01-01T00:00:00Z"
        )
        .unwrap(),
        "2027-01-02T00:00:00.000Z"
    );
}

#[test]
fn nothing_asked_is_open_and_the_end_of_time_is_closed() {
    assert_eq!(
        status(&[], &[zone("UTC")], at("2026-01-01T00:00:00Z")),
        Status::Open { until: None }
    );
    assert_eq!(
        opens(&every_day("09:00-10:00"), &["UTC"], "9999-12-31T23:59:59Z"),
        None
    );
}

#[test]
fn every_error_names_its_place() {
    let errors = WeeklyWindows::parse(&json!({
        "days": {
            "mon": ["09:00-18:00", "17:00-19:00"],
            "tue": ["9-18", "18:00-09:00", "24:00-24:00", "10:60-11:00", "12:00-24:01", "08:00-08:00"],
            "Wed/~": [],
            "thu": vec!["00:00-00:01"; 13],
        },
        "except": ["2026-12-25", "25.12.2026", "2026-2-3", "2026-02-30"],
    }))
    .unwrap_err();
    let places: Vec<(&str, &str)> = errors.iter().map(|e| (e.pointer.as_str(), e.code)).collect();
    assert_eq!(
        places,
        [
            ("/days/Wed~1~0", "unknownDay"),
            ("/days/mon/1", "order"),
            ("/days/thu", "tooMany"),
            ("/days/tue/0", "range"),
            ("/days/tue/1", "range"),
            ("/days/tue/2", "range"),
            ("/days/tue/3", "range"),
            ("/days/tue/4", "range"),
            ("/days/tue/5", "range"),
            ("/except/1", "date"),
            ("/except/2", "date"),
            ("/except/3", "date"),
        ]
    );
    for value in [json!([]), json!({}), json!({"days": {"mon": []}})] {
        assert_eq!(WeeklyWindows::parse(&value).unwrap_err()[0].code, "empty");
    }
    for value in [
        json!(1),
        json!({"day": {}}),
        json!({"days": {"mon": "09:00-10:00"}}),
    ] {
        assert_eq!(WeeklyWindows::parse(&value).unwrap_err()[0].code, "form");
    }
    let touching = json!({"days": {"mon": ["09:00-12:00", "12:00-24:00"]}});
    assert_eq!(serde_json::to_value(windows(touching.clone())).unwrap(), touching);
}

/// Not a bound, only a guard against searching in the wrong way: the worst search is a year long.
#[test]
fn searching_a_year_in_vain_is_quick() {
    let windows = every_day("09:00-10:00");
    let zones: Vec<TimeZone> = ZONES.iter().map(|name| zone(name)).collect();
    let start = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(
            status(&[&windows], &zones, at("2026-11-23T00:00:00Z")),
            Status::Closed { opens_at: None }
        );
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
}
