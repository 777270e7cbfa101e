//! What comes back: delivery receipts and customers' answers, folded into the activity together with
//! the step of its conversation, in one transaction.

mod unquoted;

use compliance::caps::Ledger;
use domain::activity::receipt::DeliveryStatus;
use domain::activity::{Activity, Plan};
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, ConnectorId, CustomerId, TenantId};
use domain::time::{Millis, Timestamp};
use domain::timer::{Timer, TimerKind};
use domain::voice::{ANSWERED_ALONE, CallResult, Dialing};
use flows::Event;
use flows::conversation::event::Reply;
use platform::connector::{Inbound, ReplyTarget};
use platform::table::{Consistency, Key, Write};
use serde::{Deserialize, Serialize};

use crate::activities;
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::conversations;
use crate::error::Error;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::opt_out;
use crate::pacing;
use crate::persons;
use crate::store::{Put, Stored, load};

/// Answers kept per activity; further ones still count as answers.
pub const MAX_RESPONSES: usize = 100;
/// For how long a receipt without activity is matched again.
pub const ORPHAN_MATCHED_FOR: Millis = Millis::hours(1);
/// For how long it is listed.
pub const ORPHAN_LISTED_FOR: Millis = Millis::hours(7 * 24);
/// For how long a provider may tell the same message again.
const TOLD_AGAIN_FOR: Millis = Millis::hours(7 * 24);
/// Characters of an answer that histories and webhooks show.
const EXCERPT: usize = 200;

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

/// A customer's message, as kept with the activity it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredResponse {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The content.
    pub body: Body,
}

/// How an answer begins; none if a person cannot read it.
fn excerpt(body: &Body) -> Option<String> {
    Some(body.readable()?.chars().take(EXCERPT).collect())
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
        Returned::Message { id, body, .. } => {
            fold_response(context, tenant, &activity, id, body, arrival.at, None).await?
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

async fn fold_receipt(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    attempt: Option<u32>,
    receipt: &Receipt,
    at: Timestamp,
) -> Result<Option<Outcome>, Error> {
    let (outcome, changed) = commit(context, || async {
        let Some(Stored { value, version }) = load_activity(context, tenant, id).await? else {
            return Ok(Decision::nothing((None, None)));
        };
        let writing = activities::writing(context, version);
        let receipt = &receipt.of(&value.plan);
        let Some(value) = value.receive(receipt.status, attempt, receipt.reason.clone(), at, writing) else {
            return Ok(Decision::nothing((Some(Outcome::Repeated), None)));
        };
        let rests = rest_after_abandoned(context, &value, receipt.reason.as_deref(), at).await?;
        let bars = bar_after_refusal(context, &value, receipt).await?;
        let ends = bars.is_some().then(opt_out::ends);
        let stored = Stored { value, version };
        let mut decision = conversations::carry(context, stored, ends.into_iter().collect()).await?;
        rests
            .into_iter()
            .chain(bars)
            .for_each(|write| decision.push(write));
        Ok(decision.map(|stored| (Some(Outcome::Folded), Some(stored.value))))
    })
    .await?;
    if let Some(activity) = changed {
        pacing::call_changed(context, &activity).await;
    }
    Ok(outcome)
}

/// The write by which a person rests who has answered a call for which no agent was there in time.
async fn rest_after_abandoned(
    context: &Context,
    call: &Activity,
    reason: Option<&str>,
    at: Timestamp,
) -> Result<Option<Write>, Error> {
    let result = CallResult::of_activity(call.state, reason);
    if call.plan.channel != Channel::Voice || result != Some(CallResult::Abandoned) {
        return Ok(None);
    }
    let key = keys::ledger(&call.tenant, &call.plan.customer);
    let stored = load::<Ledger>(context.table.as_ref(), &key).await?;
    let (ledger, version) = stored.map_or((Ledger::default(), 0), |stored| (stored.value, stored.version));
    Put::over(key, &ledger.abandoned(at), version).write().map(Some)
}

/// The write by which a recipient is barred who has opted out with the provider.
async fn bar_after_refusal(
    context: &Context,
    refused: &Activity,
    receipt: &Receipt,
) -> Result<Option<Write>, Error> {
    if !receipt.opted_out {
        return Ok(None);
    }
    let code = receipt.reason.as_deref().unwrap_or_default();
    opt_out::refusal(context, refused, code).await.map(Some)
}

async fn fold_wrap_up(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    code: &WrapUpCode,
    at: Timestamp,
) -> Result<Option<Outcome>, Error> {
    commit(context, || async {
        let Some(Stored { value, version }) = load_activity(context, tenant, id).await? else {
            return Ok(Decision::nothing(None));
        };
        let writing = activities::writing(context, version);
        match value.wrapped_up(code.0.clone(), at, writing) {
            None => Ok(Decision::nothing(Some(Outcome::Repeated))),
            Some(value) => {
                let decision = conversations::carry(context, Stored { value, version }, Vec::new()).await?;
                Ok(decision.map(|_| Some(Outcome::Folded)))
            }
        }
    })
    .await
}

async fn load_activity(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
) -> Result<Option<Stored<Activity>>, Error> {
    let stored: Option<Stored<Activity>> = load(context.table.as_ref(), &keys::activity(tenant, id)).await?;
    let trace = stored.as_ref().and_then(|stored| stored.value.trace.as_ref());
    tracing::info!(
        tenant = tenant.as_str(),
        activity = id.as_str(),
        activity_trace = trace.map(domain::trace::TraceId::as_str),
        "something came back"
    );
    Ok(stored)
}

async fn fold_response(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    message: &str,
    body: &Body,
    at: Timestamp,
    unquoted: Option<Unquoted<'_>>,
) -> Result<Option<Outcome>, Error> {
    commit(context, || async {
        let Some(Stored { value, version }) = load_activity(context, tenant, id).await? else {
            return Ok(Decision::nothing(None));
        };
        let key = keys::response(tenant, id, message);
        if context.table.get(&key, Consistency::Strong).await?.is_some() {
            return Ok(Decision::nothing(Some(Outcome::Repeated)));
        }
        let visit = value.plan.step.as_ref().map(|step| step.visit);
        let writing = activities::writing(context, version);
        let Some(value) = value.answered(message.to_owned(), excerpt(body), at, writing) else {
            return Ok(Decision::nothing(Some(Outcome::Repeated)));
        };
        let (event, bars) = match opt_out::word(body) {
            Some(word) => {
                let plan = &value.plan;
                let known = std::slice::from_ref(&plan.customer);
                let persons = unquoted.map_or(known, |unquoted| unquoted.persons);
                let bars = opt_out::writes(context, tenant, &plan.to, persons, &word).await?;
                (opt_out::ends(), bars)
            }
            None => {
                let text = body.readable().unwrap_or_default().to_owned();
                let reply = Reply {
                    activity: Some(id.clone()),
                    visit,
                    message_id: message.to_owned(),
                    text,
                    body_type: body.kind().to_owned(),
                    at,
                };
                (Event::Reply(reply), Vec::new())
            }
        };
        let response = StoredResponse {
            id: message.to_owned(),
            at,
            body: body.clone(),
        };
        let mut decision = conversations::carry(context, Stored { value, version }, vec![event]).await?;
        decision.push(Put::new(key, &response).write()?);
        bars.into_iter().for_each(|write| decision.push(write));
        if let Some(unquoted) = unquoted {
            decision.push(saw(unquoted.seen.clone(), context.now())?);
        }
        Ok(decision.map(|_| Some(Outcome::Folded)))
    })
    .await
}

/// A customer's message that quotes none of ours: the answer to the latest that they got, or a message of their own.
/// Told again, it may not become the answer to what was sent in between: that it came is written with what it did.
async fn unquoted_message(context: &Context, tenant: &TenantId, arrival: &Arrival) -> Result<Outcome, Error> {
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
        let unquoted = Unquoted {
            seen: &seen,
            persons: &persons,
        };
        if let Some(activity) = unquoted::about(context, tenant, &persons, &answer).await?
            && let Some(outcome) =
                fold_response(context, tenant, &activity, id, body, arrival.at, Some(unquoted)).await?
        {
            return Ok(outcome);
        }
    }
    let by_address = || activities::customer_of(tenant, from);
    let message = UnsolicitedMessage {
        id: id.clone(),
        customer: persons.first().cloned().unwrap_or_else(by_address),
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
    let sort = domain::id::MessageId::derive(message.at, &[&message.id]);
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
struct Unquoted<'a> {
    /// Where it is written that it came.
    seen: &'a Key,
    /// Who may have written it: an opt-out word bars them all.
    persons: &'a [CustomerId],
}

/// The write by which a message that quoted nothing is known again.
fn saw(key: Key, now: Timestamp) -> Result<Write, Error> {
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
    /// By which channel, if known.
    pub channel: Option<Channel>,
    /// When.
    pub at: Timestamp,
    /// The content.
    pub body: Body,
}

/// A receipt or answer whose activity is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// Its id.
    pub id: String,
    /// What came.
    pub arrival: Arrival,
    /// When it came.
    pub since: Timestamp,
    /// How often it was matched again.
    pub tries: u32,
}

impl Orphan {
    /// When it is matched next: after 2 s, then ever later, and at last when [`ORPHAN_MATCHED_FOR`] ends.
    fn timer(&self) -> Option<Timer> {
        let after = |tries: u32| Millis::new(2_000_u64.saturating_mul(3_u64.saturating_pow(tries)));
        let before = self.tries.checked_sub(1).map(after);
        let over = before.is_some_and(|before| before >= ORPHAN_MATCHED_FOR);
        (!over).then(|| Timer {
            at: self.since + after(self.tries).min(ORPHAN_MATCHED_FOR),
            kind: TimerKind::Job,
            generation: u64::from(self.tries),
        })
    }

    /// As it is after one more try.
    fn again(self) -> Self {
        Self {
            tries: self.tries + 1,
            ..self
        }
    }

    /// Whether it is due, and none comes after this try.
    fn is_at_its_last(&self, now: Timestamp) -> bool {
        self.timer().is_some_and(|timer| timer.at <= now) && self.clone().again().timer().is_none()
    }
}

fn put_orphan(tenant: &TenantId, orphan: &Orphan, version: u64) -> Result<Write, Error> {
    Put::over(keys::orphan(tenant, &orphan.id), orphan, version)
        .due(orphan.timer())
        .expires(orphan.since + ORPHAN_LISTED_FOR)
        .write()
}

async fn store_orphan(context: &Context, tenant: &TenantId, arrival: &Arrival) -> Result<(), Error> {
    let text = serde_json::to_string(arrival).map_err(|error| Error::Corrupt(error.to_string()))?;
    let id = format!("orp_{:032x}", domain::id::hash_bits(&[&text]));
    commit(context, || async {
        let key = keys::orphan(tenant, &id);
        if context.table.get(&key, Consistency::Strong).await?.is_some() {
            return Ok(Decision::nothing(()));
        }
        let since = context.now();
        let orphan = Orphan {
            id: id.clone(),
            arrival: arrival.clone(),
            since,
            tries: 0,
        };
        Ok(Decision::nothing(()).and(put_orphan(tenant, &orphan, 0)?))
    })
    .await
}

/// Matches an orphan again. A customer's message whose time runs out is the customer's own: what it quotes is somebody
/// else's, and they must not have written to nobody.
pub(crate) async fn orphan_due(context: &Context, tenant: &TenantId, id: &str) -> Result<(), Error> {
    let key = keys::orphan(tenant, id);
    let Some(stored) = load::<Orphan>(context.table.as_ref(), &key).await? else {
        return Ok(());
    };
    let matched = match_up(context, tenant, &stored.value.arrival).await?.is_some()
        || own_message(context, tenant, &stored.value).await?;
    commit(context, || async {
        let Some(Stored { value, version }) = load::<Orphan>(context.table.as_ref(), &key).await? else {
            return Ok(Decision::nothing(()));
        };
        if matched {
            let condition = platform::table::Condition::Version(version);
            return Ok(Decision::one(
                Write::Delete {
                    key: key.clone(),
                    condition,
                },
                (),
            ));
        }
        if value.timer().is_none_or(|timer| timer.at > context.now()) {
            return Ok(Decision::nothing(()));
        }
        Ok(Decision::nothing(()).and(put_orphan(tenant, &value.again(), version)?))
    })
    .await
}

/// Takes in as a message of the customer's own what quotes something unknown, at the last try.
async fn own_message(context: &Context, tenant: &TenantId, orphan: &Orphan) -> Result<bool, Error> {
    let Returned::Message {
        from: Some(_),
        channel,
        ..
    } = &orphan.arrival.returned
    else {
        return Ok(false);
    };
    if !orphan.is_at_its_last(context.now()) {
        return Ok(false);
    }
    // No SMS quotes: what it answers is the provider's guess.
    let about = match channel {
        Some(Channel::Sms) => About::Nothing,
        _ => About::Another,
    };
    let arrival = Arrival {
        about,
        ..orphan.arrival.clone()
    };
    unquoted_message(context, tenant, &arrival).await?;
    Ok(true)
}

/// One page of the receipts and answers whose activity is not known.
pub async fn orphans(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Orphan>, Error> {
    let page = Shards::one(keys::orphans(tenant))
        .values::<Orphan>(context, cursor, limit)
        .await?;
    Ok(page.map(|stored| stored.value))
}
