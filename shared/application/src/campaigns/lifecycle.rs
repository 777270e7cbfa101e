//! Creating, editing, publishing, holding and ending campaigns.

use std::collections::BTreeSet;

use domain::campaign::{CampaignAction, CampaignState};
use domain::id::{CampaignId, TenantId};
use domain::log::Log;
use domain::time::Timestamp;
use platform::table::{Condition, Write};

use super::get;
use super::model::{Campaign, CampaignEvent, Definition, MAX_LISTS, MAX_START_RATE, Published, checked_flow};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::expected::{Expected, expect_version};
use crate::jobs::{self, Job, Work};
use crate::pacing::CampaignPacing;
use crate::store::{Put, Stored};
use crate::{contact_lists, keys, quiet_after};

/// What is wrong with a definition by itself. A draft may name an incomplete flow; publishing may not.
fn check(definition: &Definition) -> Result<(), Error> {
    let mut wrong = Vec::new();
    let name = definition.name.trim();
    if name.is_empty() || definition.name.chars().count() > 200 {
        wrong.push(FieldError::new("/name", "must have 1 to 200 characters"));
    }
    if definition.contact_lists.len() > MAX_LISTS {
        wrong.push(FieldError::new(
            "/contactLists",
            format!("may name at most {MAX_LISTS} lists"),
        ));
    }
    let mut named = BTreeSet::new();
    if let Some(place) = definition
        .contact_lists
        .iter()
        .position(|list| !named.insert(list))
    {
        let at = format!("/contactLists/{place}");
        wrong.push(FieldError::new(at, "stands there twice"));
    }
    if !(1..=MAX_START_RATE).contains(&definition.start_rate_per_second) {
        let detail = format!("must lie between 1 and {MAX_START_RATE}");
        wrong.push(FieldError::new("/startRatePerSecond", detail));
    }
    if let (Some(start), Some(end)) = (definition.start_at, definition.end_at)
        && end <= start
    {
        wrong.push(FieldError::new("/endAt", "must lie after startAt"));
    }
    wrong.extend(definition.pacing.iter().flat_map(CampaignPacing::check));
    for (place, cap) in definition.policy.caps.iter().enumerate() {
        let at = format!("/policy/caps/{place}");
        let errors = cap.check().err().unwrap_or_default();
        wrong.extend(
            errors
                .into_iter()
                .map(|e| FieldError::new(format!("{at}{}", e.pointer), e.message)),
        );
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(wrong))
    }
}

/// Creates a draft. A repetition of the same request answers with what stands.
pub async fn create(
    context: &Context,
    tenant: &TenantId,
    id: CampaignId,
    definition: Definition,
) -> Result<Stored<Campaign>, Error> {
    check(&definition)?;
    commit(context, || async {
        if let Ok(stored) = get(context, tenant, &id).await {
            return Ok(Decision::nothing(stored));
        }
        let campaign = Campaign {
            id: id.clone(),
            tenant: tenant.clone(),
            state: CampaignState::Draft,
            published_version: 0,
            definition: definition.clone(),
            created_at: context.now(),
            log: Log::default(),
        };
        let write = Put::new(keys::campaign(tenant, &id), &campaign).write()?;
        Ok(Decision::one(
            write,
            Stored {
                value: campaign,
                version: 1,
            },
        ))
    })
    .await
}

/// Rewrites a draft.
pub async fn edit(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    expected: Option<Expected>,
    change: impl Fn(Definition) -> Result<Definition, Error>,
) -> Result<Stored<Campaign>, Error> {
    commit(context, || async {
        let Stored {
            value: before,
            version,
        } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        if before.state != CampaignState::Draft {
            let way = if before.state == CampaignState::Stopped {
                "duplicate it"
            } else {
                "unpublish or duplicate it first"
            };
            let detail = format!("the campaign is {}; {way}", before.state.name());
            return Err(Error::conflict("not-a-draft", detail));
        }
        let definition = change(before.definition.clone())?;
        check(&definition)?;
        let after = Campaign {
            definition,
            ..before.clone()
        };
        Decision::replace(Some(&before), after, version, |campaign| {
            Put::over(keys::campaign(tenant, id), campaign, version).write()
        })
    })
    .await
}

/// Copies a campaign's definition into a new draft.
pub async fn duplicate(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    copy: CampaignId,
) -> Result<Stored<Campaign>, Error> {
    let mut definition = get(context, tenant, id).await?.value.definition;
    definition.name = definition
        .name
        .chars()
        .take(193)
        .chain(" (copy)".chars())
        .collect();
    create(context, tenant, copy, definition).await
}

/// Deletes a campaign that was never published.
pub async fn delete(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    expected: Option<Expected>,
) -> Result<(), Error> {
    commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        expect_version(expected, version)?;
        if value.published_version > 0 {
            let detail = "only a campaign that was never published can be deleted";
            return Err(Error::conflict("was-published", detail));
        }
        let key = keys::campaign(tenant, id);
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

/// The answer to a change of state.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeState {
    /// The campaign after it.
    pub campaign: Stored<Campaign>,
    /// After a pause, stop or unpublish: the instant after which nothing more leaves.
    pub quiet_after: Option<Timestamp>,
}

/// Publishes, pauses, resumes, stops or unpublishes. Repeating an action does no harm.
pub async fn act(
    context: &Context,
    tenant: &TenantId,
    id: &CampaignId,
    expected: Option<Expected>,
    action: CampaignAction,
) -> Result<ChangeState, Error> {
    let campaign = commit(context, || async {
        let stored = get(context, tenant, id).await?;
        let Some(state) = stored.value.state.after(action) else {
            return Err(Error::conflict(
                "not-possible-now",
                format!("a {} campaign cannot do that", stored.value.state.name()),
            ));
        };
        if state == stored.value.state {
            return Ok(Decision::nothing(stored));
        }
        expect_version(expected, stored.version)?;
        if action == CampaignAction::Publish {
            check_publishable(context, tenant, &stored.value.definition).await?;
        }
        change_state(context, stored, state, action)
    })
    .await?;
    context.caches.campaigns.forget(&(tenant.clone(), id.clone()));
    let ends = matches!(
        action,
        CampaignAction::Pause | CampaignAction::Stop | CampaignAction::Unpublish
    );
    Ok(ChangeState {
        campaign,
        quiet_after: ends.then(|| quiet_after(context.now())),
    })
}

async fn check_publishable(
    context: &Context,
    tenant: &TenantId,
    definition: &Definition,
) -> Result<(), Error> {
    check(definition)?;
    let mut wrong: Vec<FieldError> = match checked_flow(definition) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|problem| FieldError::new(format!("/flow{}", problem.pointer), problem.message))
            .collect(),
    };
    if definition.contact_lists.is_empty() {
        wrong.push(FieldError::new("/contactLists", "must name at least one list"));
    }
    for (place, list) in definition.contact_lists.iter().enumerate() {
        if !contact_lists::exists(context, tenant, list).await? {
            let detail = format!("names no contact list: there is no {list}");
            wrong.push(FieldError::new(format!("/contactLists/{place}"), detail));
        }
    }
    if definition.end_at.is_some_and(|end| end <= context.now()) {
        wrong.push(FieldError::new("/endAt", "has passed already"));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(wrong))
    }
}

fn change_state(
    context: &Context,
    stored: Stored<Campaign>,
    state: CampaignState,
    action: CampaignAction,
) -> Result<Decision<Stored<Campaign>>, Error> {
    let Stored {
        value: mut campaign,
        version,
    } = stored;
    let (now, next) = (context.now(), version + 1);
    let (tenant, id) = (campaign.tenant.clone(), campaign.id.clone());
    campaign.state = state;
    if action == CampaignAction::Publish {
        campaign.published_version += 1;
    }
    let published_version = campaign.published_version;
    let kind = match action {
        CampaignAction::Publish => "campaign.published",
        CampaignAction::Pause => "campaign.paused",
        CampaignAction::Resume => "campaign.resumed",
        CampaignAction::Stop => "campaign.stopped",
        CampaignAction::Unpublish => "campaign.unpublished",
    };
    campaign.log.append(
        next,
        CampaignEvent {
            kind: kind.into(),
            at: now,
            state,
            published_version,
            detail: None,
        },
    );
    let write = Put::over(keys::campaign(&tenant, &id), &campaign, version)
        .announced(true)
        .write()?;
    let mut decision = Decision::nothing(Stored {
        value: campaign.clone(),
        version: next,
    });
    decision.push(write);
    let job = |work: Work, at: Timestamp| Job::new(work, at);
    let (name, job) = match action {
        CampaignAction::Publish => {
            let at = campaign.definition.start_at.map_or(now, |start| start.max(now));
            let published = Published {
                version: published_version,
                at: now,
                definition: campaign.definition,
            };
            decision.push(Put::new(keys::published(&tenant, &id, published_version), &published).write()?);
            let work = Work::start(id.clone(), published_version);
            (format!("start-{id}-{published_version}"), job(work, at))
        }
        CampaignAction::Pause => return Ok(decision),
        CampaignAction::Resume => (
            format!("resume-{id}-{next}"),
            job(Work::resume(id, published_version), now),
        ),
        CampaignAction::Stop | CampaignAction::Unpublish => (
            format!("clear-{id}-{next}"),
            job(Work::clear(id, published_version, now), now),
        ),
    };
    decision.push(jobs::put(&tenant, &name, &job, 0)?);
    Ok(decision)
}
