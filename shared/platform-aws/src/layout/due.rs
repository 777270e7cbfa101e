//! The sort key of the due index: text whose bytes sort as [`DueEntry`] does, that is by instant, kind,
//! generation, partition and sort key.
//!
//! `<instant, 15 digits><kind, a letter><generation, 16 hex digits><partition>␀␀<sort key>`
//!
//! A `␀` within the partition is written `␀␁`, so that the mark between the two keys sorts before
//! whatever a longer partition goes on with.

use domain::time::Timestamp;
use domain::timer::{Timer, TimerKind};
use platform::table::DueEntry;

/// Digits of an instant: enough for the end of the year 9999 in milliseconds.
const INSTANT: usize = 15;
/// Hexadecimal digits of a generation: all of a `u64`.
const GENERATION: usize = 16;
/// Where an entry's partition begins.
const HEAD: usize = INSTANT + 1 + GENERATION;

/// The sort key of an entry.
pub fn text(entry: &DueEntry) -> String {
    let timer = entry.timer;
    format!(
        "{:0INSTANT$}{}{:0GENERATION$x}{}\0\0{}",
        timer.at.millis(),
        timer.kind.code(),
        timer.generation,
        entry.key.partition.replace('\0', "\0\u{1}"),
        entry.key.sort
    )
}

/// Bytes of [`text`].
pub fn text_length(entry: &DueEntry) -> usize {
    let partition = &entry.key.partition;
    let escapes = partition.bytes().filter(|byte| *byte == 0).count();
    HEAD + partition.len() + escapes + 2 + entry.key.sort.len()
}

/// The first text behind all entries that are due at or before `until`.
pub fn behind(until: Timestamp) -> String {
    format!("{:0INSTANT$}", until.millis() + 1)
}

/// The timer at the head of a sort key.
pub fn timer(text: &str) -> Option<Timer> {
    let millis: i64 = text.get(..INSTANT)?.parse().ok()?;
    let kind = text.get(INSTANT..=INSTANT)?.chars().next()?;
    let generation = text.get(INSTANT + 1..HEAD)?;
    Some(Timer {
        at: Timestamp::from_millis(millis),
        kind: TimerKind::from_code(kind)?,
        generation: u64::from_str_radix(generation, 16).ok()?,
    })
}
