//! One run: chaos, then calm, then the invariants.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::id::WebhookId;
use domain::time::{Millis, Timestamp};
use domain::timer::TimerKind;
use platform::world::Clock;
use platform_memory::executor::{End, TaskId};
use platform_memory::{Executor, Fault, Faults, World};

use crate::clients::{self, Errand, Memory};
use crate::endpoint::Endpoint;
use crate::event_sources::{EventSource, Retries};
use crate::invariants;
use crate::plants::Plant;
use crate::processes::{ROLES, Role, process};
use crate::provider::Providers;
use crate::scenario::{context, settings, start, tenant, webhook};

/// How long things go wrong.
const CHAOS: Millis = Millis::minutes(20);
/// How long everything may take to come to its end after that. Windows open within a day.
const CALM: Millis = Millis::hours(26);
/// How often the calm part looks whether everything has.
const LOOK: Millis = Millis::minutes(10);

/// What a run showed.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What was wrong at its end; empty for a good run.
    pub violations: Vec<String>,
    /// How often each fault occurred.
    pub faults: BTreeMap<Fault, u64>,
    /// Port calls made.
    pub calls: u64,
    /// Messages that reached customers.
    pub effects: usize,
}

/// What a task is, to start it again.
#[derive(Clone, Copy, Debug)]
enum Task {
    Process(Role),
    Client(Errand),
}

struct Run {
    world: World,
    endpoint: Endpoint,
    providers: Providers,
    memory: Memory,
    retries: Retries,
    plant: Option<Plant>,
    executor: Executor,
    tasks: BTreeMap<TaskId, Task>,
}

impl Run {
    fn spawn(&mut self, task: Task) {
        let context = context(
            &self.world,
            &self.providers,
            self.plant,
            Arc::new(self.endpoint.clone()),
        );
        let (world, providers) = (self.world.clone(), self.providers.clone());
        let id = match task {
            Task::Process(role) => {
                let (retries, plant) = (self.retries.clone(), self.plant);
                self.executor.spawn(async move {
                    let source = EventSource {
                        context: &context,
                        world: &world,
                        retries: &retries,
                        plant,
                    };
                    process(role, source, &providers).await;
                })
            }
            Task::Client(errand) => {
                let memory = self.memory.clone();
                self.executor
                    .spawn(clients::run(errand, context, world, memory, providers))
            }
        };
        self.tasks.insert(id, task);
    }

    /// Runs until an instant, starting again what died.
    fn until(&mut self, until: Timestamp) {
        loop {
            let more = self.executor.run_until(until);
            for (id, end) in self.executor.ended() {
                match (self.tasks.remove(&id), end) {
                    (Some(task), End::Crashed) => self.spawn(task),
                    (Some(Task::Process(role)), End::Finished) => {
                        self.world.complain(format!("{role:?} came to an end"));
                    }
                    _ => {}
                }
            }
            if !more {
                return;
            }
        }
    }

    fn is_settled(&self) -> bool {
        let clients = self.tasks.values().any(|task| matches!(task, Task::Client(_)));
        !clients
            && !self.providers.is_returning()
            && self.world.unseen_changes() == 0
            // A paced group is looked at now and then for ever.
            && !self.world.has_due_besides(TimerKind::Pacing)
    }
}

/// Runs a seed, with a fault planted in our own code or none.
pub fn run(seed: u64, plant: Option<Plant>) -> Report {
    let world = World::new(seed, start(), Faults::none());
    let set = invariants::with_calm(&world, |context| async move {
        application::settings::change(&context, &tenant(), None, |_| settings()).await?;
        let id = WebhookId::parse("everything")
            .map_err(|error| application::error::Error::Corrupt(error.to_string()))?;
        application::webhooks::create(&context, &tenant(), id, webhook())
            .await
            .map(|_| ())
    });
    if let Err(error) = set {
        world.complain(format!("the settings could not be set: {error}"));
    }
    world.set_faults(Faults::worst());
    let mut run = Run {
        providers: Providers::new(world.clone(), seed),
        endpoint: Endpoint::new(world.clone()),
        memory: Memory::default(),
        retries: Retries::default(),
        plant,
        executor: Executor::new(world.clone()),
        tasks: BTreeMap::new(),
        world: world.clone(),
    };
    for role in ROLES {
        run.spawn(Task::Process(role));
    }
    for errand in errands(seed) {
        run.spawn(Task::Client(errand));
    }
    run.until(start() + CHAOS);
    world.set_faults(Faults::calm());
    let end = start() + CHAOS + CALM;
    while !run.is_settled() && world.now() < end {
        run.until(world.now() + LOOK);
    }
    let promises = run.memory.promises();
    let requests = run.providers.requests();
    let mut violations = world.complaints();
    violations.extend(run.providers.floor.wrong());
    violations.extend(invariants::check(
        &world,
        &promises,
        &requests,
        &run.providers.answers(),
        &run.endpoint.told(),
    ));
    Report {
        seed,
        violations,
        faults: world.occurred(),
        calls: world.calls(),
        effects: requests.iter().filter(|request| request.effect).count(),
    }
}

/// The clients of a run. Some campaigns are paused, some are stopped, and some runs make calls.
fn errands(seed: u64) -> Vec<Errand> {
    let mut errands = vec![Errand::SetUp, Errand::Bar(0), Errand::Bar(7), Errand::Watch];
    errands.extend((0..24).map(Errand::Activity));
    // An owner of pacing steps every second: these runs take ten times as long.
    if seed % 12 == 11 {
        errands.extend((0..clients::CALLS).map(Errand::Call));
        errands.push(Errand::Floor);
    }
    if seed.is_multiple_of(2) {
        errands.push(Errand::Pause);
    }
    if seed % 5 == 4 {
        errands.push(Errand::Stop);
    }
    errands
}
