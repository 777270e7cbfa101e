//! Progress counters: one item per campaign and stream shard, with the last sequence counted, so
//! that a change that comes again is not counted again. Read by adding the shards up.

use std::collections::BTreeMap;

use domain::activity::event::Happening;
use domain::id::{CampaignId, TenantId};
use flows::conversation::log::ConversationEvent;
use platform::changes::{Sequence, ShardId};
use platform::table::{Consistency, Key, Order, Query, SortRange, Write};
use serde::{Deserialize, Serialize};

use super::Seen;
use super::record::shown;
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::events::{Happened, Told};
use crate::keys;
use crate::store::{Put, decode, load};

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Activities by `channel/STATE`, as they stand.
    pub activities: BTreeMap<String, i64>,
    /// Gate outcomes, failures and deferrals by `kind/reason`, as often as they happened.
    pub reasons: BTreeMap<String, i64>,
    /// Conversations by `running` or their outcome, as they stand.
    pub conversations: BTreeMap<String, i64>,
}

impl Counts {
    fn add(map: &mut BTreeMap<String, i64>, name: String, count: i64) {
        let sum = map.get(&name).copied().unwrap_or(0) + count;
        if sum == 0 {
            map.remove(&name);
        } else {
            map.insert(name, sum);
        }
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.activities, &other.activities),
            (&mut self.reasons, &other.reasons),
            (&mut self.conversations, &other.conversations),
        ] {
            for (name, count) in theirs {
                Self::add(mine, name.clone(), *count);
            }
        }
    }

    /// Counts what one version of an item added.
    pub fn take_in(&mut self, told: &Told, version: u64) {
        for (_, happened) in told.added_by(version) {
            self.happened(told, &happened);
        }
    }

    fn happened(&mut self, told: &Told, happened: &Happened) {
        match (told, happened) {
            (Told::Activity(activity), Happened::Activity(event)) => {
                let name = |state| format!("{}/{}", activity.plan.channel, shown(state).name());
                if event.happening == Happening::Scheduled {
                    Self::add(&mut self.activities, name(event.to), 1);
                } else if shown(event.from) != shown(event.to) {
                    Self::add(&mut self.activities, name(event.from), -1);
                    Self::add(&mut self.activities, name(event.to), 1);
                }
                let kind = match event.happening {
                    Happening::Refused => "refused",
                    Happening::Deferred => "deferred",
                    Happening::Failed => "failed",
                    Happening::AttemptFailed => "attemptFailed",
                    Happening::Expired => "expired",
                    Happening::Cancelled => "cancelled",
                    Happening::Unknown => "unknown",
                    _ => return,
                };
                let reason = event.reason.as_deref().unwrap_or("unspecified");
                Self::add(&mut self.reasons, format!("{kind}/{reason}"), 1);
            }
            (_, Happened::Conversation(ConversationEvent::Started { .. })) => {
                Self::add(&mut self.conversations, "running".into(), 1);
            }
            (_, Happened::Conversation(ConversationEvent::Ended { outcome, .. })) => {
                Self::add(&mut self.conversations, "running".into(), -1);
                Self::add(&mut self.conversations, outcome.clone(), 1);
            }
            _ => {}
        }
    }
}

/// The counters of one campaign and stream shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counter {
    /// The last change that is counted.
    last: Option<String>,
    counts: Counts,
}

/// The write of counts that were made by counting everything again. No change is counted in them by
/// its sequence, so they stand in a shard of their own, which the stream does not have.
pub(super) fn recounted(partition: &str, counts: Counts) -> Result<Write, Error> {
    let key = Key::new(partition, "recount");
    Put::new(key, &Counter { last: None, counts }).write()
}

/// Activities without campaign are counted together.
pub(super) fn partition(tenant: &TenantId, campaign: Option<&CampaignId>) -> String {
    campaign.map_or_else(
        || format!("{tenant}#G#-"),
        |campaign| keys::counters(tenant, campaign),
    )
}

/// Counts a batch of one shard.
pub(super) async fn count(context: &Context, shard: &ShardId, seen: &[Seen<'_>]) -> Result<(), Error> {
    let mut by_campaign: BTreeMap<String, Vec<&Seen<'_>>> = BTreeMap::new();
    for seen in seen {
        let partition = partition(seen.told.tenant(), seen.told.campaign());
        by_campaign.entry(partition).or_default().push(seen);
    }
    for (partition, seen) in by_campaign {
        count_one(context, Key::new(partition, shard.0.clone()), &seen).await?;
    }
    Ok(())
}

async fn count_one(context: &Context, key: Key, seen: &[&Seen<'_>]) -> Result<(), Error> {
    commit(context, || async {
        let stored = load::<Counter>(context.table.as_ref(), &key).await?;
        let (mut counter, version) = stored.map_or((Counter::default(), 0), |s| (s.value, s.version));
        let last = counter.last.clone().map(Sequence);
        let fresh: Vec<_> = seen
            .iter()
            .filter(|seen| last.as_ref().is_none_or(|last| seen.change.sequence > *last))
            .collect();
        let Some(newest) = fresh.last() else {
            return Ok(Decision::nothing(()));
        };
        counter.last = Some(newest.change.sequence.0.clone());
        for seen in &fresh {
            counter.counts.take_in(&seen.told, seen.change.version);
        }
        Ok(Decision::one(
            Put::over(key.clone(), &counter, version).write()?,
            (),
        ))
    })
    .await
}

/// The counts of a campaign, or of what belongs to none.
pub async fn progress(
    context: &Context,
    tenant: &TenantId,
    campaign: Option<&CampaignId>,
) -> Result<Counts, Error> {
    let mut sum = Counts::default();
    let mut after = None;
    loop {
        let query = Query {
            partition: partition(tenant, campaign),
            range: SortRange::All,
            after,
            order: Order::Ascending,
            limit: 100,
            // Counters come behind what they count anyway.
            consistency: Consistency::Eventual,
        };
        let page = context.table.query(&query).await?;
        for item in &page.items {
            sum.merge(&decode::<Counter>(item)?.value.counts);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(sum),
        }
    }
}
