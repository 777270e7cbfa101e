//! The claim: the gate's verdict, the attempt and the person's ledger in one transaction.

use compliance::caps::Ledger;
use compliance::gate::{self, Code, Verdict};
use domain::activity::claim::{Claim, MAX_TAKEOVERS, examine};
use domain::activity::state::State;
use domain::activity::{Activity, Cancel, Parked, Priority, Turn};
use domain::id::{ActivityId, TenantId};
use domain::time::{Millis, Timestamp};
use domain::timer::Timer;
use platform::connector::Repeat;
use platform::table::{Condition, Write};

use super::Outcome;
use super::facts::{Facts, READS};
use crate::commit::{Decision, commit};
use crate::connectors::{self, Ready};
use crate::context::Context;
use crate::dead_letters::{self, DeadReason};
use crate::error::Error;
use crate::history::Pointer;
use crate::rate::{self, Asker};
use crate::store::{Put, Stored, load};
use crate::{activities, campaigns, conversations, keys, measures, pacing, persons, timers};

/// How long a moment that an activity waited for stays its own.
const SLOT_KEPT: Millis = Millis::seconds(2);

/// How long a platform that is too slow for a decision of the gate is left alone with an activity.
const LEFT_ALONE: Millis = Millis::seconds(2);

/// What a claim led to.
pub(super) enum Claimed {
    /// There is nothing to send.
    Over(Outcome),
    /// The activity is held: send it.
    Held(Box<Held>),
}

/// An activity under our lease.
pub(super) struct Held {
    pub(super) activity: Activity,
    /// The version in which it stands with our lease.
    pub(super) version: u64,
    pub(super) ready: Ready,
    /// Since when the attempt can no longer be under way from an earlier holder; none on a first
    /// claim.
    pub(super) taken_over_from: Option<Timestamp>,
}

fn over<T>(outcome: Outcome) -> Decision<Result<T, Outcome>> {
    Decision::nothing(Err(outcome))
}

/// Claims an activity for an attempt, or finds out why not.
pub(super) async fn claim(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    generation: u64,
    holder: &str,
) -> Result<Claimed, Error> {
    let key = keys::activity(tenant, id);
    let held = commit(context, || async {
        let Some(Stored {
            value: activity,
            version,
        }) = load::<Activity>(context.table.as_ref(), &key).await?
        else {
            return Ok(over(Outcome::Void));
        };
        let stored = Stored {
            value: activity,
            version,
        };
        // Our own claim, whose answer was lost.
        if stored
            .value
            .lease
            .as_ref()
            .is_some_and(|lease| lease.holder == holder)
        {
            return held_again(context, stored).await;
        }
        match examine(&stored.value, generation, context.now()) {
            Claim::Void => Ok(over(Outcome::Void)),
            Claim::Early(at) => {
                come_back(context, &stored.value, at).await;
                Ok(over(Outcome::Later))
            }
            Claim::Held(until) => {
                come_back(context, &stored.value, until).await;
                Ok(over(Outcome::Void))
            }
            Claim::TooLate => {
                let expired = stored
                    .value
                    .expire("expired", activities::writing(context, version));
                end(
                    context,
                    Stored {
                        value: expired,
                        version,
                    },
                )
                .await
            }
            Claim::Due => begin(context, stored, holder).await,
            Claim::Abandoned => take_over(context, stored, holder).await,
        }
    })
    .await?;
    Ok(match held {
        Ok(held) => Claimed::Held(Box::new(held)),
        Err(outcome) => Claimed::Over(outcome),
    })
}

/// Sends another message, to arrive at a moment; none where the due index does so.
async fn come_back(context: &Context, activity: &Activity, at: Timestamp) {
    let key = keys::activity(&activity.tenant, &activity.id);
    let timer = activity.timer().map(|timer| (key, Timer { at, ..timer }));
    timers::hand_over_near(context, timer.into_iter().collect()).await;
}

type Claiming = Decision<Result<Held, Outcome>>;

/// Commits the end, or a move, of an activity that the gate does not let pass.
async fn end(context: &Context, stored: Stored<Activity>) -> Result<Claiming, Error> {
    let decision = conversations::carry(context, stored, Vec::new()).await?;
    Ok(decision.map(|_| Err(Outcome::Gated)))
}

async fn connector_of(context: &Context, activity: &Activity) -> Result<Option<Ready>, Error> {
    let plan = &activity.plan;
    connectors::serving(
        context,
        &activity.tenant,
        plan.channel,
        plan.service_identifier.as_deref(),
    )
    .await
}

async fn held_again(context: &Context, stored: Stored<Activity>) -> Result<Claiming, Error> {
    let Some(ready) = connector_of(context, &stored.value).await? else {
        return Ok(over(Outcome::Void));
    };
    let taken_over_from = (stored.value.takeovers > 0).then(|| context.now());
    Ok(Decision::nothing(Ok(Held {
        activity: stored.value,
        version: stored.version,
        ready,
        taken_over_from,
    })))
}

/// The first claim of an attempt: the gate, then an agent where a call needs one, then the connector's rate, then the
/// claim. Where the rate took its time, the gate is asked again: its word holds for a second.
async fn begin(context: &Context, stored: Stored<Activity>, holder: &str) -> Result<Claiming, Error> {
    let Stored {
        value: mut activity,
        version,
    } = stored;
    let Some(ready) = connector_of(context, &activity).await? else {
        return no_connector(
            context,
            Stored {
                value: activity,
                version,
            },
        )
        .await;
    };
    for _ in 0..READS {
        let Some(facts) = Facts::read(context, &activity).await? else {
            continue;
        };
        let decision = facts.decide(&activity, context.now());
        if !matches!(decision.verdict, Verdict::Allow { .. }) {
            let verdict = recorded(&mut activity, decision);
            return turned_away(
                context,
                Stored {
                    value: activity,
                    version,
                },
                &facts,
                verdict,
            )
            .await;
        }
        if let Some((group, agent)) = pacing::waits_for_agent(context, &activity).await? {
            let stored = Stored {
                value: activity,
                version,
            };
            let outcome = Err(Outcome::Waits(group.clone()));
            return pacing::enqueue(context, stored, &group, agent, ready.config.id, outcome).await;
        }
        if !facts.knows_person {
            let named = vec![(activity.plan.to.clone(), activity.plan.customer.clone())];
            persons::learn(context, &activity.tenant, named).await?;
        }
        let turn = turn(context, &activity, &ready).await?;
        if !has_come(turn, context.now()) {
            let waiting = activity.await_turn(turn, context.now());
            return Ok(over(Outcome::Later).and(activities::put(&waiting, version)?));
        }
        let writing = activities::writing(context, version);
        if !facts.still_hold(writing.now) {
            continue;
        }
        // The verdict of the very instant that the claim bears.
        let decision = facts.decide(&activity, writing.now);
        return match recorded(&mut activity, decision) {
            Verdict::Allow { ledger } => {
                measures::gate_verdict("allow");
                let held = activity.begin(holder.to_owned(), ready.via(), writing);
                claimed(Stored { value: held, version }, ready, &facts, ledger)
            }
            verdict => {
                turned_away(
                    context,
                    Stored {
                        value: activity,
                        version,
                    },
                    &facts,
                    verdict,
                )
                .await
            }
        };
    }
    let again = activity.defer_quietly(context.now() + LEFT_ALONE);
    Ok(over(Outcome::HeldUp).and(activities::put(&again, version)?))
}

/// The gate's verdict; its record is kept with the activity.
fn recorded(activity: &mut Activity, decision: gate::Decision) -> Verdict {
    activity.verdict = serde_json::to_value(&decision.record).ok();
    decision.verdict
}

/// The claim that the gate and the rate have allowed.
fn claimed(
    stored: Stored<Activity>,
    ready: Ready,
    facts: &Facts,
    ledger: Option<Ledger>,
) -> Result<Claiming, Error> {
    let Stored {
        value: activity,
        version,
    } = stored;
    let mut claim = Decision::nothing(());
    // The lease's end is found by the sweep: no message is sent for it.
    claim.writes.push(activities::put(&activity, version)?);
    claim.writes.extend(slot_write(&activity, facts, ledger)?);
    Ok(claim.map(|()| {
        Ok(Held {
            activity,
            version: version + 1,
            ready,
            taken_over_from: None,
        })
    }))
}

/// The write of the person's ledger with the contact's slot.
fn slot_write(activity: &Activity, facts: &Facts, ledger: Option<Ledger>) -> Result<Option<Write>, Error> {
    let key = keys::ledger(&activity.tenant, &activity.plan.customer);
    ledger
        .map(|ledger| Put::over(key, &ledger, facts.ledger_version).write())
        .transpose()
}

/// What becomes of an activity that the gate does not let pass now.
async fn turned_away(
    context: &Context,
    stored: Stored<Activity>,
    facts: &Facts,
    verdict: Verdict,
) -> Result<Claiming, Error> {
    let Stored {
        value: activity,
        version,
    } = stored;
    measures::gate_verdict(named(&verdict));
    let writing = activities::writing(context, version);
    let stored = |value: Activity| Stored { value, version };
    match verdict {
        Verdict::Defer { until, reason } => {
            end(context, stored(activity.defer(until, &code(reason), writing))).await
        }
        Verdict::Cancel { .. } => match activity.cancel(facts.cancel_reason(), writing) {
            Cancel::Cancelled(activity) => end(context, stored(*activity)).await,
            Cancel::InFlight(_) | Cancel::TooLate(_) => Ok(over(Outcome::Void)),
        },
        Verdict::Expire { reason } => end(context, stored(activity.expire(&code(reason), writing))).await,
        Verdict::Refuse { reason } => end(context, stored(activity.refuse(&code(reason), writing))).await,
        Verdict::Park | Verdict::Allow { .. } => park(context, stored(activity)).await,
    }
}

/// The name of a verdict in measures.
const fn named(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Allow { .. } => "allow",
        Verdict::Defer { .. } => "defer",
        Verdict::Cancel { .. } => "cancel",
        Verdict::Expire { .. } => "expire",
        Verdict::Refuse { .. } => "refuse",
        Verdict::Park => "park",
    }
}

/// The stable code of a verdict, as it stands on the wire.
fn code(code: Code) -> String {
    serde_json::to_value(code)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// What the connector's rate gives to an activity. A moment that it waited for is kept for a while, so that
/// nobody waits twice; after that it is void, or many late ones would go out at once.
async fn turn(context: &Context, activity: &Activity, ready: &Ready) -> Result<Turn, Error> {
    let now = context.now();
    match activity.turn {
        Some(Turn::Slot(slot)) if now < slot + SLOT_KEPT => Ok(Turn::Slot(slot)),
        turn => {
            let is_urgent = activity.plan.priority == Priority::High || activity.is_released(now);
            let asker = Asker::of(turn, is_urgent, now);
            let rate = ready.config.rate_per_second;
            rate::turn(context, &activity.tenant, &ready.config.id, rate, asker).await
        }
    }
}

/// Whether it may go out now.
fn has_come(turn: Turn, now: Timestamp) -> bool {
    matches!(turn, Turn::Slot(slot) if slot <= now)
}

/// Nobody serves the channel: the activity fails and is listed, so that it can be sent again when
/// the configuration is mended.
async fn no_connector(context: &Context, stored: Stored<Activity>) -> Result<Claiming, Error> {
    let Stored { value, version } = stored;
    let from = value.plan.service_identifier.as_deref();
    let from = from.map_or_else(String::new, |from| format!(" from the service identifier {from}"));
    let detail = format!("no connector serves {}{from}", value.plan.channel);
    let failed = value.fail("no-connector", &detail, activities::writing(context, version));
    let letter = dead_letters::write(context, &failed, DeadReason::NoConnector).await?;
    Ok(end(
        context,
        Stored {
            value: failed,
            version,
        },
    )
    .await?
    .and(letter))
}

/// Takes an activity out of the index until its campaign goes on; the campaign must still be paused
/// when that is written, or a resume could miss it.
async fn park(context: &Context, stored: Stored<Activity>) -> Result<Claiming, Error> {
    let Stored {
        value: activity,
        version,
    } = stored;
    let Some(id) = activity.plan.campaign.clone() else {
        return Ok(over(Outcome::Void));
    };
    let campaign = campaigns::get(context, &activity.tenant, &id).await?;
    if campaign.value.state != domain::campaign::CampaignState::Paused {
        // Seen from a cache that was too old: come again in a moment.
        let again = activity.defer_quietly(context.now() + Millis::seconds(3));
        return Ok(over(Outcome::Gated).and(activities::put(&again, version)?));
    }
    let key = keys::campaign(&activity.tenant, &id);
    let check = Write::Check {
        key,
        condition: Condition::Version(campaign.version),
    };
    let parked = activity.park(Parked::CampaignPaused);
    // Resuming finds it by this pointer, written in the same breath.
    let pointer = keys::parked(&parked.tenant, &id, &parked.id);
    let stands = load::<Pointer>(context.table.as_ref(), &pointer)
        .await?
        .map_or(0, |stored| stored.version);
    let pointer = Put::over(pointer, &Pointer {}, stands).write()?;
    Ok(over(Outcome::Gated)
        .and(activities::put(&parked, version)?)
        .and(pointer)
        .and(check))
}

/// A later claim of an attempt whose holder's lease ended.
async fn take_over(context: &Context, stored: Stored<Activity>, holder: &str) -> Result<Claiming, Error> {
    let Stored {
        value: activity,
        version,
    } = stored;
    let writing = activities::writing(context, version);
    let lost_at = activity.lease.as_ref().map(|lease| lease.until);
    let Some(ready) = connector_of(context, &activity).await? else {
        return unknown(context, activity, version, "no-connector").await;
    };
    if activity.takeovers >= MAX_TAKEOVERS {
        return unknown(context, activity, version, "too-many-takeovers").await;
    }
    if !activity.went(&ready.via()) {
        // Who serves now does not know what another was asked.
        return unknown(context, activity, version, "connector-changed").await;
    }
    if activity.is_release_over(writing.now) {
        // The agents are others by now: nobody would be there for an answer.
        return unknown(context, activity, version, "release-over").await;
    }
    match ready.connector.repeat() {
        Repeat::Never => unknown(context, activity, version, "lease-lost").await,
        Repeat::AfterEnquiry { .. } => taken(activity, version, writing, holder, ready, lost_at),
        // A repetition is a contact: it needs the gate's word like the first time.
        Repeat::WithSameKey => {
            let Some(facts) = Facts::read(context, &activity).await? else {
                return Err(Error::Busy {
                    retry_after: LEFT_ALONE,
                });
            };
            match facts.decide(&activity, writing.now).verdict {
                Verdict::Allow { ledger } if !activity.stopping => {
                    let slot = slot_write(&activity, &facts, ledger)?;
                    let taken = taken(activity, version, writing, holder, ready, lost_at)?;
                    Ok(slot.into_iter().fold(taken, Decision::and))
                }
                _ => unknown(context, activity, version, "gate-closed").await,
            }
        }
    }
}

fn taken(
    activity: Activity,
    version: u64,
    writing: domain::activity::Writing,
    holder: &str,
    ready: Ready,
    taken_over_from: Option<Timestamp>,
) -> Result<Claiming, Error> {
    let activity = activity.take_over(holder.to_owned(), writing);
    let write = activities::put(&activity, version)?;
    Ok(Decision::one(
        write,
        Ok(Held {
            activity,
            version: version + 1,
            ready,
            taken_over_from,
        }),
    ))
}

/// Nobody can tell whether the attempt was made: it is shown and listed.
async fn unknown(context: &Context, activity: Activity, version: u64, code: &str) -> Result<Claiming, Error> {
    let detail = "the worker that held it did not report; the provider may have taken it".to_owned();
    let unknown = activity.unknown(code.to_owned(), detail, activities::writing(context, version));
    let letter = dead_letters::write(context, &unknown, DeadReason::Unknown).await?;
    let decision = conversations::carry(
        context,
        Stored {
            value: unknown,
            version,
        },
        Vec::new(),
    )
    .await?;
    Ok(decision
        .and(letter)
        .map(|_| Err(Outcome::Attempted(State::Unknown))))
}
