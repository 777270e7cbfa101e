//! The processes: workers and functions, which die and are started again.

use application::context::Context;
use application::sweep::From;
use domain::time::Millis;
use platform::changes::Consumer;
use platform::queues::QueueName;
use platform_memory::World;

use crate::event_sources::{EventSource, note};
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
pub const ROLES: [Role; 13] = [
    Role::Worker(QueueName::Dispatch),
    Role::Worker(QueueName::Dispatch),
    Role::Worker(QueueName::Dispatch),
    Role::Worker(QueueName::DispatchUrgent),
    Role::Worker(QueueName::Flow),
    Role::Worker(QueueName::Flow),
    Role::Worker(QueueName::Pacing),
    Role::Worker(QueueName::Pacing),
    Role::Worker(QueueName::WebhookDelivery),
    Role::Sweep,
    Role::Follow(Consumer::History),
    Role::Follow(Consumer::Webhooks),
    Role::Receipts,
];

/// Runs a process until it dies.
pub async fn process(role: Role, source: EventSource<'_>, providers: &Providers) {
    match role {
        Role::Worker(queue) => source.work(queue).await,
        Role::Sweep => sweep(source.context, source.world).await,
        Role::Follow(consumer) => source.follow(consumer).await,
        Role::Receipts => bring_back(source.context, source.world, providers).await,
    }
}

async fn sweep(context: &Context, world: &World) {
    loop {
        let swept = enqueue_due::handle(context, From::Cursor).await;
        note(world, swept.as_ref().err());
        world.sleep(Millis::seconds(60)).await;
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
