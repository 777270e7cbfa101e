//! Opting out: the customer wants no more messages, and from this moment gets none.

use compliance::Channels;
use compliance::consent::OPT_OUT_SOURCE;
use compliance::do_not_contact::{Entry, Subject};
use domain::activity::Activity;
use domain::address::Address;
use domain::cim::Body;
use domain::id::{CustomerId, TenantId};
use flows::Event;
use flows::conversation::event::StopOutcome;
use platform::table::Write;

use crate::context::Context;
use crate::do_not_contact;
use crate::error::Error;

/// The opt-out word that a message consists of, if it is one.
pub(crate) fn word(body: &Body) -> Option<String> {
    compliance::optout::find(body.readable()?, &[]).map(|found| found.word)
}

/// The event by which the person's conversation ends.
pub(crate) const fn ends() -> Event {
    Event::Stopped {
        outcome: StopOutcome::OptedOut,
    }
}

/// The write that honours what the person told the provider, which refused a message for it: the address is barred on
/// that channel. What the provider knows of others is not known.
pub(crate) async fn refusal(context: &Context, refused: &Activity, code: &str) -> Result<Write, Error> {
    let entry = Entry {
        subject: Subject::Address(refused.plan.to.clone()),
        channels: Channels::one(refused.plan.channel),
        reason: format!("the provider refused a message: {code}"),
        source: OPT_OUT_SOURCE.into(),
        at: context.now(),
        expires: None,
    };
    do_not_contact::write(context, &refused.tenant, entry).await
}

/// The writes that honour an opt-out word: the address and whose it is are barred on all channels.
/// They belong to the transaction that takes in the answer, so that no crash can come between.
/// Everything that still waits for the person is refused at dispatch.
pub(crate) async fn writes(
    context: &Context,
    tenant: &TenantId,
    address: &Address,
    persons: &[CustomerId],
    word: &str,
) -> Result<Vec<Write>, Error> {
    let mut writes = Vec::with_capacity(1 + persons.len());
    let persons = persons.iter().cloned().map(Subject::CustomerId);
    for subject in [Subject::Address(address.clone())].into_iter().chain(persons) {
        let entry = Entry {
            subject,
            channels: Channels::All,
            reason: format!("answered {word}"),
            source: OPT_OUT_SOURCE.into(),
            at: context.now(),
            expires: None,
        };
        writes.push(do_not_contact::write(context, tenant, entry).await?);
    }
    Ok(writes)
}
