//! The processes: workers and functions, which die and are started again.

use application::context::Context;
use application::error::Error;
use application::sweep::From;
use domain::time::Millis;
use platform::changes::{Changes, Consumer};
use platform::queues::{QueueName, Queues};
use platform::world::Clock;
use platform_memory::World;

use crate::provider::Providers;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Polls a queue.
    Worker(QueueName),
    /// Sweeps the due index each minute.
    Sweep,
    /// Follows the change stream.
    Follow(Consumer),
    /// Brings receipts and answers back.
    Receipts,
}

/// Every process of a run.
pub const ROLES: [Role; 11] = [
    Role::Worker(QueueName::Dispatch),
    Role::Worker(QueueName::Dispatch),
    Role::Worker(QueueName::Dispatch),
    Role::Worker(QueueName::DispatchUrgent),
    Role::Worker(QueueName::Flow),
    Role::Worker(QueueName::Flow),
    Role::Worker(QueueName::WebhookDelivery),
    Role::Sweep,
    Role::Follow(Consumer::History),
    Role::Follow(Consumer::Webhooks),
    Role::Receipts,
];

/// Runs a process until it dies.
pub async fn process(role: Role, context: Context, world: World, providers: Providers) {
    match role {
        Role::Worker(queue) => work(queue, &context, &world).await,
        Role::Sweep => sweep(&context, &world).await,
        Role::Follow(consumer) => follow(consumer, &context, &world).await,
        Role::Receipts => bring_back(&context, &world, &providers).await,
    }
}

async fn work(queue: QueueName, context: &Context, world: &World) {
    loop {
        let Ok(messages) = context.queues.receive(queue, 4, Millis::seconds(120)).await else {
            continue;
        };
        for message in messages {
            let handled = match queue {
                QueueName::Dispatch | QueueName::DispatchUrgent => {
                    dispatch::handle(context, &message.body).await
                }
                QueueName::Flow => flow::handle(context, &message.body).await,
                QueueName::WebhookDelivery => webhook_delivery::handle(context, &message.body).await,
            };
            note(world, handled.as_ref().err());
            if handled.is_ok() {
                let _ = world.delete(queue, vec![message.receipt]).await;
            }
        }
    }
}

async fn sweep(context: &Context, world: &World) {
    loop {
        let swept = enqueue_due::handle(context, From::Cursor).await;
        note(world, swept.as_ref().err());
        world.sleep(Millis::seconds(60)).await;
    }
}

async fn follow(consumer: Consumer, context: &Context, world: &World) {
    loop {
        world.sleep(Millis::new(2_000 + world.pick(3_000) as u64)).await;
        let Ok(shards) = world.shards().await else {
            continue;
        };
        for shard in shards {
            let limit = 1 + world.pick(20);
            let Ok(changes) = world.read(consumer, &shard, limit).await else {
                continue;
            };
            let Some(last) = changes.last().map(|change| change.sequence.clone()) else {
                continue;
            };
            let told = match consumer {
                Consumer::History => history::handle(context, &shard, &changes).await,
                Consumer::Webhooks => webhooks::handle(context, &shard, &changes).await,
            };
            note(world, told.as_ref().err());
            if told.is_ok() {
                let _ = world.checkpoint(consumer, &shard, &last).await;
            }
        }
    }
}

async fn bring_back(context: &Context, world: &World, providers: &Providers) {
    let tenant = crate::scenario::tenant();
    loop {
        let Some(returning) = providers.take_returning() else {
            world.sleep(Millis::seconds(1)).await;
            continue;
        };
        // A provider repeats a callback that was not taken; a crash in between is one, too.
        let mut guard = Unanswered {
            providers: providers.clone(),
            returning: Some(returning.clone()),
        };
        let inbound = returning.inbound.clone();
        let taken =
            application::receipts::take_in_callback(context, &tenant, &returning.connector, inbound).await;
        note(world, taken.as_ref().err());
        if taken.is_ok() {
            guard.returning = None;
        }
    }
}

/// Gives a callback back to its provider unless it was answered.
struct Unanswered {
    providers: Providers,
    returning: Option<crate::provider::Returning>,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(returning) = self.returning.take() {
            self.providers.give_back(returning);
        }
    }
}

/// Errors that only faults explain are fine; others are a defect of the use case.
fn note(world: &World, error: Option<&Error>) {
    if let Some(error @ (Error::Corrupt(_) | Error::Invalid(_))) = error {
        world.complain(format!("{}: {error}", world.now()));
    }
}
