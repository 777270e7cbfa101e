//! Conversations: what happens to an activity, outside, or with time, moves the flow on.
//!
//! The step is part of the transaction that writes its cause: a receipt and the move that it leads
//! to are committed together, or neither is.

use std::collections::{BTreeMap, BTreeSet};

use domain::activity::event::{ActivityEvent, Happening};
use domain::activity::state::State;
use domain::activity::{Activity, Cancel, CancelReason, FlowStep, Plan, Priority};
use domain::channel::Channel;
use domain::id::{CampaignId, ConversationId, TenantId};
use domain::time::Timestamp;
use domain::timer::{Timer, TimerKind};
use flows::conversation::event::StopOutcome;
use flows::{Conversation, Effect, Event, Schedule};
use platform::table::{Condition, Item, Write};

use crate::activities;
use crate::campaigns::{self, Standing};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::expected::{Expected, expect_version};
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::receipts::{self, About, Arrival, Returned, WrapUpCode};
use crate::store::{Put, Stored, decode, load};

/// A conversation's entry in the due index. The visit is its generation: timers of earlier visits
/// are void.
pub(crate) fn timer(conversation: &Conversation) -> Option<Timer> {
    let at = conversation.wake.filter(|_| conversation.is_running())?;
    Some(Timer {
        at,
        kind: TimerKind::Conversation,
        generation: u64::from(conversation.visit),
    })
}

/// The write of a conversation in a new version.
pub(crate) fn put(conversation: &Conversation, version_before: u64) -> Result<Write, Error> {
    let version = version_before + 1;
    Put::over(
        keys::conversation(&conversation.tenant, &conversation.id),
        conversation,
        version_before,
    )
    .due(timer(conversation))
    .announced(conversation.log.added_by(version).next().is_some())
    .write()
}

/// Looks for a conversation: its campaign's pointer stands before it does.
pub(crate) async fn find(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
) -> Result<Option<Stored<Conversation>>, Error> {
    load(context.table.as_ref(), &keys::conversation(tenant, id)).await
}

/// Reads one conversation.
pub async fn get(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
) -> Result<Stored<Conversation>, Error> {
    find(context, tenant, id)
        .await?
        .ok_or_else(|| Error::not_found("conversation", id))
}

/// One page of a campaign's conversations.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    campaign: &CampaignId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<Conversation>>, Error> {
    let target = |item: &Item| {
        let id = ConversationId::parse(&item.key.sort)
            .map_err(|error| Error::Corrupt(format!("{:?}: {error}", item.key)))?;
        Ok(Some(keys::conversation(tenant, &id)))
    };
    Shards::many(|shard| keys::campaign_conversations(tenant, campaign, shard))
        .followed(context, cursor, limit, target)
        .await?
        .try_map(|item| decode(&item))
}

/// The decision to write a changed activity, and to move the conversation whose step it is.
/// `stored` holds the changed activity and the version in which it was read; `further` are events
/// for the conversation that the activity's log does not hold. They come first: what ends it must not be overtaken by
/// the next step after a failure.
pub(crate) async fn carry(
    context: &Context,
    stored: Stored<Activity>,
    further: Vec<Event>,
) -> Result<Decision<Stored<Activity>>, Error> {
    let Stored {
        value: activity,
        version,
    } = stored;
    let mut writes = vec![activities::put(&activity, version)?];
    if let Some(step) = &activity.plan.step {
        let told = activity.log.added_by(version + 1);
        let told = told.filter_map(|(_, event)| notable(&activity, step, event));
        let events: Vec<Event> = further.into_iter().chain(told).collect();
        if !events.is_empty() {
            writes.extend(
                advance(
                    context,
                    &activity.tenant,
                    &step.conversation,
                    &events,
                    Some(&activity),
                )
                .await?,
            );
        }
    }
    let mut decision = Decision::nothing(Stored {
        value: activity,
        version: version + 1,
    });
    writes.into_iter().for_each(|write| decision.push(write));
    Ok(decision)
}

/// What a conversation is told of an activity's event. Answers come as [`Event::Reply`].
fn notable(activity: &Activity, step: &FlowStep, event: &ActivityEvent) -> Option<Event> {
    let state = match event.happening {
        Happening::WrappedUp => {
            return Some(Event::WrapUp {
                activity: Some(activity.id.clone()),
                code: event.reason.clone()?,
                at: event.at,
            });
        }
        Happening::Sent => State::Sent,
        Happening::Failed => State::Failed,
        Happening::Refused => State::Refused,
        Happening::Expired => State::Expired,
        Happening::Cancelled => State::Cancelled,
        Happening::Unknown => State::Unknown,
        Happening::Delivered => State::Delivered,
        Happening::Connected => State::Connected,
        Happening::Read => State::Read,
        Happening::Scheduled
        | Happening::Rescheduled
        | Happening::Deferred
        | Happening::AttemptFailed
        | Happening::Redriven
        | Happening::Response => return None,
    };
    Some(Event::ActivityChanged {
        activity: activity.id.clone(),
        visit: step.visit,
        state,
        reason: event.reason.clone(),
        at: event.at,
    })
}

/// The writes that events lead to: the conversation, what it schedules, what it cancels.
/// `cause` is an activity that the same transaction writes already.
async fn advance(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
    events: &[Event],
    cause: Option<&Activity>,
) -> Result<Vec<Write>, Error> {
    let Stored { value, version } = get(context, tenant, id).await?;
    let advanced = advanced(context, value.clone(), version, events).await?;
    if advanced.conversation == value {
        return Ok(Vec::new());
    }
    advanced.writes(context, version, cause).await
}

/// A conversation after events.
struct Advanced {
    conversation: Conversation,
    effects: Vec<Effect>,
    /// Of what its events were held for, if they were.
    paused: Option<Write>,
}

impl Advanced {
    async fn writes(
        self,
        context: &Context,
        version_before: u64,
        cause: Option<&Activity>,
    ) -> Result<Vec<Write>, Error> {
        let mut writes = writes_of(context, &self.conversation, version_before, self.effects, cause).await?;
        writes.extend(self.paused);
        Ok(writes)
    }
}

/// The condition that a campaign is still as it was when it was found paused. Resuming walks over all
/// conversations, and must not miss what was held or parked behind its back.
fn still_paused(conversation: &Conversation, campaign_version: u64) -> Write {
    Write::Check {
        key: keys::campaign(&conversation.tenant, &conversation.campaign),
        condition: Condition::Version(campaign_version),
    }
}

/// What a conversation's campaign lets it do, and the version in which the campaign stands.
async fn standing(context: &Context, conversation: &Conversation) -> Result<(Standing, u64), Error> {
    let walked = Some(conversation.campaign_version);
    let campaign = campaigns::surely(context, &conversation.tenant, &conversation.campaign, walked).await?;
    Ok(campaign.map_or((Standing::Over, 0), |stored| {
        (stored.value.standing(walked), stored.version)
    }))
}

/// The conversation after the events, and what it asks for. While its campaign is paused, events
/// are only held.
async fn advanced(
    context: &Context,
    mut conversation: Conversation,
    version: u64,
    events: &[Event],
) -> Result<Advanced, Error> {
    let (standing, campaign_version) = standing(context, &conversation).await?;
    let paused = (standing == Standing::Paused && conversation.is_running())
        .then(|| still_paused(&conversation, campaign_version));
    let (tenant, campaign) = (&conversation.tenant, &conversation.campaign);
    let flow = campaigns::flow(context, tenant, campaign, conversation.campaign_version).await?;
    let (now, version) = (context.now(), version + 1);
    let mut effects = Vec::new();
    if standing == Standing::Running && !conversation.held.is_empty() {
        // What was missed during the pause came before what happens now.
        let step = flows::release(&flow, conversation, now, version).map_err(refused)?;
        effects.extend(step.effects);
        conversation = step.conversation;
    }
    let over = standing == Standing::Over && conversation.is_running();
    // What ends begins nothing any more: the stop comes first, what happened since is only noted.
    let stop = over.then_some(Event::Stopped {
        outcome: StopOutcome::Stopped,
    });
    for event in stop.iter().chain(events) {
        let take_in = match standing {
            Standing::Paused => flows::hold,
            Standing::Running | Standing::Over => flows::step,
        };
        let step = take_in(&flow, conversation, event, now, version).map_err(refused)?;
        effects.extend(step.effects);
        conversation = step.conversation;
    }
    Ok(Advanced {
        conversation,
        effects,
        paused,
    })
}

/// What the one who sent an event is told when it is refused.
fn refused(error: flows::StepError) -> Error {
    use flows::StepError as E;
    match &error {
        E::UnknownVariable(name) | E::Type { variable: name, .. } => {
            Error::field(format!("/values/{name}"), error)
        }
        E::UnknownExpected(name) => Error::field(format!("/expected/{name}"), error),
        E::TooLarge => Error::field("/values", error),
        E::Conflict { .. } => Error::conflict("data-version", error),
        E::Ended => Error::conflict("conversation-ended", error),
        E::WrongFlow(_) => Error::Corrupt(error.to_string()),
    }
}

/// The writes of a conversation and of the effects of its step.
pub(crate) async fn writes_of(
    context: &Context,
    conversation: &Conversation,
    version_before: u64,
    effects: Vec<Effect>,
    cause: Option<&Activity>,
) -> Result<Vec<Write>, Error> {
    let mut writes = vec![put(conversation, version_before)?];
    // A node may cancel what the end of the conversation cancels, too.
    let mut cancelled = BTreeSet::new();
    for effect in without_passing(effects) {
        match effect {
            Effect::Schedule(schedule) => writes.push(scheduled(context, conversation, schedule)?),
            Effect::Cancel { activity } if cause.is_some_and(|cause| cause.id == activity) => {}
            Effect::Cancel { activity } if !cancelled.insert(activity.clone()) => {}
            Effect::Cancel { activity } => {
                let Some(stored) = load::<Activity>(
                    context.table.as_ref(),
                    &keys::activity(&conversation.tenant, &activity),
                )
                .await?
                else {
                    continue;
                };
                let writing = activities::writing(context, stored.version);
                match stored.value.cancel(CancelReason::ConversationEnded, writing) {
                    Cancel::Cancelled(activity) | Cancel::InFlight(activity) => {
                        writes.push(activities::put(&activity, stored.version)?);
                    }
                    Cancel::TooLate(_) => {}
                }
            }
        }
    }
    Ok(writes)
}

/// The effects without what is scheduled and then cancelled, when one decision takes in several events: it never was.
fn without_passing(effects: Vec<Effect>) -> Vec<Effect> {
    let mut cancelled = BTreeSet::new();
    let mut kept: Vec<Effect> = effects
        .into_iter()
        .rev()
        .filter(|effect| match effect {
            Effect::Cancel { activity } => {
                cancelled.insert(activity.clone());
                true
            }
            Effect::Schedule(schedule) => !cancelled.contains(&schedule.activity_id()),
        })
        .collect();
    kept.reverse();
    kept
}

/// The write of an activity that a flow schedules.
fn scheduled(context: &Context, conversation: &Conversation, schedule: Schedule) -> Result<Write, Error> {
    let id = schedule.activity_id();
    let plan = Plan {
        channel: schedule.channel,
        to: schedule.to,
        service_identifier: schedule.service_identifier,
        customer: conversation.customer.clone(),
        campaign: Some(conversation.campaign.clone()),
        step: Some(FlowStep {
            conversation: conversation.id.clone(),
            visit: schedule.visit,
            campaign_version: conversation.campaign_version,
            contact_zone: conversation.contact_zone,
        }),
        due_at: schedule.due_at,
        expires_at: schedule.expires_at,
        message: schedule.body,
        dialing: schedule.dialing,
        assign_to: None,
        priority: match schedule.priority {
            flows::Priority::High => Priority::High,
            flows::Priority::Normal => Priority::Normal,
        },
        callback_url: None,
        metadata: schedule.metadata,
    };
    let writing = activities::writing(context, 0);
    let activity = Activity::schedule(id, conversation.tenant.clone(), plan, None, writing);
    activities::put(&activity.traced(context.trace.clone()), 0)
}

/// A conversation's timer came due.
pub async fn timer_due(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
    generation: u64,
) -> Result<(), Error> {
    commit(context, || async {
        let Some(Stored { value, version }) = find(context, tenant, id).await? else {
            return Ok(Decision::nothing(()));
        };
        let Some(timer) = timer(&value).filter(|timer| timer.generation == generation) else {
            return Ok(Decision::nothing(()));
        };
        if timer.at > context.now() {
            let key = keys::conversation(tenant, id);
            crate::timers::hand_over_near(context, vec![(key, timer)]).await;
            return Ok(Decision::nothing(()));
        }
        if let (Standing::Paused, campaign_version) = standing(context, &value).await? {
            // Out of the due index until the campaign goes on.
            let key = keys::conversation(tenant, id);
            let parked = Put::over(key, &value, version).write()?;
            return Ok(Decision::one(parked, ()).and(still_paused(&value, campaign_version)));
        }
        let event = Event::Timer { visit: value.visit };
        let mut decision = Decision::nothing(());
        let advanced = advanced(context, value, version, &[event]).await?;
        for write in advanced.writes(context, version, None).await? {
            decision.push(write);
        }
        Ok(decision)
    })
    .await
}

/// Lets a conversation act on what it missed while its campaign was paused.
pub(crate) async fn release(context: &Context, tenant: &TenantId, id: &ConversationId) -> Result<(), Error> {
    commit(context, || async {
        let Some(Stored { value, version }) = find(context, tenant, id).await? else {
            return Ok(Decision::nothing(()));
        };
        let missed = !value.held.is_empty() || value.wake.is_some();
        if !value.is_running() || !missed {
            return Ok(Decision::nothing(()));
        }
        let flow = campaigns::flow(context, tenant, &value.campaign, value.campaign_version).await?;
        let step = flows::release(&flow, value, context.now(), version + 1).map_err(refused)?;
        let mut decision = Decision::nothing(());
        for write in writes_of(context, &step.conversation, version, step.effects, None).await? {
            decision.push(write);
        }
        Ok(decision)
    })
    .await
}

/// Ends a conversation from outside.
pub async fn stop(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
    outcome: StopOutcome,
) -> Result<(), Error> {
    happen(context, tenant, id, None, vec![Event::Stopped { outcome }])
        .await
        .map(|_| ())
}

/// Something happened outside that the flow may wait for.
pub async fn external_event(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
    name: String,
    data: serde_json::Value,
    at: Timestamp,
) -> Result<Stored<Conversation>, Error> {
    if name == WRAP_UP {
        return wrap_up(context, tenant, id, &data, at).await;
    }
    happen(
        context,
        tenant,
        id,
        None,
        vec![Event::External { name, data, at }],
    )
    .await
}

/// The event by which an agent's desktop hands in a wrap-up code: `{code}`, and `activityId` where
/// another call than the latest is meant.
const WRAP_UP: &str = "WRAPUP";

/// An agent closed a call of the conversation.
async fn wrap_up(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
    data: &serde_json::Value,
    at: Timestamp,
) -> Result<Stored<Conversation>, Error> {
    let text = |field: &str| data.get(field).and_then(serde_json::Value::as_str);
    let code = text("code").and_then(WrapUpCode::parse);
    let code = code.ok_or_else(|| Error::field("/data/code", "is missing: the wrap-up code"))?;
    let conversation = get(context, tenant, id).await?.value;
    let mut calls = conversation
        .messages
        .iter()
        .rev()
        .filter(|facts| facts.channel == Channel::Voice);
    let named = text("activityId");
    let call = calls.find(|facts| named.is_none_or(|named| facts.activity.as_str() == named));
    let call = call.ok_or_else(|| Error::field("/data", "the conversation has made no such call"))?;
    let arrival = Arrival {
        about: About::Activity {
            id: call.activity.clone(),
            attempt: None,
        },
        returned: Returned::WrapUp { code },
        at,
    };
    receipts::take_in(context, tenant, arrival).await?;
    get(context, tenant, id).await
}

/// Somebody outside sets conversation data. `expected` are the versions of values that the caller has
/// seen, `seen` that of the whole conversation.
pub async fn set_data(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
    values: BTreeMap<String, serde_json::Value>,
    expected: BTreeMap<String, u64>,
    seen: Option<Expected>,
) -> Result<Stored<Conversation>, Error> {
    happen(
        context,
        tenant,
        id,
        seen,
        vec![Event::DataSet { values, expected }],
    )
    .await
}

async fn happen(
    context: &Context,
    tenant: &TenantId,
    id: &ConversationId,
    seen: Option<Expected>,
    events: Vec<Event>,
) -> Result<Stored<Conversation>, Error> {
    commit(context, || async {
        let Stored { value, version } = get(context, tenant, id).await?;
        expect_version(seen, version)?;
        let advanced = advanced(context, value.clone(), version, &events).await?;
        if advanced.conversation == value {
            return Ok(Decision::nothing(Stored { value, version }));
        }
        let after = advanced.conversation.clone();
        let writes = advanced.writes(context, version, None).await?;
        let mut decision = Decision::nothing(Stored {
            value: after,
            version: version + 1,
        });
        writes.into_iter().for_each(|write| decision.push(write));
        Ok(decision)
    })
    .await
}
