//! What the nodes that call share: the terms of a call, its tries, and how it is left.

use std::collections::BTreeMap;

use domain::activity::state::State;
use domain::channel::Channel;
use domain::cim::Body;
use domain::time::{Millis, Timestamp};
use domain::voice::{CallResult, Dialing};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{Occasion, Turn};
use crate::conversation::facts::MessageFacts;
use crate::effect::{Effect, Priority};
use crate::flow::Outcome;
use crate::limits::MAX_ENTRIES;
use crate::span::Span;
use crate::step::{Draft, Visit};
use crate::template::NotRendered;
use crate::validate::Checking;

/// Outcomes that every call can have.
pub(super) const OUTCOMES: [&str; 13] = [
    "answered",
    "no_answer",
    "busy",
    "machine",
    "fax",
    "invalid",
    "rejected",
    "failed",
    "refused",
    "expired",
    "cancelled",
    "no_address",
    "unknown",
];
/// How long a call's result is waited for, after the dialer took it, where the node does not say.
const RESULT_WITHIN: Millis = Millis::hours(2);
/// The shortest and the longest ringing that may be asked for. The lower bound is that of 16 CFR
/// 310.4(b)(4)(ii): ring at least 15 seconds or four rings before an unanswered call is given up.
const RING: (Millis, Millis) = (Millis::seconds(15), Millis::seconds(180));
/// Longest number of the company's, in bytes.
const MAX_CALLER_ID: usize = 256;
/// Digits of a number: ITU-T E.164.
const MAX_DIGITS: usize = 15;
/// Most redials for one outcome.
const MAX_REDIALS: u32 = 10;

/// Makes a node's settings from its own and those that every call has.
macro_rules! call_settings {
    ($(#[$doc:meta])* { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(crate) struct Settings {
            $($own)*
            /// The company's number that the customer sees.
            #[serde(default)]
            caller_id: Option<String>,
            /// The same by region: numbers of the company's by how the customer's number begins, such as `+44`
            /// or `+1212`. The longest beginning that fits goes before `callerId`.
            #[serde(default)]
            caller_ids: std::collections::BTreeMap<String, String>,
            /// For how long it may ring, 15s to 3m.
            #[serde(default)]
            ring_limit: Option<$crate::span::Span>,
            /// How long after it was due a try may still be dialed.
            #[serde(default)]
            expires_after: Option<$crate::span::Span>,
            /// How long a result is waited for once the dialer has taken a try, 2h if absent; then the
            /// outcome is `unknown`.
            #[serde(default)]
            result_within: Option<$crate::span::Span>,
            /// Which outcomes are tried again before the node is left by them.
            #[serde(default)]
            retries: $crate::nodes::dial::Retries,
            /// How urgent it is.
            #[serde(default)]
            priority: $crate::effect::Priority,
            /// Kept with each try and handed back with everything that tells about it.
            #[serde(default)]
            metadata: std::collections::BTreeMap<String, String>,
        }

        impl Settings {
            fn terms(&mut self, checking: &mut $crate::validate::Checking<'_>) -> $crate::nodes::dial::Terms {
                $crate::nodes::dial::Terms {
                    caller_id: self.caller_id.take(),
                    caller_ids: std::mem::take(&mut self.caller_ids),
                    ring_limit: self.ring_limit,
                    expires_after: self.expires_after,
                    result_within: self.result_within,
                    retries: std::mem::take(&mut self.retries),
                    priority: self.priority,
                    metadata: std::mem::take(&mut self.metadata),
                }
                .checked(checking)
            }
        }
    };
}
pub(super) use call_settings;

/// Redials by the outcome that asks for them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retries {
    #[serde(default)]
    no_answer: Option<Retry>,
    #[serde(default)]
    busy: Option<Retry>,
    #[serde(default)]
    machine: Option<Retry>,
    #[serde(default)]
    fax: Option<Retry>,
    #[serde(default)]
    failed: Option<Retry>,
}

/// When, and how often, a call is tried again.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// How long after the result.
    after: Span,
    /// How often for this outcome, 1 to 10.
    attempts: u32,
}

impl Retries {
    /// What is never redialed by itself: who spoke to us, who refused us, a number that does not exist,
    /// and a person whom an abandoned call has annoyed already.
    const fn of(&self, result: CallResult) -> Option<Retry> {
        match result {
            CallResult::NoAnswer => self.no_answer,
            CallResult::Busy => self.busy,
            CallResult::Machine => self.machine,
            CallResult::Fax => self.fax,
            CallResult::Failed => self.failed,
            CallResult::Answered | CallResult::Invalid | CallResult::Abandoned | CallResult::Rejected => None,
        }
    }

    fn named(&self) -> [(&'static str, Option<Retry>); 5] {
        [
            ("no_answer", self.no_answer),
            ("busy", self.busy),
            ("machine", self.machine),
            ("fax", self.fax),
            ("failed", self.failed),
        ]
    }
}

/// The terms of a node's calls.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(super) caller_id: Option<String>,
    pub(super) caller_ids: BTreeMap<String, String>,
    pub(super) ring_limit: Option<Span>,
    pub(super) expires_after: Option<Span>,
    pub(super) result_within: Option<Span>,
    pub(super) retries: Retries,
    pub(super) priority: Priority,
    pub(super) metadata: BTreeMap<String, String>,
}

/// What agents say at the end of a call, by the outcome that it leads to.
#[derive(Clone, Debug)]
pub(super) struct WrapUps {
    pub(super) codes: BTreeMap<Outcome, Vec<String>>,
    pub(super) within: Millis,
}

/// A call that was not placed, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NotPlaced(pub(super) Turn);

/// A node that calls.
pub(super) trait Caller {
    fn terms(&self) -> &Terms;
    fn outcomes(&self) -> Vec<Outcome>;
    /// How the call is paced, and the fields of its body; an error is the reason of the outcome `failed`.
    fn call(&self, visit: &Visit<'_>) -> Result<(Dialing, Map<String, Json>), String>;
    fn wrap_ups(&self) -> Option<&WrapUps> {
        None
    }
}

impl Terms {
    pub(super) fn checked(self, checking: &mut Checking<'_>) -> Self {
        checking.metadata(&self.metadata);
        if let Some(caller) = &self.caller_id {
            checking.length("callerId", caller, MAX_CALLER_ID);
        }
        if self.caller_ids.len() > MAX_ENTRIES {
            checking.problem("callerIds", format!("may have at most {MAX_ENTRIES} entries"));
        }
        for (beginning, caller) in &self.caller_ids {
            let field = format!("callerIds/{beginning}");
            let digits = beginning.strip_prefix('+').unwrap_or_default();
            let fits = (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            if !fits {
                checking.problem("callerIds", "must have keys such as `+44` or `+1212`");
            }
            checking.length(&field, caller, MAX_CALLER_ID);
        }
        let rings = self.ring_limit.map(Span::millis);
        if rings.is_some_and(|ring| !(RING.0..=RING.1).contains(&ring)) {
            checking.problem("ringLimit", "must be 15s to 3m");
        }
        for (outcome, retry) in self.retries.named() {
            if retry.is_some_and(|retry| !(1..=MAX_REDIALS).contains(&retry.attempts)) {
                checking.problem(
                    &format!("retries/{outcome}/attempts"),
                    format!("must be 1 to {MAX_REDIALS}"),
                );
            }
        }
        self
    }

    /// The company's number that this customer sees.
    fn caller_id(&self, customer: &str) -> Option<&String> {
        let mut fitting = self
            .caller_ids
            .iter()
            .filter(|(beginning, _)| customer.starts_with(beginning.as_str()));
        // Of two beginnings of one number the longer one sorts last.
        fitting
            .next_back()
            .map(|(_, caller)| caller)
            .or(self.caller_id.as_ref())
    }
}

/// The conversation has entered a node that calls.
pub(super) fn enter(node: &impl Caller, visit: &mut Visit<'_>) -> Turn {
    if visit.has_sent_enough() {
        return Turn::Exhausted;
    }
    match place(node, visit, visit.now) {
        Ok(()) => Turn::Stay,
        Err(NotPlaced(turn)) => turn,
    }
}

/// Schedules a try.
fn place(node: &impl Caller, visit: &mut Visit<'_>, due_at: Timestamp) -> Result<(), NotPlaced> {
    let Some(to) = visit.conversation.addresses.get(&Channel::Voice).cloned() else {
        return Err(NotPlaced(Turn::leave("no_address")));
    };
    let terms = node.terms();
    let failed = |reason: String| NotPlaced(Turn::leave_because("failed", Some(reason)));
    let (dialing, mut fields) = node.call(visit).map_err(failed)?;
    fields.insert("type".into(), "VOICE".into());
    if let Some(ring) = terms.ring_limit {
        fields.insert("ringLimitSeconds".into(), (ring.millis().get() / 1_000).into());
    }
    let body = Body::parse(Json::Object(fields))
        .map_err(|problem| failed(NotRendered::unfit(problem).to_string()))?;
    let service_identifier = terms.caller_id(to.as_str()).cloned();
    visit.schedule(Draft {
        channel: Channel::Voice,
        to,
        service_identifier,
        body,
        dialing: Some(dialing),
        due_at,
        expires_at: terms.expires_after.map(|span| due_at + span.millis()),
        priority: terms.priority,
        metadata: terms.metadata.clone(),
    });
    Ok(())
}

/// Something happened while the conversation stands at a node that calls.
pub(super) fn react(node: &impl Caller, visit: &mut Visit<'_>, occasion: Occasion) -> Turn {
    let tries = || {
        let messages = visit.conversation.messages.iter();
        messages.filter(|facts| facts.visit == visit.number)
    };
    // Whoever has spoken to us in an earlier try is not dialed again, though the receipt came late.
    let spoken = tries().find(|facts| facts.call_result() == Some(CallResult::Answered));
    let latest = tries().next_back();
    let Some(latest) = latest.cloned() else {
        return Turn::Stay;
    };
    if let Some(spoken) = spoken.cloned() {
        return answered(node, visit, occasion, &spoken, &latest);
    }
    let outcome = match latest.state {
        State::Scheduled | State::Dispatching => return Turn::Stay,
        State::Unknown => "unknown",
        State::Expired => "expired",
        State::Refused => "refused",
        State::Cancelled => "cancelled",
        State::Sent | State::Delivered => return await_result(node.terms(), visit, occasion),
        State::Failed | State::Connected | State::Read | State::Replied => {
            return unanswered(node, visit, &latest);
        }
    };
    Turn::leave_because(outcome, latest.reason)
}

/// Waits for the result of a call that the dialer has taken, as long as that makes sense: a lost result
/// must not hold the customer for ever, nor have them called again.
fn await_result(terms: &Terms, visit: &mut Visit<'_>, occasion: Occasion) -> Turn {
    if occasion == Occasion::Time {
        return Turn::leave_because("unknown", Some("no-result".to_owned()));
    }
    let within = terms.result_within.map_or(RESULT_WITHIN, Span::millis);
    visit.conversation.wake.get_or_insert(visit.now + within);
    Turn::Stay
}

/// A person answered: by the agent's wrap-up code, if the node waits for one.
fn answered(
    node: &impl Caller,
    visit: &mut Visit<'_>,
    occasion: Occasion,
    spoken: &MessageFacts,
    latest: &MessageFacts,
) -> Turn {
    if latest.state.is_open() && latest.activity != spoken.activity {
        visit.effects.push(Effect::Cancel {
            activity: latest.activity.clone(),
        });
    }
    let Some(wrap_ups) = node.wrap_ups() else {
        return Turn::leave_because("answered", spoken.reason.clone());
    };
    if let Some(said) = &spoken.wrap_up {
        let is_said = |code: &String| code.eq_ignore_ascii_case(said.code.trim());
        let mut known = wrap_ups.codes.iter();
        let outcome = known.find(|(_, codes)| codes.iter().any(is_said));
        let outcome = outcome.map_or_else(|| "answered".into(), |(outcome, _)| outcome.clone());
        return Turn::leave_because(outcome, Some(said.code.clone()));
    }
    // A dialer may tell that a call was read instead: it still has one beginning, from which the time runs.
    let receipts = &spoken.receipts;
    let since = receipts.connected.or(receipts.read);
    let until = since.unwrap_or(visit.conversation.entered) + wrap_ups.within;
    if occasion == Occasion::Time && visit.now >= until {
        return Turn::leave_because("answered", Some("no-wrap-up".to_owned()));
    }
    visit.conversation.wake = Some(until);
    Turn::Stay
}

/// Nobody answered: another try, or the outcome.
fn unanswered(node: &impl Caller, visit: &mut Visit<'_>, latest: &MessageFacts) -> Turn {
    let result = latest.call_result().unwrap_or(CallResult::Failed);
    let alike = visit
        .conversation
        .messages
        .iter()
        .filter(|facts| facts.visit == visit.number && facts.call_result() == Some(result))
        .count();
    if let Some(retry) = node.terms().retries.of(result)
        && u32::try_from(alike).is_ok_and(|alike| alike <= retry.attempts)
        && !visit.has_sent_enough()
    {
        visit.conversation.wake = None;
        return match place(node, visit, visit.now + retry.after.millis()) {
            Ok(()) => Turn::Stay,
            Err(NotPlaced(turn)) => turn,
        };
    }
    let mut outcomes = node.outcomes().into_iter();
    let outcome = outcomes.find(|outcome| outcome.as_str() == result.name());
    Turn::leave_because(outcome.unwrap_or_else(|| "failed".into()), latest.reason.clone())
}
