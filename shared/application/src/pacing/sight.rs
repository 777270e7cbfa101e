//! What an owner sees when it looks at agents and calls: happenings, for the group to take in.

use std::collections::{BTreeMap, BTreeSet};

use domain::activity::state::State;
use domain::activity::{Activity, Parked};
use domain::agent::{Agent, AgentChange, AgentState};
use domain::id::{ActivityId, AgentId, SkillGroupId, TenantId};
use domain::time::Timestamp;
use domain::voice::CallResult;
use pacing::group::{AgentSeen, CallSeen, Group, Happening};
use platform::table::Consistency;

use super::carry_out;
use crate::context::Context;
use crate::error::Error;
use crate::listing::{Listing, MAX_LIMIT};
use crate::store::{Stored, decode};
use crate::{agents, keys, skill_groups};

/// What the owner knows of agents' items.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// In which version each agent was last seen.
    versions: BTreeMap<AgentId, u64>,
    /// The calls that agents are kept for, by their items.
    pub(super) kept: BTreeMap<AgentId, ActivityId>,
    /// The calls that were on their way when the last owner wrote down what it knew.
    on_their_way: BTreeSet<ActivityId>,
}

impl Known {
    /// What a new owner of a group knows.
    pub(super) fn of(group: &Group) -> Self {
        Self {
            on_their_way: group.on_their_way().cloned().collect(),
            ..Self::default()
        }
    }

    /// Looks at some agents.
    pub(super) async fn look(
        &mut self,
        context: &Context,
        tenant: &TenantId,
        group: &SkillGroupId,
        agents: &BTreeSet<AgentId>,
    ) -> Result<Vec<Happening>, Error> {
        let wanted: Vec<_> = agents.iter().map(|agent| keys::agent(tenant, agent)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let items = context.table.get_many(&wanted, Consistency::Strong).await?;
        let mut happenings = Vec::new();
        for (id, item) in agents.iter().zip(items) {
            let stored = item.as_ref().map(decode::<Agent>).transpose()?;
            happenings.extend(self.saw(context, tenant, group, id, stored).await?);
        }
        Ok(happenings)
    }

    /// Looks at all agents of the tenant.
    pub(super) async fn look_around(
        &mut self,
        context: &Context,
        tenant: &TenantId,
        group: &SkillGroupId,
    ) -> Result<Vec<Happening>, Error> {
        let (mut happenings, mut cursor) = (Vec::new(), None);
        let mut gone: BTreeSet<_> = self.versions.keys().cloned().collect();
        loop {
            let Listing { data, next } = agents::list(context, tenant, cursor.as_deref(), MAX_LIMIT).await?;
            for stored in data {
                let id = stored.value.id.clone();
                gone.remove(&id);
                happenings.extend(self.saw(context, tenant, group, &id, Some(stored)).await?);
            }
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        for id in gone {
            happenings.extend(self.saw(context, tenant, group, &id, None).await?);
        }
        Ok(happenings)
    }

    /// An agent is not as was thought: what they do is told again when they are looked at.
    pub(super) fn forget(&mut self, agent: &AgentId) {
        self.versions.remove(agent);
    }

    /// What is new about an agent.
    async fn saw(
        &mut self,
        context: &Context,
        tenant: &TenantId,
        group: &SkillGroupId,
        id: &AgentId,
        stored: Option<Stored<Agent>>,
    ) -> Result<Vec<Happening>, Error> {
        let paced_by = match &stored {
            Some(stored) => skill_groups::pacing_agents(context, tenant, &stored.value.skill_groups).await?,
            None => None,
        };
        let ours = paced_by.as_ref() == Some(group);
        let Some(Stored {
            value: agent,
            version,
        }) = stored.filter(|_| ours)
        else {
            self.kept.remove(id);
            let left = self.versions.remove(id).is_some();
            if left && paced_by.is_none() {
                // Nobody else would.
                carry_out::release(context, tenant, id).await?;
            }
            return Ok(left.then(|| gone(id, context.now())).into_iter().collect());
        };
        match &agent.reservation {
            Some(kept) => self.kept.insert(id.clone(), kept.activity.clone()),
            None => self.kept.remove(id),
        };
        let before = self.versions.insert(id.clone(), version);
        if before.is_some_and(|before| before >= version) {
            return Ok(Vec::new());
        }
        let missed = before
            .is_none()
            .then(|| self.missed(&agent))
            .into_iter()
            .flatten();
        Ok(missed
            .chain(seen_since(&agent, before))
            .map(|seen| Happening::Agent {
                agent: id.clone(),
                seen,
            })
            .collect())
    }
}

impl Known {
    /// The conversations of an agent, seen for the first time, that nobody saw: they began while nobody owned the group.
    fn missed(&self, agent: &Agent) -> Vec<AgentSeen> {
        let entries = agent.log.entries().iter().map(|entry| &entry.event);
        let had = entries.filter(|event| {
            event.to == AgentState::Busy
                && event
                    .activity
                    .as_ref()
                    .is_some_and(|call| self.on_their_way.contains(call))
        });
        had.map(|event| passed(agent, event)).collect()
    }
}

/// How an agent was seen at a change that others followed.
fn passed(agent: &Agent, change: &AgentChange) -> AgentSeen {
    AgentSeen {
        state: change.to,
        since: change.at,
        side: agent.side,
        activity: change.activity.clone(),
        finishes_at: None,
        promised: false,
        commitments: agent.commitments.clone(),
    }
}

fn gone(id: &AgentId, now: Timestamp) -> Happening {
    Happening::Agent {
        agent: id.clone(),
        seen: AgentSeen {
            state: AgentState::LoggedOff,
            since: now,
            side: domain::agent::Side::default(),
            activity: None,
            finishes_at: None,
            promised: false,
            commitments: Vec::new(),
        },
    }
}

/// What an agent did since a version, oldest first; as it stands now if none is known.
fn seen_since(agent: &Agent, before: Option<u64>) -> impl Iterator<Item = AgentSeen> + '_ {
    let present = AgentSeen {
        state: agent.state,
        since: agent.since,
        side: agent.side,
        activity: agent.activity.clone(),
        finishes_at: agent.finishes_at,
        promised: agent.break_follows,
        commitments: agent.commitments.clone(),
    };
    let entries = agent.log.entries();
    let fresh = entries
        .iter()
        .filter(move |entry| before.is_some_and(|before| entry.version > before));
    let passed = fresh.map(|entry| passed(agent, &entry.event));
    let at_present = present.clone();
    passed
        .filter(move |seen| (seen.state, seen.since) != (at_present.state, at_present.since))
        .chain([present])
}

/// Looks at some calls. Those that are on their way still tell nothing.
pub(super) async fn look_at_calls(
    context: &Context,
    tenant: &TenantId,
    calls: &BTreeSet<ActivityId>,
) -> Result<Vec<Happening>, Error> {
    let wanted: Vec<_> = calls.iter().map(|call| keys::activity(tenant, call)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let items = context.table.get_many(&wanted, Consistency::Strong).await?;
    let mut happenings = Vec::new();
    for (call, item) in calls.iter().zip(items) {
        let seen = match item.as_ref().map(decode::<Activity>).transpose()? {
            Some(stored) => seen(&stored.value),
            None => Some(CallSeen::NotStarted),
        };
        happenings.extend(seen.map(|seen| Happening::Call {
            call: call.clone(),
            seen,
        }));
    }
    Ok(happenings)
}

/// How a call stands that was released; none while it is on its way.
fn seen(activity: &Activity) -> Option<CallSeen> {
    let reason = || {
        let entries = activity.log.entries().iter().rev();
        entries
            .map(|entry| entry.event.reason.as_deref())
            .next()
            .flatten()
    };
    match activity.state {
        State::Connected | State::Read | State::Replied => Some(CallSeen::Live),
        State::Failed => CallResult::of_activity(State::Failed, reason()).map(CallSeen::Over),
        State::Unknown => Some(CallSeen::Over(CallResult::Failed)),
        State::Cancelled | State::Expired | State::Refused => Some(CallSeen::NotStarted),
        State::Scheduled if activity.parked == Some(Parked::AwaitsAgent) => Some(CallSeen::NotStarted),
        State::Scheduled if activity.released.is_none() => Some(CallSeen::NotStarted),
        State::Scheduled | State::Dispatching | State::Sent | State::Delivered => None,
    }
}
