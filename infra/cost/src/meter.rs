//! The meter: what was asked of which service, by which step of an activity's life.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use application::keys::Kind;

/// A step of an activity's life: what a use case was doing when it asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Configuring; not part of the account.
    #[default]
    SetUp,
    /// The authorizer looks a credential up.
    Authorize,
    /// The API takes an activity.
    Create,
    /// A campaign starts a conversation.
    Start,
    /// The sweep hands over.
    Sweep,
    /// A worker claims.
    Claim,
    /// A worker settles.
    Settle,
    /// The first receipt.
    Delivered,
    /// The second receipt.
    Read,
    /// A conversation's timer.
    Wait,
    /// The history function.
    History,
    /// The webhooks function.
    Webhooks,
    /// The webhook worker.
    Deliver,
}

impl Step {
    /// What people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
            Self::Authorize => "authorize",
            Self::Create => "create (API)",
            Self::Start => "start (campaign)",
            Self::Sweep => "sweep",
            Self::Claim => "claim",
            Self::Settle => "settle: SENT",
            Self::Delivered => "receipt: DELIVERED",
            Self::Read => "receipt: READ",
            Self::Wait => "wait over",
            Self::History => "history",
            Self::Webhooks => "webhooks",
            Self::Deliver => "webhook delivery",
        }
    }
}

/// What the table was asked for about one kind of item in one step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TableUse {
    pub(crate) writes: f64,
    /// Of these, inside a transaction of more than one write.
    pub(crate) transacted: f64,
    /// Of the items written.
    pub(crate) bytes: f64,
    pub(crate) write_units: f64,
    /// Write units of the due index.
    pub(crate) index_units: f64,
    pub(crate) reads: f64,
    pub(crate) read_units: f64,
}

impl TableUse {
    fn add(&mut self, other: Self) {
        self.writes += other.writes;
        self.transacted += other.transacted;
        self.bytes += other.bytes;
        self.write_units += other.write_units;
        self.index_units += other.index_units;
        self.reads += other.reads;
        self.read_units += other.read_units;
    }
}

/// A service that bills by the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    /// SQS: sends, receives, deletes.
    Queue,
    /// API Gateway.
    Http,
    /// EventBridge.
    Bus,
}

/// What a function was invoked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FunctionUse {
    pub(crate) invocations: f64,
    /// Messages, changes or requests in all of them.
    pub(crate) records: f64,
    /// Measured on this machine.
    pub(crate) cpu: Duration,
    /// Calls to the table one after the other, summed over the longest record of each invocation.
    pub(crate) waits_table: f64,
    /// Likewise calls to providers and endpoints.
    pub(crate) waits_web: f64,
}

/// Everything read off a meter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings {
    step: Step,
    table_calls: u32,
    web_calls: u32,
    pub(crate) tables: BTreeMap<(Step, Kind), TableUse>,
    pub(crate) services: BTreeMap<(Step, Service), f64>,
    pub(crate) functions: BTreeMap<&'static str, FunctionUse>,
}

/// A meter. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Readings>>);

impl Meter {
    fn lock(&self) -> MutexGuard<'_, Readings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What follows belongs to this step.
    pub(crate) fn at(&self, step: Step) {
        self.lock().step = step;
    }

    /// Everything so far.
    pub(crate) fn read(&self) -> Readings {
        self.lock().clone()
    }

    /// Forgets everything so far.
    pub(crate) fn reset(&self) {
        *self.lock() = Readings::default();
    }

    /// The table was asked.
    pub(crate) fn table(&self, kind: Kind, used: TableUse) {
        let mut readings = self.lock();
        let step = readings.step;
        readings.tables.entry((step, kind)).or_default().add(used);
    }

    /// One call to the table: what a function waits for.
    pub(crate) fn table_call(&self) {
        self.lock().table_calls += 1;
    }

    /// One call to a provider or an endpoint.
    pub(crate) fn web_call(&self) {
        self.lock().web_calls += 1;
    }

    /// A service was asked this often.
    pub(crate) fn service(&self, service: Service, requests: f64) {
        let mut readings = self.lock();
        let step = readings.step;
        *readings.services.entry((step, service)).or_default() += requests;
    }

    /// One invocation of a function begins.
    pub(crate) fn invoked(&self, function: &'static str) -> Invocation {
        Invocation {
            meter: self.clone(),
            function,
            records: 0.0,
            cpu: Duration::ZERO,
            table: 0,
            web: 0,
        }
    }
}

/// An invocation under way. It lasts as long as the longest of its records waits, or as all of its parts do, and as
/// all of them compute.
pub(crate) struct Invocation {
    meter: Meter,
    function: &'static str,
    records: f64,
    cpu: Duration,
    table: u32,
    web: u32,
}

impl Invocation {
    /// Handles a record in a step, at the same time as all others.
    pub(crate) async fn record<T>(&mut self, step: Step, handler: impl Future<Output = T>) -> T {
        let (output, table, web) = self.measured(step, handler).await;
        self.table = self.table.max(table);
        self.web = self.web.max(web);
        self.records += 1.0;
        output
    }

    /// Handles many records together, after those before them; so many of their calls to endpoints are under way
    /// at once.
    pub(crate) async fn part<T>(
        &mut self,
        step: Step,
        records: usize,
        at_once: usize,
        handler: impl Future<Output = T>,
    ) -> T {
        let (output, table, web) = self.measured(step, handler).await;
        self.table += table;
        self.web += web.div_ceil(u32::try_from(at_once).unwrap_or(u32::MAX));
        self.records += f64::from(u32::try_from(records).unwrap_or(u32::MAX));
        output
    }

    /// Runs a handler, with the calls that it made to the table and to others. Nothing here waits in real time, so
    /// what passes is computing.
    async fn measured<T>(&mut self, step: Step, handler: impl Future<Output = T>) -> (T, u32, u32) {
        {
            let mut readings = self.meter.lock();
            readings.step = step;
            (readings.table_calls, readings.web_calls) = (0, 0);
        }
        let began = Instant::now();
        let output = handler.await;
        self.cpu += began.elapsed();
        let readings = self.meter.lock();
        (output, readings.table_calls, readings.web_calls)
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        let mut readings = self.meter.lock();
        let function = readings.functions.entry(self.function).or_default();
        function.invocations += 1.0;
        function.records += self.records;
        function.cpu += self.cpu;
        function.waits_table += f64::from(self.table);
        function.waits_web += f64::from(self.web);
    }
}
