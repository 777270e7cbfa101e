use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;

const QUEUE: QueueName = QueueName::Dispatch;
const HIDDEN: Millis = Millis::seconds(60);

fn message(body: &str, delay: u64, group: &str) -> OutgoingMessage {
    OutgoingMessage {
        body: body.to_owned(),
        delay: Millis::new(delay),
        group: group.to_owned(),
    }
}

async fn send(queues: &MemoryQueues, messages: Vec<OutgoingMessage>) -> usize {
    queues.send(QUEUE, messages).await.unwrap()
}

async fn receive(queues: &MemoryQueues, max: usize) -> Vec<ReceivedMessage> {
    queues.receive(QUEUE, max, HIDDEN).await.unwrap()
}

fn bodies(messages: &[ReceivedMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_waiting_receive_wakes_at_the_instant() {
    let queues = MemoryQueues::new(100);
    let start = Instant::now();
    send(&queues, vec![message("b", 730, "g"), message("a", 255, "g")]).await;
    assert_eq!(bodies(&receive(&queues, 10).await), ["a"]);
    assert_eq!(start.elapsed(), Duration::from_millis(255));
    assert_eq!(bodies(&receive(&queues, 10).await), ["b"]);
    assert_eq!(start.elapsed(), Duration::from_millis(730));
    assert_eq!(receive(&queues, 10).await, []);
    assert_eq!(start.elapsed(), Duration::from_millis(730) + PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_later_but_due_sooner_wakes_a_waiting_receive() {
    let queues = Arc::new(MemoryQueues::new(100));
    let start = Instant::now();
    send(&queues, vec![message("late", 900, "g")]).await;
    let waiting = tokio::spawn({
        let queues = Arc::clone(&queues);
        async move { (receive(&queues, 10).await, Instant::now()) }
    });
    tokio::task::yield_now().await;
    send(&queues, vec![message("soon", 40, "g")]).await;
    let (messages, at) = waiting.await.unwrap();
    assert_eq!(bodies(&messages), ["soon"]);
    assert_eq!(at - start, Duration::from_millis(40));
}

#[tokio::test(start_paused = true)]
async fn all_waiting_receives_get_their_share() {
    let queues = Arc::new(MemoryQueues::new(100));
    let start = Instant::now();
    let receives: Vec<_> = (0..5)
        .map(|_| {
            let queues = Arc::clone(&queues);
            tokio::spawn(async move { receive(&queues, 2).await.len() })
        })
        .collect();
    tokio::task::yield_now().await;
    send(
        &queues,
        (0..10).map(|n| message(&n.to_string(), 0, "g")).collect(),
    )
    .await;
    let mut received = 0;
    for receive in receives {
        received += receive.await.unwrap();
    }
    assert_eq!(received, 10);
    assert_eq!(start.elapsed(), Duration::ZERO, "at once");
}

#[tokio::test(start_paused = true)]
async fn groups_take_turns() {
    let queues = MemoryQueues::new(1_000);
    let mut messages: Vec<_> = (0..50)
        .map(|n| message(&format!("burst-{n}"), 0, "burst"))
        .collect();
    messages.push(message("small-0", 0, "small"));
    messages.push(message("small-1", 0, "small"));
    send(&queues, messages).await;
    let first = receive(&queues, 6).await;
    assert_eq!(
        bodies(&first),
        ["burst-0", "small-0", "burst-1", "small-1", "burst-2", "burst-3"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_takes_fewer_and_keeps_room_for_others() {
    let queues = MemoryQueues::new(8);
    let many = |group: &str| (0..20).map(|n| message(&n.to_string(), 0, group)).collect();
    assert_eq!(
        send(&queues, many("burst")).await,
        6,
        "one group fills three quarters"
    );
    assert_eq!(send(&queues, many("other")).await, 2);
    assert_eq!(send(&queues, many("third")).await, 0);
    let messages = receive(&queues, 10).await;
    assert_eq!(messages.len(), 8);
    assert_eq!(
        send(&queues, many("third")).await,
        0,
        "what is hidden takes room too"
    );
    queues
        .delete(
            QUEUE,
            messages.into_iter().map(|message| message.receipt).collect(),
        )
        .await
        .unwrap();
    assert_eq!(send(&queues, many("third")).await, 6);
}

#[tokio::test(start_paused = true)]
async fn an_old_receipt_deletes_only_what_nobody_took_since() {
    let queues = MemoryQueues::new(8);
    let short = Millis::new(10);
    let take = async || queues.receive(QUEUE, 1, short).await.unwrap().remove(0);
    send(&queues, vec![message("a", 0, "g"), message("b", 0, "g")]).await;
    let old = take().await;
    tokio::time::advance(Duration::from_millis(5)).await;
    let other = take().await;
    tokio::time::advance(Duration::from_millis(6)).await;
    let again = take().await;
    assert_eq!((again.body.as_str(), again.receive_count), ("a", 2));
    queues
        .delete(QUEUE, vec![old.receipt, "nonsense".to_owned(), "7.x".to_owned()])
        .await
        .unwrap();
    tokio::time::advance(Duration::from_millis(11)).await;
    // Both are ready again; the receipt of the one still counts, since nobody took it since.
    queues.delete(QUEUE, vec![other.receipt]).await.unwrap();
    let last = queues.receive(QUEUE, 10, short).await.unwrap();
    assert_eq!(bodies(&last), ["a"], "the old receipt did not delete it");
    assert_eq!(last[0].receive_count, 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_stays_behind() {
    let queues = MemoryQueues::new(1_000);
    for round in 0..20 {
        let messages = (0..40)
            .map(|n| message("x", n % 7 * 10, &format!("g{}", (n + round) % 9)))
            .collect();
        assert_eq!(send(&queues, messages).await, 40);
        let mut counts = BTreeMap::new();
        while counts.values().sum::<u32>() < 40 {
            let messages = receive(&queues, 10).await;
            for message in &messages {
                *counts.entry(message.receipt.clone()).or_insert(0) += 1;
            }
            queues
                .delete(
                    QUEUE,
                    messages.into_iter().map(|message| message.receipt).collect(),
                )
                .await
                .unwrap();
        }
        assert!(
            counts.values().all(|count| *count == 1),
            "none twice within its visibility"
        );
    }
    assert!(queues.named(QUEUE).lock().is_empty());
}
