//! The customer's history: one entry per activity, as it stands, newest first; and the list of a
//! campaign's activities.

use std::collections::BTreeMap;

use domain::activity::Activity;
use domain::activity::event::ActivityEvent;
use domain::activity::state::State;
use domain::channel::Channel;
use domain::id::{ActivityId, CampaignId, ConversationId, CustomerId, TenantId};
use domain::time::Timestamp;
use platform::table::{Consistency, Key, TableError, Write};
use serde::{Deserialize, Serialize};

use super::Seen;
use crate::commit::{MAX_TRIES, commit_each};
use crate::context::Context;
use crate::error::Error;
use crate::events::Told;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::receipts::UnsolicitedMessage;
use crate::store::{self, Put, decode};

/// An activity in its customer's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityEntry {
    /// The activity.
    pub activity_id: ActivityId,
    /// The version of the activity that is shown.
    pub activity_version: u64,
    /// How.
    pub channel: Channel,
    /// Where it stands.
    pub state: State,
    /// Its due time.
    pub due_at: Timestamp,
    /// In which campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    /// In which conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// The caller's own data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What happened, oldest first.
    pub events: Vec<ActivityEvent>,
}

impl ActivityEntry {
    pub(crate) fn of(activity: &Activity, version: u64) -> Self {
        Self {
            activity_id: activity.id.clone(),
            activity_version: version,
            channel: activity.plan.channel,
            state: shown(activity.state),
            due_at: activity.plan.due_at,
            campaign_id: activity.plan.campaign.clone(),
            conversation_id: activity.plan.step.as_ref().map(|step| step.conversation.clone()),
            metadata: activity.plan.metadata.clone(),
            events: activity
                .log
                .entries()
                .iter()
                .map(|entry| entry.event.clone())
                .collect(),
        }
    }
}

/// A claim is not told to anybody: in history an activity stays scheduled until something is known.
pub(crate) fn shown(state: State) -> State {
    if state == State::Dispatching {
        State::Scheduled
    } else {
        state
    }
}

/// An entry of a customer's history.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum HistoryEntry {
    /// An activity.
    Activity(ActivityEntry),
    /// A message that the customer sent on their own.
    Message(UnsolicitedMessage),
}

/// The newest version of each activity in a batch.
fn newest<'a>(seen: &'a [Seen<'_>]) -> BTreeMap<Key, (&'a Activity, u64)> {
    let mut newest = BTreeMap::new();
    for Seen { change, told } in seen {
        if let (Told::Activity(activity), Some(item)) = (told.as_ref(), &change.item) {
            let key = keys::history_entry(&activity.tenant, &activity.plan.customer, activity.id.as_str());
            let place = newest.entry(key).or_insert((activity.as_ref(), item.version));
            if item.version > place.1 {
                *place = (activity, item.version);
            }
        }
    }
    newest
}

/// Brings history up to date with a batch.
pub(super) async fn record(context: &Context, seen: &[Seen<'_>]) -> Result<(), Error> {
    let mut open = newest(seen);
    // Another consumer of the same shard may be in the way; what it wrote is seen the next time.
    for _ in 0..MAX_TRIES {
        open = record_once(context, open).await?;
        if open.is_empty() {
            return Ok(());
        }
    }
    Err(TableError::Conflict.into())
}

async fn record_once<'a>(
    context: &Context,
    open: BTreeMap<Key, (&'a Activity, u64)>,
) -> Result<BTreeMap<Key, (&'a Activity, u64)>, Error> {
    if open.is_empty() {
        return Ok(open);
    }
    let wanted: Vec<Key> = open.keys().cloned().collect();
    let present = context.table.get_many(&wanted, Consistency::Strong).await?;
    let (mut pointers, mut decided) = (Vec::new(), Vec::new());
    for ((key, (activity, version)), item) in open.into_iter().zip(present) {
        let entry = item.as_ref().map(decode::<ActivityEntry>).transpose()?;
        if entry
            .as_ref()
            .is_some_and(|entry| entry.value.activity_version >= version)
        {
            continue;
        }
        let before = entry.map_or(0, |entry| entry.version);
        if before == 0 {
            pointers.extend(pointer(activity)?);
        }
        let write = entry_write(&key, activity, version, before)?;
        decided.push(((key, (activity, version)), vec![write]));
    }
    store::ensure(context.table.as_ref(), pointers).await?;
    Ok(commit_each(context, decided).await?.into_iter().collect())
}

/// The write of an activity's entry over the one that was read in version `before`.
pub(super) fn entry_write(key: &Key, activity: &Activity, version: u64, before: u64) -> Result<Write, Error> {
    let entry = ActivityEntry::of(activity, version);
    Put::over(key.clone(), &entry, before).write()
}

/// The write of the pointer from its campaign to an activity. It stands before the entry does, so that
/// whoever finds the entry need not look for it.
pub(super) fn pointer(activity: &Activity) -> Result<Option<Write>, Error> {
    let Some(campaign) = &activity.plan.campaign else {
        return Ok(None);
    };
    let key = keys::campaign_activity(&activity.tenant, campaign, &activity.id);
    Put::new(key, &Pointer {}).write().map(Some)
}

/// Points from a collection to a member: the key says it all.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pointer {}

/// One page of a customer's history, newest first.
pub async fn customer_history(
    context: &Context,
    tenant: &TenantId,
    customer: &CustomerId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<HistoryEntry>, Error> {
    let page = Shards::one(keys::history(tenant, customer))
        .eventual()
        .items(context, cursor, limit)
        .await?;
    page.try_map(|item| {
        Ok(if keys::is_message(&item.key.sort) {
            HistoryEntry::Message(decode(&item)?.value)
        } else {
            HistoryEntry::Activity(decode(&item)?.value)
        })
    })
}
