//! The promises of the product, checked on what happened.

use std::collections::{BTreeMap, BTreeSet};

use compliance::consent::OPT_OUT_SOURCE;
use connectors::simulator::Simulator;
use domain::activity::state::State;
use domain::time::{Millis, Timestamp};

use super::CAP_MAX;
use super::receiver::Received;
use super::recount::{Activity, Barred, History, Progress, Recount, Tree};
use super::setup::{Campaign, Imported, as_made, zones};

/// The gate reads just before the claim is committed: what is refused within this time before it may
/// come too late for that one claim.
const SAME_MOMENT: Millis = Millis::new(500);

/// A promise, and what was found against it.
pub(super) struct Check {
    pub(super) promise: &'static str,
    pub(super) against: Option<String>,
}

/// What the checks look at.
pub(super) struct Evidence<'a> {
    pub(super) now: Timestamp,
    pub(super) rows: usize,
    pub(super) imported: &'a Imported,
    pub(super) campaign: &'a Campaign,
    pub(super) recount: &'a Recount,
    pub(super) history: &'a History,
    pub(super) barred: &'a [Barred],
    pub(super) received: &'a Received,
    pub(super) simulator: &'a Simulator,
}

/// Checks everything.
pub(super) fn all(evidence: &Evidence<'_>) -> Vec<Check> {
    let check = |promise, against| Check { promise, against };
    vec![
        check(
            "the import took, merged and rejected exactly the rows it should",
            import(evidence),
        ),
        check(
            "every accepted contact has exactly one conversation",
            conversations(evidence),
        ),
        check(
            "every conversation ended, or waits for a later hour",
            unfinished(evidence),
        ),
        check(
            "the counters say what a recount of all activities says",
            counters(evidence),
        ),
        check(
            "the customers' histories hold every activity once, as it stands",
            histories(evidence),
        ),
        check(
            "webhooks told every event, each under one id, all signed",
            webhooks(evidence),
        ),
        check(
            "no attempt had a second effect at the provider",
            attempts(evidence),
        ),
        check(
            "what counts as sent was sent once, what was held back never",
            effects(evidence),
        ),
        check("nothing left before its time", each(evidence, early)),
        check(
            "nobody was contacted without consent",
            each(evidence, unasked(evidence)),
        ),
        check(
            "nobody on the do-not-contact list was contacted",
            each(evidence, forbidden(evidence)),
        ),
        check(
            "nobody was contacted after opting out",
            each(evidence, opted_out(evidence)),
        ),
        check(
            "nothing left while the calling hours were closed",
            each(evidence, closed(evidence)),
        ),
        check(
            "nobody got more messages in a day than the cap allows",
            caps(evidence),
        ),
    ]
}

/// What is found against some of the activities: how many, and one to look at.
fn each<'a>(evidence: &Evidence<'a>, wrong: impl Fn(&Activity) -> bool) -> Option<String> {
    let found: Vec<&Activity> = evidence
        .recount
        .activities
        .iter()
        .filter(|activity| wrong(activity))
        .collect();
    let first = found.first()?;
    Some(format!("{} activities, such as {}", found.len(), first.id))
}

fn differs(is: impl std::fmt::Display, should: impl std::fmt::Display) -> String {
    format!("{is} instead of {should}")
}

fn import(evidence: &Evidence<'_>) -> Option<String> {
    let rows = evidence.imported.rows;
    let told = || {
        format!(
            "{} accepted, {} duplicates, {} rejected",
            rows.accepted, rows.duplicates, rows.rejected
        )
    };
    (!as_made(evidence.imported, evidence.rows)).then(told)
}

fn conversations(evidence: &Evidence<'_>) -> Option<String> {
    let contacts: BTreeSet<&str> = evidence
        .imported
        .contacts
        .iter()
        .map(|contact| &*contact.customer_id)
        .collect();
    let all = &evidence.recount.conversations;
    let customers: BTreeSet<&str> = all
        .iter()
        .map(|conversation| &*conversation.customer_id)
        .collect();
    let wrong = customers != contacts || all.len() != contacts.len();
    wrong.then(|| {
        differs(
            format!("{} conversations of {} customers", all.len(), customers.len()),
            contacts.len(),
        )
    })
}

fn unfinished(evidence: &Evidence<'_>) -> Option<String> {
    let running = evidence
        .recount
        .conversations
        .iter()
        .filter(|conversation| conversation.outcome.is_none())
        .count();
    let put_off = evidence
        .recount
        .activities
        .iter()
        .filter(|activity| activity.is_put_off(evidence.now))
        .count();
    (running != put_off).then(|| format!("{running} are running, but {put_off} wait"))
}

fn counters(evidence: &Evidence<'_>) -> Option<String> {
    let (is, should) = (&evidence.recount.progress, evidence.recount.counted());
    (*is != should).then(|| first_difference(is, &should))
}

fn first_difference(is: &Progress, should: &Progress) -> String {
    let flat = |progress: &Progress| {
        let tree = |tree: &Tree| {
            let leaves = |(name, of): (&String, &BTreeMap<String, i64>)| {
                of.iter()
                    .map(|(leaf, count)| (format!("{name} {leaf}"), *count))
                    .collect::<Vec<_>>()
            };
            tree.iter().flat_map(leaves).collect::<Vec<_>>()
        };
        let mut flat: BTreeMap<String, i64> = tree(&progress.activities).into_iter().collect();
        flat.extend(tree(&progress.reasons));
        flat.extend(progress.conversations.clone());
        flat
    };
    let (is, should) = (flat(is), flat(should));
    let names: BTreeSet<&String> = is.keys().chain(should.keys()).collect();
    let count = |of: &BTreeMap<String, i64>, name: &String| of.get(name).copied().unwrap_or(0);
    let different = names
        .into_iter()
        .filter(|name| count(&is, name) != count(&should, name));
    let told = different.map(|name| format!("{name}: {}", differs(count(&is, name), count(&should, name))));
    told.take(3).collect::<Vec<_>>().join("; ")
}

fn histories(evidence: &Evidence<'_>) -> Option<String> {
    let of = |activity: &Activity| (activity.id.clone(), activity.customer_id.clone(), activity.state);
    let should: History = evidence.recount.activities.iter().map(of).collect();
    let missing: Vec<_> = should.difference(evidence.history).collect();
    let first = missing.first()?;
    Some(format!(
        "{} are missing or differ, such as {}",
        missing.len(),
        first.0
    ))
}

fn webhooks(evidence: &Evidence<'_>) -> Option<String> {
    let (received, should) = (evidence.received, evidence.recount.told());
    if received.bad > 0 {
        return Some(format!("{} calls with a wrong signature or form", received.bad));
    }
    let kinds: BTreeSet<&String> = received.kinds.keys().chain(should.keys()).collect();
    let count = |of: &BTreeMap<String, usize>, kind: &String| of.get(kind).copied().unwrap_or(0);
    let different = kinds
        .into_iter()
        .find(|kind| count(&received.kinds, kind) != count(&should, kind))?;
    Some(format!(
        "{different}: {}",
        differs(count(&received.kinds, different), count(&should, different))
    ))
}

fn attempts(evidence: &Evidence<'_>) -> Option<String> {
    let most = evidence.simulator.stats().most_effects_per_attempt;
    (most > 1).then(|| format!("one attempt had {most} effects"))
}

/// How many messages of an activity the provider took, over all attempts.
fn taken(simulator: &Simulator, activity: &Activity) -> u32 {
    (1..=activity.attempt)
        .map(|attempt| simulator.attempt(&key(activity, attempt)).effects)
        .sum()
}

/// The idempotency key of an attempt.
pub(super) fn key(activity: &Activity, attempt: u32) -> String {
    format!("{}.{attempt}", activity.id)
}

fn effects(evidence: &Evidence<'_>) -> Option<String> {
    let wrong = |activity: &Activity| {
        let taken = taken(evidence.simulator, activity);
        match activity.state {
            State::Sent | State::Delivered | State::Connected | State::Read | State::Replied => taken != 1,
            State::Failed | State::Unknown => taken > 1,
            _ => taken != 0,
        }
    };
    each(evidence, wrong).or_else(|| {
        let ours: u64 = evidence
            .recount
            .activities
            .iter()
            .map(|a| u64::from(taken(evidence.simulator, a)))
            .sum();
        let all = evidence.simulator.stats().effects;
        (ours != all).then(|| differs(format!("{all} messages at the provider"), ours))
    })
}

fn early(activity: &Activity) -> bool {
    activity.left_at().is_some_and(|at| at < activity.due_at)
}

fn unasked(evidence: &Evidence<'_>) -> impl Fn(&Activity) -> bool {
    let agreed: BTreeSet<String> = evidence
        .imported
        .contacts
        .iter()
        .filter(|contact| contact.agreed())
        .map(|contact| contact.customer_id.clone())
        .collect();
    move |activity| activity.attempt > 0 && !agreed.contains(&activity.customer_id)
}

/// Since when persons and addresses are on the do-not-contact list, by entries that a test admits.
fn barred_since(barred: &[Barred], admits: impl Fn(&Barred) -> bool) -> BTreeMap<String, Timestamp> {
    let mut since = BTreeMap::new();
    for entry in barred.iter().filter(|entry| admits(entry)) {
        let address = entry.address.as_ref().map(|address| address.to_string());
        for subject in [address, entry.customer_id.clone()].into_iter().flatten() {
            since.insert(subject, entry.created_at);
        }
    }
    since
}

/// Whether an activity left although its person or address was barred already.
fn after(since: BTreeMap<String, Timestamp>, grace: Millis) -> impl Fn(&Activity) -> bool {
    move |activity| {
        let barred = [activity.to.as_str(), &activity.customer_id]
            .into_iter()
            .filter_map(|name| since.get(name))
            .min();
        matches!((activity.left_at(), barred), (Some(left), Some(barred)) if left > *barred + grace)
    }
}

fn forbidden(evidence: &Evidence<'_>) -> impl Fn(&Activity) -> bool + use<> {
    // Entered before the campaign was published, so there is no same moment.
    after(
        barred_since(evidence.barred, |entry| entry.source != OPT_OUT_SOURCE),
        Millis::ZERO,
    )
}

fn opted_out(evidence: &Evidence<'_>) -> impl Fn(&Activity) -> bool + use<> {
    after(
        barred_since(evidence.barred, |entry| entry.source == OPT_OUT_SOURCE),
        SAME_MOMENT,
    )
}

fn closed<'a>(evidence: &Evidence<'a>) -> impl Fn(&Activity) -> bool + use<'a> {
    let (contacts, hours) = (&evidence.imported.contacts, evidence.campaign.choice.hours);
    let named: BTreeMap<&str, _> = contacts
        .iter()
        .map(|contact| (&*contact.customer_id, contact.time_zone))
        .collect();
    move |activity| {
        let zone = named.get(&*activity.customer_id).copied().flatten();
        let open = |at| {
            zones(zone, &activity.to)
                .into_iter()
                .all(|zone| hours.open_in(zone, at))
        };
        activity.left_at().is_some_and(|at| !open(at))
    }
}

fn caps(evidence: &Evidence<'_>) -> Option<String> {
    let mut messages: BTreeMap<&str, u32> = BTreeMap::new();
    for activity in &evidence.recount.activities {
        *messages.entry(&activity.customer_id).or_default() += taken(evidence.simulator, activity);
    }
    let over: Vec<_> = messages
        .into_iter()
        .filter(|(_, count)| *count > CAP_MAX)
        .collect();
    let (customer, count) = over.first()?;
    Some(format!(
        "{} customers, such as {customer} with {count}",
        over.len()
    ))
}

#[cfg(test)]
mod tests;
