//! What came in, counted before anything else happens.

use std::collections::{BTreeMap, HashMap, VecDeque};

use domain::channel::Channel;
use domain::id::hash_bits;
use domain::time::Timestamp;
use domain::trace::TraceId;
use serde::{Deserialize, Serialize};

use super::Arrival;
use super::floor::FloorStats;
use super::script::Verdict;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawRequest {
    /// The attempt's key.
    pub key: String,
    /// The channel.
    pub channel: Channel,
    /// When it came.
    pub at: Timestamp,
    /// A hash of the customer's address.
    pub to_hash: String,
    /// Its trace, if the protocol carries one.
    #[serde(default)]
    pub trace: Option<TraceId>,
}

/// How often an attempt came, and had an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptCount {
    /// Raw requests.
    pub raw: u32,
    /// Messages that reached the customer, or would have.
    pub effects: u32,
}

/// Counts of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Raw requests.
    pub requests: u64,
    /// Different keys among them.
    pub attempts: u64,
    /// Attempts that came more than once.
    pub repeated_attempts: u64,
    /// The most raw requests of one attempt.
    pub most_requests_per_attempt: u32,
    /// Messages taken, each counted once.
    pub effects: u64,
    /// The most effects of one attempt: 1, unless somebody sent twice.
    pub most_effects_per_attempt: u32,
    /// Requests refused for good.
    pub rejected: u64,
    /// Requests put off.
    pub deferred: u64,
    /// Requests taken whose answer was lost.
    pub lost_answers: u64,
    /// Calls taken, each counted once.
    #[serde(default)]
    pub calls: u64,
    /// The most calls to one number.
    #[serde(default)]
    pub most_calls_per_number: u32,
    /// Events planned, by name (`DELIVERED`, `READ`, `FAILED`, `REPLY`), repetitions not counted.
    pub planned: BTreeMap<String, u64>,
    /// Second tellings planned.
    pub planned_again: u64,
    /// Receipts and replies that the target took.
    pub reports_taken: u64,
    /// Receipts and replies that the target refused for good.
    pub reports_refused: u64,
    /// Calls that failed and were repeated.
    pub reports_retried: u64,
    /// Receipts and replies given up after many tries, or for want of a target.
    pub reports_dropped: u64,
    /// Receipts and replies still to come, or under way; what is to happen on the floor, too.
    pub reports_pending: u64,
    /// What happened on the floor; empty where there is none.
    #[serde(default)]
    pub floor: FloorStats,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By hash of the key: the keys themselves would fill the memory of a long run.
    attempts: HashMap<u128, AttemptCount>,
    /// Calls by hash of the number.
    calls: HashMap<u128, u32>,
    recent: VecDeque<RawRequest>,
    capacity: usize,
    stats: Stats,
}

impl Ledger {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// Counts a raw request. Returns its key, one of its own where the request has none, and the
    /// attempt's counts so far, this request included.
    pub(super) fn arrive(&mut self, arrival: &Arrival<'_>, at: Timestamp) -> (String, AttemptCount) {
        self.stats.requests += 1;
        let key = arrival
            .key
            .map_or_else(|| format!("unkeyed-{}", self.stats.requests), str::to_owned);
        let count = self.attempts.entry(hash_bits(&[&key])).or_default();
        count.raw += 1;
        match count.raw {
            1 => self.stats.attempts += 1,
            2 => self.stats.repeated_attempts += 1,
            _ => {}
        }
        self.stats.most_requests_per_attempt = self.stats.most_requests_per_attempt.max(count.raw);
        let count = *count;
        if self.capacity > 0 {
            if self.recent.len() == self.capacity {
                self.recent.pop_front();
            }
            self.recent.push_back(RawRequest {
                key: key.clone(),
                channel: arrival.channel,
                at,
                to_hash: format!("{:032x}", hash_bits(&[arrival.to])),
                trace: arrival.trace.clone(),
            });
        }
        (key, count)
    }

    /// Counts what was decided. Returns whether the request has an effect: not if its attempt had
    /// one before and the protocol drops repetitions.
    pub(super) fn decide(&mut self, key: &str, verdict: Verdict, deduplicates: bool, lost: bool) -> bool {
        match verdict {
            Verdict::Reject => self.stats.rejected += 1,
            Verdict::Defer => self.stats.deferred += 1,
            Verdict::Accept => {
                self.stats.lost_answers += u64::from(lost);
                let count = self.attempts.entry(hash_bits(&[key])).or_default();
                if deduplicates && count.effects > 0 {
                    return false;
                }
                count.effects += 1;
                self.stats.effects += 1;
                self.stats.most_effects_per_attempt = self.stats.most_effects_per_attempt.max(count.effects);
                return true;
            }
        }
        false
    }

    /// Counts an event that will come back.
    pub(super) fn plan(&mut self, event: &'static str, again: bool) {
        if again {
            self.stats.planned_again += 1;
        } else {
            *self.stats.planned.entry(event.into()).or_default() += 1;
        }
    }

    /// Counts a call that was taken.
    pub(super) fn dial(&mut self, number: &str) {
        let count = self.calls.entry(hash_bits(&[number])).or_default();
        *count += 1;
        self.stats.calls += 1;
        self.stats.most_calls_per_number = self.stats.most_calls_per_number.max(*count);
    }

    pub(super) fn calls_to(&self, number: &str) -> u32 {
        self.calls.get(&hash_bits(&[number])).copied().unwrap_or(0)
    }

    pub(super) fn attempt(&self, key: &str) -> AttemptCount {
        self.attempts.get(&hash_bits(&[key])).copied().unwrap_or_default()
    }

    pub(super) fn requests(&self) -> Vec<RawRequest> {
        self.recent.iter().cloned().collect()
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats.clone()
    }

    pub(super) fn count(&mut self, change: impl FnOnce(&mut Stats)) {
        change(&mut self.stats);
    }
}
