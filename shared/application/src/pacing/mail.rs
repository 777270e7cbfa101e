//! News for a group's owner: which agents and calls to look at, what agents decided, inbound calls.
//!
//! News of agents and calls carry no data: the owner reads the items. One that is lost, because a process
//! dies between the change and the news of it, is made up for when the owner looks at everything again. What
//! agents decided and inbound calls stand nowhere else: a new owner reads on from where its predecessor has come to.

use std::collections::{BTreeMap, BTreeSet};

use domain::activity::Activity;
use domain::agent::Agent;
use domain::id::{ActivityId, AgentId, SkillGroupId, TenantId};
use domain::time::{Millis, Timestamp};
use pacing::group::{InboundSeen, OfferAnswer};
use platform::table::{Consistency, Key, Order, Query, SortRange};
use serde::{Deserialize, Serialize};

use super::wake;
use crate::context::Context;
use crate::error::Error;
use crate::store::{Put, decode};
use crate::{keys, skill_groups};

/// How long news are kept: owners read them within seconds, or when somebody owns the group again.
const KEPT: Millis = Millis::minutes(10);
/// How far back an owner reads again what it may have read: clocks differ, and writes take their time.
const OVERLAP: Millis = Millis::seconds(3);
/// News of one reading.
const PAGE: usize = 500;
/// News in one item, which stays well below a kilobyte.
const AT_ONCE: usize = 8;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum News {
    /// Look at this agent.
    #[serde(rename = "a")]
    Agent(AgentId),
    /// Look at this call.
    #[serde(rename = "c")]
    Call(ActivityId),
    /// An agent has decided about a preview.
    Answer {
        agent: AgentId,
        call: ActivityId,
        answer: OfferAnswer,
    },
    /// An inbound call.
    Inbound { call: String, event: InboundSeen },
}

/// What became of an inbound call of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundReport {
    /// Which, by the routing engine's name.
    pub call: String,
    /// What.
    pub event: InboundSeen,
}

/// Tells a group's owner, as far as that works.
async fn post(context: &Context, tenant: &TenantId, group: &SkillGroupId, news: &[News]) {
    for (place, some) in news.chunks(AT_ONCE).enumerate() {
        if let Err(error) = write(context, tenant, group, place, some).await {
            tracing::warn!(%error, %group, "news for pacing was not written; its owner will look for itself");
        }
    }
    wake(context, tenant, group).await;
}

async fn write(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
    place: usize,
    news: &[News],
) -> Result<(), Error> {
    let now = context.now();
    // What one caller tells is read in its order.
    let sort = format!("{:013}#{place:04}#{}", now.millis(), context.token());
    let key = Key::new(keys::pacing_mail(tenant, group), sort);
    let write = Put::new(key, &news).expires(now + KEPT).write()?;
    Ok(context.table.transact(vec![write]).await?)
}

/// Tells the owners of their groups that agents have changed.
pub async fn agents_changed<'a>(
    context: &Context,
    tenant: &TenantId,
    agents: impl IntoIterator<Item = &'a Agent>,
) {
    let mut by_group: BTreeMap<SkillGroupId, BTreeSet<AgentId>> = BTreeMap::new();
    for agent in agents {
        match skill_groups::pacing_agents(context, tenant, &agent.skill_groups).await {
            Ok(Some(group)) => {
                by_group.entry(group).or_default().insert(agent.id.clone());
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "nobody was told of an agent; owners will look for themselves")
            }
        }
    }
    for (group, agents) in by_group {
        let news: Vec<_> = agents.into_iter().map(News::Agent).collect();
        post(context, tenant, &group, &news).await;
    }
}

/// Tells the owner that a call of its group has changed that it has released.
pub(crate) async fn call_changed(context: &Context, activity: &Activity) {
    if let Some(released) = &activity.released {
        let news = [News::Call(activity.id.clone())];
        post(context, &activity.tenant, &released.group, &news).await;
    }
}

/// Tells the owner what an agent has decided about a preview.
pub(super) async fn answered(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
    agent: AgentId,
    call: ActivityId,
    answer: OfferAnswer,
) -> Result<(), Error> {
    write(context, tenant, group, 0, &[News::Answer { agent, call, answer }]).await?;
    wake(context, tenant, group).await;
    Ok(())
}

/// Takes in what became of inbound calls of a paced group.
pub async fn inbound(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
    reports: Vec<InboundReport>,
) -> Result<(), Error> {
    if !skill_groups::paced(context, tenant, group).await? {
        skill_groups::get(context, tenant, group).await?;
        let detail = format!("the calls of {group} are not paced here: set its pacing first");
        return Err(Error::conflict("not-paced", detail));
    }
    let news: Vec<_> = reports
        .into_iter()
        .map(|InboundReport { call, event }| News::Inbound { call, event })
        .collect();
    for (place, some) in news.chunks(AT_ONCE).enumerate() {
        write(context, tenant, group, place, some).await?;
    }
    wake(context, tenant, group).await;
    Ok(())
}

/// What an owner has read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What was read within the overlap, or is too new for it.
    read: BTreeSet<String>,
    /// Nothing before this is read any more.
    from: Timestamp,
}

impl Reader {
    /// A reader of what has come since `taken_in`, when a predecessor last took in what it had read, as far as it is
    /// kept.
    pub(super) fn since(taken_in: Timestamp, now: Timestamp) -> Self {
        Self {
            read: BTreeSet::new(),
            from: taken_in.clamp(now - KEPT, now),
        }
    }

    /// What has come since it last read.
    pub(super) async fn read(
        &mut self,
        context: &Context,
        tenant: &TenantId,
        group: &SkillGroupId,
    ) -> Result<Vec<News>, Error> {
        let now = context.now();
        let first = millis(self.from - OVERLAP);
        self.read.retain(|sort| *sort >= first);
        let query = Query {
            partition: keys::pacing_mail(tenant, group),
            range: SortRange::Between(first, millis(now + Millis::hours(1))),
            after: None,
            order: Order::Ascending,
            limit: PAGE,
            consistency: Consistency::Strong,
        };
        let page = context.table.query(&query).await?;
        let mut news = Vec::new();
        let full = page.next.is_some();
        for item in page.items {
            if self.read.insert(item.key.sort.clone()) {
                news.extend(decode::<Vec<News>>(&item)?.value);
            }
        }
        // A full page may have more behind it: the next reading begins there.
        let last = self
            .read
            .last()
            .and_then(|sort| sort.get(..13)?.parse::<i64>().ok());
        self.from = match last {
            Some(last) if full => Timestamp::from_millis(last) + OVERLAP,
            _ => now,
        };
        Ok(news)
    }
}

fn millis(at: Timestamp) -> String {
    format!("{:013}", at.millis())
}
