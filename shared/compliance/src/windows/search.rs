//! Whether windows are open, and when that changes next.

use chrono::Datelike;
use domain::time::{Millis, Timestamp};

use super::WeeklyWindows;
use crate::zones::TimeZone;

/// How far ahead an opening is looked for.
///
/// More than a year, so that an opening that only the clock change of one zone brings about, or that
/// excluded dates push away, is found; what does not open by then is taken never to open.
pub const HORIZON: Millis = Millis::hours(370 * 24);

/// How far ahead a closing is looked for: a week and a day. Knowing that one is further off serves
/// nobody, and windows that are always open would be searched to the horizon each time.
const NEXT_CLOSING: i64 = 8 * DAY;

const DAY: i64 = 24 * 60 * 60 * 1_000;
const MINUTE: i64 = 60 * 1_000;

/// Whether windows are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Open now.
    Open {
        /// The first instant that is closed; none within eight days.
        until: Option<Timestamp>,
    },
    /// Closed now.
    Closed {
        /// The first instant that is open; none within [`HORIZON`].
        opens_at: Option<Timestamp>,
    },
}

/// The status of several windows in several zones at once: open only while every window is open in
/// every zone. Without windows, or without zones, everything is open.
///
/// Exact to the millisecond. Each zone's time is cut where its offset changes; within a piece, local
/// time is UTC plus a constant, and the ranges of a day are instants.
pub fn status(windows: &[&WeeklyWindows], zones: &[TimeZone], now: Timestamp) -> Status {
    let pairs = || {
        windows
            .iter()
            .flat_map(|window| zones.iter().map(move |zone| (*window, *zone)))
    };
    let end = (now + HORIZON).millis();
    let mut at = now.millis();
    // Each round moves `at` to an opening of a pair that is closed, past which no common opening can
    // lie before it. A whole round without a move has found every pair open.
    loop {
        let mut moved = false;
        for (window, zone) in pairs() {
            match first(window, zone, at, end, true) {
                Some(opening) if opening == at => {}
                Some(opening) => {
                    at = opening;
                    moved = true;
                }
                None => return Status::Closed { opens_at: None },
            }
        }
        if !moved {
            break;
        }
    }
    if at > now.millis() {
        return Status::Closed {
            opens_at: Some(Timestamp::from_millis(at)),
        };
    }
    let until = pairs()
        .filter_map(|(window, zone)| first(window, zone, at, at.saturating_add(NEXT_CLOSING), false))
        .min();
    Status::Open {
        until: until.map(Timestamp::from_millis),
    }
}

/// Whether every window is open in one zone.
pub fn is_open(windows: &[&WeeklyWindows], zone: TimeZone, now: Timestamp) -> bool {
    let local = now.millis() + offset(zone, now.millis());
    windows
        .iter()
        .all(|window| first_local(window, local, local + 1, true).is_some())
}

/// The first instant in `[from, end)` at which the window is open (or closed, if `open` is false).
fn first(window: &WeeklyWindows, zone: TimeZone, from: i64, end: i64, open: bool) -> Option<i64> {
    let mut at = from;
    while at < end {
        let offset = offset(zone, at);
        let piece_end = piece_end(zone, at, offset).min(end);
        let found = first_local(window, at + offset, piece_end + offset, open);
        if let Some(local) = found {
            return Some(local - offset);
        }
        at = piece_end;
    }
    None
}

/// The offset of the zone at an instant, both in milliseconds.
fn offset(zone: TimeZone, at: i64) -> i64 {
    zone.offset_millis(Timestamp::from_millis(at).utc())
}

/// The end of a piece of time that starts at `at` and has one offset: a day later, or where the
/// offset changes before. No zone changes twice within a day.
fn piece_end(zone: TimeZone, at: i64, offset_at: i64) -> i64 {
    let (mut same, mut other) = (at, at.saturating_add(DAY));
    if offset(zone, other) == offset_at {
        return other;
    }
    // The change lies in (same, other]; zones change on whole seconds, milliseconds cost ten steps more.
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        if offset(zone, middle) == offset_at {
            same = middle;
        } else {
            other = middle;
        }
    }
    other
}

/// The first local time in `[from, end)` that is open (or closed), all in milliseconds of a clock
/// without changes.
fn first_local(window: &WeeklyWindows, from: i64, end: i64, open: bool) -> Option<i64> {
    let mut midnight = from - from.rem_euclid(DAY);
    let mut at = from;
    while at < end {
        let date = chrono::DateTime::from_timestamp_millis(midnight)?.date_naive();
        for range in window.ranges(date, date.weekday()) {
            let start = midnight + i64::from(range.from) * MINUTE;
            let stop = midnight + i64::from(range.to) * MINUTE;
            if stop <= at {
                continue;
            }
            if open {
                let found = at.max(start);
                return (found < end).then_some(found);
            }
            if at < start {
                return Some(at);
            }
            at = stop;
            if at >= end {
                return None;
            }
        }
        let next = midnight + DAY;
        if !open && at < next {
            return Some(at);
        }
        midnight = next;
        at = next;
    }
    None
}
