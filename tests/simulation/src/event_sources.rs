//! What AWS Lambda does between the stream, the queues and our functions, and how our functions answer
//! it: batches, partial failures, retries in halves.
//!
//! Source: AWS Lambda Developer Guide, "Process DynamoDB records with Lambda" (one batch of a shard at a
//! time; with `ReportBatchItemFailures` it comes again from the first failure that is reported; with
//! `BisectBatchOnFunctionError` a batch without an answer comes again in halves) and "Handling errors
//! for an SQS event source" (messages that are not reported are deleted, others come again).

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use application::context::Context;
use application::error::Error;
use application::pacing::{self, Pulsed};
use application::timers::TimerMessage;
use domain::time::Millis;
use futures::future::{Either, select};
use futures::{StreamExt, stream};
use platform::changes::{Change, Changes, Consumer, Sequence, ShardId};
use platform::queues::{QueueName, Queues};
use platform_memory::{Fault, World};

use crate::plants::Plant;

/// Most changes in a batch.
const BATCH: usize = 20;
/// Most changes that a function handles together: what is done of a batch stays done.
const TOGETHER: usize = 8;
/// Most messages in a batch.
const MESSAGES: usize = 6;
/// Messages handled at once.
const AT_ONCE: usize = 3;
/// Time between two pulses of pacing. The worker makes less of a pause, and a run more steps.
const BETWEEN_PULSES: Millis = Millis::seconds(1);
/// How long a message in hand is hidden from others.
const VISIBILITY: Millis = Millis::seconds(120);
/// Until when an invocation that is ended in the middle of its work is, in milliseconds.
const CUT: usize = 1_500;

/// What Lambda remembers about batches that were not answered. Its pollers outlive our processes.
#[derive(Clone, Default)]
pub struct Retries(Arc<Mutex<BTreeMap<(Consumer, ShardId), usize>>>);

impl Retries {
    fn take(&self, of: &(Consumer, ShardId)) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(of)
    }

    /// A batch of this length is under way; without an answer it comes again in halves.
    fn begin(&self, of: &(Consumer, ShardId), length: usize) {
        let mut retries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        retries.insert(of.clone(), length.div_ceil(2));
    }
}

/// Everything that an event source works with.
pub struct EventSource<'a> {
    /// What our functions work with.
    pub context: &'a Context,
    /// The world.
    pub world: &'a World,
    /// What is remembered over crashes.
    pub retries: &'a Retries,
    /// A fault planted in our answers.
    pub plant: Option<Plant>,
}

/// How a function answered an invocation.
enum Answer {
    /// All is done.
    Done,
    /// From here on it is to come again.
    FailedFrom(usize),
}

impl EventSource<'_> {
    /// Polls the stream for a consumer, for ever.
    pub async fn follow(&self, consumer: Consumer) {
        loop {
            let pause = Millis::new(2_000 + self.world.pick(3_000) as u64);
            self.world.sleep(pause).await;
            for shard in self.world.shards().await.unwrap_or_default() {
                self.invoke_with_changes(consumer, shard).await;
            }
        }
    }

    async fn invoke_with_changes(&self, consumer: Consumer, shard: ShardId) {
        let of = (consumer, shard);
        let half = self.retries.take(&of);
        let limit = half.unwrap_or_else(|| 1 + self.world.pick(BATCH));
        let Ok(changes) = self.world.read(consumer, &of.1, limit).await else {
            return;
        };
        let Some(last) = changes.last().map(|change| &change.sequence) else {
            return;
        };
        if half.is_some() {
            self.world.count(Fault::BatchBisected);
        }
        self.retries.begin(&of, changes.len());
        let Some(answer) = self.or_cut(self.consume(consumer, &of.1, &changes)).await else {
            return;
        };
        self.retries.take(&of);
        if let Some(done) = self.done_through(&answer, &changes, last) {
            let _ = self.world.checkpoint(consumer, &of.1, done).await;
        }
    }

    /// The last change that need not come again.
    fn done_through<'a>(
        &self,
        answer: &Answer,
        changes: &'a [Change],
        last: &'a Sequence,
    ) -> Option<&'a Sequence> {
        let failed = match answer {
            Answer::Done => return Some(last),
            Answer::FailedFrom(failed) => *failed,
        };
        self.world.count(Fault::BatchFailedFrom);
        let place = match self.plant {
            Some(Plant::CheckpointPastFailure) => Some(failed),
            _ => failed.checked_sub(1),
        };
        place
            .and_then(|place| changes.get(place))
            .map(|change| &change.sequence)
    }

    /// Our function: some changes at a time; those that fail together one by one, until one fails alone.
    async fn consume(&self, consumer: Consumer, shard: &ShardId, changes: &[Change]) -> Answer {
        let together = 1 + self.world.pick(TOGETHER);
        for (part, some) in changes.chunks(together).enumerate() {
            if self.consume_some(consumer, shard, some).await.is_ok() {
                continue;
            }
            for (place, change) in some.iter().enumerate() {
                let one = std::slice::from_ref(change);
                if self.consume_some(consumer, shard, one).await.is_err() {
                    return Answer::FailedFrom(part * together + place);
                }
            }
        }
        Answer::Done
    }

    async fn consume_some(&self, consumer: Consumer, shard: &ShardId, some: &[Change]) -> Result<(), ()> {
        let work = async {
            match consumer {
                Consumer::History => history::handle(self.context, shard, some).await,
                Consumer::Webhooks => webhooks::handle(self.context, shard, some).await,
            }
        };
        self.handle(work).await
    }

    /// Polls a queue for a worker, for ever.
    pub async fn work(&self, queue: QueueName) {
        loop {
            let received = self.context.queues.receive(queue, MESSAGES, VISIBILITY).await;
            let Ok(messages) = received else {
                continue;
            };
            let count = messages.len();
            let batch = stream::iter(messages)
                .map(async |message| {
                    let work = Box::pin(self.message(queue, &message.body));
                    let done = self.handle(work).await;
                    done.is_ok().then_some(message.receipt)
                })
                .buffer_unordered(AT_ONCE)
                .filter_map(std::future::ready)
                .collect::<Vec<_>>();
            let Some(done) = self.or_cut(batch).await else {
                continue;
            };
            if !done.is_empty() && done.len() < count {
                self.world.count(Fault::MessagesHalfFailed);
            }
            let _ = self.world.delete(queue, done).await;
        }
    }

    /// Our worker: one message.
    async fn message(&self, queue: QueueName, body: &str) -> Result<(), Error> {
        match queue {
            QueueName::Dispatch | QueueName::DispatchUrgent => dispatch::handle(self.context, body).await,
            QueueName::Flow => flow::handle(self.context, body).await,
            QueueName::Pacing => self.pace(body).await,
            QueueName::WebhookDelivery => webhook_delivery::handle(self.context, body).await,
        }
    }

    /// Paces a group, as the worker does, by the world's clock.
    async fn pace(&self, body: &str) -> Result<(), Error> {
        let Some(message) = TimerMessage::decode(body) else {
            return Ok(());
        };
        let Some(mut owner) = pacing::due(self.context, &message).await? else {
            return Ok(());
        };
        loop {
            match owner.pulse(self.context).await {
                Ok(Pulsed::Busy) => self.world.sleep(BETWEEN_PULSES).await,
                Ok(Pulsed::Idle) => return owner.give_up(self.context).await,
                Ok(Pulsed::Lost) => return Ok(()),
                Err(error) => note(self.world, Some(&error)),
            }
        }
    }

    /// Runs a handler, which may fail before or after its work without any port's doing.
    async fn handle(&self, work: impl Future<Output = Result<(), Error>>) -> Result<(), ()> {
        if self.world.occurs(Fault::HandlerFailed) {
            if self.world.chance(500) {
                note(self.world, work.await.as_ref().err());
            }
            return Err(());
        }
        let done = work.await;
        note(self.world, done.as_ref().err());
        done.map_err(drop)
    }

    /// Runs an invocation, unless it is ended in the middle of its work.
    async fn or_cut<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if !self.world.occurs(Fault::InvocationCut) {
            return Some(work.await);
        }
        let end = self.world.sleep(Millis::new(self.world.pick(CUT) as u64));
        match select(std::pin::pin!(work), end).await {
            Either::Left(_) | Either::Right(_) => None,
        }
    }
}

/// Errors that only faults explain are fine; others are a defect of the use case.
pub(crate) fn note(world: &World, error: Option<&Error>) {
    use platform::world::Clock;
    if let Some(error @ (Error::Corrupt(_) | Error::Invalid(_))) = error {
        world.complain(format!("{}: {error}", world.now()));
    }
}
