//! One Lambda environment: what its calls cost in computing time, and how long they are under way.

use std::f64::consts::LN_10;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::time::{Millis, Timestamp};
use platform::world::Clock;
use platform_memory::World;

use super::index::DueItems;

/// A call that a sweep makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// A page of the due index.
    Query,
    /// An item, strongly read.
    Get,
    /// A conditional write.
    Put,
    /// `SendMessageBatch` with up to ten messages.
    SendBatch,
}

/// How long a call is under way: a log-normal distribution by two of its percentiles.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// In half of the calls, at most this; milliseconds.
    pub median: f64,
    /// In 99 of 100 calls, at most this; milliseconds.
    pub p99: f64,
}

/// What is assumed about AWS. Latencies are within one region; computing time is that of the SDK (to
/// sign, serialise, encrypt and read), on one whole vCPU.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Memory of the function, in MB. A whole vCPU comes with 1,769 MB, less in proportion (AWS Lambda
    /// Developer Guide, "Configure Lambda function memory"); the sweep uses no more than one.
    pub memory_mb: u32,
    /// Computing time of a `SendMessageBatch`, milliseconds.
    pub batch_cpu: f64,
    /// How long it is under way.
    pub batch: Latency,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            memory_mb: 512,
            batch_cpu: 0.5,
            batch: Latency {
                median: 12.0,
                p99: 40.0,
            },
        }
    }
}

/// Memory that comes with a whole vCPU.
const WHOLE_CPU_MB: f64 = 1_769.0;

impl Model {
    /// Which part of a vCPU the function has.
    pub fn cpu_share(&self) -> f64 {
        (f64::from(self.memory_mb) / WHOLE_CPU_MB).min(1.0)
    }

    /// Computing time on a whole vCPU, in milliseconds.
    fn cpu(&self, call: Call, entries: usize) -> f64 {
        // An entry of a page is about 150 bytes of JSON.
        let reading = 0.002 * f64::from(u32::try_from(entries).unwrap_or(u32::MAX));
        match call {
            Call::Query => 0.3 + reading,
            Call::Get | Call::Put => 0.3,
            Call::SendBatch => self.batch_cpu,
        }
    }

    fn latency(&self, call: Call) -> Latency {
        match call {
            Call::Query => Latency {
                median: 8.0,
                p99: 25.0,
            },
            Call::Get | Call::Put => Latency {
                median: 5.0,
                p99: 15.0,
            },
            Call::SendBatch => self.batch,
        }
    }
}

/// The process of an invocation. It computes one thing at a time.
pub(super) struct Environment {
    pub(super) world: World,
    items: Arc<Mutex<DueItems>>,
    model: Model,
    /// When it has computed everything so far, in milliseconds since the run began.
    busy_until: Mutex<f64>,
    begun: Timestamp,
}

impl Environment {
    pub(super) fn new(world: World, items: Arc<Mutex<DueItems>>, model: Model) -> Self {
        let begun = world.now();
        Self {
            world,
            items,
            model,
            busy_until: Mutex::new(0.0),
            begun,
        }
    }

    pub(super) fn items(&self) -> MutexGuard<'_, DueItems> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call: waits for its turn to compute, computes, and waits for the answer.
    pub(super) async fn call(&self, call: Call, entries: usize) {
        self.items().count(call);
        let computed = self.compute(self.model.cpu(call, entries));
        self.world.sleep(computed).await;
        self.world.sleep(self.under_way(call)).await;
    }

    /// How long it takes from now until this much is computed, behind everything before it.
    fn compute(&self, cpu: f64) -> Millis {
        let now = millis(self.world.now().since(self.begun));
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        *busy_until = busy_until.max(now) + cpu / self.model.cpu_share();
        whole(*busy_until - now)
    }

    fn under_way(&self, call: Call) -> Millis {
        let Latency { median, p99 } = self.model.latency(call);
        // The 99th percentile of the normal distribution lies 2.326 deviations above its mean.
        let deviation = (p99 / median).ln() / 2.326;
        whole(median * (deviation * self.normal()).exp())
    }

    /// A number of the normal distribution: the logarithmic method of Box and Muller (1958).
    fn normal(&self) -> f64 {
        let uniform =
            || f64::from(u32::try_from(self.world.pick(1 << 30) + 1).unwrap_or(1)) / f64::from(1 << 30);
        let radius = (-2.0 * uniform().log10() * LN_10).sqrt();
        radius * (std::f64::consts::TAU * uniform()).cos()
    }
}

fn millis(span: Millis) -> f64 {
    span.duration().as_secs_f64() * 1_000.0
}

fn whole(millis: f64) -> Millis {
    Millis::new(
        std::time::Duration::from_secs_f64(millis.max(0.0) / 1_000.0)
            .as_millis()
            .try_into()
            .unwrap_or(0),
    )
}
