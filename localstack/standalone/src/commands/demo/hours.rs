//! Calling hours for a demo that must work at any hour: local hours that are open now for a wished
//! share of the contacts, and closed for the others until long after the demo.

use std::collections::BTreeMap;

use chrono::Timelike;
use chrono_tz::Tz;
use compliance::TimeZone;
use compliance::windows::{Status, WeeklyWindows, WindowsText, status};
use domain::time::{Millis, Timestamp};

/// Nothing opens or closes for anybody within this time after the start.
const CALM: Millis = Millis::minutes(30);
/// The grid of opening and closing times, in minutes.
const GRID: u16 = 30;
/// Shares that are no further than this from the wished one are as good: then hours that do not go over
/// midnight are taken, and short ones.
const NEAR: f64 = 0.05;
/// The minutes of a day.
const DAY: u16 = 24 * 60;
/// Hours of fewer or more minutes do not look like calling hours.
const LENGTHS: std::ops::RangeInclusive<u16> = 6 * 60..=20 * 60;

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How many contacts have the same candidate zones.
pub(super) type Groups = BTreeMap<Vec<TimeZone>, usize>;

/// The hours of every day, in minutes since local midnight. They may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hours {
    from: u16,
    to: u16,
}

/// Hours, and for how many contacts they are open.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) hours: Hours,
    pub(super) open: usize,
    pub(super) closed: usize,
    /// When the first of those for whom they are closed can be contacted.
    pub(super) opens_at: Option<Timestamp>,
}

impl Hours {
    /// All day.
    const ALWAYS: Self = Self { from: 0, to: DAY };

    fn length(self) -> u16 {
        (self.to + DAY - self.from - 1) % DAY + 1
    }

    /// Whether they are open at a minute of the day.
    fn holds(self, minute: u16) -> bool {
        (minute + DAY - self.from) % DAY < self.length()
    }

    /// Whether they are open in a zone, by its wall clock and nothing else. Deliberately not the code
    /// that the gate uses: it checks what the gate did.
    pub(super) fn open_in(self, zone: TimeZone, at: Timestamp) -> bool {
        self.holds(minute_of_day(zone, at))
    }

    /// As a campaign states them.
    pub(super) fn windows(self) -> WindowsText {
        let text = |from: u16, to: u16| format!("{}-{}", clock(from), clock(to));
        let ranges = if self.to > self.from {
            vec![text(self.from, self.to)]
        } else {
            vec![text(0, self.to), text(self.from, DAY)]
        };
        WindowsText {
            days: WEEK.map(|day| (day.to_owned(), ranges.clone())).into(),
            except: Vec::new(),
        }
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", clock(self.from), clock(self.to))
    }
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn minute_of_day(zone: TimeZone, at: Timestamp) -> u16 {
    let local = at.utc().with_timezone(&Tz::from(zone));
    u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(0)
}

/// The hours whose open share comes close to `share` of all, among those that are open in `must`.
/// All day, where no others will do.
pub(super) fn choose(groups: &Groups, must: TimeZone, now: Timestamp, share: f64) -> Choice {
    let total: usize = groups.values().sum();
    let mut choices = candidates(groups, must, now);
    choices.sort_by(|a, b| {
        let off = |choice: &Choice| ((ratio(choice.open, total) - share).abs() - NEAR).max(0.0);
        let looks = |choice: &Choice| (choice.hours.from > choice.hours.to, choice.hours.length());
        off(a).total_cmp(&off(b)).then_with(|| looks(a).cmp(&looks(b)))
    });
    choices
        .into_iter()
        .find_map(|choice| proven(choice, groups, now))
        .unwrap_or(Choice {
            hours: Hours::ALWAYS,
            open: total,
            closed: 0,
            opens_at: None,
        })
}

/// A part of a whole, between 0 and 1.
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 {
        0.0
    } else {
        number(part) / number(whole)
    }
}

/// By the wall clocks of this moment.
fn candidates(groups: &Groups, must: TimeZone, now: Timestamp) -> Vec<Choice> {
    let clocks: Vec<(Vec<u16>, usize)> = groups
        .iter()
        .map(|(zones, count)| {
            (
                zones.iter().map(|zone| minute_of_day(*zone, now)).collect(),
                *count,
            )
        })
        .collect();
    let calm = u16::try_from(CALM.get() / 60_000).unwrap_or(DAY);
    let is_calm = |edge: &u16| {
        let comes_soon = |minute: &u16| (edge + DAY - minute) % DAY <= calm;
        !clocks.iter().flat_map(|(minutes, _)| minutes).any(comes_soon)
    };
    let edges: Vec<u16> = (0..DAY / GRID).map(|step| step * GRID).filter(is_calm).collect();
    let base = minute_of_day(must, now);
    let mut choices = Vec::new();
    for from in &edges {
        for to in &edges {
            // The end of a day is written 24:00, never 00:00.
            let hours = Hours {
                from: *from,
                to: if *to == 0 { DAY } else { *to },
            };
            if from == to || !LENGTHS.contains(&hours.length()) || !hours.holds(base) {
                continue;
            }
            let is_open =
                |(minutes, _): &&(Vec<u16>, usize)| minutes.iter().all(|minute| hours.holds(*minute));
            let (open, closed): (Vec<_>, Vec<_>) = clocks.iter().partition(is_open);
            let sum = |part: Vec<&(Vec<u16>, usize)>| part.into_iter().map(|(_, count)| count).sum();
            choices.push(Choice {
                hours,
                open: sum(open),
                closed: sum(closed),
                opens_at: None,
            });
        }
    }
    choices
}

/// The choice, if the gate's own windows say the same and nothing changes soon, clock changes included.
fn proven(choice: Choice, groups: &Groups, now: Timestamp) -> Option<Choice> {
    let windows: WeeklyWindows = choice.hours.windows().try_into().ok()?;
    let mut opens_first = None;
    let (mut open, mut closed) = (0, 0);
    for (zones, count) in groups {
        match status(&[&windows], zones, now) {
            Status::Open { until } if until.is_none_or(|until| until > now + CALM) => open += count,
            Status::Closed { opens_at: Some(at) } if at > now + CALM => {
                closed += count;
                opens_first = Some(opens_first.map_or(at, |first: Timestamp| first.min(at)));
            }
            _ => return None,
        }
    }
    let same = (open, closed) == (choice.open, choice.closed);
    same.then_some(Choice {
        opens_at: opens_first,
        ..choice
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, TimeZone as _, Utc};

    fn zone(name: &str) -> TimeZone {
        TimeZone::parse(name).unwrap()
    }

    /// As the example contacts are spread.
    fn groups() -> Groups {
        [
            (&["America/New_York"][..], 128),
            (&["America/Chicago"], 128),
            (&["America/Chicago", "America/New_York"], 64),
            (&["America/Denver"], 64),
            (&["America/Phoenix"], 64),
            (&["America/Los_Angeles"], 128),
            (&["Pacific/Honolulu"], 64),
            (&["America/St_Johns"], 64),
            (&["America/Toronto"], 64),
            (&["America/Vancouver"], 64),
            (&["Europe/London"], 260),
            (&["Europe/Berlin"], 420),
            (&["Europe/Paris"], 195),
            (&["Europe/Stockholm"], 130),
            (&["Australia/Sydney"], 65),
            (&["Australia/Brisbane"], 65),
            (&["Australia/Adelaide"], 65),
            (&["Asia/Karachi"], 8),
            (&["Asia/Dubai"], 8),
            (&["Asia/Kathmandu"], 8),
            (&["Asia/Tokyo"], 8),
            (&["America/Sao_Paulo"], 8),
            (&["Africa/Johannesburg"], 8),
        ]
        .into_iter()
        .map(|(names, count)| (names.iter().map(|name| zone(name)).collect(), count))
        .collect()
    }

    fn check(at: chrono::DateTime<Utc>) {
        let now = Timestamp::from(at);
        let groups = groups();
        let choice = choose(&groups, zone("Europe/Berlin"), now, 0.85);
        let share = ratio(choice.open, choice.open + choice.closed);
        assert!(
            (0.75..0.95).contains(&share),
            "{now}: {share} with {}",
            choice.hours
        );
        let opens_at = choice.opens_at.unwrap();
        assert!(opens_at > now + CALM, "{now}: opens at {opens_at}");
        // By the wall clock too, now and at the end of the calm.
        for at in [now, now + Millis::minutes(5)] {
            let open = |zones: &&Vec<TimeZone>| zones.iter().all(|zone| choice.hours.open_in(*zone, at));
            let open: usize = groups
                .keys()
                .filter(open)
                .filter_map(|zones| groups.get(zones))
                .sum();
            assert_eq!(open, choice.open, "{at} with {}", choice.hours);
        }
    }

    #[test]
    fn at_any_hour_of_any_day_a_fair_share_is_open() {
        let mut at = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
        while at < Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).unwrap() {
            check(at);
            at += Duration::minutes(7 * 60 + 13);
        }
    }

    #[test]
    fn in_the_nights_of_clock_changes_too() {
        for (month, day) in [(3, 7), (3, 28), (4, 4), (10, 3), (10, 24), (10, 31)] {
            let mut at = Utc.with_ymd_and_hms(2026, month, day, 0, 0, 0).unwrap();
            for _ in 0..(2 * 24 * 6) {
                check(at);
                at += Duration::minutes(10);
            }
        }
    }

    #[test]
    fn hours_over_midnight_are_two_ranges() {
        let night = Hours {
            from: 21 * 60,
            to: 9 * 60 + 30,
        };
        let ranges = night.windows().days.get("sun").cloned().unwrap();
        assert_eq!(ranges, ["00:00-09:30", "21:00-24:00"]);
        assert!(night.holds(0) && night.holds(DAY - 1) && !night.holds(12 * 60));
        let late = Hours {
            from: 11 * 60,
            to: DAY,
        };
        assert_eq!(late.windows().days.get("mon").cloned().unwrap(), ["11:00-24:00"]);
        assert_eq!(late.length(), 13 * 60);
    }

    #[test]
    fn where_nothing_else_will_do_it_is_open_all_day() {
        let one = Groups::from([(vec![zone("Europe/Berlin")], 10)]);
        let now = Timestamp::parse("2026-11-23T12:00:00Z").unwrap();
        let choice = choose(&one, zone("Europe/Berlin"), now, 0.85);
        assert_eq!((choice.open, choice.closed), (10, 0));
        assert_eq!(choose(&Groups::new(), TimeZone::UTC, now, 0.85).open, 0);
    }
}
