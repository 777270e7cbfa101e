//! Skill groups: pools of agents who can stand in for one another.

use domain::id::{SkillGroupId, TenantId};
use domain::time::Timestamp;
use platform::table::{Condition, Write};
use serde::{Deserialize, Serialize};

use crate::activities::expect_version;
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};

/// A skill group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillGroup {
    /// Its id; routing engines know it as a queue of this name.
    pub id: SkillGroupId,
    /// What people call it.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Creates a group, or renames it.
pub async fn define(
    context: &Context,
    tenant: &TenantId,
    id: &SkillGroupId,
    expected: Option<u64>,
    name: &str,
) -> Result<Stored<SkillGroup>, Error> {
    let key = keys::skill_group(tenant, id);
    commit(context, || async {
        let stored = load::<SkillGroup>(context.table.as_ref(), &key).await?;
        let version = stored.as_ref().map_or(0, |stored| stored.version);
        expect_version(expected, version)?;
        let group = SkillGroup {
            id: id.clone(),
            name: name.to_owned(),
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
        let write = Put::over(key.clone(), &group, version).write()?;
        Ok(Decision::one(
            write,
            Stored {
                value: group,
                version: version + 1,
            },
        ))
    })
    .await
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
    expected: Option<u64>,
) -> Result<(), Error> {
    commit(context, || async {
        let Stored { version, .. } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        let key = keys::skill_group(tenant, id);
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
