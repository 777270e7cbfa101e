//! Previews: an agent decides about the contact that is shown.

use domain::activity::Activity;
use domain::activity::state::State;
use domain::id::{ActivityId, AgentId, TenantId};
use pacing::group::OfferAnswer;

use super::mail;
use crate::context::Context;
use crate::error::Error;
use crate::store::Stored;
use crate::{activities, agents, skill_groups};

/// Takes in what an agent says to a preview.
///
/// # Errors
/// `offer-over` if that contact is not shown to the agent, or no longer.
pub async fn answer(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    call: &ActivityId,
    answer: OfferAnswer,
) -> Result<Stored<Activity>, Error> {
    let agent = agents::get(context, tenant, id).await?.value;
    let now = context.now();
    let shown = agent
        .reservation
        .as_ref()
        .is_some_and(|kept| kept.activity == *call && kept.offered_until.is_some_and(|until| now < until));
    let group = skill_groups::pacing_agents(context, tenant, &agent.skill_groups).await?;
    let (true, Some(group)) = (shown, group) else {
        let detail = format!("{call} is not shown to {id}, or no longer");
        return Err(Error::conflict("offer-over", detail));
    };
    let activity = activities::get(context, tenant, call).await?;
    if activity.value.state != State::Scheduled {
        let detail = format!("{call} is {} already", activity.value.state.name());
        return Err(Error::conflict("offer-over", detail));
    }
    mail::answered(context, tenant, &group, id.clone(), call.clone(), answer).await?;
    Ok(activity)
}
