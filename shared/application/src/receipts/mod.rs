//! What comes back: delivery receipts and customers' answers, folded into the activity together with
//! the step of its conversation, in one transaction.

mod folding;
mod orphans;
mod unquoted;
mod unsolicited;

pub(crate) use orphans::orphan_due;

pub use folding::{MAX_RESPONSES, StoredResponse};
pub use orphans::{ORPHAN_LISTED_FOR, ORPHAN_MATCHED_FOR, Orphan, orphans};
pub use unsolicited::UnsolicitedMessage;

use domain::activity::Plan;
use domain::activity::receipt::DeliveryStatus;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, ConnectorId, TenantId};
use domain::time::Timestamp;
use domain::voice::{ANSWERED_ALONE, Dialing};
use platform::connector::{Inbound, ReplyTarget};
use serde::{Deserialize, Serialize};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::store::load;
use crate::{keys, opt_out, persons};
use folding::{Answered, Words, fold_receipt, fold_response, fold_wrap_up};
use orphans::store_orphan;
use unsolicited::unquoted_message;

/// Which message something is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum About {
    /// One of ours, by its id: the activity's.
    Activity {
        /// Which.
        id: ActivityId,
        /// Which attempt, if it says so.
        attempt: Option<u32>,
    },
    /// The provider's id of one of ours.
    ProviderMessage {
        /// Whose.
        connector: ConnectorId,
        /// The id.
        id: String,
    },
    /// One that is none of ours.
    Another,
    /// It does not say: the latest that the customer got, or none.
    Nothing,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// A delivery receipt.
    Receipt(Receipt),
    /// A customer's message.
    Message {
        /// Its id: repeats carry the same.
        id: String,
        /// By which channel, if known.
        channel: Option<Channel>,
        /// From which address, if known.
        from: Option<Address>,
        /// The content.
        body: Body,
    },
    /// What an agent said of a call at its end.
    WrapUp {
        /// The wrap-up code.
        code: WrapUpCode,
    },
}

/// A delivery receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// What happened.
    pub status: DeliveryStatus,
    /// The provider's reason code.
    pub reason: Option<String>,
    /// Whether it failed because the recipient has told the provider that they want no more.
    #[serde(default)]
    pub opted_out: bool,
}

impl Receipt {
    /// What it says of a message or call that was planned so.
    fn of(&self, plan: &Plan) -> Self {
        if self.reason.as_deref() != Some(ANSWERED_ALONE) {
            return self.clone();
        }
        let dialing = plan.dialing.as_ref().unwrap_or(&Dialing::Ivr);
        let result = dialing.of_answered_alone();
        Self {
            status: result.status(),
            reason: Some(result.reason_code().to_owned()),
            opted_out: self.opted_out,
        }
    }
}

/// An agent's wrap-up code: 1 to 64 bytes, without blanks at its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrapUpCode(String);

impl WrapUpCode {
    /// Checks a code.
    pub fn parse(text: &str) -> Option<Self> {
        let code = text.trim();
        (1..=flows::MAX_REASON_BYTES)
            .contains(&code.len())
            .then(|| Self(code.to_owned()))
    }
}

/// A receipt or message, and what it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    /// What it is about.
    pub about: About,
    /// What came.
    pub returned: Returned,
    /// When it happened, by the sender's clock, never after now.
    pub at: Timestamp,
}

impl Arrival {
    /// A message that quotes what was only planned, and answers nothing: the customer's own. Where it does not say from
    /// whom it is, it is from whom that was planned for.
    fn of_whom_it_was_planned_for(&self, plan: &Plan) -> Self {
        let mut own = self.clone();
        own.about = About::Another;
        if let Returned::Message { channel, from, .. } = &mut own.returned
            && from.is_none()
        {
            *from = Some(plan.to.clone());
            *channel = Some(plan.channel);
        }
        own
    }
}

/// What became of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It changed an activity.
    Folded,
    /// It told nothing new.
    Repeated,
    /// Nothing of ours is known by that name; it is kept and matched again.
    Orphaned,
    /// A customer's message that answers nothing: kept in the customer's history.
    Unsolicited,
}

/// Takes in what a provider's callback reported.
pub async fn take_in_callback(
    context: &Context,
    tenant: &TenantId,
    connector: &ConnectorId,
    inbound: Inbound,
) -> Result<Outcome, Error> {
    let now = context.now();
    let by_provider = |id: String| About::ProviderMessage {
        connector: connector.clone(),
        id,
    };
    let arrival = match inbound {
        Inbound::Receipt {
            echo,
            provider_message_id,
            status,
            reason_code,
            opted_out,
            at,
        } => Arrival {
            about: match (echo.filter(|echo| echo.tenant == *tenant), provider_message_id) {
                (Some(echo), _) => About::Activity {
                    id: echo.activity,
                    attempt: Some(echo.attempt),
                },
                (None, Some(id)) => by_provider(id),
                (None, None) => return Err(Error::field("", "names no message")),
            },
            returned: Returned::Receipt(Receipt {
                status,
                reason: reason_code,
                opted_out,
            }),
            at: at.map_or(now, |at| at.min(now)),
        },
        Inbound::Reply {
            id,
            in_reply_to,
            channel,
            from,
            body,
            at,
        } => Arrival {
            about: match in_reply_to {
                Some(ReplyTarget::Echo(echo)) if echo.tenant == *tenant => About::Activity {
                    id: echo.activity,
                    attempt: None,
                },
                Some(ReplyTarget::ProviderMessage(id)) => by_provider(id),
                Some(ReplyTarget::Echo(_)) => About::Another,
                None => About::Nothing,
            },
            returned: Returned::Message {
                id,
                channel: Some(channel),
                from,
                body,
            },
            at: at.map_or(now, |at| at.min(now)),
        },
    };
    take_in(context, tenant, arrival).await
}

/// Takes in a receipt or a customer's message.
pub async fn take_in(context: &Context, tenant: &TenantId, arrival: Arrival) -> Result<Outcome, Error> {
    if matches!(arrival.about, About::Another | About::Nothing) {
        return unquoted_message(context, tenant, &arrival).await;
    }
    if let Some(outcome) = match_up(context, tenant, &arrival).await? {
        return Ok(outcome);
    }
    bar_at_once(context, tenant, &arrival).await?;
    // Written first, looked up again after: whoever writes the activity's pointer does the same the
    // other way round, so one of the two finds the other.
    store_orphan(context, tenant, &arrival).await?;
    Ok(Outcome::Orphaned)
}

/// An opt-out is honoured though nobody knows yet which message it answers.
async fn bar_at_once(context: &Context, tenant: &TenantId, arrival: &Arrival) -> Result<(), Error> {
    let Returned::Message {
        from: Some(from),
        body,
        ..
    } = &arrival.returned
    else {
        return Ok(());
    };
    let Some(word) = opt_out::word(body) else {
        return Ok(());
    };
    commit(context, || async {
        let mut decision = Decision::nothing(());
        let persons = persons::of(context, tenant, from).await?;
        let bars = opt_out::writes(context, tenant, from, &persons, &word).await?;
        bars.into_iter().for_each(|write| decision.push(write));
        Ok(decision)
    })
    .await
}

/// Folds an arrival into its activity; `None` when there is no such activity.
async fn match_up(context: &Context, tenant: &TenantId, arrival: &Arrival) -> Result<Option<Outcome>, Error> {
    let Some((activity, attempt)) = find(context, tenant, &arrival.about).await? else {
        return Ok(None);
    };
    let outcome = match &arrival.returned {
        Returned::Receipt(receipt) => {
            fold_receipt(context, tenant, &activity, attempt, receipt, arrival.at).await?
        }
        Returned::WrapUp { code } => fold_wrap_up(context, tenant, &activity, code, arrival.at).await?,
        Returned::Message { id, from, body, .. } => {
            let words = Words {
                id,
                from: from.as_ref(),
                body,
                at: arrival.at,
            };
            match fold_response(context, tenant, &activity, words, None).await? {
                Answered::Unknown => None,
                Answered::Taken(outcome) => Some(outcome),
                Answered::NeverSent(plan) => {
                    let own = arrival.of_whom_it_was_planned_for(&plan);
                    Some(unquoted_message(context, tenant, &own).await?)
                }
            }
        }
    };
    Ok(outcome)
}

async fn find(
    context: &Context,
    tenant: &TenantId,
    about: &About,
) -> Result<Option<(ActivityId, Option<u32>)>, Error> {
    Ok(match about {
        About::Activity { id, attempt } => Some((id.clone(), *attempt)),
        About::ProviderMessage { connector, id } => {
            let key = keys::provider_message(tenant, connector, id);
            load::<ActivityId>(context.table.as_ref(), &key)
                .await?
                .map(|stored| (stored.value, None))
        }
        About::Another | About::Nothing => None,
    })
}
