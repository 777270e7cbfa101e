//! Scheduling activities, by batches.

use std::ops::Range;

use domain::time::Timestamp;
use futures::StreamExt;
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::http::Api;
use super::told;
use crate::failure::Failure;

/// Activities in a batch: the most that one request takes.
pub(super) const BATCH: u32 = 1_000;
/// Requests under way at once.
const AT_ONCE: usize = 3;

/// An activity that was scheduled.
pub(super) struct Scheduled {
    pub(super) id: String,
    pub(super) due_at: Timestamp,
}

#[derive(Serialize)]
struct Batch<'a> {
    items: Vec<Item<'a>>,
}

/// An activity as people schedule it: with a customer of its own and some metadata.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    channel: &'static str,
    to: String,
    campaign_id: &'a str,
    due_at: Timestamp,
    message: serde_json::Value,
    metadata: Metadata,
}

#[derive(Serialize)]
struct Metadata {
    order: String,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    activity: Option<Id>,
    #[serde(default)]
    problem: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Schedules activities with these numbers, each due when `due` says.
pub(super) async fn create(
    api: &Api,
    campaign: &str,
    numbers: Range<u32>,
    due: impl Fn(u32) -> Timestamp + Copy,
) -> Result<Vec<Scheduled>, Failure> {
    let end = numbers.end;
    let batches = numbers
        .step_by(BATCH as usize)
        .map(|first| first..end.min(first.saturating_add(BATCH)));
    let mut results = stream::iter(batches)
        .map(|numbers| one(api, campaign, numbers, due))
        .buffer_unordered(AT_ONCE);
    let mut scheduled = Vec::new();
    while let Some(batch) = results.next().await {
        scheduled.extend(batch?);
    }
    Ok(scheduled)
}

/// Schedules one batch.
pub(super) async fn one(
    api: &Api,
    campaign: &str,
    numbers: Range<u32>,
    due: impl Fn(u32) -> Timestamp,
) -> Result<Vec<Scheduled>, Failure> {
    let items: Vec<Item<'_>> = numbers
        .map(|number| Item {
            channel: "sms",
            // A German mobile number of its own for every number.
            to: format!("+49152{number:08}"),
            campaign_id: campaign,
            due_at: due(number),
            message: json!({"type": "PLAIN", "markdownText": "Your parcel arrives today between 2 and 4."}),
            metadata: Metadata {
                order: number.to_string(),
            },
        })
        .collect();
    let due_times: Vec<Timestamp> = items.iter().map(|item| item.due_at).collect();
    let body = serde_json::to_vec(&Batch { items }).map_err(told)?;
    let answer = api.post_bytes("/v1/scheduled-activities/batch", body).await?;
    let Results { results } = serde_json::from_slice(&answer).map_err(told)?;
    let scheduled = results
        .into_iter()
        .zip(due_times)
        .map(|(outcome, due_at)| match outcome.activity {
            Some(Id { id }) => Ok(Scheduled { id, due_at }),
            None => Err(told(format!(
                "an activity was refused: {}",
                outcome.problem.unwrap_or_default()
            ))),
        });
    scheduled.collect()
}
