//! Settling: what became of an attempt is written down, together with the step of its conversation.

use compliance::caps::{Ledger, release};
use domain::activity::Activity;
use domain::activity::settle::{AttemptResult, Reporter};
use domain::activity::state::State;
use domain::id::{ActivityId, ConnectorId, TenantId};
use platform::table::Write;

use super::Outcome;
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::dead_letters::{self, DeadReason};
use crate::error::Error;
use crate::store::{Put, Stored, load};
use crate::{activities, conversations, keys, opt_out, pacing, store};

/// Settles an attempt of an activity that was held in a version. Mostly it still stands there, so it
/// is read only once that turned out otherwise.
pub(super) async fn settle(
    context: &Context,
    held: Stored<Activity>,
    reporter: &Reporter,
    result: AttemptResult,
) -> Result<Outcome, Error> {
    let random = context.bits();
    let (tenant, id) = (held.value.tenant.clone(), held.value.id.clone());
    let mut held = Some(held);
    let (outcome, changed) = commit(context, || {
        let known = held.take();
        let (tenant, id, result) = (&tenant, &id, &result);
        async move {
            let Stored {
                value: before,
                version,
            } = match known {
                Some(stored) => stored,
                None => activities::get(context, tenant, id).await?,
            };
            let state = before.state;
            let writing = activities::writing(context, version);
            let Some(after) = before.settle(reporter, result.clone(), random, writing) else {
                return Ok(Decision::nothing((Outcome::Attempted(state), None)));
            };
            let further = further_writes(context, &after, result).await?;
            let after = Stored {
                value: after,
                version,
            };
            let ends = matches!(result, AttemptResult::OptedOut { .. }).then(opt_out::ends);
            let carried = conversations::carry(context, after, ends.into_iter().collect()).await?;
            let mut decision =
                carried.map(|stored| (Outcome::Attempted(stored.value.state), Some(stored.value)));
            further.into_iter().for_each(|write| decision.push(write));
            Ok(decision)
        }
    })
    .await?;
    // A call that the provider took is on its way, as its group's pacing believes anyway.
    if let Some(activity) = changed.filter(|activity| activity.state != State::Sent) {
        pacing::call_changed(context, &activity).await;
    }
    Ok(outcome)
}

/// Keeps which activity the provider's message is. That stays true whatever becomes of the settling,
/// and is written before it, so that no receipt finds a settled activity without its message; by
/// itself, because two writes in one transaction cost twice as much as one by one.
pub(super) async fn remember(
    context: &Context,
    activity: &Activity,
    connector: &ConnectorId,
    result: &AttemptResult,
) -> Result<(), Error> {
    let AttemptResult::Accepted {
        provider_message_id: Some(provider_id),
    } = result
    else {
        return Ok(());
    };
    let key = keys::provider_message(&activity.tenant, connector, provider_id);
    store::ensure(context.table.as_ref(), vec![Put::new(key, &activity.id).write()?]).await
}

async fn further_writes(
    context: &Context,
    after: &Activity,
    result: &AttemptResult,
) -> Result<Vec<Write>, Error> {
    let mut writes = Vec::new();
    if let AttemptResult::OptedOut { code, .. } = result {
        writes.push(opt_out::refusal(context, after, code).await?);
    }
    match result {
        AttemptResult::Rejected { .. } | AttemptResult::OptedOut { .. } | AttemptResult::NotTaken { .. }
            if matches!(after.state, State::Failed | State::Cancelled) =>
        {
            writes.extend(slot_given_back(context, after).await?);
        }
        AttemptResult::UnclearFinal { .. } if after.state == State::Unknown => {
            writes.push(dead_letters::write(context, after, DeadReason::Unknown).await?);
        }
        _ => {}
    }
    Ok(writes)
}

/// The provider did not take the contact: it does not count against the person's caps.
async fn slot_given_back(context: &Context, activity: &Activity) -> Result<Option<Write>, Error> {
    let key = keys::ledger(&activity.tenant, &activity.plan.customer);
    let Some(Stored { value, version }) = load::<Ledger>(context.table.as_ref(), &key).await? else {
        return Ok(None);
    };
    let ledger = release(&value, &activity.id, activity.redrives());
    if ledger == value {
        Ok(None)
    } else {
        Put::over(key, &ledger, version).write().map(Some)
    }
}

/// Gives up a claim under which nothing was sent.
pub(super) async fn give_back(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    holder: &str,
) -> Result<(), Error> {
    let random = context.bits();
    commit(context, || async {
        let Stored { value, version } = activities::get(context, tenant, id).await?;
        match value.give_back(holder, random, activities::writing(context, version)) {
            Some(value) => {
                let decision = conversations::carry(context, Stored { value, version }, Vec::new()).await?;
                Ok(decision.map(|_| ()))
            }
            None => Ok(Decision::nothing(())),
        }
    })
    .await
}
