//! The final report.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use compliance::consent::OPT_OUT_SOURCE;
use console::style;
use domain::activity::event::Happening;
use domain::activity::state::State;
use domain::channel::Channel;
use domain::time::Timestamp;
use hdrhistogram::Histogram;
use indicatif::HumanCount;

use super::checks::{Check, Evidence, key};
use super::hours::ratio;
use super::recount::{Activity, Progress, Tree};
use super::{CHANNELS, counted, label};

/// Columns of the table of channels.
const STATES: [(&str, &[State]); 6] = [
    ("answered", &[State::Replied]),
    ("read", &[State::Read, State::Connected]),
    ("delivered", &[State::Delivered]),
    ("sent", &[State::Sent, State::Unknown]),
    ("put off", &[State::Scheduled]),
    (
        "not sent",
        &[State::Refused, State::Failed, State::Expired, State::Cancelled],
    ),
];

/// Prints everything.
pub(super) fn print(evidence: &Evidence<'_>, checks: &[Check], took: Duration) {
    let progress = &evidence.recount.progress;
    println!();
    heading("Contacts");
    contacts(evidence);
    heading("Messages, as they stand");
    channels(progress);
    heading("Conversations, by how they ended");
    conversations(progress);
    heading("What did not leave, or not at once, and why");
    reasons(evidence);
    heading("Speed");
    speed(evidence);
    heading("Promises, checked by counting again");
    for Check { promise, against } in checks {
        match against {
            None => println!("  {} {promise}", style("✓").green()),
            Some(found) => println!("  {} {promise}: {found}", style("✗").red().bold()),
        }
    }
    let broken = checks.iter().filter(|check| check.against.is_some()).count();
    let kept = checks.len() - broken;
    println!(
        "\n  {kept} of {} promises kept, in {:.1} s from start to end.",
        checks.len(),
        took.as_secs_f64()
    );
}

fn heading(text: &str) {
    println!("{}", style(format!("\n{text}")).bold());
}

fn count(count: usize) -> String {
    HumanCount(count as u64).to_string()
}

/// A moment to the minute.
fn short(at: Timestamp) -> String {
    at.utc().format("%-d %b %H:%M UTC").to_string()
}

fn signed(count: i64) -> usize {
    usize::try_from(count).unwrap_or(0)
}

fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * ratio(part, whole))
}

/// A table without rules, some of whose columns are numbers.
fn table(numbers: Range<usize>, header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    if !header.is_empty() {
        table.set_header(header.to_vec());
    }
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(numbers.start).take(numbers.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        println!(" {}", line.trim_end());
    }
}

fn contacts(evidence: &Evidence<'_>) {
    let (imported, choice) = (evidence.imported, &evidence.campaign.choice);
    let rows = imported.rows;
    println!(
        "  {}: {} accepted, {}, {} rejected",
        counted(evidence.rows, "row", "rows"),
        count(rows.accepted),
        counted(rows.duplicates, "duplicate", "duplicates"),
        count(rows.rejected)
    );
    let kinds = imported
        .rejects
        .iter()
        .map(|(code, count)| format!("{code} {count}"));
    if rows.rejected > 0 {
        println!("    rejected for {}", wrapped(kinds.collect(), 17));
    }
    println!(
        "  calling hours {}, local time: open for {} ({}),",
        choice.hours,
        count(choice.open),
        percent(choice.open, choice.open + choice.closed)
    );
    let opens = choice.opens_at.map_or(String::new(), |at| {
        format!(", the first of them until {}", short(at))
    });
    println!("    closed for {}{opens}", count(choice.closed));
}

/// A list in lines of at most 80 columns, indented like its first line.
fn wrapped(parts: Vec<String>, indent: usize) -> String {
    let (mut text, mut column) = (String::new(), indent);
    for (place, part) in parts.iter().enumerate() {
        let part = if place + 1 < parts.len() {
            format!("{part}, ")
        } else {
            part.clone()
        };
        if column + part.len() > 80 {
            text = format!("{}\n{}", text.trim_end(), " ".repeat(indent));
            column = indent;
        }
        column += part.len();
        text.push_str(&part);
    }
    text
}

fn channels(progress: &Progress) {
    let mut header = vec!["", "scheduled"];
    header.extend(STATES.map(|(name, _)| name));
    let row = |channel: &Channel| {
        let of = |states: &[State]| count(progress.in_states(*channel, states));
        let mut row = vec![label(*channel).to_owned(), of(&State::ALL)];
        row.extend(STATES.map(|(_, states)| of(states)));
        row
    };
    table(1..8, &header, CHANNELS.iter().map(row).collect());
}

fn conversations(progress: &Progress) {
    let total = signed(progress.started());
    let mut ends: Vec<(&String, &i64)> = progress.conversations.iter().collect();
    ends.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let row = |(outcome, ended): (&String, &i64)| {
        let name = if outcome == "running" {
            "goes on later"
        } else {
            outcome
        };
        vec![
            name.replace('_', " "),
            count(signed(*ended)),
            percent(signed(*ended), total),
        ]
    };
    table(1..3, &[], ends.into_iter().map(row).collect());
}

fn reasons(evidence: &Evidence<'_>) {
    let reasons: &Tree = &evidence.recount.progress.reasons;
    let mut rows = Vec::new();
    for (kind, of) in reasons {
        for (reason, times) in of {
            let text = explained(kind, reason).map_or_else(|| format!("{kind}: {reason}"), str::to_owned);
            let until =
                until(evidence, kind, reason).map_or(String::new(), |at| format!("from {}", short(at)));
            rows.push(vec![text, count(signed(*times)), until]);
        }
    }
    let lost = repeated(evidence);
    if lost > 0 {
        rows.push(vec![
            "repeated: the provider's answer was lost".to_owned(),
            count(lost),
            String::new(),
        ]);
    }
    rows.sort();
    table(1..2, &[], rows);
}

/// The reasons of this demo in words. Others are shown by their codes.
fn explained(kind: &str, reason: &str) -> Option<&'static str> {
    Some(match (kind, reason) {
        ("refused", "consentDenied") => "refused: the person said no",
        ("refused", "consentMissing") => "refused: no consent on record",
        ("refused", "doNotContact") => "refused: on the do-not-contact list",
        ("deferred", "windowClosed") => "deferred: outside the calling hours",
        ("deferred", "capFull") => "deferred: enough messages for a day",
        ("attemptFailed", "429" | "http-429") => "tried again: the provider was busy (429)",
        ("failed", "400" | "http-400") => "failed: the provider refused it",
        ("failed", "500") => "failed: could not be delivered",
        _ => return None,
    })
}

/// When the first of the deferred comes up again.
fn until(evidence: &Evidence<'_>, kind: &str, reason: &str) -> Option<Timestamp> {
    if kind != "deferred" {
        return None;
    }
    let events = evidence
        .recount
        .activities
        .iter()
        .flat_map(|activity| &activity.events);
    events
        .filter(|event| event.happening == Happening::Deferred && event.reason.as_deref() == Some(reason))
        .filter_map(|event| event.until)
        .min()
}

/// How many attempts came more than once, because their answer was lost.
fn repeated(evidence: &Evidence<'_>) -> usize {
    usize::try_from(evidence.simulator.stats().repeated_attempts).unwrap_or(0)
}

/// Whether an activity left at its own time: nothing put it off and its first answer came through.
fn is_straight(evidence: &Evidence<'_>, activity: &Activity) -> bool {
    let put_off = activity.had(Happening::Deferred) || activity.had(Happening::AttemptFailed);
    activity.attempt == 1 && !put_off && evidence.simulator.attempt(&key(activity, 1)).raw == 1
}

fn speed(evidence: &Evidence<'_>) {
    let straight = || {
        evidence
            .recount
            .activities
            .iter()
            .filter(|activity| is_straight(evidence, activity))
    };
    let since_due = |at: fn(&Activity) -> Option<Timestamp>| {
        move |activity: &Activity| Some(at(activity)?.since(activity.due_at).get())
    };
    table(
        1..5,
        &["late by, in ms", "p50", "p95", "p99", "max"],
        vec![
            percentiles(
                "until it left",
                straight().filter_map(since_due(Activity::left_at)),
            ),
            percentiles(
                "until the provider took it",
                straight().filter_map(since_due(Activity::sent_at)),
            ),
        ],
    );
    let mut sent: Vec<Timestamp> = evidence
        .recount
        .activities
        .iter()
        .filter_map(Activity::sent_at)
        .collect();
    sent.sort_unstable();
    let mut by_second: BTreeMap<i64, usize> = BTreeMap::new();
    for at in &sent {
        *by_second.entry(at.millis() / 1_000).or_default() += 1;
    }
    let stats = evidence.simulator.stats();
    let received = evidence.received;
    println!(
        "  {} sent, up to {} in one second; {} requests to the providers",
        counted(sent.len(), "message", "messages"),
        count(by_second.values().copied().max().unwrap_or(0)),
        HumanCount(stats.requests)
    );
    println!(
        "  {} receipts and answers came back; {} told, {} repeated",
        HumanCount(stats.reports_taken),
        counted(received.events(), "webhook", "webhooks"),
        HumanCount(received.repeated())
    );
    let opted_out: BTreeSet<&String> = evidence
        .barred
        .iter()
        .filter(|entry| entry.source == OPT_OUT_SOURCE)
        .filter_map(|entry| entry.customer_id.as_ref())
        .collect();
    let answered = evidence
        .recount
        .activities
        .iter()
        .filter(|activity| activity.state == State::Replied)
        .count();
    println!(
        "  {} answered; {} answered STOP",
        counted(answered, "message was", "messages were"),
        counted(opted_out.len(), "customer", "customers")
    );
}

fn percentiles(name: &str, values: impl Iterator<Item = u64>) -> Vec<String> {
    let mut row = vec![name.to_owned()];
    // Three digits always make a histogram.
    if let Ok(mut histogram) = Histogram::<u64>::new(3) {
        values.for_each(|value| histogram.saturating_record(value));
        let at = |quantile| count(usize::try_from(histogram.value_at_quantile(quantile)).unwrap_or(0));
        row.extend([
            at(0.5),
            at(0.95),
            at(0.99),
            count(usize::try_from(histogram.max()).unwrap_or(0)),
        ]);
    }
    row
}
