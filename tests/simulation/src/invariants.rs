//! What must hold after every run.

use std::collections::{BTreeMap, BTreeSet};

use application::cache::{OLDEST_READ, READ_WITHIN};
use application::events;
use application::history::{Counts, HistoryEntry, customer_history, progress, rebuild};
use application::pacing;
use application::receipts::StoredResponse;
use compliance::do_not_contact::{Entry, Subject};
use domain::activity::Activity;
use domain::activity::claim::LEASE;
use domain::activity::event::Happening;
use domain::activity::state::State;
use domain::agent::Agent;
use domain::campaign::CampaignState;
use domain::channel::Channel;
use domain::id::ActivityId;
use domain::time::Timestamp;
use flows::Conversation;
use platform::changes::{Change, Consumer, Sequence};
use platform::table::{Item, Key};
use platform_memory::executor::block_on;
use platform_memory::{Faults, World, Written};
use serde_json::Value;

use crate::clients::Promises;
use crate::endpoint::Endpoint;

use crate::provider::{Answer, Request, TIMEOUT};
use crate::scenario::{self, CAP, CAP_WINDOW, CONTACTS};

/// Everything that is wrong with a finished run.
pub fn check(
    world: &World,
    promises: &Promises,
    requests: &[Request],
    answers: &[Answer],
    told: &BTreeMap<String, String>,
) -> Vec<String> {
    let items = world.dump();
    let journal = world.journal();
    let activities: BTreeMap<ActivityId, (Activity, u64)> = items
        .iter()
        .filter(|item| item.key.sort == "A")
        .map(|item| {
            let activity: Activity = read(item);
            (activity.id.clone(), (activity, item.version))
        })
        .collect();
    let conversations: Vec<(Conversation, u64)> = items
        .iter()
        .filter(|item| item.key.sort == "V")
        .map(|item| (read(item), item.version))
        .collect();
    let mut wrong = Vec::new();
    nothing_lost(world, promises, &activities, &conversations, &mut wrong);
    one_effect_per_attempt(requests, &activities, &mut wrong);
    effects_are_allowed(promises, requests, &activities, &mut wrong);
    claims_pass_the_gate(&journal, &mut wrong);
    requests_follow_claims(&journal, requests, &mut wrong);
    caps_hold(&journal, &mut wrong);
    pacing_is_true(world, &items, &mut wrong);
    answers_are_taken_in_once(&items, &activities, answers, &mut wrong);
    conversations_know_their_activities(&activities, &conversations, &mut wrong);
    counters_equal_recounts(world, &items, &mut wrong);
    history_is_true(world, &activities, &mut wrong);
    webhooks_tell_each_change_once(&items, told, &mut wrong);
    // Both are views: made again from the activities, they must be the same.
    if let Err(error) = rebuilt(world) {
        wrong.push(format!("the rebuild failed: {error}"));
    }
    counters_equal_recounts(world, &items, &mut wrong);
    history_is_true(world, &activities, &mut wrong);
    wrong
}

fn read<T: serde::de::DeserializeOwned>(item: &Item) -> T {
    serde_json::from_str(&item.body).unwrap_or_else(|error| panic!("{:?} does not read: {error}", item.key))
}

fn nothing_lost(
    world: &World,
    promises: &Promises,
    activities: &BTreeMap<ActivityId, (Activity, u64)>,
    conversations: &[(Conversation, u64)],
    wrong: &mut Vec<String>,
) {
    use platform::world::Clock;
    for id in &promises.scheduled {
        if !activities.contains_key(id) {
            wrong.push(format!("{id} was promised and is gone"));
        }
    }
    for (activity, _) in activities.values() {
        if activity.state.is_open() {
            wrong.push(format!(
                "{} is still {} at {}",
                activity.id,
                activity.state.name(),
                world.now()
            ));
        }
    }
    for (conversation, _) in conversations {
        if conversation.is_running() {
            wrong.push(format!(
                "{} still waits at {:?}",
                conversation.id, conversation.node
            ));
        }
    }
    match promises.imported {
        None => wrong.push("the import never ended".into()),
        Some(rows) => {
            let counts = (rows.accepted, rows.duplicates, rows.rejected);
            if counts != (CONTACTS as u64, 1, 1) {
                wrong.push(format!("the import counted {counts:?}"));
            }
        }
    }
    if promises.stopped.is_none() && conversations.len() != CONTACTS {
        wrong.push(format!(
            "{} conversations for {CONTACTS} contacts",
            conversations.len()
        ));
    }
}

fn one_effect_per_attempt(
    requests: &[Request],
    activities: &BTreeMap<ActivityId, (Activity, u64)>,
    wrong: &mut Vec<String>,
) {
    let mut raw: BTreeMap<(ActivityId, u32), u32> = BTreeMap::new();
    let mut effects: BTreeMap<ActivityId, u32> = BTreeMap::new();
    for request in requests {
        *raw.entry((request.activity.clone(), request.attempt))
            .or_default() += 1;
        if request.effect {
            *effects.entry(request.activity.clone()).or_default() += 1;
        }
    }
    for ((id, attempt), count) in raw {
        // Without an idempotency key, an attempt is requested once at the most.
        let keyless = activities
            .get(&id)
            .is_some_and(|(a, _)| !matches!(a.plan.channel, Channel::Whatsapp | Channel::Voice));
        if keyless && count > 1 {
            wrong.push(format!("attempt {attempt} of {id} was requested {count} times"));
        }
    }
    for (id, count) in effects {
        if count > 1 {
            wrong.push(format!("{id} reached the customer {count} times"));
        }
    }
}

fn effects_are_allowed(
    promises: &Promises,
    requests: &[Request],
    activities: &BTreeMap<ActivityId, (Activity, u64)>,
    wrong: &mut Vec<String>,
) {
    for request in requests {
        let Some((activity, _)) = activities.get(&request.activity) else {
            wrong.push(format!("{} was sent and does not exist", request.activity));
            continue;
        };
        // A cancel is answered with success only while no attempt can still be under way.
        if promises.cancelled.contains(&activity.id) && request.effect {
            wrong.push(format!("{} was sent although it was cancelled", activity.id));
        }
        let gone_by = |expires: Timestamp| expires + LEASE + TIMEOUT;
        if activity
            .plan
            .expires_at
            .is_some_and(|expires| request.at > gone_by(expires))
        {
            wrong.push(format!(
                "{} was sent at {} after its expiry",
                activity.id, request.at
            ));
        }
        if let (Some((_, quiet)), Some(_)) = (promises.stopped, &activity.plan.campaign)
            && request.at > quiet
        {
            wrong.push(format!(
                "{} was sent at {} although all was to be quiet",
                activity.id, request.at
            ));
        }
    }
}

/// Replays every write in order, and checks each first claim of an attempt against what stood in the
/// table when its gate was asked.
fn claims_pass_the_gate(journal: &[Written], wrong: &mut Vec<String>) {
    let mut barred: Vec<(Timestamp, Entry)> = Vec::new();
    let mut campaign: Vec<(Timestamp, CampaignState)> = Vec::new();
    let mut attempts: BTreeMap<Key, u64> = BTreeMap::new();
    for Written { at, key, item } in journal {
        let Some(item) = item else { continue };
        if key.partition.contains("#N#") {
            barred.extend(read::<Vec<Entry>>(item).into_iter().map(|entry| (*at, entry)));
        }
        if key.partition.ends_with("#C") {
            campaign.push((*at, read::<application::campaigns::Campaign>(item).state));
        }
        if key.sort != "A" {
            continue;
        }
        let activity: Activity = read(item);
        if activity.state != State::Dispatching {
            continue;
        }
        let seen = attempts.entry(key.clone()).or_default();
        if u64::from(activity.attempt) <= *seen {
            continue;
        }
        *seen = u64::from(activity.attempt);
        let asked = asked_at(&activity).unwrap_or(*at);
        let plan = &activity.plan;
        if *at < plan.due_at {
            wrong.push(format!(
                "{} was claimed at {at}, due {}",
                activity.id, plan.due_at
            ));
        }
        if plan.expires_at.is_some_and(|expires| expires <= asked) {
            wrong.push(format!("{} was claimed at {asked} after its expiry", activity.id));
        }
        let bars = |(since, entry): &(Timestamp, Entry)| {
            *since + READ_WITHIN < asked && entry.forbids(Some(&plan.customer), &plan.to, plan.channel, asked)
        };
        if barred.iter().any(bars) {
            wrong.push(format!(
                "{} was claimed at {asked} past the do-not-contact list",
                activity.id
            ));
        }
        if plan.campaign.is_none() {
            continue;
        }
        let fresh = asked - OLDEST_READ;
        let state = campaign
            .iter()
            .rev()
            .find(|(since, _)| *since <= fresh)
            .map(|(_, state)| *state);
        let changed_since = campaign.iter().any(|(since, _)| *since > fresh);
        if !changed_since && state != Some(CampaignState::Published) {
            wrong.push(format!(
                "{} was claimed at {asked} while the campaign was {state:?}",
                activity.id
            ));
        }
        if !window_open(&activity, asked) {
            wrong.push(format!(
                "{} was claimed at {asked} outside its window",
                activity.id
            ));
        }
    }
}

/// Every request belongs to an attempt that was written down before, and is written while the lease of
/// some holder lasts.
fn requests_follow_claims(journal: &[Written], requests: &[Request], wrong: &mut Vec<String>) {
    let mut leases: BTreeMap<(ActivityId, u32), Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for Written { at, key, item } in journal {
        let Some(item) = item else { continue };
        if key.sort == "A" {
            let activity: Activity = read(item);
            if let (State::Dispatching, Some(lease)) = (activity.state, &activity.lease) {
                leases
                    .entry((activity.id.clone(), activity.attempt))
                    .or_default()
                    .push((*at, lease.until));
            }
        }
    }
    for request in requests {
        let held = leases.get(&(request.activity.clone(), request.attempt));
        let covered = held
            .into_iter()
            .flatten()
            .any(|(from, until)| *from <= request.at && request.at < *until);
        if !covered {
            let Request {
                activity,
                attempt,
                at,
                ..
            } = request;
            wrong.push(format!(
                "attempt {attempt} of {activity} was requested at {at} without a lease"
            ));
        }
    }
}

/// When the gate was asked, by the lease that its yes led to.
fn asked_at(activity: &Activity) -> Option<Timestamp> {
    activity.lease.as_ref().map(|lease| lease.until - LEASE)
}

/// Berlin, or New York where the contact's row says so: the hours that the campaign sets, computed
/// here without the code under test. The clocks change in Berlin during the run.
fn window_open(activity: &Activity, at: Timestamp) -> bool {
    let new_york = (0..CONTACTS).step_by(4).any(|person| {
        let address = domain::address::Address::parse(Channel::Sms, &scenario::number(person));
        address.is_ok_and(|address| {
            application::activities::customer_of(&activity.tenant, &address) == activity.plan.customer
        })
    });
    let change = Timestamp::parse("2027-03-28T01:00:00Z").unwrap_or_default();
    let offset_minutes: i64 = match (new_york, at >= change) {
        (true, _) => -4 * 60,
        (false, false) => 60,
        (false, true) => 120,
    };
    let minute = (at.millis() / 60_000 + offset_minutes).rem_euclid(24 * 60);
    minute < 20 * 60 + 40
}

/// Replays the contacts of each person: never more than the tenant's cap allows, in any window.
fn caps_hold(journal: &[Written], wrong: &mut Vec<String>) {
    // Per person: slots taken, by activity. Slots that were given back leave again.
    let mut slots: BTreeMap<String, BTreeMap<ActivityId, Timestamp>> = BTreeMap::new();
    let mut attempts: BTreeSet<(ActivityId, u32)> = BTreeSet::new();
    for Written { item, key, .. } in journal {
        let Some(item) = item else { continue };
        if key.sort != "A" {
            continue;
        }
        let activity: Activity = read(item);
        let person = activity.plan.customer.to_string();
        let person = slots.entry(person).or_default();
        let not_taken = activity.log.entries().last().is_some_and(|entry| {
            let cancelled =
                entry.event.happening == Happening::Cancelled && entry.event.from == State::Dispatching;
            let reason = entry.event.reason.as_deref().unwrap_or_default();
            let refused =
                entry.event.happening == Happening::Failed && ["bad-number", "http-429"].contains(&reason);
            cancelled || refused
        });
        if not_taken {
            person.remove(&activity.id);
        }
        if activity.state != State::Dispatching || !attempts.insert((activity.id.clone(), activity.attempt)) {
            continue;
        }
        let Some(asked) = asked_at(&activity) else {
            continue;
        };
        // A further attempt counts from its own time on.
        person.insert(activity.id.clone(), asked);
        let within = person
            .values()
            .filter(|at| **at <= asked && asked < **at + CAP_WINDOW)
            .count();
        if within > CAP as usize {
            wrong.push(format!(
                "{} was contact {within} of {} within the hour",
                activity.id, activity.plan.customer
            ));
        }
    }
}

/// Whatever a customer answers is kept once, with a message that went to the same address; and whoever wants to
/// hear no more is barred as the person whom we know, however little the answer says.
fn answers_are_taken_in_once(
    items: &[Item],
    activities: &BTreeMap<ActivityId, (Activity, u64)>,
    answers: &[Answer],
    wrong: &mut Vec<String>,
) {
    let mut taken_in: BTreeMap<String, Vec<ActivityId>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.key.sort.starts_with("R#")) {
        let response: StoredResponse = read(item);
        let activity = item.key.partition.split("#A#").nth(1).map(ActivityId::parse);
        if let Some(Ok(activity)) = activity {
            taken_in.entry(response.id).or_default().push(activity);
        }
    }
    let barred: Vec<Entry> = items
        .iter()
        .filter(|item| item.key.partition.contains("#N#"))
        .flat_map(read::<Vec<Entry>>)
        .collect();
    for Answer {
        id,
        activity,
        opts_out,
    } in answers
    {
        let plan = activities.get(activity).map(|(activity, _)| &activity.plan);
        let to = taken_in.get(id).map(Vec::as_slice).unwrap_or_default();
        let addresses = to
            .iter()
            .filter_map(|id| activities.get(id))
            .map(|(activity, _)| Some(&activity.plan.to));
        if addresses.collect::<Vec<_>>() != [plan.map(|plan| &plan.to)] {
            wrong.push(format!("{id}, an answer to {activity}, is kept with {to:?}"));
        }
        let person = plan.map(|plan| Subject::CustomerId(plan.customer.clone()));
        if *opts_out && !barred.iter().any(|entry| Some(&entry.subject) == person.as_ref()) {
            wrong.push(format!("{person:?} opted out by {id}, and is not barred"));
        }
    }
}

/// A receipt and the step that it leads to are one: whatever an activity knows, its conversation knows.
fn conversations_know_their_activities(
    activities: &BTreeMap<ActivityId, (Activity, u64)>,
    conversations: &[(Conversation, u64)],
    wrong: &mut Vec<String>,
) {
    for (conversation, _) in conversations {
        for facts in &conversation.messages {
            let Some((activity, _)) = activities.get(&facts.activity) else {
                wrong.push(format!(
                    "{} scheduled {}, which is gone",
                    conversation.id, facts.activity
                ));
                continue;
            };
            // The answer that opts out ends the conversation instead of being one of its facts; and
            // what a conversation cancels when it ends, it is not told of.
            let ended = !conversation.is_running();
            let known = matches!(activity.state, State::Replied | State::Cancelled) && ended;
            if facts.state != activity.state && !known {
                wrong.push(format!(
                    "{} believes {} to be {}; it is {}",
                    conversation.id,
                    activity.id,
                    facts.state.name(),
                    activity.state.name()
                ));
            }
        }
    }
}

fn counters_equal_recounts(world: &World, items: &[Item], wrong: &mut Vec<String>) {
    let mut expected: BTreeMap<bool, Counts> = BTreeMap::new();
    for item in items
        .iter()
        .filter(|item| matches!(item.key.sort.as_str(), "A" | "V"))
    {
        let versions: BTreeSet<u64> = versions(item);
        for version in versions {
            let change = Change {
                sequence: Sequence("0".into()),
                key: item.key.clone(),
                version,
                item: Some(item.clone()),
            };
            if let Some(told) = events::told(Consumer::History, &change) {
                expected
                    .entry(told.campaign().is_some())
                    .or_default()
                    .take_in(&told, version);
            }
        }
    }
    for campaign in [false, true] {
        let counted = with_calm(world, move |context| async move {
            let id = campaign.then(scenario::campaign);
            progress(&context, &scenario::tenant(), id.as_ref()).await
        });
        let expected = expected.remove(&campaign).unwrap_or_default();
        if counted.as_ref().ok() != Some(&expected) {
            wrong.push(format!("counted {counted:?}, recounted {expected:?}"));
        }
    }
}

fn rebuilt(world: &World) -> Result<(), application::error::Error> {
    let scan = world.clone();
    with_calm(world, move |context| async move {
        rebuild(&context, &scan, &scan, |_| {}).await
    })
    .map(|_| ())
}

/// Nobody is kept for a call that is over, nothing waits any more, what was started is what came out, and the
/// recorded steps decide the same again.
fn pacing_is_true(world: &World, items: &[Item], wrong: &mut Vec<String>) {
    for item in items {
        if item.key.partition.ends_with("#AG") {
            let agent: Agent = read(item);
            if agent.reservation.is_some() {
                wrong.push(format!("{} is still kept: {:?}", agent.id, agent.reservation));
            }
        }
        if item.key.partition.contains("#PW#") {
            wrong.push(format!("{} still waits for an agent", item.key.sort));
        }
    }
    let group = scenario::skill_group();
    let seen = with_calm(world, move |context| async move {
        let audit = pacing::audit(&context, &scenario::tenant(), &group).await?;
        Ok((audit, pacing::view(&context, &scenario::tenant(), &group).await?))
    });
    match seen {
        Ok((audit, Some(view))) => {
            if let Some(at) = audit.differs_at {
                wrong.push(format!("the step of {at} decides otherwise when it is repeated"));
            }
            for work in view.works {
                let out = work.connected + work.abandoned + work.machines + work.unanswered;
                let open = work.in_flight + work.live_waiting + work.offered;
                if open > 0 || out > work.dialed {
                    wrong.push(format!(
                        "calls are still on their way, or were never started: {work:?}"
                    ));
                }
            }
        }
        seen => wrong.push(format!("nobody paced the calls: {seen:?}")),
    }
}

/// The endpoint was told every event, each under its own id, and nothing else.
fn webhooks_tell_each_change_once(items: &[Item], told: &BTreeMap<String, String>, wrong: &mut Vec<String>) {
    let mut expected = BTreeMap::new();
    for item in items {
        for version in versions(item) {
            let sequence = Sequence("0".into());
            let change = Change {
                sequence,
                key: item.key.clone(),
                version,
                item: Some(item.clone()),
            };
            if let Some(seen) = events::told(Consumer::Webhooks, &change) {
                for event in seen.events(version) {
                    expected.insert(event.id.to_string(), event.kind);
                }
            }
        }
    }
    for (id, kind) in &expected {
        if !told.contains_key(id) {
            wrong.push(format!("no webhook was told of {kind} {id}"));
        }
    }
    for (id, body) in told {
        if !expected.contains_key(id) {
            wrong.push(format!(
                "a webhook was told of {id}, which did not happen: {body}"
            ));
        }
    }
}

/// The versions that an item's log names.
fn versions(item: &Item) -> BTreeSet<u64> {
    let value: Value = serde_json::from_str(&item.body).unwrap_or_default();
    value["log"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["v"].as_u64())
        .collect()
}

fn history_is_true(
    world: &World,
    activities: &BTreeMap<ActivityId, (Activity, u64)>,
    wrong: &mut Vec<String>,
) {
    let customers: BTreeSet<_> = activities
        .values()
        .map(|(activity, _)| activity.plan.customer.clone())
        .collect();
    let mut told = BTreeMap::new();
    for customer in customers {
        let page = with_calm(world, move |context| async move {
            customer_history(&context, &scenario::tenant(), &customer, None, 250).await
        });
        for entry in page.map(|page| page.data).unwrap_or_default() {
            if let HistoryEntry::Activity(entry) = entry {
                told.insert(entry.activity_id.clone(), entry);
            }
        }
    }
    for (id, (activity, _)) in activities {
        let events: Vec<_> = activity
            .log
            .entries()
            .iter()
            .map(|entry| entry.event.clone())
            .collect();
        match told.get(id) {
            None => wrong.push(format!("history does not know {id}")),
            Some(entry) if entry.events != events => {
                wrong.push(format!(
                    "history tells {} events of {id}; there were {}",
                    entry.events.len(),
                    events.len()
                ));
            }
            Some(_) => {}
        }
    }
}

/// Asks a use case without faults, and without a plant.
pub(crate) fn with_calm<T, F>(
    world: &World,
    ask: impl FnOnce(application::context::Context) -> F,
) -> Result<T, application::error::Error>
where
    T: 'static,
    F: std::future::Future<Output = Result<T, application::error::Error>> + 'static,
{
    world.set_faults(Faults::none());
    let providers = crate::provider::Providers::new(world.clone(), 0);
    let context = scenario::context(
        world,
        &providers,
        None,
        std::sync::Arc::new(Endpoint::new(world.clone())),
    );
    block_on(world, ask(context))
        .unwrap_or_else(|| Err(application::error::Error::Corrupt("stands still".into())))
}
