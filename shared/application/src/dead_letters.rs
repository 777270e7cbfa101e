//! Dead letters: activities that need a person. Listed from the table, sent again on request.

use domain::activity::Activity;
use domain::id::{ActivityId, TenantId};
use domain::time::Timestamp;
use platform::connector::Repeat;
use platform::table::{Condition, Write};
use serde::{Deserialize, Serialize};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};
use crate::{activities, connectors, conversations, keys};

/// Why an activity needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeadReason {
    /// Nobody can tell whether the provider took it.
    Unknown,
    /// No connector serves its channel.
    NoConnector,
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The activity.
    pub activity_id: ActivityId,
    /// Why.
    pub reason: DeadReason,
    /// Since when.
    pub since: Timestamp,
}

/// The write that lists an activity.
pub(crate) async fn write(
    context: &Context,
    activity: &Activity,
    reason: DeadReason,
) -> Result<Write, Error> {
    let key = keys::dead_letter(&activity.tenant, &activity.id);
    let version = load::<DeadLetter>(context.table.as_ref(), &key)
        .await?
        .map_or(0, |stored| stored.version);
    let letter = DeadLetter {
        activity_id: activity.id.clone(),
        reason,
        since: context.now(),
    };
    Put::over(key, &letter, version).write()
}

/// One page of the dead letters.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<DeadLetter>, Error> {
    let page = Shards::one(keys::dead_letters(tenant))
        .values::<DeadLetter>(context, cursor, limit)
        .await?;
    Ok(page.map(|stored| stored.value))
}

/// Sends a dead letter's activity again. Where the provider honours idempotency keys the attempt is
/// repeated; elsewhere it is a new one, and the caller has decided that it may reach the customer
/// twice.
pub async fn redrive(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
) -> Result<Stored<Activity>, Error> {
    commit(context, || async {
        let key = keys::dead_letter(tenant, id);
        let Some(letter) = load::<DeadLetter>(context.table.as_ref(), &key).await? else {
            return Err(Error::not_found("dead letter", id));
        };
        let Stored { value, version } = activities::get(context, tenant, id).await?;
        let plan = &value.plan;
        let ready =
            connectors::serving(context, tenant, plan.channel, plan.service_identifier.as_deref()).await?;
        let same_attempt = ready
            .is_some_and(|ready| ready.connector.repeat() == Repeat::WithSameKey && value.went(&ready.via()));
        let delete = Write::Delete {
            key,
            condition: Condition::Version(letter.version),
        };
        match value
            .clone()
            .redrive(same_attempt, activities::writing(context, version))
        {
            Ok(again) => {
                let decision = conversations::carry(
                    context,
                    Stored {
                        value: again,
                        version,
                    },
                    Vec::new(),
                )
                .await?;
                Ok(decision.and(delete))
            }
            // A late receipt has answered the question: nothing needs to be sent.
            Err(_) => Ok(Decision::one(delete, Stored { value, version })),
        }
    })
    .await
}
