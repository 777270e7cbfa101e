//! Pacing: paced calls wait until their skill group has agents for them.
//!
//! ```text
//! due call -> gate -> waits (a pointer in the group's queue) -> released by the group's owner -> gate, claim, connector
//! ```
//!
//! A group has one **owner** at a time: a lease in the table with an epoch that fences every write. The owner
//! gathers what happened, asks [`pacing::group::Group`] what to do, writes both down in the group's log, and
//! only then does it: seizes and reserves agents, shows contacts, releases calls. What it knows is rebuilt
//! from the last snapshot and the log behind it; agents and calls on their way are looked at anew. A release
//! is a conditional write of the activity: whoever owns the group, no call is started twice.
//!
//! Calls whose skill group is not paced here are started when they are due: their dialer paces them.

mod carry_out;
mod log;
mod mail;
mod offers;
mod owner;
mod sight;
mod terms;
mod waiting;

pub use log::{Audit, Entry, audit, view};
pub(crate) use mail::call_changed;
pub use mail::{InboundReport, agents_changed, inbound};
pub use offers::answer;
pub(crate) use owner::begin;
pub use owner::{Occasion, Owner, PULSE, Pulsed};
pub use terms::{Budget, CampaignPacing, GroupPacing, Over};
pub(crate) use waiting::{any as any_waiting, enqueue, waits_for_agent};

use domain::id::{SkillGroupId, TenantId};
use domain::time::Millis;
use domain::timer::{Timer, TimerKind};
use platform::queues::{OutgoingMessage, QueueName};

use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::timers::TimerMessage;

/// What tells a waking from the group's own timer.
const WOKEN: u64 = 1;

/// Asks that somebody paces a group: at once, or with others in a moment. If that is lost, the group's own timer does
/// it later.
pub(crate) async fn wake(context: &Context, tenant: &TenantId, group: &SkillGroupId) {
    if let Some(delay) = context.caches.woken.next(tenant, group, context.now()) {
        call_owner(context, tenant, group, delay).await;
    }
}

/// Sends the message by which a group finds an owner, if it has none then.
async fn call_owner(context: &Context, tenant: &TenantId, group: &SkillGroupId, delay: Millis) {
    let key = keys::pacing_owner(tenant, group);
    let message = OutgoingMessage {
        body: TimerMessage::new(&key, WOKEN).encode(),
        delay,
        group: tenant.to_string(),
    };
    if let Err(error) = context.queues.send(QueueName::Pacing, vec![message]).await {
        tracing::warn!(%error, %group, "the pacing of a group was not woken; its timer will");
    }
}

/// Takes the group of a message whose pacing nobody has in hand; none if somebody has.
///
/// # Errors
/// If the table does not answer.
pub async fn due(context: &Context, message: &TimerMessage) -> Result<Option<Owner>, Error> {
    let occasion = if message.generation == WOKEN {
        Occasion::Woken
    } else {
        Occasion::Timer
    };
    match keys::parse_pacing_owner(&message.key()) {
        Some((tenant, group)) => Owner::take(context, &tenant, &group, occasion).await,
        None => {
            tracing::warn!(
                partition = message.key().partition,
                "a message names no skill group"
            );
            Ok(None)
        }
    }
}

/// The timer by which a group is looked at again.
const fn timer(at: domain::time::Timestamp) -> Timer {
    Timer {
        at,
        kind: TimerKind::Pacing,
        generation: 0,
    }
}
