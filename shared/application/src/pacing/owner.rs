//! The owner of a group's pacing: its lease, what it gathers, and its steps.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{ActivityId, AgentId, SkillGroupId, TenantId};
use domain::time::{Millis, Timestamp};
use pacing::group::{CallSeen, Decision, Group};
use pacing::group::{Happening, Waiting, WorkId};
use platform::table::{TableError, Write};
use serde::{Deserialize, Serialize};

use super::log::{self, Entry};
use super::mail::{News, Reader};
use super::sight::{self, Known};
use super::{carry_out, timer, waiting};
use crate::campaigns::{self, Standing};
use crate::commit::MAX_TRIES;
use crate::context::Context;
use crate::error::Error;
use crate::store::{Put, Stored, load};
use crate::{keys, skill_groups, timers};

/// How often an owner looks for what happened.
pub const PULSE: Millis = Millis::new(250);
/// How long an owner holds a group without a sign of life.
const LEASED_FOR: Millis = Millis::seconds(10);
/// An owner whose lease ends so soon renews it, though there is nothing to write down.
const RENEWED_BEFORE: Millis = Millis::seconds(5);
/// The longest time between two steps: formulas count seconds.
const TICK: Millis = Millis::seconds(1);
/// Time between two readings of what administrators set.
const TERMS_READ: Millis = Millis::seconds(2);
/// Time between two looks at everything: news may have been lost.
const LOOKED_AROUND: Millis = Millis::seconds(30);
/// Time between two looks at the calls on their way.
const CALLS_LOOKED_AT: Millis = Millis::seconds(15);
/// Entries of the log between two snapshots: so many steps does the next owner take at most before its own. A busy
/// group has them in ten seconds.
const STEPS: u64 = 40;
/// Calls that the group knows to wait, for each work.
const BUFFER: usize = 100;
/// Pages of as many that are looked at for calls whose agents are free.
const PASSED_OVER: usize = 10;
/// Below so many of them more are read.
const LOW: usize = 50;
/// A group with nobody at work, for whose agents calls wait, is looked at again after this time, unless it is
/// woken: a waking may be lost.
const WAITED_FOR: Millis = Millis::minutes(1);
/// And one for whom nothing waits.
const IDLE: Millis = Millis::minutes(10);
/// By so much the clock of whoever sent a message may be ahead.
const CLOCKS_DIFFER: Millis = Millis::seconds(1);
/// The place of an owned group in the due index moves in steps of this: to move it costs writes, and a message.
const DUE_STEP: Millis = Millis::seconds(5);

/// Who paces a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ownership {
    /// Rises with each owner.
    epoch: u64,
    /// Random bits of the present one.
    holder: String,
    /// Until when it holds.
    until: Timestamp,
    /// The number of the next entry of the log.
    next: u64,
    /// The entry in front of which the latest snapshot stands.
    snapshot: u64,
    /// When somebody is to look again; never while the group is not paced.
    again: Option<Timestamp>,
    /// When a state was last written from which audits begin.
    #[serde(default)]
    audited: Timestamp,
}

/// What a group is to be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Something happened.
    Woken,
    /// Its time has come. Messages of times that have moved since are on their way still.
    Timer,
}

impl Ownership {
    /// Whether the group is to have a new owner now.
    fn is_free(&self, occasion: Occasion, now: Timestamp) -> bool {
        let is_due = || self.again.is_some_and(|again| again <= now + CLOCKS_DIFFER);
        self.until <= now && (occasion == Occasion::Woken || is_due())
    }
}

/// What a write does to the lease.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lease {
    Renews,
    Ends,
}

/// What a pulse came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulsed {
    /// There is work: pulse again in a moment.
    Busy,
    /// Nobody is at work: give it up.
    Idle,
    /// Somebody else owns the group, or it is paced no longer: drop this owner.
    Lost,
}

/// The owner of a group.
#[derive(Debug)]
pub struct Owner {
    tenant: TenantId,
    id: SkillGroupId,
    held: Ownership,
    /// The version in which the ownership stands.
    version: u64,
    group: Group,
    known: Known,
    mail: Reader,
    /// What happened since the last step.
    gathered: Vec<Happening>,
    /// What was decided and is still to be done.
    unfinished: Vec<Decision>,
    /// Agents and calls to look at.
    agents: BTreeSet<AgentId>,
    calls: BTreeSet<ActivityId>,
    /// When failures of formulas were told.
    told: BTreeMap<WorkId, Timestamp>,
    stepped: Timestamp,
    terms_read: Timestamp,
    looked_around: Timestamp,
    calls_looked_at: Timestamp,
}

fn put(tenant: &TenantId, group: &SkillGroupId, held: &Ownership, version: u64) -> Result<Write, Error> {
    Put::over(keys::pacing_owner(tenant, group), held, version)
        .due(held.again.map(timer))
        .write()
}

/// When a group whose owner holds it until then is to be looked at again.
fn stray_after(until: Timestamp) -> Timestamp {
    let step = i64::try_from(DUE_STEP.get()).unwrap_or(i64::MAX);
    let steps = until.millis().div_euclid(step) + 1;
    Timestamp::from_millis(steps.saturating_mul(step))
}

/// Sends the message by which a group is looked at again, if that is soon: should its owner die, it finds the next
/// one as soon as the lease has ended.
async fn hand_over(context: &Context, tenant: &TenantId, group: &SkillGroupId, again: Timestamp) {
    let key = keys::pacing_owner(tenant, group);
    timers::hand_over_near(context, vec![(key, timer(again))]).await;
}

/// The write by which a group that is newly paced finds an owner; none if it stands already.
pub(crate) async fn begin(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
) -> Result<Option<Write>, Error> {
    let stored = load::<Ownership>(context.table.as_ref(), &keys::pacing_owner(tenant, group)).await?;
    let (held, version) = stored.map_or((Ownership::default(), 0), |stored| (stored.value, stored.version));
    if held.again.is_some() {
        return Ok(None);
    }
    let held = Ownership {
        again: Some(context.now()),
        ..held
    };
    put(tenant, group, &held, version).map(Some)
}

/// The entry in front of which the latest snapshot stands, and the end of the log.
pub(super) async fn written_down(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
) -> Result<Option<(u64, u64)>, Error> {
    let stored = load::<Ownership>(context.table.as_ref(), &keys::pacing_owner(tenant, group)).await?;
    Ok(stored.map(|stored| (stored.value.snapshot, stored.value.next)))
}

/// The number behind the last entry of a group's log.
pub(super) async fn end_of_log(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
) -> Result<u64, Error> {
    Ok(written_down(context, tenant, group)
        .await?
        .map_or(0, |(_, end)| end))
}

impl Owner {
    /// Takes a group that nobody owns, and knows what its last owner knew. `None` if somebody does, its time has not
    /// come, or the group is not paced.
    pub async fn take(
        context: &Context,
        tenant: &TenantId,
        id: &SkillGroupId,
        occasion: Occasion,
    ) -> Result<Option<Self>, Error> {
        let key = keys::pacing_owner(tenant, id);
        let now = context.now();
        let stored = load::<Ownership>(context.table.as_ref(), &key).await?;
        let Some(Stored {
            value: before,
            version,
        }) = stored.filter(|stored| stored.value.is_free(occasion, now))
        else {
            return Ok(None);
        };
        let Some(pacing) = skill_groups::pacing(context, tenant, id).await? else {
            if let Some((group, _)) = log::rebuild(context, tenant, id, before.snapshot, before.next).await? {
                carry_out::give_back(context, tenant, &group).await?;
            }
            let again = None;
            let forgotten = put(tenant, id, &Ownership { again, ..before }, version)?;
            context.table.transact(vec![forgotten]).await?;
            return Ok(None);
        };
        let until = now + LEASED_FOR;
        let again = stray_after(until);
        let held = Ownership {
            epoch: before.epoch + 1,
            holder: context.token(),
            until,
            again: Some(again),
            ..before
        };
        match context
            .table
            .transact(vec![put(tenant, id, &held, version)?])
            .await
        {
            Ok(()) => {}
            // Somebody else was faster, or the answer was lost: then the lease ends by itself.
            Err(TableError::ConditionFailed(_) | TableError::Conflict) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        hand_over(context, tenant, id, again).await;
        let rebuilt = log::rebuild(context, tenant, id, held.snapshot, held.next).await?;
        let recorded = rebuilt.is_some();
        let taken_in = rebuilt
            .as_ref()
            .map_or_else(Timestamp::default, |(group, _)| group.stepped());
        let (group, decided) =
            rebuilt.unwrap_or_else(|| (Group::new(pacing.as_of(now, now), now), Vec::new()));
        let unfinished = decided.into_iter().filter(carry_out::is_to_be_finished).collect();
        let mut owner = Self {
            tenant: tenant.clone(),
            id: id.clone(),
            held,
            version: version + 1,
            known: Known::of(&group),
            group,
            mail: Reader::since(taken_in, now),
            gathered: Vec::new(),
            unfinished,
            agents: BTreeSet::new(),
            calls: BTreeSet::new(),
            told: BTreeMap::new(),
            stepped: Timestamp::default(),
            terms_read: Timestamp::default(),
            looked_around: Timestamp::default(),
            calls_looked_at: Timestamp::default(),
        };
        if !recorded && !owner.write_snapshot(context, Lease::Renews).await? {
            return Ok(None);
        }
        tracing::info!(
            group = id.as_str(),
            epoch = owner.held.epoch,
            "owns the pacing of a skill group"
        );
        Ok(Some(owner))
    }

    /// Gathers what happened, decides, writes it down, and does it.
    ///
    /// # Errors
    /// If the table does not answer. What was gathered stays for the next pulse, if there is one.
    pub async fn pulse(&mut self, context: &Context) -> Result<Pulsed, Error> {
        if context.now() >= self.held.until || !self.gather(context).await? {
            return Ok(Pulsed::Lost);
        }
        let now = context.now();
        if self.gathered.is_empty() && now < self.stepped + TICK {
            return self.renew_if_needed(context).await;
        }
        self.stepped = now;
        let happenings = log::some_of(&mut self.gathered)?;
        let decisions = self.group.step(now, &happenings);
        let entry = Entry {
            at: now,
            epoch: self.held.epoch,
            happenings,
            decisions,
        };
        // What is not written down has not happened: the state in hand is dropped with its owner.
        if !matches!(self.record(context, &entry).await, Ok(true)) {
            return Ok(Pulsed::Lost);
        }
        self.tell_failures(context).await;
        self.carry_out(context, entry.decisions).await;
        if self.may_write_snapshot(STEPS) && !self.write_snapshot(context, Lease::Renews).await? {
            return Ok(Pulsed::Lost);
        }
        Ok(self.standing())
    }

    /// Gives the group up; whoever takes it next knows all this.
    pub async fn give_up(mut self, context: &Context) -> Result<(), Error> {
        let now = context.now();
        let waits = waiting::any(context, &self.tenant, &self.id).await?;
        self.held.until = now;
        // At once if there is something to do, else when somebody may have come.
        let again = match (self.standing(), waits) {
            (Pulsed::Busy, _) => now,
            (_, true) => now + WAITED_FOR,
            (_, false) => now + IDLE,
        };
        self.held.again = Some(again);
        let is_given_up = if self.may_write_snapshot(1) {
            self.write_snapshot(context, Lease::Ends).await?
        } else {
            self.write(context, Vec::new(), Lease::Ends).await?
        };
        if !is_given_up {
            return Ok(());
        }
        // What came while the group was still held found an owner, who reads no more.
        let news = self.mail.read(context, &self.tenant, &self.id).await;
        let is_missed = news.map_or(true, |news| !news.is_empty());
        if is_missed {
            super::call_owner(context, &self.tenant, &self.id, Millis::ZERO).await;
        } else {
            hand_over(context, &self.tenant, &self.id, again).await;
        }
        Ok(())
    }

    fn standing(&self) -> Pulsed {
        let nobody = self.group.view().agents == 0 && self.group.on_their_way().next().is_none();
        if nobody { Pulsed::Idle } else { Pulsed::Busy }
    }

    /// Gathers what happened since the last step. False if the group is paced no longer.
    async fn gather(&mut self, context: &Context) -> Result<bool, Error> {
        if !self.gather_terms(context).await? {
            return Ok(false);
        }
        self.gather_news(context).await?;
        self.gather_sights(context).await?;
        self.gather_waiting(context).await?;
        Ok(true)
    }

    /// What administrators set. False if they have taken the pacing away.
    async fn gather_terms(&mut self, context: &Context) -> Result<bool, Error> {
        let now = context.now();
        if now < self.terms_read + TERMS_READ {
            return Ok(true);
        }
        let Some(pacing) = skill_groups::pacing(context, &self.tenant, &self.id).await? else {
            carry_out::give_back(context, &self.tenant, &self.group).await?;
            return Ok(false);
        };
        let settings = pacing.as_of(now, self.group.began());
        if settings != *self.group.settings() {
            self.gathered.push(Happening::Settings(settings));
        }
        let mut works: BTreeSet<WorkId> = self.group.works().cloned().collect();
        works.extend(waiting::works(context, &self.tenant, &self.id).await?);
        for work in works {
            let terms = self.terms(context, &work).await?;
            if self.group.terms(&work) != Some(&terms) {
                self.gathered.push(Happening::Terms {
                    work,
                    terms: Box::new(terms),
                });
            }
        }
        self.terms_read = now;
        Ok(true)
    }

    async fn terms(&self, context: &Context, work: &WorkId) -> Result<pacing::group::Terms, Error> {
        let Some(id) = &work.campaign else {
            return Ok(super::CampaignPacing::default().terms(work, true));
        };
        let campaign = campaigns::recent(context, &self.tenant, id).await?;
        let open = campaign
            .as_ref()
            .is_some_and(|campaign| campaign.value.standing(None) == Standing::Running);
        let pacing = campaign.and_then(|campaign| campaign.value.definition.pacing.clone());
        Ok(pacing.unwrap_or_default().terms(work, open))
    }

    async fn gather_news(&mut self, context: &Context) -> Result<(), Error> {
        for news in self.mail.read(context, &self.tenant, &self.id).await? {
            match news {
                News::Agent(agent) => {
                    self.agents.insert(agent);
                }
                News::Call(call) => {
                    self.calls.insert(call);
                }
                News::Answer { agent, call, answer } => {
                    self.gathered.push(Happening::Answer { agent, call, answer });
                }
                News::Inbound { call, event } => {
                    self.gathered.push(Happening::Inbound { call, event });
                }
            }
        }
        Ok(())
    }

    async fn gather_sights(&mut self, context: &Context) -> Result<(), Error> {
        let now = context.now();
        if now >= self.looked_around + LOOKED_AROUND {
            let seen = self.known.look_around(context, &self.tenant, &self.id).await?;
            self.gathered.extend(seen);
            self.mend(context).await?;
            self.looked_around = now;
        }
        let seen = self
            .known
            .look(context, &self.tenant, &self.id, &self.agents)
            .await?;
        self.agents.clear();
        self.gathered.extend(seen);
        if now >= self.calls_looked_at + CALLS_LOOKED_AT {
            self.calls_looked_at = now;
            self.calls.extend(self.group.on_their_way().cloned());
        }
        let seen = sight::look_at_calls(context, &self.tenant, &self.calls).await?;
        self.calls.clear();
        self.gathered.extend(seen);
        Ok(())
    }

    /// What was decided and not done, because an owner died in between: agents who are kept for nothing, and
    /// contacts that nobody is shown.
    async fn mend(&mut self, context: &Context) -> Result<(), Error> {
        let stray: Vec<_> = self
            .known
            .kept
            .iter()
            .filter(|(agent, call)| self.group.kept_for(agent) != Some(call))
            .map(|(agent, call)| (agent.clone(), call.clone()))
            .collect();
        for (agent, call) in stray {
            carry_out::let_go(context, &self.tenant, &agent, &call).await?;
            self.agents.insert(agent);
        }
        let unseen = self
            .group
            .shown()
            .filter(|(call, agent)| self.known.kept.get(agent) != Some(call));
        let not_started = unseen.map(|(call, _)| Happening::Call {
            call: call.clone(),
            seen: CallSeen::NotStarted,
        });
        self.gathered.extend(not_started.collect::<Vec<_>>());
        Ok(())
    }

    /// More calls that wait, for works that know of few.
    async fn gather_waiting(&mut self, context: &Context) -> Result<(), Error> {
        let poor: Vec<WorkId> = self
            .group
            .works()
            .filter(|work| self.group.waiting(work) < LOW)
            .filter(|work| self.group.terms(work).is_some_and(|terms| terms.open))
            .cloned()
            .collect();
        for work in poor {
            let calls = self.more_for(context, &work).await?;
            if !calls.is_empty() {
                self.gathered.push(Happening::Waits { work, calls });
            }
        }
        Ok(())
    }

    /// Further calls of a work that could have an agent now. What waits for agents who are not free is passed over.
    async fn more_for(&self, context: &Context, work: &WorkId) -> Result<Vec<Waiting>, Error> {
        let (mut calls, mut after) = (Vec::new(), None);
        for _ in 0..PASSED_OVER {
            let page = waiting::page(context, &self.tenant, &self.id, work, after, BUFFER).await?;
            after = page.last().map(|waits| waits.sort.clone());
            let is_over = page.len() < BUFFER;
            let is_new = |waits: &waiting::Waits| {
                self.group.could_serve(waits.agent.as_ref()) && !self.group.knows(&waits.call)
            };
            calls.extend(page.into_iter().filter(is_new).map(|waits| Waiting {
                call: waits.call,
                agent: waits.agent,
                gateway: waits.gateway,
            }));
            if is_over || calls.len() >= LOW {
                break;
            }
        }
        Ok(calls)
    }

    /// Writes a step down, and renews the lease by it. False if the group is owned by another.
    async fn record(&mut self, context: &Context, entry: &Entry) -> Result<bool, Error> {
        let number = self.held.next;
        let write = log::entry(&self.tenant, &self.id, number, entry)?;
        self.held.next = number + 1;
        self.write(context, vec![write], Lease::Renews).await
    }

    async fn renew_if_needed(&mut self, context: &Context) -> Result<Pulsed, Error> {
        let renews = context.now() + RENEWED_BEFORE >= self.held.until;
        if renews && !self.write(context, Vec::new(), Lease::Renews).await? {
            return Ok(Pulsed::Lost);
        }
        Ok(self.standing())
    }

    /// Whether there are so many steps behind the latest snapshot, and the next owner needs none of them: it learns
    /// from them what is still to be done.
    fn may_write_snapshot(&self, steps: u64) -> bool {
        self.held.next.saturating_sub(self.held.snapshot) >= steps && self.unfinished.is_empty()
    }

    async fn write_snapshot(&mut self, context: &Context, lease: Lease) -> Result<bool, Error> {
        let entry = self.held.next;
        let (tenant, id) = (&self.tenant, &self.id);
        let audited = &mut self.held.audited;
        let writes = log::snapshot(context, tenant, id, &self.group, entry, audited).await?;
        self.held.snapshot = entry;
        self.write(context, writes, lease).await
    }

    /// Writes as the owner. False if that is not so any more, or nobody knows what was written: then the
    /// ownership in hand may not be what stands.
    async fn write(
        &mut self,
        context: &Context,
        mut writes: Vec<Write>,
        lease: Lease,
    ) -> Result<bool, Error> {
        let moved = match lease {
            Lease::Renews => self.renew(context.now()),
            Lease::Ends => None,
        };
        writes.push(put(&self.tenant, &self.id, &self.held, self.version)?);
        let is_written = self.written(context, writes).await?;
        if let (true, Some(again)) = (is_written, moved) {
            hand_over(context, &self.tenant, &self.id, again).await;
        }
        Ok(is_written)
    }

    /// Renews the lease; when somebody is to look again, if that has moved.
    fn renew(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.held.until = now + LEASED_FOR;
        let again = Some(stray_after(self.held.until));
        let before = std::mem::replace(&mut self.held.again, again);
        again.filter(|_| again != before)
    }

    /// Commits the owner's writes.
    async fn written(&mut self, context: &Context, writes: Vec<Write>) -> Result<bool, Error> {
        for _ in 0..MAX_TRIES {
            match context.table.transact(writes.clone()).await {
                Ok(()) => {
                    self.version += 1;
                    return Ok(true);
                }
                Err(TableError::ConditionFailed(_) | TableError::Conflict | TableError::Unavailable(_)) => {}
                Err(error) => {
                    tracing::error!(group = self.id.as_str(), %error, "pacing cannot be written down");
                    return Ok(false);
                }
            }
            // Perhaps it was written, and the answer was lost.
            let key = keys::pacing_owner(&self.tenant, &self.id);
            match load::<Ownership>(context.table.as_ref(), &key).await {
                Ok(Some(stored)) if stored.version == self.version => {}
                Ok(Some(stored)) if stored.version == self.version + 1 && stored.value == self.held => {
                    self.version += 1;
                    return Ok(true);
                }
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Does what was decided. What did not work is looked at, or done again, in the next pulse.
    async fn carry_out(&mut self, context: &Context, decisions: Vec<Decision>) {
        let mut decisions = decisions;
        decisions.append(&mut self.unfinished);
        let carrier = carry_out::Carrier {
            context,
            tenant: &self.tenant,
            group: &self.id,
            owner_version: self.version,
        };
        let done = carrier.all(&decisions).await;
        for agent in &done.agents {
            self.known.forget(agent);
        }
        self.agents.extend(done.agents);
        self.calls.extend(done.calls);
        self.unfinished = done.unfinished;
    }

    /// Tells of formulas that had no value. They are asked every second, and told once an hour.
    async fn tell_failures(&mut self, context: &Context) {
        let now = context.now();
        for (work, failure) in self.group.take_failures() {
            if self
                .told
                .get(&work)
                .is_some_and(|told| now < *told + campaigns::TOLD_AGAIN)
            {
                continue;
            }
            tracing::error!(
                group = self.id.as_str(),
                campaign = work.campaign.as_ref().map(domain::id::CampaignId::as_str),
                mode = work.mode.name(),
                failure,
                "a formula had no value; the decision was that of progressive() or credit()"
            );
            if let Some(campaign) = &work.campaign
                && let Err(error) = campaigns::formula_failed(context, &self.tenant, campaign, &failure).await
            {
                tracing::warn!(%error, "that a formula had no value is told when it has none again");
                continue;
            }
            self.told.insert(work, now);
        }
    }
}
