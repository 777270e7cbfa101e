//! Counting again, one by one, what was counted along the way.

use std::collections::HashMap;

use connectors::simulator::{RawRequest, Stats};
use domain::time::Timestamp;
use serde::Deserialize;

use super::create::Scheduled;
use super::desk::Desk;
use super::http::Api;
use super::report::{Counts, Lateness, Report};
use crate::failure::Failure;

#[derive(Deserialize)]
struct Page {
    data: Vec<Entry>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    state: String,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    happening: String,
}

#[derive(Deserialize)]
struct Progress {
    activities: HashMap<String, Counts>,
}

/// Counts the names that `names` finds in every activity of a campaign, by listing them all.
async fn listed(api: &Api, campaign: &str, names: impl Fn(Entry) -> Vec<String>) -> Result<Counts, Failure> {
    let mut counts = Counts::new();
    let path = format!("/v1/scheduled-activities?campaignId={campaign}&limit=250");
    let mut page: Page = api.get(&path).await?;
    loop {
        for name in page.data.into_iter().flat_map(&names) {
            *counts.entry(name).or_default() += 1;
        }
        match page.next {
            Some(next) => page = api.get(&format!("{path}&cursor={next}")).await?,
            None => return Ok(counts),
        }
    }
}

/// Where the activities of a campaign stand, by its counters.
pub(super) async fn counted(api: &Api, campaign: &str) -> Result<Counts, Failure> {
    let progress: Progress = api.get(&format!("/v1/campaigns/{campaign}/progress")).await?;
    Ok(progress
        .activities
        .into_values()
        .flatten()
        .fold(Counts::new(), |mut sum, (state, count)| {
            *sum.entry(state).or_default() += count;
            sum
        }))
}

/// How many events of these types the activities' own logs hold. A message that is read before its
/// sender has noted that it was sent is never told as sent.
pub(super) async fn told(desk: &Desk, types: &[&str]) -> Result<Counts, Failure> {
    listed(&desk.server.api, &desk.campaign, |entry| {
        let names = entry
            .events
            .into_iter()
            .map(|event| format!("activity.{}", event.happening));
        names.filter(|name| types.contains(&name.as_str())).collect()
    })
    .await
}

/// Proves the counts of a run: everything that was created stands in `state`, by list, by counter,
/// and, where it was sent, by the provider's own count, which saw nothing twice.
pub(super) async fn prove(report: &mut Report, desk: &Desk, state: &str) -> Result<(), Failure> {
    let expected = Counts::from([(state.to_owned(), u64::from(report.activities))]);
    for (name, counts) in [
        (
            "listed",
            listed(&desk.server.api, &desk.campaign, |entry| vec![entry.state]).await?,
        ),
        ("counters", counted(&desk.server.api, &desk.campaign).await?),
    ] {
        if counts != expected {
            report
                .differences
                .push(format!("{name} {counts:?} are not {expected:?}"));
        }
        report.counts.insert(name, counts);
    }
    let stats: Stats = desk.providers.api.get("/stats").await?;
    let sent = if state == "SCHEDULED" {
        0
    } else {
        u64::from(report.activities)
    };
    if (stats.requests, stats.effects) != (sent, sent) {
        let what = format!(
            "the provider saw {} requests and {} messages, not {sent}",
            stats.requests, stats.effects
        );
        report.differences.push(what);
    }
    let provider = [
        ("requests", stats.requests),
        ("messages", stats.effects),
        ("reports", stats.reports_taken),
    ];
    report.counts.insert(
        "provider",
        provider.map(|(name, count)| (name.to_owned(), count)).into(),
    );
    Ok(())
}

/// How late activities came to the provider. None may come early, and none may be missing.
pub(super) async fn lateness(report: &mut Report, desk: &Desk, all: &[Scheduled]) -> Result<(), Failure> {
    let due: HashMap<&str, Timestamp> = all.iter().map(|one| (one.id.as_str(), one.due_at)).collect();
    let requests: Vec<RawRequest> = desk.providers.api.get("/requests").await?;
    let late: Vec<i64> = requests
        .iter()
        .filter_map(|request| {
            let (activity, _attempt) = request.key.split_once('.')?;
            Some(request.at.millis() - due.get(activity)?.millis())
        })
        .collect();
    if late.len() != all.len() {
        report
            .differences
            .push(format!("{} of {} arrivals are known", late.len(), all.len()));
    }
    report.lateness_ms = Lateness::of(late);
    if report.lateness_ms.is_some_and(|lateness| lateness.min < 0) {
        report
            .differences
            .push("an activity was sent before its due time".to_owned());
    }
    Ok(())
}
