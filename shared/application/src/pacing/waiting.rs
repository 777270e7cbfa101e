//! Calls that wait for an agent: in the order of their campaign, mode, priority and due time.

use domain::activity::{Activity, Parked, Priority};
use domain::agent::Agent;
use domain::id::{ActivityId, AgentId, CampaignId, ConnectorId, SkillGroupId, TenantId};
use domain::voice::{Dialing, DialingMode, Pool};
use pacing::group::WorkId;
use platform::table::{Condition, Consistency, Key, Order, Query, SortRange, Write};
use serde::{Deserialize, Serialize};

use crate::commit::Decision;
use crate::context::Context;
use crate::error::Error;
use crate::store::{Put, Stored, decode, load};
use crate::{activities, keys, skill_groups};

/// Behind every sort key of a work.
const BEHIND: char = '~';

/// A call in a group's queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    /// The only agent for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<AgentId>,
    /// The connector through which it is to go, as it stood when the call came here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gateway: Option<ConnectorId>,
}

/// A call in a group's queue, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waits {
    pub(super) call: ActivityId,
    pub(super) agent: Option<AgentId>,
    pub(super) gateway: Option<ConnectorId>,
    pub(super) sort: String,
}

/// The skill group that paces a call, and the only agent for it; none if nobody here does.
pub(crate) async fn group_of(
    context: &Context,
    activity: &Activity,
) -> Result<Option<(SkillGroupId, Option<AgentId>)>, Error> {
    let Some(Dialing::Agent { pool, .. }) = &activity.plan.dialing else {
        return Ok(None);
    };
    match pool {
        Pool::SkillGroup(name) => {
            let Ok(group) = SkillGroupId::parse(name) else {
                return Ok(None);
            };
            let paced = skill_groups::paced(context, &activity.tenant, &group).await?;
            Ok(paced.then_some((group, None)))
        }
        Pool::Agent(name) => {
            let Ok(id) = AgentId::parse(name) else {
                return Ok(None);
            };
            let stored = load::<Agent>(context.table.as_ref(), &keys::agent(&activity.tenant, &id)).await?;
            let Some(Stored { value: agent, .. }) = stored else {
                return Ok(None);
            };
            let group = skill_groups::pacing_agents(context, &activity.tenant, &agent.skill_groups).await?;
            Ok(group.map(|group| (group, Some(id))))
        }
    }
}

/// The group whose agents a call has to wait for, and the only agent for it; none if it may be started.
pub(crate) async fn waits_for_agent(
    context: &Context,
    activity: &Activity,
) -> Result<Option<(SkillGroupId, Option<AgentId>)>, Error> {
    if activity.is_released(context.now()) {
        return Ok(None);
    }
    group_of(context, activity).await
}

/// The decision that lets a call wait. Its group must still be paced when that is written.
pub(crate) async fn enqueue<T>(
    context: &Context,
    stored: Stored<Activity>,
    group: &SkillGroupId,
    agent: Option<AgentId>,
    gateway: ConnectorId,
    output: T,
) -> Result<Decision<T>, Error> {
    let Stored {
        value: activity,
        version,
    } = stored;
    let gateway = Some(gateway);
    let paced = skill_groups::get(context, &activity.tenant, group).await?;
    let waiting = activity.park(Parked::AwaitsAgent);
    let key = place(&waiting, group);
    let stands = context.table.get(&key, Consistency::Strong).await?;
    let pointer = Put::over(
        key,
        &Place { agent, gateway },
        stands.map_or(0, |item| item.version),
    )
    .write()?;
    let check = Write::Check {
        key: keys::skill_group(&waiting.tenant, group),
        condition: Condition::Version(paced.version),
    };
    Ok(Decision::nothing(output)
        .and(activities::put(&waiting, version)?)
        .and(pointer)
        .and(check))
}

/// Where a call stands in its group's queue.
pub(super) fn place(activity: &Activity, group: &SkillGroupId) -> Key {
    let plan = &activity.plan;
    let mode = match &plan.dialing {
        Some(Dialing::Agent { mode, .. }) => *mode,
        Some(Dialing::Ivr) | None => DialingMode::Progressive,
    };
    let work = WorkId {
        campaign: plan.campaign.clone(),
        mode,
    };
    let urgency = match plan.priority {
        Priority::High => 0,
        Priority::Normal => 1,
    };
    let sort = format!(
        "{}{urgency}{:013}#{}",
        prefix(&work),
        plan.due_at.millis(),
        activity.id
    );
    Key::new(keys::waiting_calls(&activity.tenant, group), sort)
}

/// What the sort keys of a work's calls begin with.
fn prefix(work: &WorkId) -> String {
    let campaign = work.campaign.as_ref().map_or("-", CampaignId::as_str);
    format!("{campaign}#{}#", work.mode.name())
}

/// Reads the work from a sort key.
fn work_of(sort: &str) -> Option<WorkId> {
    let mut parts = sort.split('#');
    let campaign = match parts.next()? {
        "-" => None,
        campaign => Some(CampaignId::parse(campaign).ok()?),
    };
    let mode = DialingMode::parse(parts.next()?)?;
    Some(WorkId { campaign, mode })
}

/// The works that have calls in a group's queue.
pub(super) async fn works(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
) -> Result<Vec<WorkId>, Error> {
    let (mut works, mut after) = (Vec::new(), None);
    loop {
        let page = context
            .table
            .query(&query(tenant, group, SortRange::All, after, 1))
            .await?;
        let Some(item) = page.items.first() else {
            return Ok(works);
        };
        let Some(work) = work_of(&item.key.sort) else {
            tracing::error!(
                sort = item.key.sort,
                "a place in a queue does not read; passed over"
            );
            after = Some(item.key.sort.clone());
            continue;
        };
        after = Some(format!("{}{BEHIND}", prefix(&work)));
        works.push(work);
    }
}

/// One page of the calls of a work in a group's queue.
pub(super) async fn page(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
    work: &WorkId,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<Waits>, Error> {
    let range = SortRange::Prefix(prefix(work));
    let page = context
        .table
        .query(&query(tenant, group, range, after, limit))
        .await?;
    let mut waiting = Vec::with_capacity(page.items.len());
    for item in page.items {
        let place = decode::<Place>(&item)?.value;
        let id = item.key.sort.rsplit('#').next().unwrap_or_default();
        if let Ok(call) = ActivityId::parse(id) {
            waiting.push(Waits {
                call,
                agent: place.agent,
                gateway: place.gateway,
                sort: item.key.sort,
            });
        }
    }
    Ok(waiting)
}

/// Whether anything waits in a group's queue.
pub(crate) async fn any(context: &Context, tenant: &TenantId, group: &SkillGroupId) -> Result<bool, Error> {
    let page = context
        .table
        .query(&query(tenant, group, SortRange::All, None, 1))
        .await?;
    Ok(!page.items.is_empty())
}

fn query(
    tenant: &TenantId,
    group: &SkillGroupId,
    range: SortRange,
    after: Option<String>,
    limit: usize,
) -> Query {
    Query {
        partition: keys::waiting_calls(tenant, group),
        range,
        after,
        order: Order::Ascending,
        limit,
        consistency: Consistency::Strong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_is_read_from_where_its_calls_stand() {
        for campaign in [None, Some(CampaignId::parse("cmp_1").unwrap())] {
            for mode in DialingMode::ALL {
                let work = WorkId {
                    campaign: campaign.clone(),
                    mode,
                };
                let sort = format!("{}11800000000000#act_1", prefix(&work));
                assert_eq!(work_of(&sort), Some(work.clone()));
                assert!(sort < format!("{}{BEHIND}", prefix(&work)));
            }
        }
        assert_eq!(work_of("nonsense"), None);
    }
}
