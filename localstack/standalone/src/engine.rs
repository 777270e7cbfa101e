//! The engine: every function and worker of the product as a loop in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use application::cache::Caches;
use application::context::Context;
use application::sweep::From;
use application::webhooks::WORKER_AT_ONCE;
use connectors::Factory;
use connectors::web::{AddressPolicy, SafeWebClient};
use ipnet::IpNet;
use platform::changes::Consumer;
use platform::queues::QueueName;
use platform_embedded::{Embedded, SYNCHRONOUS, Stats};
use runtime::record::Message;
use runtime::{poll, stream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Time between sweeps. On AWS it is a minute; here a sweep costs next to nothing.
const SWEEP: Duration = Duration::from_secs(5);
/// Time between removals of what has expired.
const PURGE: Duration = Duration::from_secs(30);
/// Time between removals while more has expired than was removed: 10,000 a second.
const PURGE_ON: Duration = Duration::from_millis(100);
/// Expired items removed at once.
const PURGED_AT_ONCE: usize = 1_000;
/// Activities that are dispatched at once. Each waits for two commits and for the provider; the more
/// wait together, the more share a commit.
const AT_ONCE: u32 = 256;
/// Skill groups whose calls are paced at once.
const GROUPS_AT_ONCE: u32 = 200;
/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(9);

/// Ports and use cases on a data directory, with or without the loops that do the work.
pub(crate) struct Engine {
    /// The platform.
    pub(crate) embedded: Embedded,
    /// What use cases work with.
    pub(crate) context: Context,
    stop: CancellationToken,
    loops: JoinSet<()>,
}

impl Engine {
    /// Opens a data directory. Webhooks may reach public addresses, and those networks.
    pub(crate) fn open(directory: &Path, allowed: Vec<IpNet>) -> Result<Self, Failure> {
        let embedded = Embedded::open(directory)?;
        let client = |error: &dyn std::fmt::Display| Failure::Told(format!("no HTTP client: {error}"));
        let policy = AddressPolicy {
            allowed,
            https_only: false,
        };
        let context = Context {
            table: embedded.table(),
            queues: embedded.queues(),
            bus: embedded.bus(),
            blobs: embedded.blobs(),
            secrets: embedded.secrets(),
            web: Arc::new(SafeWebClient::new(policy).map_err(|error| client(&error))?),
            connectors: Arc::new(Factory::new(embedded.clock()).map_err(|error| client(&error))?),
            clock: embedded.clock(),
            entropy: embedded.entropy(),
            caches: Arc::new(Caches::default()),
            trace: None,
        };
        Ok(Self {
            embedded,
            context,
            stop: CancellationToken::new(),
            loops: JoinSet::new(),
        })
    }

    /// Cancelled when the engine is to stop.
    pub(crate) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts the functions and workers.
    pub(crate) fn start(&mut self) {
        self.spawn_worker(
            QueueName::DispatchUrgent,
            AT_ONCE,
            |context, message| async move { dispatch::handle(&context, &message).await },
        );
        self.spawn_worker(QueueName::Dispatch, AT_ONCE, |context, message| async move {
            dispatch::handle(&context, &message).await
        });
        self.spawn_worker(QueueName::Flow, 64, |context, message| async move {
            flow::handle(&context, &message).await
        });
        let stop = self.stop.clone();
        self.spawn_worker(QueueName::Pacing, GROUPS_AT_ONCE, move |context, message| {
            let stop = stop.clone();
            async move { pacing_owner::handle(&context, &message, &stop).await }
        });
        self.spawn_worker(
            QueueName::WebhookDelivery,
            WORKER_AT_ONCE,
            |context, message| async move { webhook_delivery::handle(&context, &message).await },
        );
        self.spawn_consumer(Consumer::History, |context, shard, changes| async move {
            history::handle(&context, &shard, &changes).await
        });
        self.spawn_consumer(Consumer::Webhooks, |context, shard, changes| async move {
            webhooks::handle(&context, &shard, &changes).await
        });
        self.loops.spawn(sweep(self.context.clone(), self.stop.clone()));
        self.loops.spawn(purge(
            self.embedded.clone(),
            self.context.clone(),
            self.stop.clone(),
        ));
    }

    fn spawn_worker<H, F>(&mut self, queue: QueueName, at_once: u32, handler: H)
    where
        H: Fn(Context, String) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), application::error::Error>> + Send + 'static,
    {
        let context = self.context.clone();
        let handler = move |message: Message| handler(context.clone(), message.body);
        self.loops.spawn(poll::queue(
            self.embedded.queues(),
            queue,
            at_once,
            self.stop.clone(),
            handler,
        ));
    }

    fn spawn_consumer<H, F>(&mut self, consumer: Consumer, handler: H)
    where
        H: Fn(Context, platform::changes::ShardId, Vec<platform::changes::Change>) -> F
            + Send
            + Sync
            + 'static,
        F: Future<Output = Result<(), application::error::Error>> + Send + 'static,
    {
        let context = self.context.clone();
        let handler = move |shard, changes| handler(context.clone(), shard, changes);
        self.loops.spawn(stream::follow(
            self.embedded.changes(),
            consumer,
            self.stop.clone(),
            handler,
        ));
    }

    /// Takes no new work, finishes what is in hand, and closes the database.
    pub(crate) async fn drain(mut self) {
        self.stop.cancel();
        let finished =
            tokio::time::timeout(DRAIN, async { while self.loops.join_next().await.is_some() {} }).await;
        if finished.is_err() {
            tracing::warn!(
                "some work is still under way; its leases end and it is taken up at the next start"
            );
            self.loops.abort_all();
        }
        self.embedded.close().await;
        let Stats {
            commits,
            transactions,
            ..
        } = self.embedded.stats();
        tracing::debug!(
            synchronous = SYNCHRONOUS,
            commits,
            transactions,
            "the database is closed"
        );
    }
}

/// Sweeps. The first time everything due is handed over: messages do not outlive the process.
async fn sweep(context: Context, stop: CancellationToken) {
    let mut from = From::Start;
    while !stop.is_cancelled() {
        let began = Instant::now();
        match enqueue_due::handle(&context, from).await {
            Ok(swept) => {
                from = From::Cursor;
                let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                tracing::debug!(micros, handed_over = swept.handed_over, "swept");
                if swept.strays > 0 {
                    tracing::info!(strays = swept.strays, "handed over again what nobody had claimed");
                }
            }
            Err(error) => tracing::warn!(%error, "the sweep failed; the next one goes on"),
        }
        pause(SWEEP, &stop).await;
    }
}

async fn purge(embedded: Embedded, context: Context, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let span = match embedded.purge_expired(context.now(), PURGED_AT_ONCE).await {
            // More has expired: as little at a time, so that other writes come in between.
            Ok(PURGED_AT_ONCE) => PURGE_ON,
            Ok(_) => PURGE,
            Err(error) => {
                tracing::warn!(%error, "expired items were not removed");
                PURGE
            }
        };
        pause(span, &stop).await;
    }
}

async fn pause(span: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(span) => {}
    }
}
