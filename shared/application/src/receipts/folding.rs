//! What came back is folded into its activity, together with the step of its conversation, in one transaction.

use compliance::caps::Ledger;
use domain::activity::{Activity, Plan};
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, CustomerId, TenantId};
use domain::time::Timestamp;
use domain::voice::CallResult;
use flows::Event;
use flows::conversation::event::Reply;
use platform::table::{Consistency, Write};
use serde::{Deserialize, Serialize};

use super::unsolicited::{Unquoted, saw};
use super::{Outcome, Receipt, WrapUpCode};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::store::{Put, Stored, load};
use crate::{activities, conversations, keys, opt_out, pacing, persons};

/// Answers kept per activity; further ones still count as answers.
pub const MAX_RESPONSES: usize = 100;
/// Characters of an answer that histories and webhooks show.
const EXCERPT: usize = 200;

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

pub(super) async fn fold_receipt(
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

pub(super) async fn fold_wrap_up(
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

/// What became of a message as an answer to an activity.
pub(super) enum Answered {
    /// There is no such activity.
    Unknown,
    /// It was never sent as planned here, so that nobody can have answered it.
    NeverSent(Box<Plan>),
    /// It is taken in.
    Taken(Outcome),
}

/// A customer's message, as it came.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) id: &'a str,
    /// From which address, if known.
    pub(super) from: Option<&'a Address>,
    pub(super) body: &'a Body,
    pub(super) at: Timestamp,
}

pub(super) async fn fold_response(
    context: &Context,
    tenant: &TenantId,
    id: &ActivityId,
    words: Words<'_>,
    unquoted: Option<Unquoted<'_>>,
) -> Result<Answered, Error> {
    commit(context, || async {
        let Some(Stored { value, version }) = load_activity(context, tenant, id).await? else {
            return Ok(Decision::nothing(Answered::Unknown));
        };
        let key = keys::response(tenant, id, words.id);
        if context.table.get(&key, Consistency::Strong).await?.is_some() {
            return Ok(Decision::nothing(Answered::Taken(Outcome::Repeated)));
        }
        let plan = value.plan.clone();
        let excerpt = excerpt(words.body);
        let writing = activities::writing(context, version);
        let Some(value) = value.answered(words.id.to_owned(), excerpt, words.at, writing) else {
            return Ok(Decision::nothing(Answered::NeverSent(Box::new(plan))));
        };
        let (event, bars) = match opt_out::word(words.body) {
            Some(word) => {
                let persons = unquoted.map(|unquoted| unquoted.persons);
                let bars = bars(context, tenant, &plan, words.from, persons, &word).await?;
                (opt_out::ends(), bars)
            }
            None => (Event::Reply(reply(id, &plan, words)), Vec::new()),
        };
        let response = StoredResponse {
            id: words.id.to_owned(),
            at: words.at,
            body: words.body.clone(),
        };
        let mut decision = conversations::carry(context, Stored { value, version }, vec![event]).await?;
        decision.push(Put::new(key, &response).write()?);
        bars.into_iter().for_each(|write| decision.push(write));
        if let Some(unquoted) = unquoted {
            decision.push(saw(unquoted.seen.clone(), context.now())?);
        }
        Ok(decision.map(|_| Answered::Taken(Outcome::Folded)))
    })
    .await
}

fn reply(id: &ActivityId, plan: &Plan, words: Words<'_>) -> Reply {
    Reply {
        activity: Some(id.clone()),
        visit: plan.step.as_ref().map(|step| step.visit),
        message_id: words.id.to_owned(),
        text: words.body.readable().unwrap_or_default().to_owned(),
        body_type: words.body.kind().to_owned(),
        at: words.at,
    }
}

/// The writes of an opt-out: the address that was written to, and the one from which the word came, if it is another.
async fn bars(
    context: &Context,
    tenant: &TenantId,
    plan: &Plan,
    from: Option<&Address>,
    persons: Option<&[CustomerId]>,
    word: &str,
) -> Result<Vec<Write>, Error> {
    let known = std::slice::from_ref(&plan.customer);
    let mut bars = opt_out::writes(context, tenant, &plan.to, persons.unwrap_or(known), word).await?;
    if let Some(from) = from.filter(|from| from.key() != plan.to.key()) {
        let mut others = persons::of(context, tenant, from).await?;
        others.retain(|person| *person != plan.customer);
        bars.extend(opt_out::writes(context, tenant, from, &others, word).await?);
    }
    Ok(bars)
}
