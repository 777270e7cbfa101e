//! Jobs: work too long for one request. A job is an item with a timer and a cursor; each time it
//! comes due it does one page, moves the cursor and sets its next time, so a crash repeats at most
//! one page, and every page does no harm when repeated.

use domain::activity::state::State;
use domain::activity::{Activity, CancelReason, Parked};
use domain::id::{ActivityId, CampaignId, ContactListId, ConversationId, ImportId, TenantId};
use domain::time::{Millis, Timestamp};
use domain::timer::{Timer, TimerKind};
use flows::Conversation;
use flows::conversation::event::StopOutcome;
use platform::table::{Condition, Consistency, Key, Order, Page, Query, SortRange, Write};
use serde::{Deserialize, Serialize};

use crate::campaigns::{self, Standing};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::history::Pointer;
use crate::keys::{self, COLLECTION_SHARDS};
use crate::store::{Put, Stored, load};
use crate::{activities, conversations, imports, starts};

/// Conversations and activities per page of a walk.
const PAGE: usize = 50;
/// Walks over a campaign when it ends, and the pauses before them: what was being created while it
/// ended shows up later.
const CLEAR_PASSES: [Millis; 3] = [Millis::ZERO, Millis::minutes(2), Millis::minutes(15)];

/// A place in a collection that is spread over shards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The shard.
    pub shard: u16,
    /// Behind this sort key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Place {
    /// The place behind a page of this shard; `None` behind the last.
    pub(crate) fn behind(&self, page: &Page) -> Option<Self> {
        match &page.next {
            Some(sort) => Some(Self {
                shard: self.shard,
                after: Some(sort.clone()),
            }),
            None => (self.shard + 1 < COLLECTION_SHARDS).then(|| Self {
                shard: self.shard + 1,
                after: None,
            }),
        }
    }

    /// The page at this place.
    pub(crate) async fn page(
        &self,
        context: &Context,
        partition: String,
        limit: usize,
    ) -> Result<Page, Error> {
        let query = Query {
            partition,
            range: SortRange::All,
            after: self.after.clone(),
            order: Order::Ascending,
            limit,
            consistency: Consistency::Strong,
        };
        Ok(context.table.query(&query).await?)
    }
}

/// What a walk over a campaign visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Visiting {
    /// Its conversations.
    Conversations,
    /// Its activities.
    Activities,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Work {
    /// Start a campaign's conversations.
    Start {
        /// The campaign.
        campaign: CampaignId,
        /// Its published version.
        version: u64,
        /// Which of its lists.
        list: usize,
        /// Where in that list.
        place: Place,
    },
    /// Let a campaign go on after a pause.
    Resume {
        /// The campaign.
        campaign: CampaignId,
        /// Its published version.
        version: u64,
        /// What is visited.
        visiting: Visiting,
        /// Where.
        place: Place,
    },
    /// Cancel what has not left, and end conversations.
    Clear {
        /// The campaign.
        campaign: CampaignId,
        /// The published version that ended.
        version: u64,
        /// When it ended: what was scheduled for the campaign after that belongs to the next version.
        #[serde(default = "always")]
        ended_at: Timestamp,
        /// What is visited.
        visiting: Visiting,
        /// Where.
        place: Place,
        /// Which walk it is.
        pass: usize,
    },
    /// Read an uploaded file into a contact list.
    Import {
        /// The list.
        list: ContactListId,
        /// The import.
        import: ImportId,
    },
}

impl Work {
    pub(crate) fn start(campaign: CampaignId, version: u64) -> Self {
        Self::Start {
            campaign,
            version,
            list: 0,
            place: Place::default(),
        }
    }

    pub(crate) fn resume(campaign: CampaignId, version: u64) -> Self {
        Self::Resume {
            campaign,
            version,
            visiting: Visiting::Conversations,
            place: Place::default(),
        }
    }

    pub(crate) fn clear(campaign: CampaignId, version: u64, ended_at: Timestamp) -> Self {
        Self::Clear {
            campaign,
            version,
            ended_at,
            visiting: Visiting::Conversations,
            place: Place::default(),
            pass: 0,
        }
    }
}

const fn always() -> Timestamp {
    Timestamp::MAX
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// What is to be done.
    pub work: Work,
    /// When the next page is due.
    pub at: Timestamp,
    /// Counts the pages: the timer's generation.
    pub pages: u64,
}

/// What a page leads to.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// More work, at this time.
    Page(Work, Timestamp),
    /// Nothing more.
    Done,
}

impl Job {
    pub(crate) fn new(work: Work, at: Timestamp) -> Self {
        Self { work, at, pages: 0 }
    }
}

/// The write of a job.
pub(crate) fn put(tenant: &TenantId, name: &str, job: &Job, version_before: u64) -> Result<Write, Error> {
    let timer = Timer {
        at: job.at,
        kind: TimerKind::Job,
        generation: job.pages,
    };
    Put::over(keys::job(tenant, name), job, version_before)
        .due(Some(timer))
        .write()
}

/// A job's timer came due: does one page.
pub(crate) async fn due(
    context: &Context,
    tenant: &TenantId,
    name: &str,
    generation: u64,
) -> Result<(), Error> {
    let key = keys::job(tenant, name);
    let Some(Stored { value: job, version }) = load::<Job>(context.table.as_ref(), &key).await? else {
        return Ok(());
    };
    if job.pages != generation || job.at > context.now() {
        return Ok(());
    }
    let next = page(context, tenant, &job.work).await?;
    commit(context, || async {
        let still = load::<Job>(context.table.as_ref(), &key)
            .await?
            .is_some_and(|now| now.version == version);
        if !still {
            return Ok(Decision::nothing(()));
        }
        match next.clone() {
            Next::Page(work, at) => Ok(Decision::nothing(()).and(put(
                tenant,
                name,
                &Job {
                    work,
                    at,
                    pages: job.pages + 1,
                },
                version,
            )?)),
            Next::Done => {
                let condition = Condition::Version(version);
                Ok(Decision::one(
                    Write::Delete {
                        key: key.clone(),
                        condition,
                    },
                    (),
                ))
            }
        }
    })
    .await
}

async fn page(context: &Context, tenant: &TenantId, work: &Work) -> Result<Next, Error> {
    match work {
        Work::Start {
            campaign,
            version,
            list,
            place,
        } => starts::page(context, tenant, campaign, *version, *list, place).await,
        Work::Resume {
            campaign,
            version,
            visiting,
            place,
        } => resume_page(context, tenant, campaign, *version, *visiting, place).await,
        Work::Clear {
            campaign,
            version,
            ended_at,
            visiting,
            place,
            pass,
        } => {
            let ended = Ended {
                campaign,
                version: *version,
                at: *ended_at,
            };
            clear_page(context, tenant, &ended, *visiting, place, *pass).await
        }
        Work::Import { list, import } => imports::page(context, tenant, list, import).await,
    }
}

fn ids<T>(page: &Page, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
    page.items
        .iter()
        .filter_map(|item| parse(&item.key.sort))
        .collect()
}

async fn resume_page(
    context: &Context,
    tenant: &TenantId,
    campaign: &CampaignId,
    version: u64,
    visiting: Visiting,
    place: &Place,
) -> Result<Next, Error> {
    // Paused again or stopped meanwhile: whoever resumes next begins anew.
    if campaigns::get(context, tenant, campaign)
        .await?
        .value
        .standing(Some(version))
        != Standing::Running
    {
        return Ok(Next::Done);
    }
    let partition = match visiting {
        Visiting::Conversations => keys::campaign_conversations(tenant, campaign, place.shard),
        Visiting::Activities => keys::all_parked(tenant, campaign, place.shard),
    };
    let page = place.page(context, partition, PAGE).await?;
    match visiting {
        Visiting::Conversations => {
            for id in ids(&page, |text| ConversationId::parse(text).ok()) {
                conversations::release(context, tenant, &id).await?;
            }
        }
        Visiting::Activities => {
            for id in ids(&page, |text| ActivityId::parse(text).ok()) {
                unpark(context, tenant, campaign, &id).await?;
            }
        }
    }
    let next = match (place.behind(&page), visiting) {
        (Some(place), visiting) => (visiting, place),
        (None, Visiting::Conversations) => (Visiting::Activities, Place::default()),
        (None, Visiting::Activities) => return Ok(Next::Done),
    };
    let work = Work::Resume {
        campaign: campaign.clone(),
        version,
        visiting: next.0,
        place: next.1,
    };
    Ok(Next::Page(work, context.now()))
}

async fn unpark(
    context: &Context,
    tenant: &TenantId,
    campaign: &CampaignId,
    id: &ActivityId,
) -> Result<(), Error> {
    commit(context, || async {
        let key = keys::parked(tenant, campaign, id);
        let Some(pointer) = load::<Pointer>(context.table.as_ref(), &key).await? else {
            return Ok(Decision::nothing(()));
        };
        let condition = Condition::Version(pointer.version);
        let decision = Decision::one(Write::Delete { key, condition }, ());
        let Stored { value, version } = activities::get(context, tenant, id).await?;
        if value.parked != Some(Parked::CampaignPaused) || !value.state.is_open() {
            return Ok(decision);
        }
        Ok(decision.and(activities::put(&value.unpark(), version)?))
    })
    .await
}

/// A published version that ended.
struct Ended<'a> {
    campaign: &'a CampaignId,
    version: u64,
    at: Timestamp,
}

impl Ended<'_> {
    fn held(&self, activity: &Activity) -> bool {
        match &activity.plan.step {
            Some(step) => step.campaign_version <= self.version,
            None => activity.created_at <= self.at,
        }
    }
}

async fn clear_page(
    context: &Context,
    tenant: &TenantId,
    ended: &Ended<'_>,
    visiting: Visiting,
    place: &Place,
    pass: usize,
) -> Result<Next, Error> {
    let partition = match visiting {
        Visiting::Conversations => keys::campaign_conversations(tenant, ended.campaign, place.shard),
        Visiting::Activities => keys::campaign_activities(tenant, ended.campaign, place.shard),
    };
    let page = place.page(context, partition, PAGE).await?;
    match visiting {
        Visiting::Conversations => {
            for id in ids(&page, |text| ConversationId::parse(text).ok()) {
                let found = conversations::find(context, tenant, &id).await?;
                let of_ours = |c: &Conversation| c.is_running() && c.campaign_version <= ended.version;
                if found.is_some_and(|stored| of_ours(&stored.value)) {
                    conversations::stop(context, tenant, &id, StopOutcome::Stopped).await?;
                }
            }
        }
        Visiting::Activities => {
            for id in ids(&page, |text| ActivityId::parse(text).ok()) {
                let activity = activities::get(context, tenant, &id).await?.value;
                if activity.state == State::Scheduled && ended.held(&activity) {
                    cancel(context, tenant, &id).await?;
                }
            }
        }
    }
    let (visiting, place, pass, pause) = match (place.behind(&page), visiting) {
        (Some(place), visiting) => (visiting, place, pass, Millis::ZERO),
        (None, Visiting::Conversations) => (Visiting::Activities, Place::default(), pass, Millis::ZERO),
        (None, Visiting::Activities) => match CLEAR_PASSES.get(pass + 1) {
            Some(pause) => (Visiting::Conversations, Place::default(), pass + 1, *pause),
            None => return Ok(Next::Done),
        },
    };
    let work = Work::Clear {
        campaign: ended.campaign.clone(),
        version: ended.version,
        ended_at: ended.at,
        visiting,
        place,
        pass,
    };
    Ok(Next::Page(work, context.now() + pause))
}

async fn cancel(context: &Context, tenant: &TenantId, id: &ActivityId) -> Result<(), Error> {
    match activities::cancel(context, tenant, id, None, CancelReason::CampaignEnded).await {
        // It left, or is just leaving: the gate had let it.
        Ok(_) | Err(Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The key of a job's item, to find the job again from its timer.
pub(crate) fn of_key(key: &Key) -> Option<(TenantId, &str)> {
    keys::parse_job(key)
}
