//! The sweep at scale: the production code of `enqueue-due` over a large due index, in virtual time,
//! with modelled latencies, computing time and limits of Lambda. `infra/SCALE.md` takes its numbers
//! from here.
//!
//! What is modelled, and how, stands in [`Model`]; everything between the invocation and the ports is
//! the code that runs on AWS.

mod environment;
mod index;
mod report;
mod sqs;

pub use environment::Model;
pub use report::Outcome;

use std::sync::{Arc, Mutex, PoisonError};

use application::context::Context;
use application::sweep::From;
use domain::time::{Millis, Timestamp};
use enqueue_due::{Portion, handle_portion};
use platform::world::Clock;
use platform_memory::{Executor, Faults, World};

use crate::endpoint::Endpoint;
use crate::provider::Providers;
use crate::scenario;
use environment::Environment;
use index::DueItems;

/// Time between two invocations.
const EVERY: Millis = Millis::minutes(1);
/// From the first sweep to the first due time: everything is long scheduled.
const AHEAD: Millis = Millis::minutes(10);
/// Sweeps after which a run is given up.
const MOST_SWEEPS: u64 = 60;

/// What comes due, and how it is swept.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many activities.
    pub due: u32,
    /// Evenly over this time.
    pub spread: Millis,
    /// Invocations each minute, for a portion of the shards each.
    pub portions: u16,
    /// After this time Lambda ends an invocation.
    pub timeout: Millis,
    /// What calls take.
    pub model: Model,
}

/// One invocation.
#[derive(Clone, Copy, Debug)]
struct Invocation {
    took: Millis,
    was_cut: bool,
}

/// Everything that a run of the sweep shares.
struct Run {
    world: World,
    items: Arc<Mutex<DueItems>>,
    setting: Setting,
    executor: Executor,
    invocations: Vec<Invocation>,
}

/// Sweeps until everything is handed over.
///
/// # Panics
///
/// When the setting asks for more portions than there are shards, or a sweep fails.
pub fn sweep(setting: Setting) -> Outcome {
    let world = World::new(1, scenario::start(), Faults::none());
    let first = world.now() + AHEAD;
    let mut run = Run {
        items: Arc::new(Mutex::new(DueItems::new(setting.due, first, setting.spread))),
        executor: Executor::new(world.clone()),
        world,
        setting,
        invocations: Vec::new(),
    };
    let quiet = first + setting.spread;
    for _ in 0..MOST_SWEEPS {
        run.one_minute();
        let is_done = run.items().open() == 0;
        if is_done && run.world.now() > quiet {
            break;
        }
    }
    assert_eq!(run.world.complaints(), Vec::<String>::new());
    let items = run.items();
    Outcome::new(setting, &items, &run.invocations)
}

impl Run {
    fn items(&self) -> std::sync::MutexGuard<'_, DueItems> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one_minute(&mut self) {
        let begun = self.world.now();
        let mut running: Vec<_> = (0..self.setting.portions).map(|part| self.invoke(part)).collect();
        let end = begun + self.setting.timeout;
        while self.executor.run_until(end) {
            for (ended, _) in self.executor.ended() {
                running.retain(|task| *task != ended);
                self.ended_after(self.world.now().since(begun), false);
            }
        }
        for task in running {
            self.executor.kill(task);
            self.ended_after(self.setting.timeout, true);
        }
        self.wait_until(begun + EVERY);
    }

    fn wait_until(&mut self, until: Timestamp) {
        while self.executor.run_until(until) {}
    }

    fn ended_after(&mut self, took: Millis, was_cut: bool) {
        self.invocations.push(Invocation { took, was_cut });
    }

    /// A process of its own, as each portion has one.
    fn invoke(&mut self, part: u16) -> platform_memory::executor::TaskId {
        let portion = Portion::new(part, self.setting.portions).expect("no more portions than shards");
        let world = self.world.clone();
        let environment = Arc::new(Environment::new(
            world.clone(),
            self.items.clone(),
            self.setting.model,
        ));
        let endpoint = Arc::new(Endpoint::new(world.clone()));
        let context = Context {
            table: environment.clone(),
            queues: environment,
            ..scenario::context(&world, &Providers::new(world.clone(), 0), None, endpoint)
        };
        self.executor.spawn(async move {
            if let Err(error) = handle_portion(&context, portion, From::Cursor).await {
                world.complain(format!("a sweep failed: {error}"));
            }
        })
    }
}
