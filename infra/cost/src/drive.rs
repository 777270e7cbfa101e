//! Drives the real use cases through a whole load, invoked as AWS would: the API by request, workers
//! by batches of messages, the stream's consumers by batches of changes, the sweep by the minute.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use application::context::Context;
use application::error::Error;
use application::keys;
use application::sweep::From;
use application::timers::TimerMessage;
use application::webhooks::FIRST_AT_ONCE;
use domain::time::{Millis, Timestamp};
use futures::future::{Either, select};
use platform::changes::{Change, Changes, Consumer, ShardId};
use platform::queues::QueueName;
use platform::world::Clock;
use platform_memory::executor::End;
use platform_memory::{Executor, Faults, World};
use runtime::part::together;

use crate::client::client;
use crate::meter::{Meter, Readings, Service, Step};
use crate::provider::{MessageIds, Provider};
use crate::recount;
use crate::scenario::{self, Origin};

/// How long a queue is polled that turns out to be empty.
const POLL: Millis = Millis::new(100);
/// After this much virtual time a run that has not ended never will.
const PATIENCE: Millis = Millis::hours(30);

/// How a load comes in, and how AWS is set to hand it on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) activities: usize,
    pub(crate) per_second: u32,
    /// How long a queue's event source gathers messages, at most ten.
    pub(crate) queue_window: Millis,
    /// How long the stream's event source for the webhooks function gathers changes.
    pub(crate) webhooks_window: Millis,
    /// Likewise for the history function.
    pub(crate) history_window: Millis,
    /// Most changes of one shard at once.
    pub(crate) stream_batch: usize,
    pub(crate) ids: MessageIds,
}

/// Why a run came to no account.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A use case failed.
    #[error("a use case failed: {0}")]
    UseCase(#[from] Error),
    /// The API answered otherwise than expected.
    #[error("the API answered {0}")]
    Api(String),
    /// What stands at the end is not what the load asked for: an account of it would be of something
    /// else.
    #[error("at the end {0}")]
    Recount(String),
    /// Something is still open at the end.
    #[error("after {0} something is still open")]
    Unfinished(Millis),
}

/// What all tasks share.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) meter: Meter,
    pub(crate) provider: Provider,
    pub(crate) context: Context,
    pub(crate) load: Load,
    failed: Arc<Mutex<Option<Failure>>>,
}

/// Runs a load to its end and reads the meter.
pub(crate) fn run(origin: Origin, load: Load) -> Result<Readings, Failure> {
    let (world, meter) = (World::new(1, scenario::start(), Faults::none()), Meter::default());
    let provider = Provider::new(world.clone(), meter.clone(), load.ids);
    let run = Run {
        context: scenario::context(&world, &meter, &provider),
        world,
        meter,
        provider,
        load,
        failed: Arc::default(),
    };
    let mut executor = Executor::new(run.world.clone());
    let client = executor.spawn(run.clone().guarded(client(run.clone(), origin)));
    for queue in QueueName::ALL {
        executor.spawn(run.clone().guarded(work(run.clone(), queue)));
    }
    for consumer in Consumer::ALL {
        executor.spawn(run.clone().guarded(follow(run.clone(), consumer)));
    }
    executor.spawn(run.clone().guarded(sweep(run.clone())));
    let (mut is_created, end) = (false, scenario::start() + PATIENCE);
    while run.world.now() < end {
        executor.run_until(run.world.now() + Millis::seconds(10));
        if let Some(failure) = run.failure() {
            return Err(failure);
        }
        is_created |= executor.ended().contains(&(client, End::Finished));
        if is_created && run.is_settled() {
            recount::check(&run.world, load.activities).map_err(Failure::Recount)?;
            return Ok(run.meter.read());
        }
    }
    Err(Failure::Unfinished(PATIENCE))
}

impl Run {
    /// Runs a task; its failure ends the run.
    async fn guarded(self, task: impl Future<Output = Result<(), Failure>>) {
        if let Err(failure) = task.await {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        }
    }

    fn failure(&self) -> Option<Failure> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_settled(&self) -> bool {
        self.provider.is_quiet() && self.world.unseen_changes() == 0 && !self.world.has_due(Timestamp::MAX)
    }
}

/// The step that a message of a queue begins.
fn step_of(queue: QueueName, message: &str) -> Step {
    match queue {
        QueueName::Dispatch | QueueName::DispatchUrgent => Step::Claim,
        QueueName::WebhookDelivery => Step::Deliver,
        QueueName::Pacing => Step::Wait,
        QueueName::Flow => match TimerMessage::decode(message) {
            Some(message) if keys::parse_job(&message.key()).is_some() => Step::Start,
            _ => Step::Wait,
        },
    }
}

async fn work(run: Run, queue: QueueName) -> Result<(), Failure> {
    let function = match queue {
        QueueName::Dispatch | QueueName::DispatchUrgent => "dispatch",
        QueueName::Flow => "flow",
        QueueName::WebhookDelivery => "webhook-delivery",
        QueueName::Pacing => "pacing-owner",
    };
    loop {
        run.world.sleep(run.load.queue_window).await;
        loop {
            // The memory platform polls an empty queue for a while and does not look at what comes
            // meanwhile.
            let received = run.context.queues.receive(queue, 10, Millis::seconds(120));
            let Either::Left((messages, _)) = select(received, run.world.sleep(POLL)).await else {
                break;
            };
            let messages = messages.map_err(|error| Error::Platform(error.to_string()))?;
            let Some(first) = messages.first() else { break };
            run.meter.at(step_of(queue, &first.body));
            // The event source receives once and deletes once.
            run.meter.service(Service::Queue, 2.0);
            let is_full = messages.len() == 10;
            let mut invocation = run.meter.invoked(function);
            for message in messages {
                let handler = Box::pin(async {
                    match queue {
                        QueueName::Dispatch | QueueName::DispatchUrgent => {
                            dispatch::handle(&run.context, &message.body).await
                        }
                        QueueName::Flow => flow::handle(&run.context, &message.body).await,
                        // No flow here calls.
                        QueueName::Pacing => Ok(()),
                        QueueName::WebhookDelivery => {
                            webhook_delivery::handle(&run.context, &message.body).await
                        }
                    }
                });
                invocation.record(step_of(queue, &message.body), handler).await?;
                let deleted = run.context.queues.delete(queue, vec![message.receipt]).await;
                deleted.map_err(|error| Error::Platform(error.to_string()))?;
            }
            if !is_full {
                break;
            }
        }
    }
}

async fn follow(run: Run, consumer: Consumer) -> Result<(), Failure> {
    let window = match consumer {
        Consumer::History => run.load.history_window,
        Consumer::Webhooks => run.load.webhooks_window,
    };
    loop {
        run.world.sleep(window).await;
        for shard in run.world.shards().await.map_err(Error::from)? {
            loop {
                let read = run.world.read(consumer, &shard, run.load.stream_batch).await;
                let changes = read.map_err(Error::from)?;
                let Some(last) = changes.last().map(|change| change.sequence.clone()) else {
                    break;
                };
                consume(&run, consumer, &shard, &changes).await?;
                run.world
                    .checkpoint(consumer, &shard, &last)
                    .await
                    .map_err(Error::from)?;
            }
        }
    }
}

/// One invocation of a consumer: a batch, part by part.
async fn consume(run: &Run, consumer: Consumer, shard: &ShardId, changes: &[Change]) -> Result<(), Failure> {
    let mut invocation = run.meter.invoked(consumer.name());
    let began = run.world.now();
    for part in changes.chunks(together(consumer)) {
        let count = part.len();
        match consumer {
            Consumer::History => {
                let handler = history::handle(&run.context, shard, part);
                invocation
                    .part(Step::History, count, FIRST_AT_ONCE, handler)
                    .await?;
            }
            Consumer::Webhooks => {
                let handler = webhooks::handle_of_batch(&run.context, shard, part, began);
                invocation
                    .part(Step::Webhooks, count, FIRST_AT_ONCE, handler)
                    .await?;
            }
        }
    }
    Ok(())
}

async fn sweep(run: Run) -> Result<(), Failure> {
    loop {
        let mut invocation = run.meter.invoked("enqueue-due");
        invocation
            .record(Step::Sweep, enqueue_due::handle(&run.context, From::Cursor))
            .await?;
        drop(invocation);
        run.world.sleep(Millis::minutes(1)).await;
    }
}
