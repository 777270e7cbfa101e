//! Dispatch: a due activity is claimed, passes the gate, goes out through its connector, and its
//! result is settled.
//!
//! ```text
//! message -> examine -> gate -> (agents) -> (rate) -> claim committed -> connector -> settle committed
//! ```
//!
//! The attempt is written down before the connector is called. Whatever happens after, a crash
//! included, the lease's end brings the activity back.

mod claim;
mod facts;
mod send;
pub(crate) use send::scheduling_meta_data;
mod settle;

use domain::activity::state::State;
use domain::id::{ActivityId, SkillGroupId, TenantId};

use crate::context::Context;
use crate::error::Error;
use crate::{measures, pacing};
use claim::Claimed;

/// What a message about an activity led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to do: cancelled, rescheduled, done, parked, or held by another worker.
    Void,
    /// Too early, or its connector's rate asks it to wait: another message comes at its moment.
    Later,
    /// The platform was too slow for a decision of the gate, again and again: another message comes in a moment.
    HeldUp,
    /// The gate moved, parked, refused or ended it.
    Gated,
    /// A call that waits until this skill group has an agent for it.
    Waits(SkillGroupId),
    /// An attempt was made, or known to have been made; the activity is in this state now.
    Attempted(State),
    /// An attempt could not be made in time under the lease, and was given back.
    GivenBack,
}

impl Outcome {
    /// The name in measures; attempts are told by the state that they led to.
    const fn name(&self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Later => "later",
            Self::HeldUp => "held-up",
            Self::Gated => "gated",
            Self::Waits(_) => "waits",
            Self::Attempted(state) => state.name(),
            Self::GivenBack => "given-back",
        }
    }
}

/// Handles a message about an activity.
pub async fn due(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    generation: u64,
) -> Result<Outcome, Error> {
    let outcome = handled(context, tenant, id, generation).await?;
    if let Outcome::Waits(group) = &outcome {
        pacing::wake(context, tenant, group).await;
    }
    measures::dispatched(outcome.name());
    Ok(outcome)
}

async fn handled(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    generation: u64,
) -> Result<Outcome, Error> {
    let holder = context.token();
    let claimed = match claim::claim(context, tenant, id, generation, &holder).await? {
        Claimed::Over(outcome) => return Ok(outcome),
        Claimed::Held(claimed) => *claimed,
    };
    if let Some(trace) = &claimed.activity.trace {
        tracing::Span::current().record("activity_trace", trace.as_str());
    }
    if claimed.taken_over_from.is_none() {
        measures::dispatch_lateness(context.now().since(claimed.activity.next_at));
    }
    send::attempt(context, claimed, &holder).await
}
