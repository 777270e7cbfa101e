//! Which message an answer is about that quotes none: the latest that went to that address by that channel. So do
//! people read their threads, and no SMS can quote.

use compliance::caps::Ledger;
use domain::activity::Activity;
use domain::activity::state::State;
use domain::address::Address;
use domain::channel::Channel;
use domain::id::{ActivityId, CustomerId, TenantId};
use domain::time::{Millis, Timestamp};
use platform::table::{Consistency, Key};

use crate::context::Context;
use crate::error::Error;
use crate::history::{self, HistoryEntry};
use crate::keys;
use crate::store::{Stored, decode};

/// An answer that comes later than this after a message is none to it.
const ANSWERED_WITHIN: Millis = Millis::hours(7 * 24);
/// What a provider's clock may be behind ours.
const CLOCKS: Millis = Millis::seconds(5);
/// The latest messages of a person that are looked at.
const LOOKED_AT: usize = 20;

/// What is known of an answer.
pub(super) struct Answer<'a> {
    pub(super) from: &'a Address,
    /// By which channel; none where the address does not tell.
    pub(super) channel: Option<Channel>,
    pub(super) at: Timestamp,
}

impl Answer<'_> {
    fn came_by(&self, channel: Channel) -> bool {
        channel != Channel::Voice && self.channel.is_none_or(|by| by == channel)
    }

    fn may_follow(&self, sent: Timestamp) -> bool {
        sent <= self.at + CLOCKS && self.at < sent + ANSWERED_WITHIN
    }

    fn may_be_to(&self, activity: &Activity) -> bool {
        // One that failed may have arrived all the same: what the provider refused is in no ledger any more.
        let never_left = matches!(
            activity.state,
            State::Scheduled | State::Cancelled | State::Expired | State::Refused
        );
        !never_left && activity.plan.to.key() == self.from.key() && self.came_by(activity.plan.channel)
    }
}

/// The message that the answer of one of these persons is about; none if nothing went there of late.
pub(super) async fn about(
    context: &Context,
    tenant: &TenantId,
    persons: &[CustomerId],
    answer: &Answer<'_>,
) -> Result<Option<ActivityId>, Error> {
    let mut sent = in_ledgers(context, tenant, persons, answer).await?;
    if sent.is_empty() {
        sent = in_histories(context, tenant, persons, answer).await?;
    }
    sent.sort_by(|a, b| b.cmp(a));
    sent.truncate(LOOKED_AT);
    let wanted: Vec<Key> = sent.iter().map(|(_, id)| keys::activity(tenant, id)).collect();
    let items = context.table.get_many(&wanted, Consistency::Strong).await?;
    for item in items.iter().flatten() {
        let Stored { value: activity, .. } = decode::<Activity>(item)?;
        if answer.may_be_to(&activity) {
            return Ok(Some(activity.id));
        }
    }
    Ok(None)
}

/// Whatever was sent is in the ledgers before it leaves, unless the tenant keeps them for caps alone.
async fn in_ledgers(
    context: &Context,
    tenant: &TenantId,
    persons: &[CustomerId],
    answer: &Answer<'_>,
) -> Result<Vec<(Timestamp, ActivityId)>, Error> {
    let wanted: Vec<Key> = persons
        .iter()
        .map(|person| keys::ledger(tenant, person))
        .collect();
    let items = context.table.get_many(&wanted, Consistency::Strong).await?;
    let mut sent = Vec::new();
    for item in items.iter().flatten() {
        let slots = decode::<Ledger>(item)?.value.reservations.into_iter();
        sent.extend(
            slots
                .filter(|slot| answer.came_by(slot.channel) && answer.may_follow(slot.at))
                .map(|slot| (slot.at, slot.activity)),
        );
    }
    Ok(sent)
}

/// Histories know it a moment later.
async fn in_histories(
    context: &Context,
    tenant: &TenantId,
    persons: &[CustomerId],
    answer: &Answer<'_>,
) -> Result<Vec<(Timestamp, ActivityId)>, Error> {
    let mut sent = Vec::new();
    for person in persons {
        let page = history::customer_history(context, tenant, person, None, LOOKED_AT).await?;
        for entry in page.data {
            if let HistoryEntry::Activity(entry) = entry
                && entry.state != State::Failed
                && answer.came_by(entry.channel)
                && answer.may_follow(entry.due_at)
            {
                sent.push((entry.due_at, entry.activity_id));
            }
        }
    }
    Ok(sent)
}
