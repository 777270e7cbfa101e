//! What stands in the end, read through the API and counted again.

use std::collections::{BTreeMap, BTreeSet};

use domain::activity::event::{ActivityEvent, Happening};
use domain::activity::state::State;
use domain::address::Address;
use domain::channel::Channel;
use domain::time::{Millis, Timestamp};
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;

use crate::client::{ApiError, Client, escaped};

/// Histories read at once.
const AT_ONCE: usize = 16;
/// What is put off for longer than this is put off beyond the demo.
const FAR: Millis = Millis::minutes(10);

/// Counts by name within a group.
pub(super) type Tree = BTreeMap<String, BTreeMap<String, i64>>;

/// A campaign's counters.
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
pub(super) struct Progress {
    /// By channel and state.
    pub(super) activities: Tree,
    /// By kind and reason.
    pub(super) reasons: Tree,
    /// `running`, or how they ended.
    pub(super) conversations: BTreeMap<String, i64>,
}

impl Progress {
    /// How many activities of a channel are in one of some states.
    pub(super) fn in_states(&self, channel: Channel, states: &[State]) -> usize {
        let of = self.activities.get(channel.name());
        let count = |state: &State| of.and_then(|of| of.get(state.name())).copied().unwrap_or(0);
        usize::try_from(states.iter().map(count).sum::<i64>()).unwrap_or(0)
    }

    /// How many activities wait.
    pub(super) fn waiting(&self) -> i64 {
        self.activities
            .values()
            .filter_map(|states| states.get(State::Scheduled.name()))
            .sum()
    }

    pub(super) fn running(&self) -> i64 {
        self.conversations.get("running").copied().unwrap_or(0)
    }

    pub(super) fn started(&self) -> i64 {
        self.conversations.values().sum()
    }
}

/// An activity, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Activity {
    pub(super) id: String,
    pub(super) channel: Channel,
    pub(super) to: Address,
    pub(super) customer_id: String,
    pub(super) due_at: Timestamp,
    pub(super) state: State,
    #[serde(default)]
    pub(super) next_at: Option<Timestamp>,
    pub(super) attempt: u32,
    #[serde(default)]
    verdict: Option<Verdict>,
    pub(super) events: Vec<ActivityEvent>,
}

/// What the compliance gate decided, the last time, and when.
#[derive(Deserialize)]
pub(super) struct Verdict {
    at: Timestamp,
    code: String,
}

impl Activity {
    pub(super) fn had(&self, happening: Happening) -> bool {
        self.events.iter().any(|event| event.happening == happening)
    }

    /// When the provider said that it took it.
    pub(super) fn sent_at(&self) -> Option<Timestamp> {
        self.events
            .iter()
            .find(|event| event.happening == Happening::Sent)
            .map(|event| event.at)
    }

    /// When the gate let the latest attempt pass; none if there was no attempt, or the gate has turned
    /// the activity away since.
    pub(super) fn left_at(&self) -> Option<Timestamp> {
        let allowed = |verdict: &&Verdict| self.attempt > 0 && verdict.code == "allowed";
        self.verdict.as_ref().filter(allowed).map(|verdict| verdict.at)
    }

    /// Whether it waits for a moment beyond the demo.
    pub(super) fn is_put_off(&self, now: Timestamp) -> bool {
        self.state == State::Scheduled && self.next_at.is_some_and(|next| next > now + FAR)
    }
}

/// A conversation, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Conversation {
    pub(super) customer_id: String,
    #[serde(default)]
    pub(super) outcome: Option<String>,
}

/// An entry of the do-not-contact list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Barred {
    #[serde(default)]
    pub(super) address: Option<Address>,
    #[serde(default)]
    pub(super) customer_id: Option<String>,
    pub(super) source: String,
    pub(super) created_at: Timestamp,
}

/// An entry of a customer's history.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Entry {
    Activity { activity_id: String, state: State },
    Message {},
}

/// Activities that the histories of the customers show, with the customer and the state.
pub(super) type History = BTreeSet<(String, String, State)>;

/// Everything of a campaign.
pub(super) struct Recount {
    pub(super) activities: Vec<Activity>,
    pub(super) conversations: Vec<Conversation>,
    pub(super) progress: Progress,
}

impl Recount {
    /// Reads everything of a campaign.
    pub(super) async fn read(client: &Client, campaign: &str) -> Result<Self, ApiError> {
        // The counters first: they come behind, so what is read later holds at least as much.
        let progress = progress(client, campaign).await?;
        let activities = client
            .all(&format!("/v1/scheduled-activities?campaignId={campaign}"))
            .await?;
        let conversations = client
            .all(&format!("/v1/campaigns/{campaign}/conversations"))
            .await?;
        Ok(Self {
            activities,
            conversations,
            progress,
        })
    }

    /// The counters as they should be.
    pub(super) fn counted(&self) -> Progress {
        let mut counted = Progress::default();
        let add = |tree: &mut Tree, group: &str, name: &str| {
            *tree
                .entry(group.to_owned())
                .or_default()
                .entry(name.to_owned())
                .or_default() += 1;
        };
        for activity in &self.activities {
            add(
                &mut counted.activities,
                activity.channel.name(),
                activity.state.name(),
            );
            for event in &activity.events {
                if let Some(kind) = kind(event.happening) {
                    add(
                        &mut counted.reasons,
                        kind,
                        event.reason.as_deref().unwrap_or("unspecified"),
                    );
                }
            }
        }
        for conversation in &self.conversations {
            let outcome = conversation.outcome.as_deref().unwrap_or("running");
            *counted.conversations.entry(outcome.to_owned()).or_default() += 1;
        }
        counted
    }

    /// How many events of each type the webhook must be told.
    pub(super) fn told(&self) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::from([("campaign.published".to_owned(), 1)]);
        for event in self.activities.iter().flat_map(|activity| &activity.events) {
            *told.entry(event.happening.event_type().to_owned()).or_default() += 1;
        }
        let ended = self
            .conversations
            .iter()
            .filter(|conversation| conversation.outcome.is_some())
            .count();
        if ended > 0 {
            told.insert("conversation.ended".to_owned(), ended);
        }
        told
    }
}

/// Under which name the counters count a happening that has a reason.
fn kind(happening: Happening) -> Option<&'static str> {
    Some(match happening {
        Happening::Refused => "refused",
        Happening::Deferred => "deferred",
        Happening::Failed => "failed",
        Happening::AttemptFailed => "attemptFailed",
        Happening::Expired => "expired",
        Happening::Cancelled => "cancelled",
        Happening::Unknown => "unknown",
        _ => return None,
    })
}

/// A campaign's counters.
pub(super) async fn progress(client: &Client, campaign: &str) -> Result<Progress, ApiError> {
    client.get(&format!("/v1/campaigns/{campaign}/progress")).await
}

/// The activities that wait.
pub(super) async fn waiting(client: &Client, campaign: &str) -> Result<Vec<Activity>, ApiError> {
    client
        .all(&format!(
            "/v1/scheduled-activities?campaignId={campaign}&state=SCHEDULED"
        ))
        .await
}

/// The do-not-contact list.
pub(super) async fn barred(client: &Client) -> Result<Vec<Barred>, ApiError> {
    client.all("/v1/do-not-contact").await
}

/// What the histories of these customers show.
pub(super) async fn history(client: &Client, customers: &BTreeSet<&str>) -> Result<History, ApiError> {
    let reading = customers.iter().map(|customer| async move {
        let entries: Vec<Entry> = client
            .all(&format!("/v1/customers/{}/activities", escaped(customer)))
            .await?;
        Ok::<_, ApiError>((*customer, entries))
    });
    let reading: Vec<_> = reading.collect();
    let histories: Vec<(&str, Vec<Entry>)> = futures::stream::iter(reading)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let shown = histories.into_iter().flat_map(|(customer, entries)| {
        entries.into_iter().filter_map(move |entry| match entry {
            Entry::Activity { activity_id, state } => Some((activity_id, customer.to_owned(), state)),
            Entry::Message {} => None,
        })
    });
    Ok(shown.collect())
}
