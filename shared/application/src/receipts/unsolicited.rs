//! A customer's message that quotes none of ours.

use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{CustomerId, MessageId, TenantId};
use domain::time::{Millis, Timestamp};
use platform::table::{Consistency, Key, Write};
use serde::{Deserialize, Serialize};

use super::folding::{Answered, Words, fold_response};
use super::{About, Arrival, Outcome, Returned, unquoted};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::store::Put;
use crate::{activities, keys, opt_out, persons};

/// For how long a provider may tell the same message again.
const TOLD_AGAIN_FOR: Millis = Millis::hours(7 * 24);

/// A customer's message that quotes none of ours: the answer to the latest that they got, or a message of their own.
/// Told again, it may not become the answer to what was sent in between: that it came is written with what it did.
pub(super) async fn unquoted_message(
    context: &Context,
    tenant: &TenantId,
    arrival: &Arrival,
) -> Result<Outcome, Error> {
    let Returned::Message {
        id,
        channel,
        from: Some(from),
        body,
    } = &arrival.returned
    else {
        return Err(Error::field(
            "/header/channelData/channelCustomerIdentifier",
            "is missing",
        ));
    };
    let seen = keys::unquoted(tenant, from, id);
    if context.table.get(&seen, Consistency::Strong).await?.is_some() {
        return Ok(Outcome::Repeated);
    }
    let persons = persons::of(context, tenant, from).await?;
    if arrival.about == About::Nothing {
        let answer = unquoted::Answer {
            from,
            channel: *channel,
            at: arrival.at,
        };
        let words = Words {
            id,
            from: Some(from),
            body,
            at: arrival.at,
        };
        let unquoted = Unquoted {
            seen: &seen,
            persons: &persons,
        };
        if let Some(activity) = unquoted::about(context, tenant, &persons, &answer).await?
            && let Answered::Taken(outcome) =
                fold_response(context, tenant, &activity, words, Some(unquoted)).await?
        {
            return Ok(outcome);
        }
    }
    let by_address = || activities::customer_of(tenant, from);
    let message = UnsolicitedMessage {
        id: id.clone(),
        customer: persons.first().cloned().unwrap_or_else(by_address),
        from: Some(from.clone()),
        channel: *channel,
        at: arrival.at,
        body: body.clone(),
    };
    unsolicited(context, tenant, from, &persons, &message, &seen).await
}

/// A message of the customer's own. An opt-out word is honoured all the same.
async fn unsolicited(
    context: &Context,
    tenant: &TenantId,
    from: &Address,
    persons: &[CustomerId],
    message: &UnsolicitedMessage,
    seen: &Key,
) -> Result<Outcome, Error> {
    let sort = MessageId::derive(message.at, &[&message.id]);
    let key = keys::history_entry(tenant, &message.customer, sort.as_str());
    commit(context, || async {
        if context.table.get(seen, Consistency::Strong).await?.is_some() {
            return Ok(Decision::nothing(Outcome::Repeated));
        }
        let mut decision = Decision::nothing(Outcome::Unsolicited);
        decision.push(Put::new(key.clone(), message).announced(true).write()?);
        decision.push(saw(seen.clone(), context.now())?);
        if let Some(word) = opt_out::word(&message.body) {
            let bars = opt_out::writes(context, tenant, from, persons, &word).await?;
            bars.into_iter().for_each(|write| decision.push(write));
        }
        Ok(decision)
    })
    .await
}

/// An answer that quotes nothing.
#[derive(Clone, Copy)]
pub(super) struct Unquoted<'a> {
    /// Where it is written that it came.
    pub(super) seen: &'a Key,
    /// Who may have written it: an opt-out word bars them all.
    pub(super) persons: &'a [CustomerId],
}

/// The write by which a message that quoted nothing is known again.
pub(super) fn saw(key: Key, now: Timestamp) -> Result<Write, Error> {
    Put::new(key, &Seen {}).expires(now + TOLD_AGAIN_FOR).write()
}

#[derive(Serialize, Deserialize)]
struct Seen {}

/// A customer's message that answers none of ours, in the customer's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnsolicitedMessage {
    /// Its id.
    pub id: String,
    /// From whom.
    pub customer: CustomerId,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Address>,
    /// By which channel, if known.
    pub channel: Option<Channel>,
    /// When.
    pub at: Timestamp,
    /// The content.
    pub body: Body,
}
