//! A worker as a process of its own, on a scripted queue.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong may say so at once"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use application::error::Error;
use async_trait::async_trait;
use domain::time::Millis;
use platform::queues::{OutgoingMessage, QueueError, QueueName, Queues, ReceivedMessage};
use runtime::poll::{self, Hold, LONGEST_HELD, SIGN_OF_LIFE, VISIBILITY};
use runtime::record::Message;
use tokio_util::sync::CancellationToken;

/// Hands out its messages once, and remembers what was deleted and held.
#[derive(Default)]
struct Scripted {
    messages: Mutex<Vec<&'static str>>,
    deleted: Mutex<Vec<String>>,
    holds: AtomicUsize,
}

impl Scripted {
    fn of(messages: &[&'static str]) -> Arc<Self> {
        Arc::new(Self {
            messages: Mutex::new(messages.to_vec()),
            ..Self::default()
        })
    }

    fn deleted(&self) -> Vec<String> {
        self.deleted.lock().unwrap().clone()
    }
}

#[async_trait]
impl Queues for Scripted {
    async fn send(&self, _: QueueName, _: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        panic!("nothing is sent here")
    }

    async fn receive(
        &self,
        _: QueueName,
        max: usize,
        visibility: Millis,
    ) -> Result<Vec<ReceivedMessage>, QueueError> {
        assert_eq!(visibility, VISIBILITY);
        let taken: Vec<&str> = {
            let mut messages = self.messages.lock().unwrap();
            let count = max.min(messages.len());
            messages.drain(..count).collect()
        };
        if taken.is_empty() {
            return std::future::pending().await;
        }
        let received = |body: &str| ReceivedMessage {
            receipt: body.to_owned(),
            body: body.to_owned(),
            receive_count: 1,
            trace: None,
        };
        Ok(taken.into_iter().map(received).collect())
    }

    async fn delete(&self, _: QueueName, receipts: Vec<String>) -> Result<(), QueueError> {
        self.deleted.lock().unwrap().extend(receipts);
        Ok(())
    }
}

#[async_trait]
impl Hold for Scripted {
    async fn hold(&self, _: QueueName, receipt: &str, visibility: Millis) -> Result<(), QueueError> {
        assert!(matches!(receipt, "long" | "endless"));
        assert_eq!(visibility, VISIBILITY);
        // A sign of life that gets lost is no reason to give up.
        match self.holds.fetch_add(1, Ordering::SeqCst) {
            0 => Err(QueueError::Unavailable("busy".into())),
            _ => Ok(()),
        }
    }
}

async fn handled(message: Message) -> Result<(), Error> {
    match message.body.as_str() {
        "long" => tokio::time::sleep(SIGN_OF_LIFE.duration() * 3 + Millis::seconds(1).duration()).await,
        "endless" => tokio::time::sleep(LONGEST_HELD.duration() * 2).await,
        "broken" => panic!("deliberate"),
        "failing" => return Err(Error::Platform("the table is away".into())),
        _ => {}
    }
    Ok(())
}

/// Polls for one message, which is held, until it is finished; told to stop while it is in hand.
async fn held(message: &'static str) -> Arc<Scripted> {
    let scripted = Scripted::of(&[message]);
    let stop = CancellationToken::new();
    let hold: Arc<dyn Hold> = scripted.clone();
    let polling = tokio::spawn(poll::held(
        scripted.clone(),
        Some(hold),
        QueueName::Pacing,
        1,
        stop.clone(),
        handled,
    ));
    tokio::time::sleep(Millis::seconds(1).duration()).await;
    stop.cancel();
    polling.await.unwrap();
    assert_eq!(scripted.deleted(), [message]);
    scripted
}

#[tokio::test(start_paused = true)]
async fn what_is_in_hand_is_held_and_finished() {
    assert_eq!(held("long").await.holds.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_a_message_is_hidden_is_held_no_longer() {
    // Each asks for two minutes more; the last ends before the twelve hours do.
    let signs = (LONGEST_HELD.get() - VISIBILITY.get() - 1) / SIGN_OF_LIFE.get();
    let holds = held("endless").await.holds.load(Ordering::SeqCst);
    assert_eq!(holds as u64, signs);
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_left_to_come_again() {
    let scripted = Scripted::of(&["failing", "good", "broken", "better"]);
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poll::queue(
        scripted.clone(),
        QueueName::Flow,
        2,
        stop.clone(),
        handled,
    ));
    tokio::time::sleep(Millis::seconds(1).duration()).await;
    stop.cancel();
    polling.await.unwrap();
    assert_eq!(scripted.deleted(), ["good", "better"]);
}
