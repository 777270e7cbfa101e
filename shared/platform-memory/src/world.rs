//! One seeded run: clock, randomness, data, faults.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use domain::time::{Millis, Timestamp};
use platform::world::{Clock, Entropy};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::faults::{Fault, Faults};
use crate::{blobs, bus, changes, queues, secrets, table};

/// A world. Clones share it.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) random: ChaCha8Rng,
    pub(crate) faults: Faults,
    occurred: BTreeMap<Fault, u64>,
    crash: bool,
    sleepers: BTreeSet<(Timestamp, u64)>,
    wakers: BTreeMap<u64, Waker>,
    next_sleeper: u64,
    calls: u64,
    complaints: Vec<String>,
    pub(crate) table: table::Data,
    pub(crate) changes: changes::Data,
    pub(crate) queues: queues::Data,
    pub(crate) bus: bus::Data,
    pub(crate) blobs: blobs::Data,
    pub(crate) secrets: secrets::Data,
}

impl World {
    /// A world that begins at `start`; everything that is left to chance is decided by `seed`.
    pub fn new(seed: u64, start: Timestamp, faults: Faults) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: start,
            random: ChaCha8Rng::seed_from_u64(seed),
            faults,
            occurred: BTreeMap::new(),
            crash: false,
            sleepers: BTreeSet::new(),
            wakers: BTreeMap::new(),
            next_sleeper: 0,
            calls: 0,
            complaints: Vec::new(),
            table: table::Data::default(),
            changes: changes::Data::default(),
            queues: queues::Data::default(),
            bus: bus::Data::default(),
            blobs: blobs::Data::default(),
            secrets: secrets::Data::default(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each fault occurred.
    pub fn occurred(&self) -> BTreeMap<Fault, u64> {
        self.state().occurred.clone()
    }

    /// How many port calls were made.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Notes something that must not happen, for whoever checks the run.
    pub fn complain(&self, complaint: String) {
        self.state().complaints.push(complaint);
    }

    /// What was complained about.
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// A number below `bound` (0 when that is 0), decided by the seed.
    pub fn pick(&self, bound: usize) -> usize {
        self.state().below(bound)
    }

    /// Whether something of this likelihood, in thousandths, happens now.
    pub fn chance(&self, thousandths: u32) -> bool {
        self.state().chance(thousandths)
    }

    /// Whether something of this likelihood, in thousandths, happens now, in a world in which this kind
    /// of fault occurs at all.
    pub fn has(&self, fault: Fault, thousandths: u32) -> bool {
        let mut state = self.state();
        state.faults.likelihood(fault) > 0 && state.chance(thousandths)
    }

    /// Whether a fault occurs now, as likely as the world has it; counts it. For what goes wrong
    /// outside the ports.
    pub fn occurs(&self, fault: Fault) -> bool {
        self.state().occurs(fault)
    }

    /// Counts a fault that followed from others.
    pub fn count(&self, fault: Fault) {
        self.state().count(fault);
    }

    /// Waits in virtual time.
    pub fn sleep(&self, span: Millis) -> Sleep {
        let mut state = self.state();
        let until = state.now + span;
        let id = state.next_sleeper;
        state.next_sleeper += 1;
        Sleep {
            world: self.clone(),
            until,
            id,
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        self.state().sleepers.first().map(|(at, _)| *at)
    }

    /// Moves the clock forward and wakes who waited for it.
    pub(crate) fn advance(&self, to: Timestamp) {
        let mut state = self.state();
        state.now = state.now.max(to);
        let now = state.now;
        let mut woken = Vec::new();
        while let Some((at, id)) = state.sleepers.first().copied() {
            if at > now {
                break;
            }
            state.sleepers.remove(&(at, id));
            woken.extend(state.wakers.remove(&id));
        }
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn take_crash(&self) -> bool {
        std::mem::take(&mut self.state().crash)
    }

    /// What comes in front of a port call: a moment of latency, or worse.
    pub(crate) async fn before_call(&self) {
        let (latency, crash) = {
            let mut state = self.state();
            state.calls += 1;
            let crash = state.occurs(Fault::CrashBefore);
            let freeze = state.occurs(Fault::Freeze);
            let latency = if state.faults == Faults::none() {
                0
            } else if freeze {
                20_000 + state.below(200_000) as u64
            } else {
                state.below(20) as u64
            };
            (latency, crash)
        };
        if crash {
            self.crash().await;
        }
        if latency > 0 {
            self.sleep(Millis::new(latency)).await;
        }
    }

    /// What comes behind a port call that took effect.
    pub(crate) async fn after_call(&self) {
        let crash = self.state().occurs(Fault::CrashAfter);
        if crash {
            self.crash().await;
        }
    }

    async fn crash(&self) {
        self.state().crash = true;
        std::future::pending::<()>().await;
    }
}

impl State {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 {
            0
        } else {
            self.random.random_range(0..bound)
        }
    }

    pub(crate) fn chance(&mut self, thousandths: u32) -> bool {
        thousandths > 0 && self.random.random_range(0..1_000_u32) < thousandths
    }

    /// Whether a fault occurs now; counts it.
    pub(crate) fn occurs(&mut self, fault: Fault) -> bool {
        let likelihood = self.faults.likelihood(fault);
        let occurs = self.chance(likelihood);
        if occurs {
            self.count(fault);
        }
        occurs
    }

    /// Counts a fault that occurred.
    pub(crate) fn count(&mut self, fault: Fault) {
        *self.occurred.entry(fault).or_default() += 1;
    }
}

/// A wait in virtual time.
pub struct Sleep {
    world: World,
    until: Timestamp,
    id: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.world.state();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        state.sleepers.insert((self.until, self.id));
        state.wakers.insert(self.id, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut state = self.world.state();
        state.sleepers.remove(&(self.until, self.id));
        state.wakers.remove(&self.id);
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.state().now
    }
}

impl Entropy for World {
    fn bits(&self) -> u128 {
        self.state().random.random()
    }
}
