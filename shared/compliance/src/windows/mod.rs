//! Weekly windows: the local hours in which people may be contacted.
//!
//! On the wire:
//!
//! ```json
//! {"days": {"mon": ["09:00-12:00", "13:00-18:00"], "sat": ["10:00-24:00"]}, "except": ["2026-12-25"]}
//! ```
//!
//! A day that is not named is closed. A range holds its start and not its end; `24:00` is the end of
//! the day, and a range over midnight is written as two. Dates under `except` are closed all day.
//!
//! A window is open at an instant when the wall clock then shows an open time. Nothing else is
//! needed for clock changes: hours that the clock skips never come, hours that it repeats come twice.

mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

pub use search::{HORIZON, Status, is_open, status};

use crate::field::{FieldError, joined, token};

/// Most ranges of one day.
pub const MAX_RANGES: usize = 12;

/// Most excluded dates.
pub const MAX_EXCEPTIONS: usize = 366;

/// The minutes of a day, and the last end of a range.
const DAY: u16 = 24 * 60;

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A range of one day's wall clock, in minutes since midnight, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    from: u16,
    to: u16,
}

impl Range {
    /// Reads `09:00-18:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minutes(from.trim())?, minutes(to.trim())?);
        (from < to).then_some(Self { from, to })
    }
}

/// Reads `HH:MM`, up to `24:00`.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| -> Option<u16> {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        if plain { digits.parse().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= DAY).then_some(total)
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

/// Weekly windows, valid: ranges of a day in order and apart from each other, and at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WindowsText", into = "WindowsText")]
pub struct WeeklyWindows {
    /// From Monday to Sunday.
    days: [Vec<Range>; 7],
    except: BTreeSet<NaiveDate>,
}

/// Weekly windows as they stand on the wire, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowsText {
    /// Per day (`mon` to `sun`) its ranges, such as `09:00-18:00`.
    #[serde(default)]
    pub days: BTreeMap<String, Vec<String>>,
    /// Dates that are closed all day, such as `2026-12-25`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

impl WindowsText {
    /// The windows, or everything that is wrong with them, by JSON pointer.
    pub fn parse(&self) -> Result<WeeklyWindows, Vec<FieldError>> {
        let mut windows = WeeklyWindows {
            days: Default::default(),
            except: BTreeSet::new(),
        };
        let mut errors = Vec::new();
        for (name, ranges) in &self.days {
            let pointer = format!("/days/{}", token(name));
            let place = NAMES.iter().position(|known| known == name);
            match place.and_then(|place| windows.days.get_mut(place)) {
                Some(day) => *day = parse_day(&pointer, ranges, &mut errors),
                None => errors.push(FieldError::new(
                    pointer,
                    "unknownDay",
                    "is no day: name them mon, tue, wed, thu, fri, sat, sun",
                )),
            }
        }
        if self.except.len() > MAX_EXCEPTIONS {
            errors.push(FieldError::new(
                "/except",
                "tooMany",
                format!("has more than {MAX_EXCEPTIONS} dates"),
            ));
        }
        for (i, text) in self.except.iter().enumerate().take(MAX_EXCEPTIONS) {
            match parse_date(text) {
                Some(date) => {
                    windows.except.insert(date);
                }
                None => errors.push(FieldError::new(
                    format!("/except/{i}"),
                    "date",
                    "is no date such as 2026-12-25",
                )),
            }
        }
        if errors.is_empty() && windows.days.iter().all(Vec::is_empty) {
            errors.push(FieldError::new(
                "/days",
                "empty",
                "opens at no time: give at least one day a range",
            ));
        }
        if errors.is_empty() {
            Ok(windows)
        } else {
            Err(errors)
        }
    }
}

fn parse_day(pointer: &str, texts: &[String], errors: &mut Vec<FieldError>) -> Vec<Range> {
    if texts.len() > MAX_RANGES {
        errors.push(FieldError::new(
            pointer,
            "tooMany",
            format!("has more than {MAX_RANGES} ranges"),
        ));
        return Vec::new();
    }
    let mut ranges: Vec<Range> = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let pointer = format!("{pointer}/{i}");
        match Range::parse(text) {
            None => errors.push(FieldError::new(
                pointer,
                "range",
                "is no range of hours such as 09:00-18:00, ending after its start and by 24:00; \
                 write one over midnight as two",
            )),
            Some(range) if ranges.last().is_some_and(|last| range.from < last.to) => {
                errors.push(FieldError::new(
                    pointer,
                    "order",
                    "starts before the range ahead of it has ended: order ranges and let none overlap",
                ));
            }
            Some(range) => ranges.push(range),
        }
    }
    ranges
}

/// Reads `YYYY-MM-DD` and nothing looser.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.to_string() == text).then_some(date)
}

impl WeeklyWindows {
    /// Windows that are always open.
    pub fn always() -> Self {
        Self {
            days: std::array::from_fn(|_| vec![Range { from: 0, to: DAY }]),
            except: BTreeSet::new(),
        }
    }

    /// Reads the wire form; errors carry JSON pointers from `value`.
    pub fn parse(value: &serde_json::Value) -> Result<Self, Vec<FieldError>> {
        let text = WindowsText::deserialize(value)
            .map_err(|error| vec![FieldError::new("", "form", error.to_string())])?;
        text.parse()
    }

    /// The open ranges of a date, in order.
    fn ranges(&self, date: NaiveDate, weekday: Weekday) -> &[Range] {
        if self.except.contains(&date) {
            return &[];
        }
        let day = usize::try_from(weekday.num_days_from_monday()).unwrap_or(0);
        self.days.get(day).map_or(&[], Vec::as_slice)
    }
}

impl TryFrom<WindowsText> for WeeklyWindows {
    type Error = String;

    fn try_from(text: WindowsText) -> Result<Self, String> {
        text.parse().map_err(|errors| joined(&errors))
    }
}

impl From<WeeklyWindows> for WindowsText {
    fn from(windows: WeeklyWindows) -> Self {
        Self {
            days: NAMES
                .iter()
                .zip(&windows.days)
                .filter(|(_, ranges)| !ranges.is_empty())
                .map(|(name, ranges)| ((*name).to_owned(), ranges.iter().map(Range::to_string).collect()))
                .collect(),
            except: windows.except.iter().map(NaiveDate::to_string).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
