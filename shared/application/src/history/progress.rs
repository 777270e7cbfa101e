//! Progress counters: one item per campaign and stream shard, with the last sequence counted, so
//! that a change that comes again is not counted again. Read by adding the shards up.

use std::collections::BTreeMap;

use domain::activity::Activity;
use domain::activity::event::{ActivityEvent, Happening};
use domain::activity::state::State;
use domain::id::{CampaignId, TenantId};
use flows::conversation::Status;
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

    /// Counts an item as it stands. Reasons that its log keeps no more are counted no more.
    pub fn take_in_whole(&mut self, told: &Told) {
        match told {
            Told::Activity(activity) => {
                Self::add(&mut self.activities, standing(activity, activity.state), 1);
                for entry in activity.log.entries() {
                    self.reason(&entry.event);
                }
            }
            Told::Conversation(conversation) => {
                let name = match &conversation.status {
                    Status::Running => "running",
                    Status::Ended { outcome, .. } => outcome,
                };
                Self::add(&mut self.conversations, name.to_owned(), 1);
            }
            _ => {}
        }
    }

    fn happened(&mut self, told: &Told, happened: &Happened) {
        match (told, happened) {
            (Told::Activity(activity), Happened::Activity(event)) => {
                let name = |state| standing(activity, state);
                if event.happening == Happening::Scheduled {
                    Self::add(&mut self.activities, name(event.to), 1);
                } else if shown(event.from) != shown(event.to) {
                    Self::add(&mut self.activities, name(event.from), -1);
                    Self::add(&mut self.activities, name(event.to), 1);
                }
                self.reason(event);
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

    fn reason(&mut self, event: &ActivityEvent) {
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
}

/// Under which name an activity in a state is counted.
fn standing(activity: &Activity, state: State) -> String {
    format!("{}/{}", activity.plan.channel, shown(state).name())
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

#[cfg(test)]
mod tests {
    use domain::activity::{Activity, Plan, Writing};
    use domain::id::{ActivityId, TenantId};
    use domain::log::MAX_ENTRIES;
    use domain::time::{Millis, Timestamp};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_log_keeps_no_more_is_counted_as_it_stands() {
        let plan: Plan = serde_json::from_value(json!({
            "channel": "sms", "to": "+447400123456", "customer": "ann", "dueAt": "2026-11-23T09:00:00Z",
            "message": {"type": "PLAIN", "markdownText": "Hello"},
        }))
        .unwrap();
        let start = plan.due_at;
        let writing = |version: u64| Writing {
            version,
            now: start + Millis::seconds(version),
        };
        let (id, tenant) = (
            ActivityId::parse("act_1").unwrap(),
            TenantId::parse("acme").unwrap(),
        );
        let mut activity = Activity::schedule(id, tenant, plan, None, writing(1));
        let mut counted = Counts::default();
        counted.take_in(&Told::Activity(activity.clone().into()), 1);
        for version in 2..MAX_ENTRIES as u64 + 3 {
            activity = activity.defer(Timestamp::MAX, "capFull", writing(version));
            counted.take_in(&Told::Activity(activity.clone().into()), version);
        }
        let mut whole = Counts::default();
        whole.take_in_whole(&Told::Activity(activity.into()));
        assert_eq!(whole.activities, counted.activities);
        assert_eq!(whole.reasons["deferred/capFull"], MAX_ENTRIES as i64);
    }
}
