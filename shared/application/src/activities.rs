//! Scheduling, changing, cancelling and reading activities.

use std::collections::BTreeMap;

use domain::activity::state::State;
use domain::activity::{Activity, Cancel, CancelReason, ChangeError, Plan, Revision, Writing};
use domain::id::{ActivityId, CampaignId, CustomerId, TenantId};
use domain::time::{Millis, Timestamp};
use platform::table::{Consistency, Item, Order, Query, SortRange, TableError, Write};

use crate::commit::{Decision, MAX_TRIES, commit};
use crate::context::Context;
use crate::conversations;
use crate::error::{Error, FieldError};
use crate::expected::{Expected, expect_version};
use crate::listing::{Listing, MAX_PAGE_BYTES, Shards};
use crate::store::{Put, Stored, decode, load};
use crate::{campaigns, keys, timers};

/// Most activities in one batch.
pub const MAX_BATCH: usize = 1_000;
/// How many activities one page of a list looks at when it filters. Then it ends early, with a cursor.
const MAX_EXAMINED: usize = 1_000;
/// And so many times a list is asked for more: with a small limit it ends earlier still.
const MAX_ROUNDS: usize = 20;
/// How far ahead an activity can be scheduled.
pub const MAX_AHEAD: Millis = Millis::hours(366 * 24);

/// The write of an activity in a new version.
pub(crate) fn put(activity: &Activity, version_before: u64) -> Result<Write, Error> {
    let version = version_before + 1;
    Put::over(
        keys::activity(&activity.tenant, &activity.id),
        activity,
        version_before,
    )
    .due(activity.timer())
    .announced(activity.log.added_by(version).next().is_some())
    .write()
}

/// Where an item that was read in a version is written next.
pub(crate) fn writing(context: &Context, version_before: u64) -> Writing {
    Writing {
        now: context.now(),
        version: version_before + 1,
    }
}

/// An activity to schedule, with the id that it gets.
#[derive(Clone, Debug)]
pub struct NewActivity {
    /// Its id. A repeated request derives the same.
    pub id: ActivityId,
    /// What is asked for.
    pub plan: Plan,
}

/// Schedules one activity. A repetition of the same request answers with what stands.
pub async fn schedule(
    context: &Context,
    tenant: &TenantId,
    new: NewActivity,
    origin: &str,
) -> Result<Stored<Activity>, Error> {
    schedule_batch(context, tenant, vec![new], origin)
        .await
        .pop()
        .unwrap_or_else(|| Err(Error::Corrupt("a batch of one has no result".into())))
}

/// Schedules up to [`MAX_BATCH`] activities, each for itself; results in order.
pub async fn schedule_batch(
    context: &Context,
    tenant: &TenantId,
    batch: Vec<NewActivity>,
    origin: &str,
) -> Vec<Result<Stored<Activity>, Error>> {
    let now = context.now();
    let mut results: Vec<Option<Result<Stored<Activity>, Error>>> = Vec::with_capacity(batch.len());
    let mut open: Vec<(usize, Activity)> = Vec::with_capacity(batch.len());
    for (place, new) in batch.into_iter().enumerate() {
        let checked = check(context, tenant, &new.plan, now).await;
        let origin = Some(origin.to_owned());
        let writing = Writing { now, version: 1 };
        let activity = Activity::schedule(new.id, tenant.clone(), new.plan, origin, writing)
            .traced(context.trace.clone());
        match checked {
            Ok(()) => {
                open.push((place, activity));
                results.push(None);
            }
            // What was possible when it was done is not refused because it is repeated later.
            Err(refusal) => {
                let standing = standing(context, &activity).await;
                results.push(Some(standing.map_err(|error| match error {
                    // Whether it was done is not known.
                    Error::Busy { .. } | Error::Platform(_) => error,
                    _ => refusal,
                })));
            }
        }
    }
    for _ in 0..MAX_TRIES {
        if open.is_empty() {
            break;
        }
        open = write_batch(context, open, &mut results).await;
    }
    let busy = || {
        Err(Error::Busy {
            retry_after: Millis::seconds(1),
        })
    };
    results
        .into_iter()
        .map(|result| result.unwrap_or_else(busy))
        .collect()
}

/// Writes a batch once; what has to be tried again comes back.
async fn write_batch(
    context: &Context,
    batch: Vec<(usize, Activity)>,
    results: &mut [Option<Result<Stored<Activity>, Error>>],
) -> Vec<(usize, Activity)> {
    let mut transactions = Vec::with_capacity(batch.len());
    let mut written = Vec::with_capacity(batch.len());
    for (place, activity) in batch {
        match put(&activity, 0) {
            Ok(write) => {
                transactions.push(vec![write]);
                written.push((place, activity));
            }
            Err(error) => set(results, place, Err(error)),
        }
    }
    let outcomes = context.table.transact_each(transactions).await;
    let (mut again, mut near) = (Vec::new(), Vec::new());
    for ((place, activity), outcome) in written.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => {
                let key = keys::activity(&activity.tenant, &activity.id);
                near.extend(activity.timer().map(|timer| (key, timer)));
                set(
                    results,
                    place,
                    Ok(Stored {
                        value: activity,
                        version: 1,
                    }),
                );
            }
            Err(TableError::ConditionFailed(_)) => set(results, place, standing(context, &activity).await),
            Err(TableError::Conflict | TableError::Unavailable(_)) => again.push((place, activity)),
            Err(error) => set(results, place, Err(error.into())),
        }
    }
    timers::hand_over_near(context, near).await;
    again
}

fn set(
    results: &mut [Option<Result<Stored<Activity>, Error>>],
    place: usize,
    result: Result<Stored<Activity>, Error>,
) {
    if let Some(slot) = results.get_mut(place) {
        *slot = Some(result);
    }
}

/// What stands under the id of a new activity: the same request's, or somebody else's.
async fn standing(context: &Context, new: &Activity) -> Result<Stored<Activity>, Error> {
    let stored = get(context, &new.tenant, &new.id).await?;
    if stored.value.origin == new.origin {
        Ok(stored)
    } else {
        Err(Error::conflict(
            "id-taken",
            format!("another request has created {}", new.id),
        ))
    }
}

/// What can be said against the times of an activity.
pub fn check_times(due_at: Timestamp, expires_at: Option<Timestamp>, now: Timestamp) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if due_at > now + MAX_AHEAD {
        wrong.push(FieldError::new("/dueAt", "may lie at most 366 days ahead"));
    }
    if expires_at.is_some_and(|expires_at| expires_at <= due_at) {
        wrong.push(FieldError::new("/expiresAt", "must lie after dueAt"));
    } else if expires_at.is_some_and(|expires_at| expires_at <= now) {
        wrong.push(FieldError::new("/expiresAt", "has passed already"));
    }
    wrong
}

/// What can be said against a plan without knowing the customer.
async fn check(context: &Context, tenant: &TenantId, plan: &Plan, now: Timestamp) -> Result<(), Error> {
    let wrong = check_times(plan.due_at, plan.expires_at, now);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    if !plan.message.can_be_sent_by(plan.channel) {
        let detail = format!("{} is nothing to send by {}", plan.message.kind(), plan.channel);
        return Err(Error::field("/message/type", detail));
    }
    if plan.lacks_abandoned_message() {
        let detail = "is needed in the modes `power` and `predictive`: a customer for whom no agent is there hears \
                      who called, and how to be called no more";
        return Err(Error::field("/message/abandonedMessage", detail));
    }
    match &plan.campaign {
        Some(campaign) => campaigns::takes_activities(context, tenant, campaign).await,
        None => Ok(()),
    }
}

/// Reads one activity.
pub async fn get(context: &Context, tenant: &TenantId, id: &ActivityId) -> Result<Stored<Activity>, Error> {
    load(context.table.as_ref(), &keys::activity(tenant, id))
        .await?
        .ok_or_else(|| Error::not_found("scheduled activity", id))
}

/// Changes an activity that waits.
pub async fn revise(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    expected: Option<Expected>,
    revision: Revision,
) -> Result<Stored<Activity>, Error> {
    commit(context, || async {
        let Stored {
            value: before,
            version,
        } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        let writing = writing(context, version);
        let changed = before
            .clone()
            .revise(revision.clone(), writing)
            .map_err(|error| match error {
                ChangeError::ExpiryBeforeDue => Error::field("/expiresAt", "must lie after dueAt"),
                ChangeError::InFlight => Error::conflict("in-flight", error),
                ChangeError::TooLate(_) => Error::conflict("too-late", error),
            })?;
        check(context, tenant, &changed.plan, writing.now).await?;
        Decision::replace(Some(&before), changed, version, |activity| put(activity, version))
    })
    .await
}

/// Cancels an activity. One that is being dispatched answers with a conflict; no further attempt of
/// it is made.
pub async fn cancel(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    expected: Option<Expected>,
    reason: CancelReason,
) -> Result<Stored<Activity>, Error> {
    commit(context, || async {
        let stored = get(context, tenant, id).await?;
        if stored.value.state == State::Cancelled {
            return Ok(Decision::nothing(Ok(stored)));
        }
        expect_version(expected, stored.version)?;
        let version = stored.version;
        match stored.value.cancel(reason, writing(context, version)) {
            Cancel::Cancelled(activity) => {
                let stored = Stored {
                    value: *activity,
                    version,
                };
                conversations::carry(context, stored, Vec::new())
                    .await
                    .map(|decision| decision.map(Ok))
            }
            Cancel::InFlight(activity) => {
                let detail = "the activity is being dispatched right now; no further attempt will be made";
                let in_flight = Error::conflict("in-flight", detail);
                Ok(Decision::one(put(&activity, version)?, Err(in_flight)))
            }
            Cancel::TooLate(state) => Ok(Decision::nothing(Err(Error::conflict(
                "too-late",
                ChangeError::TooLate(state),
            )))),
        }
    })
    .await?
}

/// Which activities of a list are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this state.
    pub state: Option<State>,
    /// Due at or after.
    pub due_from: Option<Timestamp>,
    /// Due before.
    pub due_before: Option<Timestamp>,
}

impl Filter {
    fn wants(&self, activity: &Activity) -> bool {
        self.state.is_none_or(|state| activity.state == state)
            && self.due_from.is_none_or(|from| activity.plan.due_at >= from)
            && self.due_before.is_none_or(|before| activity.plan.due_at < before)
    }
}

/// Where a list of activities is kept.
#[derive(Clone, Debug)]
pub enum Within {
    /// Activities of a campaign.
    Campaign(CampaignId),
    /// Activities of a customer.
    Customer(CustomerId),
}

/// One page of the activities of a campaign or a customer, newest first within each part.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    within: &Within,
    filter: &Filter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<Activity>>, Error> {
    let shards = match within {
        Within::Campaign(campaign) => {
            Shards::many(|shard| keys::campaign_activities(tenant, campaign, shard))
        }
        Within::Customer(customer) => Shards::one(keys::history(tenant, customer)),
    };
    let mut found = Listing {
        data: Vec::new(),
        next: cursor.map(str::to_owned),
    };
    // A history holds the customer's messages, too.
    let target = |item: &Item| {
        let id = match within {
            Within::Campaign(_) => item.key.sort.clone(),
            Within::Customer(_) => keys::id_in_history(&item.key.sort),
        };
        Ok(ActivityId::parse(&id).ok().map(|id| keys::activity(tenant, &id)))
    };
    let (mut examined, mut bytes) = (0, 0);
    for _ in 0..MAX_ROUNDS {
        let wanted = limit.saturating_sub(found.data.len());
        let page = shards
            .followed(context, found.next.as_deref(), wanted, target)
            .await?;
        examined += page.data.len();
        for item in &page.data {
            let stored = decode(item)?;
            if filter.wants(&stored.value) {
                bytes += item.size();
                found.data.push(stored);
            }
        }
        found.next = page.next;
        let full = found.data.len() >= limit || bytes >= MAX_PAGE_BYTES;
        if found.next.is_none() || full || examined >= MAX_EXAMINED {
            break;
        }
    }
    Ok(found)
}

/// The customer's messages that answered an activity, oldest first.
pub async fn responses(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
) -> Result<Vec<crate::receipts::StoredResponse>, Error> {
    let query = Query {
        partition: keys::activity(tenant, id).partition,
        range: SortRange::Prefix("R#".into()),
        after: None,
        order: Order::Ascending,
        limit: crate::receipts::MAX_RESPONSES,
        consistency: Consistency::Strong,
    };
    let page = context.table.query(&query).await?;
    page.items
        .iter()
        .map(|item| decode(item).map(|stored| stored.value))
        .collect()
}

/// The customer of an address that the caller names no customer for: always the same one.
pub fn customer_of(tenant: &TenantId, address: &domain::address::Address) -> CustomerId {
    CustomerId::derive(Timestamp::default(), &[tenant.as_str(), &address.key()])
}

/// Metadata within its bounds, or which field breaks them.
pub fn check_metadata(metadata: &BTreeMap<String, String>, pointer: &str) -> Result<(), Error> {
    use domain::activity::{MAX_METADATA_ENTRIES, MAX_METADATA_KEY, MAX_METADATA_VALUE};
    if metadata.len() > MAX_METADATA_ENTRIES {
        return Err(Error::field(
            pointer,
            format!("may have at most {MAX_METADATA_ENTRIES} entries"),
        ));
    }
    for (key, value) in metadata {
        if key.is_empty() || key.len() > MAX_METADATA_KEY || value.len() > MAX_METADATA_VALUE {
            let detail = format!(
                "has the entry `{}` outside the bounds: keys 1 to {MAX_METADATA_KEY} bytes, values at most {MAX_METADATA_VALUE}",
                key.chars().take(32).collect::<String>()
            );
            return Err(Error::field(pointer, detail));
        }
    }
    Ok(())
}
