//! What was decided is done: agents are seized, kept and let go, calls are released.

use std::collections::{BTreeMap, BTreeSet};

use domain::activity::{Activity, Parked, Released};
use domain::agent::{Agent, Reservation, Side};
use domain::id::{ActivityId, AgentId, SkillGroupId, TenantId};
use domain::time::Millis;
use domain::timer::Timer;
use futures::{FutureExt as _, StreamExt as _, stream};
use pacing::group::{Decision, Group};
use platform::table::{Condition, Consistency, Key, TableError, Write};

use super::waiting;
use crate::activities::{self, writing};
use crate::agents;
use crate::commit::{self, commit};
use crate::context::Context;
use crate::conversations;
use crate::error::Error;
use crate::keys;
use crate::store::{Stored, decode};
use crate::timers;

/// Agents that are changed at once.
const AT_ONCE: usize = 16;
/// Calls that are released by one transaction: three writes each, and DynamoDB takes a hundred.
const RELEASED_AT_ONCE: usize = 20;

/// What came of decisions.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Agents with whom it did not work: they are to be looked at.
    pub(super) agents: BTreeSet<AgentId>,
    /// Calls with which it did not work, or nobody knows whether it did.
    pub(super) calls: BTreeSet<ActivityId>,
    /// What is still to be done.
    pub(super) unfinished: Vec<Decision>,
}

impl Done {
    /// Calls that were not released, or nobody knows whether they were.
    fn not_released(&mut self, releases: &[Release]) {
        for (call, agent) in releases {
            self.calls.insert(call.clone());
            self.agents.extend(agent.clone());
        }
    }
}

/// Whether a decision is to be carried out by whoever owns the group, however late: what an agent said of a
/// contact.
pub(super) const fn is_to_be_finished(decision: &Decision) -> bool {
    match decision {
        Decision::PutBack { after, .. } => after.get() > 0,
        Decision::Reject { .. } => true,
        _ => false,
    }
}

fn warn(error: &Error) {
    tracing::warn!(%error, "a decision of pacing was not carried out; it is looked at again");
}

/// Does what a group's owner decided.
pub(super) struct Carrier<'a> {
    pub(super) context: &'a Context,
    pub(super) tenant: &'a TenantId,
    pub(super) group: &'a SkillGroupId,
    /// The version of the ownership under which it was decided.
    pub(super) owner_version: u64,
}

/// Writes that release calls, and the timers that they set.
#[derive(Default)]
struct Releasing {
    writes: Vec<Write>,
    timers: Vec<(Key, Timer)>,
}

/// A call to release, and the agent who is kept for it.
type Release = (ActivityId, Option<AgentId>);

impl Carrier<'_> {
    /// Does it all. What fails is told, and looked at or done again by whoever asked.
    pub(super) async fn all(&self, decisions: &[Decision]) -> Done {
        let mut done = self.agents(decisions).await;
        let releases: Vec<Release> = decisions
            .iter()
            .filter_map(|decision| match decision {
                Decision::Dial { call, agent } => Some((call.clone(), agent.clone())),
                _ => None,
            })
            .collect();
        for some in releases.chunks(RELEASED_AT_ONCE) {
            if let Err(error) = self.release(some, &mut done).await {
                warn(&error);
                done.not_released(some);
            }
        }
        for decision in decisions.iter().filter(|decision| is_to_be_finished(decision)) {
            if let Err(error) = self.finish(decision).await {
                warn(&error);
                done.unfinished.push(decision.clone());
            }
        }
        done
    }

    async fn finish(&self, decision: &Decision) -> Result<(), Error> {
        match decision {
            Decision::PutBack { call, after } => self.put_back(call, *after).await,
            Decision::Reject { call } => self.reject(call).await,
            _ => Ok(()),
        }
    }

    /// What is decided about agents, of each in its order.
    async fn agents(&self, decisions: &[Decision]) -> Done {
        let mut by_agent: BTreeMap<AgentId, Vec<Decision>> = BTreeMap::new();
        for decision in decisions {
            match decision {
                Decision::Seize { agent, .. }
                | Decision::Offer { agent, .. }
                | Decision::Release { agent, .. }
                | Decision::Missed { agent, .. } => {
                    by_agent.entry(agent.clone()).or_default().push(decision.clone());
                }
                Decision::Dial { .. } | Decision::PutBack { .. } | Decision::Reject { .. } => {}
            }
        }
        let each = by_agent
            .into_iter()
            .map(|(agent, decisions)| self.one_agent(agent, decisions).boxed());
        let mut all = Done::default();
        let mut each = stream::iter(each).buffer_unordered(AT_ONCE);
        while let Some(done) = each.next().await {
            all.agents.extend(done.agents);
            all.calls.extend(done.calls);
        }
        all
    }

    /// Does all that is decided about one agent.
    async fn one_agent(&self, agent: AgentId, decisions: Vec<Decision>) -> Done {
        let mut done = Done::default();
        for decision in decisions {
            match self.agent(&decision).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => warn(&error),
            }
            done.agents.insert(agent.clone());
            if let Decision::Offer { call, .. } = decision {
                done.calls.insert(call);
            }
        }
        done
    }

    /// Does what is decided about an agent. False if the agent is not as was thought.
    async fn agent(&self, decision: &Decision) -> Result<bool, Error> {
        match decision {
            Decision::Seize { agent, side } => self.seize(agent, *side).await,
            Decision::Offer { call, agent, until } => {
                let shown = Reservation {
                    activity: call.clone(),
                    offered_until: Some(*until),
                };
                change(self.context, self.tenant, agent, |agent, writing| {
                    agent.reserve(shown.clone(), writing)
                })
                .await
            }
            Decision::Release { agent, call } => let_go(self.context, self.tenant, agent, call).await,
            Decision::Missed { agent, call } => {
                change(self.context, self.tenant, agent, |agent, writing| {
                    agent.miss(call, writing)
                })
                .await
            }
            Decision::Dial { .. } | Decision::PutBack { .. } | Decision::Reject { .. } => Ok(true),
        }
    }

    async fn seize(&self, agent: &AgentId, side: Side) -> Result<bool, Error> {
        match agents::seize(self.context, self.tenant, agent, side).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Releases calls: all in one write, or each by itself if one of them is not as was thought.
    async fn release(&self, releases: &[Release], done: &mut Done) -> Result<(), Error> {
        let Releasing { writes, timers } = self.releasing(releases, done).await?;
        if writes.is_empty() {
            return Ok(());
        }
        match self.context.table.transact(writes).await {
            Ok(()) => timers::hand_over_near(self.context, timers).await,
            Err(TableError::ConditionFailed(_) | TableError::Conflict) if releases.len() > 1 => {
                for one in releases {
                    Box::pin(self.release(std::slice::from_ref(one), done)).await?;
                }
            }
            Err(TableError::ConditionFailed(_) | TableError::Conflict) => done.not_released(releases),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The writes that release calls. What is not as was thought is left out, and to be looked at.
    async fn releasing(&self, releases: &[Release], done: &mut Done) -> Result<Releasing, Error> {
        let mut releasing = Releasing::default();
        let wanted: Vec<_> = releases
            .iter()
            .map(|(call, _)| keys::activity(self.tenant, call))
            .collect();
        let items = self.context.table.get_many(&wanted, Consistency::Strong).await?;
        for ((call, agent), item) in releases.iter().zip(items) {
            let Some(stored) = item.as_ref().map(decode::<Activity>).transpose()? else {
                done.calls.insert(call.clone());
                continue;
            };
            let waits = stored.value.parked == Some(Parked::AwaitsAgent) && stored.value.state.is_open();
            if !waits {
                releasing.writes.push(self.leave(&stored.value));
                done.calls.insert(call.clone());
                continue;
            }
            if let Some(agent) = agent {
                let Some(kept) = self.kept(agent, call).await? else {
                    done.calls.insert(call.clone());
                    done.agents.insert(agent.clone());
                    continue;
                };
                releasing.writes.push(kept);
            }
            releasing.writes.push(self.leave(&stored.value));
            let released = stored.value.release(Released {
                at: self.context.now(),
                group: self.group.clone(),
                agent: agent.clone(),
            });
            let key = keys::activity(self.tenant, call);
            releasing
                .timers
                .extend(released.timer().map(|timer| (key, timer)));
            releasing.writes.push(activities::put(&released, stored.version)?);
        }
        if !releasing.timers.is_empty() {
            releasing.writes.push(Write::Check {
                key: keys::pacing_owner(self.tenant, self.group),
                condition: Condition::Version(self.owner_version),
            });
        }
        Ok(releasing)
    }

    /// The write that takes a call out of the queue.
    fn leave(&self, activity: &Activity) -> Write {
        Write::Delete {
            key: waiting::place(activity, self.group),
            condition: Condition::None,
        }
    }

    /// The write that keeps an agent for a call that is started; none if the agent is not to be had.
    async fn kept(&self, id: &AgentId, call: &ActivityId) -> Result<Option<Write>, Error> {
        let Ok(Stored {
            value: agent,
            version,
        }) = agents::get(self.context, self.tenant, id).await
        else {
            return Ok(None);
        };
        let kept = Reservation {
            activity: call.clone(),
            offered_until: None,
        };
        agent
            .reserve(kept, writing(self.context, version))
            .map(|agent| agents::put(&agent, version))
            .transpose()
    }

    /// A contact that was shown and is not called now: skipped, it comes up again later; else it was taken off the screen.
    async fn put_back(&self, call: &ActivityId, after: Millis) -> Result<(), Error> {
        let reason = if after == Millis::ZERO {
            "preview-over"
        } else {
            "skipped-by-agent"
        };
        self.leave_with(call, |activity, context, version| {
            let until = context.now() + after;
            activity.defer(until, reason, writing(context, version))
        })
        .await
    }

    /// A rejected contact: it is not called.
    async fn reject(&self, call: &ActivityId) -> Result<(), Error> {
        self.leave_with(call, |activity, context, version| {
            let detail = "the agent to whom the contact was shown rejected it";
            activity.fail("AGENT_REJECTED", detail, writing(context, version))
        })
        .await
    }

    async fn leave_with(
        &self,
        call: &ActivityId,
        change: impl Fn(Activity, &Context, u64) -> Activity,
    ) -> Result<(), Error> {
        commit(self.context, || async {
            let Stored { value, version } = activities::get(self.context, self.tenant, call).await?;
            if value.parked != Some(Parked::AwaitsAgent) || !value.state.is_open() {
                return Ok(commit::Decision::nothing(()));
            }
            let leave = self.leave(&value);
            let value = change(value, self.context, version);
            let decision = conversations::carry(self.context, Stored { value, version }, Vec::new()).await?;
            Ok(decision.map(|_| ()).and(leave))
        })
        .await
    }
}

/// Lets an agent go who is kept for a call. False if that is not so.
pub(super) async fn let_go(
    context: &Context,
    tenant: &TenantId,
    agent: &AgentId,
    call: &ActivityId,
) -> Result<bool, Error> {
    change(context, tenant, agent, |agent, writing| {
        agent.let_go(call, writing)
    })
    .await
}

/// Gives a group's agents back to the inbound side: it is paced no longer.
pub(super) async fn give_back(context: &Context, tenant: &TenantId, group: &Group) -> Result<(), Error> {
    for agent in group.agents() {
        if let Some(call) = group.kept_for(agent) {
            let_go(context, tenant, agent, call).await?;
        }
        release(context, tenant, agent).await?;
    }
    Ok(())
}

/// Gives an agent back to the inbound side.
pub(super) async fn release(context: &Context, tenant: &TenantId, agent: &AgentId) -> Result<(), Error> {
    match agents::seize(context, tenant, agent, Side::Inbound).await {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Changes an agent. False if there is none, or the change does not fit.
async fn change(
    context: &Context,
    tenant: &TenantId,
    id: &AgentId,
    change: impl Fn(Agent, domain::activity::Writing) -> Option<Agent>,
) -> Result<bool, Error> {
    commit(context, || async {
        let Stored { value, version } = match agents::get(context, tenant, id).await {
            Ok(stored) => stored,
            Err(Error::NotFound { .. }) => return Ok(commit::Decision::nothing(false)),
            Err(error) => return Err(error),
        };
        Ok(match change(value, writing(context, version)) {
            Some(agent) => commit::Decision::one(agents::put(&agent, version)?, true),
            None => commit::Decision::nothing(false),
        })
    })
    .await
}
