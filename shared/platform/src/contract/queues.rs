//! Queues. Messages may be lost, late, repeated or reordered; a healthy platform delivers them at last.

use std::collections::BTreeMap;

use domain::time::{Millis, Timestamp};

use super::World;
use crate::queues::{MAX_RECEIVE, OutgoingMessage, QueueName, Queues, ReceivedMessage};

/// All promises of this file. The queues must be empty and nobody else may receive meanwhile.
pub async fn run(queues: &dyn Queues, world: World<'_>) {
    every_message_arrives(queues, world).await;
    queues_are_apart(queues, world).await;
    a_delay_is_never_cut_short(queues, world).await;
    what_is_not_deleted_comes_back(queues, world).await;
}

const QUEUE: QueueName = QueueName::Dispatch;
const HIDDEN: Millis = Millis::seconds(60);

impl World<'_> {
    fn message(&self, name: &str, delay: Millis, group: &str) -> OutgoingMessage {
        OutgoingMessage {
            body: format!("{}#{name}", self.prefix),
            delay,
            group: format!("{}#{group}", self.prefix),
        }
    }

    async fn send(&self, queues: &dyn Queues, queue: QueueName, messages: Vec<OutgoingMessage>) {
        let count = messages.len();
        assert_eq!(
            queues.send(queue, messages).await,
            Ok(count),
            "an empty queue takes all"
        );
    }
}

async fn receive(queues: &dyn Queues, queue: QueueName, visibility: Millis) -> Vec<ReceivedMessage> {
    let messages = queues
        .receive(queue, MAX_RECEIVE, visibility)
        .await
        .expect("a receive");
    assert!(messages.len() <= MAX_RECEIVE, "no more than asked for");
    assert!(
        messages.iter().all(|message| message.receive_count >= 1),
        "counted from 1"
    );
    messages
}

/// Receives and deletes until `bodies` have all come; tells when each came first.
async fn drain(
    queues: &dyn Queues,
    world: World<'_>,
    queue: QueueName,
    bodies: &[String],
) -> BTreeMap<String, Timestamp> {
    let mut arrived = BTreeMap::new();
    world
        .eventually("all messages arrive", async || {
            let messages = receive(queues, queue, HIDDEN).await;
            let now = (world.now)();
            let receipts = messages.iter().map(|message| message.receipt.clone()).collect();
            for message in messages {
                if message.body.starts_with(world.prefix) {
                    arrived.entry(message.body).or_insert(now);
                }
            }
            queues.delete(queue, receipts).await.expect("a delete");
            bodies.iter().all(|body| arrived.contains_key(body)).then_some(())
        })
        .await;
    arrived
}

async fn every_message_arrives(queues: &dyn Queues, world: World<'_>) {
    let messages: Vec<OutgoingMessage> = (0..60)
        .map(|n| world.message(&format!("é-{n}"), Millis::ZERO, &format!("group-{}", n % 3)))
        .collect();
    let bodies: Vec<String> = messages.iter().map(|message| message.body.clone()).collect();
    world.send(queues, QUEUE, messages).await;
    let arrived = drain(queues, world, QUEUE, &bodies).await;
    assert_eq!(arrived.len(), bodies.len(), "none but those that were sent");
    world.send(queues, QUEUE, Vec::new()).await;
    assert_eq!(queues.delete(QUEUE, Vec::new()).await, Ok(()));
    let one = queues.receive(QUEUE, 1, HIDDEN).await.expect("a receive");
    assert!(one.len() <= 1);
}

async fn queues_are_apart(queues: &dyn Queues, world: World<'_>) {
    let name = |queue| format!("for-{queue:?}");
    for queue in QueueName::ALL {
        world
            .send(
                queues,
                queue,
                vec![world.message(&name(queue), Millis::ZERO, "a")],
            )
            .await;
    }
    for queue in QueueName::ALL {
        let body = format!("{}#{}", world.prefix, name(queue));
        let arrived = drain(queues, world, queue, std::slice::from_ref(&body)).await;
        for other in QueueName::ALL.into_iter().filter(|other| *other != queue) {
            assert!(!arrived.contains_key(&format!("{}#{}", world.prefix, name(other))));
        }
    }
}

async fn a_delay_is_never_cut_short(queues: &dyn Queues, world: World<'_>) {
    // Whole seconds, as SQS counts; the one due last is sent first.
    let delays = [4, 1, 3, 2, 0].map(Millis::seconds);
    let sent = (world.now)();
    let messages: Vec<OutgoingMessage> = delays
        .iter()
        .map(|delay| world.message(&format!("delay-{delay}"), *delay, "a"))
        .collect();
    let bodies: Vec<String> = messages.iter().map(|message| message.body.clone()).collect();
    world.send(queues, QUEUE, messages).await;
    let arrived = drain(queues, world, QUEUE, &bodies).await;
    for (delay, body) in delays.iter().zip(&bodies) {
        let waited = arrived[body].since(sent);
        assert!(waited >= *delay, "a delay of {delay} lasted {waited}");
    }
}

async fn what_is_not_deleted_comes_back(queues: &dyn Queues, world: World<'_>) {
    let visibility = Millis::seconds(2);
    world
        .send(queues, QUEUE, vec![world.message("again", Millis::ZERO, "a")])
        .await;
    let body = format!("{}#again", world.prefix);
    let mut last_count = 0;
    for _ in 0..3 {
        let message = world
            .eventually("the message comes back", async || {
                receive(queues, QUEUE, visibility)
                    .await
                    .into_iter()
                    .find(|message| message.body == body)
            })
            .await;
        assert!(message.receive_count > last_count, "receives are counted");
        last_count = message.receive_count;
    }
    drain(queues, world, QUEUE, &[body]).await;
}
