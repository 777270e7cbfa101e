//! What a skill group of 500 agents costs its owner over a quarter of an hour of predictive dialing: time for each
//! step, events a second, and what is written down, in DynamoDB's write units (a transaction writes 1 KB for two).
//!
//! `cargo bench -p pacing --bench group`

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::time::{Duration, Instant};

use domain::agent::{AgentState, Side};
use domain::id::{ActivityId, AgentId};
use domain::time::Timestamp;
use domain::voice::{CallResult, DialingMode};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use pacing::group::{AgentSeen, CallSeen, Decision, Group, Happening, Settings, Terms, Waiting, WorkId};
use pacing::{Mode, Plan};
use platform::packing::pack;

const AGENTS: u64 = 500;
/// Milliseconds between two steps, as an owner takes them.
const PULSE: u64 = 250;
/// Milliseconds that are measured, and those before.
const MEASURED: u64 = 900_000;
const WARM_UP: u64 = 300_000;
/// Steps between two snapshots.
const SNAPSHOT: usize = 40;
/// Calls that are known to wait are at least half as many as this.
const BUFFER: usize = 100;
/// Bytes of the owner's own item, which each write renews.
const OWNER: usize = 400;
/// Bytes of an entry's key, version and expiry, with their names.
const NAMES: usize = 100;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000_i64.saturating_add_unsigned(millis))
}

/// Spreads numbers evenly.
fn mixed(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33
}

/// What happens later.
#[derive(Clone, Debug)]
enum Later {
    Result(ActivityId, CallResult),
    Answer(ActivityId),
    Finish(AgentId),
    Free(AgentId),
}

/// The contact centre around the group.
#[derive(Default)]
struct Floor {
    later: BTreeMap<u64, Vec<Later>>,
    free: VecDeque<AgentId>,
    calls: u64,
    in_flight: u64,
}

fn seen(agent: &AgentId, state: AgentState, now: u64, activity: Option<ActivityId>) -> Happening {
    Happening::Agent {
        agent: agent.clone(),
        seen: AgentSeen {
            state,
            since: at(now),
            side: Side::Outbound,
            activity,
            finishes_at: None,
            promised: false,
            commitments: Vec::new(),
        },
    }
}

impl Floor {
    fn after(&mut self, now: u64, millis: u64, what: Later) {
        self.later.entry(now + millis).or_default().push(what);
    }

    /// A call was started: one in twelve is answered, after 5 to 15 seconds.
    fn dial(&mut self, now: u64, call: ActivityId) {
        self.in_flight += 1;
        let n = mixed(self.calls);
        self.calls += 1;
        if n.is_multiple_of(12) {
            self.after(now, 5_000 + n % 10_000, Later::Answer(call));
        } else {
            let result = if n.is_multiple_of(5) {
                CallResult::Busy
            } else {
                CallResult::NoAnswer
            };
            self.after(now, 22_000, Later::Result(call, result));
        }
    }

    /// All that happens up to now. Conversations take two to four minutes.
    fn happenings(&mut self, now: u64) -> Vec<Happening> {
        let future = self.later.split_off(&(now + 1));
        let past = std::mem::replace(&mut self.later, future);
        let mut happenings = Vec::new();
        for what in past.into_values().flatten() {
            match what {
                Later::Result(call, result) => {
                    self.in_flight -= 1;
                    happenings.push(Happening::Call {
                        call,
                        seen: CallSeen::Over(result),
                    });
                }
                Later::Answer(call) => {
                    self.in_flight -= 1;
                    let Some(agent) = self.free.pop_front() else {
                        let seen = CallSeen::Over(CallResult::Abandoned);
                        happenings.push(Happening::Call { call, seen });
                        continue;
                    };
                    happenings.push(Happening::Call {
                        call: call.clone(),
                        seen: CallSeen::Live,
                    });
                    happenings.push(seen(&agent, AgentState::Busy, now, Some(call)));
                    let talk = 120_000 + mixed(self.calls + now) % 120_000;
                    self.after(now, talk, Later::Finish(agent));
                }
                Later::Finish(agent) => {
                    happenings.push(seen(&agent, AgentState::WrapUp, now, None));
                    self.after(now, 20_000, Later::Free(agent));
                }
                Later::Free(agent) => {
                    happenings.push(seen(&agent, AgentState::Seized, now, None));
                    self.free.push_back(agent);
                }
            }
        }
        happenings
    }
}

/// What was measured.
#[derive(Default)]
struct Measured {
    steps: Vec<Duration>,
    happenings: usize,
    most_in_flight: u64,
    /// Of each entry of the log, as JSON.
    entry_bytes: usize,
    /// Of each entry of the log, as it is stored.
    stored: Vec<usize>,
    snapshots: usize,
    state: (usize, usize),
    units: usize,
}

/// Write units of an item in a transaction.
fn units(bytes: usize) -> usize {
    2 * bytes.div_ceil(1_024)
}

/// A state as it is stored: JSON, deflated, in base 64; its bytes before and after.
fn packed(group: &Group) -> (usize, usize) {
    let json = serde_json::to_vec(group).expect("a state can be stored");
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&json).expect("memory takes it");
    let deflated = encoder.finish().expect("memory takes it");
    (json.len(), deflated.len().div_ceil(3) * 4)
}

fn main() {
    let work = WorkId {
        campaign: None,
        mode: DialingMode::Predictive,
    };
    let mut group = Group::new(Settings::default(), at(0));
    let mut floor = Floor::default();
    let terms = Terms {
        open: true,
        plan: Plan::default().with_mode(Mode::Predictive(1.0)),
        limit: 0.03,
        priority: 5,
        weight: 1,
    };
    let mut next = vec![Happening::Terms {
        work: work.clone(),
        terms: Box::new(terms),
    }];
    for n in 0..AGENTS {
        let agent = AgentId::parse(&format!("agent-{n}")).expect("an id");
        next.push(seen(&agent, AgentState::Seized, 0, None));
        floor.free.push_back(agent);
    }
    let (mut measured, mut contacts) = (Measured::default(), 0_u64);
    for now in (0..WARM_UP + MEASURED).step_by(usize::try_from(PULSE).unwrap_or(1)) {
        next.extend(floor.happenings(now));
        let waiting = group.waiting(&work);
        if waiting < BUFFER / 2 {
            let calls = (waiting..BUFFER).map(|_| {
                contacts += 1;
                Waiting {
                    call: ActivityId::generate(at(0), u128::from(contacts)),
                    agent: None,
                    gateway: None,
                }
            });
            next.push(Happening::Waits {
                work: work.clone(),
                calls: calls.collect(),
            });
        }
        let happenings = std::mem::take(&mut next);
        let begun = Instant::now();
        let decisions = group.step(at(now), &happenings);
        let took = begun.elapsed();
        for decision in &decisions {
            if let Decision::Dial { call, .. } = decision {
                floor.dial(now, call.clone());
            }
        }
        if now < WARM_UP || (happenings.is_empty() && now % 1_000 > 0) {
            continue;
        }
        let entry = serde_json::json!({
            "at": at(now), "epoch": 7, "in": happenings, "out": decisions,
        })
        .to_string();
        measured.steps.push(took);
        measured.happenings += happenings.len();
        measured.most_in_flight = measured.most_in_flight.max(floor.in_flight);
        measured.entry_bytes += entry.len();
        let stored = pack(entry).bytes() + NAMES;
        measured.units += units(stored) + units(OWNER);
        measured.stored.push(stored);
        if measured.steps.len().is_multiple_of(SNAPSHOT) {
            measured.snapshots += 1;
            measured.state = packed(&group);
            measured.units += units(measured.state.1) + units(OWNER);
        }
    }
    report(measured, &group);
}

#[allow(clippy::cast_precision_loss, reason = "counts for people")]
fn report(mut measured: Measured, group: &Group) {
    let seconds = MEASURED as f64 / 1_000.0;
    let busy: Duration = measured.steps.iter().sum();
    measured.steps.sort();
    let at = |share: usize| {
        measured
            .steps
            .get((measured.steps.len() - 1) * share / 100)
            .copied()
            .unwrap_or_default()
    };
    let work = group.view().works.into_iter().next().expect("the work stands");
    println!(
        "{AGENTS} agents, up to {} calls in flight, {} dialed",
        measured.most_in_flight, work.dialed
    );
    println!(
        "step: median {:?}, 99 % {:?}, longest {:?}",
        at(50),
        at(99),
        at(100)
    );
    println!(
        "events: {:.0} a second of the contact centre's; {:.0} a second could be taken in",
        measured.happenings as f64 / seconds,
        measured.happenings as f64 / busy.as_secs_f64()
    );
    let entries = measured.stored.len();
    let within = measured.stored.iter().filter(|bytes| **bytes <= 1_024).count();
    println!(
        "log: {:.1} entries a second of {} bytes as JSON, {} stored; {:.2} % have at most 1 KB, the longest {} bytes",
        entries as f64 / seconds,
        measured.entry_bytes / entries.max(1),
        measured.stored.iter().sum::<usize>() / entries.max(1),
        within as f64 * 100.0 / entries.max(1) as f64,
        measured.stored.iter().max().copied().unwrap_or_default()
    );
    println!(
        "snapshot: {} bytes as JSON, {} packed",
        measured.state.0, measured.state.1
    );
    println!("write units: {:.0} a second", measured.units as f64 / seconds);
}
