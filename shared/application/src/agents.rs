//! Agents: who they are, what a routing engine tells about them, and the side that they serve.

use std::collections::BTreeSet;

use domain::agent::{Agent, AgentReport, Commitment, MAX_COMMITMENTS, MAX_SKILL_GROUPS, Side, Taken};
use domain::id::{AgentId, SkillGroupId, TenantId};
use futures::{StreamExt, stream};
use platform::table::{Condition, Write};

use crate::activities::writing;
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::expected::{Expected, expect_version};
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};
use crate::{keys, pacing, skill_groups};

/// Most events of one batch.
pub const MAX_EVENTS: usize = 1_000;
/// Agents whose events of a batch are taken in at once; those of one agent in their order.
const AT_ONCE: usize = 16;

/// What is set for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDefinition {
    /// What people call the agent: 1 to 100 characters.
    pub name: String,
    /// For what.
    pub skill_groups: BTreeSet<SkillGroupId>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The agent after it.
    Taken(Stored<Agent>),
    /// It is not newer than what is known; the agent as it stands.
    Stale(Stored<Agent>),
}

/// The write of an agent in a new version.
pub(crate) fn put(agent: &Agent, version: u64) -> Result<Write, Error> {
    let key = keys::agent(&agent.tenant, &agent.id);
    // Announced only where there is something to tell.
    let announced = agent.log.added_by(version + 1).next().is_some();
    Put::over(key, agent, version).announced(announced).write()
}

impl Told {
    /// The agent, if it has changed.
    fn taken(&self) -> Option<&Agent> {
        match self {
            Self::Taken(stored) => Some(&stored.value),
            Self::Stale(_) => None,
        }
    }
}

fn written(agent: Agent, version: u64) -> Result<Decision<Stored<Agent>>, Error> {
    let write = put(&agent, version)?;
    let version = version + 1;
    Ok(Decision::one(
        write,
        Stored {
            value: agent,
            version,
        },
    ))
}

/// Creates an agent, or changes what is set for one. What the agent does stays as it is.
pub async fn define(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    expected: Option<Expected>,
    definition: &AgentDefinition,
) -> Result<Stored<Agent>, Error> {
    check(context, tenant, definition).await?;
    let key = keys::agent(tenant, id);
    let stored = commit(context, || async {
        let stored = load::<Agent>(context.table.as_ref(), &key).await?;
        let version = stored.as_ref().map_or(0, |stored| stored.version);
        expect_version(expected, version)?;
        let AgentDefinition { name, skill_groups } = definition.clone();
        let before = stored.map(|stored| stored.value);
        let present = before
            .clone()
            .unwrap_or_else(|| Agent::new(id.clone(), tenant.clone(), name.clone(), context.now()));
        let agent = Agent {
            name,
            skill_groups,
            ..present
        };
        Decision::replace(before.as_ref(), agent, version, |agent| put(agent, version))
    })
    .await?;
    pacing::agents_changed(context, tenant, [&stored.value]).await;
    Ok(stored)
}

async fn check(context: &Context, tenant: &TenantId, definition: &AgentDefinition) -> Result<(), Error> {
    if definition.skill_groups.len() > MAX_SKILL_GROUPS {
        let detail = format!("may have {MAX_SKILL_GROUPS} entries");
        return Err(Error::field("/skillGroups", detail));
    }
    let mut unknown = Vec::new();
    for (place, group) in definition.skill_groups.iter().enumerate() {
        if !skill_groups::exists(context, tenant, group).await? {
            unknown.push(FieldError::new(
                format!("/skillGroups/{place}"),
                format!("names a skill group that does not exist: {group}"),
            ));
        }
    }
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(unknown))
    }
}

/// Reads one agent.
pub async fn get(context: &Context, tenant: &TenantId, id: &AgentId) -> Result<Stored<Agent>, Error> {
    load(context.table.as_ref(), &keys::agent(tenant, id))
        .await?
        .ok_or_else(|| Error::not_found("agent", id))
}

/// One page of a tenant's agents, by id.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<Agent>>, Error> {
    Shards::one(keys::agents(tenant))
        .ascending()
        .values(context, cursor, limit)
        .await
}

/// Deletes an agent who is not at work.
pub async fn delete(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    expected: Option<Expected>,
) -> Result<(), Error> {
    commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        if value.state != domain::agent::AgentState::LoggedOff {
            let detail = format!("the agent is at work ({})", value.state.name());
            return Err(Error::conflict("agent-at-work", detail));
        }
        let key = keys::agent(tenant, id);
        Ok(Decision::one(
            Write::Delete {
                key,
                condition: Condition::Version(version),
            },
            (),
        ))
    })
    .await
}

/// Takes in what a routing engine tells about an agent.
pub async fn tell(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    report: &AgentReport,
) -> Result<Told, Error> {
    let told = take_in(context, tenant, id, report).await?;
    pacing::agents_changed(context, tenant, told.taken()).await;
    Ok(told)
}

async fn take_in(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    report: &AgentReport,
) -> Result<Told, Error> {
    commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        match value.clone().take(report, writing(context, version)) {
            Taken::Stale => Ok(Decision::nothing(Told::Stale(Stored { value, version }))),
            Taken::Changed(agent) => Ok(written(*agent, version)?.map(Told::Taken)),
        }
    })
    .await
}

/// Takes in many events: those of one agent in their order, each for itself.
pub async fn tell_all(
    context: &Context,
    tenant: &TenantId,
    reports: &[(AgentId, AgentReport)],
) -> Vec<Result<Told, Error>> {
    let agents: BTreeSet<&AgentId> = reports.iter().map(|(agent, _)| agent).collect();
    let of_agent = |agent: &'_ AgentId| {
        let own: Vec<_> = reports
            .iter()
            .enumerate()
            .filter(|(_, (of, _))| of == agent)
            .map(|(place, (_, report))| (place, report.clone()))
            .collect();
        let agent = agent.clone();
        async move {
            let mut told = Vec::with_capacity(own.len());
            for (place, report) in own {
                told.push((place, take_in(context, tenant, &agent, &report).await));
            }
            told
        }
    };
    let mut told: Vec<_> = stream::iter(agents.into_iter().map(of_agent))
        .buffer_unordered(AT_ONCE)
        .concat()
        .await;
    told.sort_unstable_by_key(|(place, _)| *place);
    let changed: Vec<&Agent> = told
        .iter()
        .filter_map(|(_, told)| told.as_ref().ok()?.taken())
        .collect();
    pacing::agents_changed(context, tenant, changed).await;
    told.into_iter().map(|(_, told)| told).collect()
}

/// Assigns an agent to a side, because a person says so: seizes for outbound, or lets go. Where calls of the
/// agent's group are paced, pacing has the last word when it next decides.
pub async fn assign(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    side: Side,
) -> Result<Stored<Agent>, Error> {
    let stored = seize(context, tenant, id, side).await?;
    pacing::agents_changed(context, tenant, [&stored.value]).await;
    Ok(stored)
}

/// Sets for when an agent is promised elsewhere: all that was set before is replaced. Pacing counts on the agent
/// neither then nor shortly before.
pub async fn commit_to(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    commitments: &[Commitment],
) -> Result<Stored<Agent>, Error> {
    check_commitments(commitments)?;
    let stored = commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        let agent = value.clone().commit_to(commitments, context.now());
        if agent == value {
            return Ok(Decision::nothing(Stored { value, version }));
        }
        written(agent, version)
    })
    .await?;
    pacing::agents_changed(context, tenant, [&stored.value]).await;
    Ok(stored)
}

fn check_commitments(commitments: &[Commitment]) -> Result<(), Error> {
    if commitments.len() > MAX_COMMITMENTS {
        let detail = format!("may have {MAX_COMMITMENTS} entries");
        return Err(Error::field("/items", detail));
    }
    let ends_first = commitments
        .iter()
        .position(|commitment| commitment.until <= commitment.from);
    ends_first.map_or(Ok(()), |place| {
        Err(Error::field(
            format!("/items/{place}/until"),
            "must lie after `from`",
        ))
    })
}

/// Assigns an agent to a side.
pub(crate) async fn seize(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    side: Side,
) -> Result<Stored<Agent>, Error> {
    commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        if value.side == side {
            return Ok(Decision::nothing(Stored { value, version }));
        }
        written(value.assign(side, writing(context, version)), version)
    })
    .await
}
