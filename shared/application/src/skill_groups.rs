//! Skill groups: pools of agents who can stand in for one another.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::id::{SkillGroupId, TenantId};
use domain::time::Timestamp;
use platform::table::{Condition, Write};
use serde::{Deserialize, Serialize};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::expected::{Expected, expect_version};
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::pacing::{self, GroupPacing};
use crate::store::{Put, Stored, load};

/// A skill group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillGroup {
    /// Its id; routing engines know it as a queue of this name.
    pub id: SkillGroupId,
    /// What people call it.
    pub name: String,
    /// How its outbound calls are paced; by their dialer if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing: Option<GroupPacing>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What is set for a group.
#[derive(Clone, Debug, PartialEq)]
pub struct SkillGroupDefinition {
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// How its outbound calls are paced; by their dialer if absent.
    pub pacing: Option<GroupPacing>,
}

/// Creates a group, or changes what is set for it.
pub async fn define(
    context: &Context,
    tenant: &TenantId,
    id: &SkillGroupId,
    expected: Option<Expected>,
    definition: &SkillGroupDefinition,
) -> Result<Stored<SkillGroup>, Error> {
    let wrong = definition
        .pacing
        .as_ref()
        .map(GroupPacing::check)
        .unwrap_or_default();
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let key = keys::skill_group(tenant, id);
    let group = commit(context, || async {
        let stored = load::<SkillGroup>(context.table.as_ref(), &key).await?;
        let version = stored.as_ref().map_or(0, |stored| stored.version);
        expect_version(expected, version)?;
        let group = SkillGroup {
            id: id.clone(),
            name: definition.name.clone(),
            pacing: definition.pacing.clone(),
            created_at: stored
                .as_ref()
                .map_or_else(|| context.now(), |stored| stored.value.created_at),
        };
        if stored.is_some_and(|stored| stored.value == group) {
            return Ok(Decision::nothing(Stored {
                value: group,
                version,
            }));
        }
        let begin = if group.pacing.is_some() {
            pacing::begin(context, tenant, id).await?
        } else {
            unwaited(context, tenant, id).await?;
            None
        };
        let write = Put::over(key.clone(), &group, version).write()?;
        let mut decision = Decision::one(
            write,
            Stored {
                value: group,
                version: version + 1,
            },
        );
        begin.into_iter().for_each(|write| decision.push(write));
        Ok(decision)
    })
    .await?;
    context.caches.skill_groups.forget(&(tenant.clone(), id.clone()));
    Ok(group)
}

/// Refuses while calls wait for the group's agents: nobody else would start them.
async fn unwaited(context: &Context, tenant: &TenantId, id: &SkillGroupId) -> Result<(), Error> {
    if pacing::any_waiting(context, tenant, id).await? {
        let detail =
            format!("calls wait for agents of {id}: stop their campaigns, or let them be called first");
        return Err(Error::conflict("calls-wait", detail));
    }
    Ok(())
}

/// How a group's calls are paced, at most a moment old; `None` if they are not paced here.
pub(crate) async fn pacing(
    context: &Context,
    tenant: &TenantId,
    id: &SkillGroupId,
) -> Result<Option<GroupPacing>, Error> {
    let key = (tenant.clone(), id.clone());
    let read = async {
        let stored = load::<SkillGroup>(context.table.as_ref(), &keys::skill_group(tenant, id)).await?;
        Ok(stored.map(Arc::new))
    };
    let group = context.caches.skill_groups.get(&key, context.now(), read).await?;
    Ok(group.and_then(|group| group.value.pacing.clone()))
}

/// Whether a group's calls are paced here.
pub(crate) async fn paced(context: &Context, tenant: &TenantId, id: &SkillGroupId) -> Result<bool, Error> {
    Ok(pacing(context, tenant, id).await?.is_some())
}

/// The group that paces calls through an agent of these groups: the first that is paced, by id. An agent
/// is counted on by one group alone.
pub(crate) async fn pacing_agents(
    context: &Context,
    tenant: &TenantId,
    groups: &BTreeSet<SkillGroupId>,
) -> Result<Option<SkillGroupId>, Error> {
    for group in groups {
        if paced(context, tenant, group).await? {
            return Ok(Some(group.clone()));
        }
    }
    Ok(None)
}

/// Reads one group.
pub async fn get(
    context: &Context,
    tenant: &TenantId,
    id: &SkillGroupId,
) -> Result<Stored<SkillGroup>, Error> {
    load(context.table.as_ref(), &keys::skill_group(tenant, id))
        .await?
        .ok_or_else(|| Error::not_found("skill group", id))
}

/// Whether there is such a group.
pub(crate) async fn exists(context: &Context, tenant: &TenantId, id: &SkillGroupId) -> Result<bool, Error> {
    match get(context, tenant, id).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// One page of a tenant's groups, by id.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<SkillGroup>>, Error> {
    Shards::one(keys::skill_groups(tenant))
        .ascending()
        .values(context, cursor, limit)
        .await
}

/// Deletes a group. Agents who name it keep the name, which then means nothing.
pub async fn delete(
    context: &Context,
    tenant: &TenantId,
    id: &SkillGroupId,
    expected: Option<Expected>,
) -> Result<(), Error> {
    commit(context, || async {
        let Stored { version, .. } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        unwaited(context, tenant, id).await?;
        let key = keys::skill_group(tenant, id);
        Ok(Decision::one(
            Write::Delete {
                key,
                condition: Condition::Version(version),
            },
            (),
        ))
    })
    .await?;
    context.caches.skill_groups.forget(&(tenant.clone(), id.clone()));
    Ok(())
}
