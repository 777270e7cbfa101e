//! Brings receipts and replies back: one heap of what is due, a bounded number of calls at once.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::atomic::{self, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::{Millis, Timestamp};
use futures::StreamExt as _;
use reqwest::Client;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::Provider;
use super::config::Targets;
use super::script::{Event, Report};

/// How often one report is tried: the receiver may be restarting.
const TRIES: u32 = 12;
/// The wait after the first failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A call of the product.
pub(super) struct Call {
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// A message that was taken, in its protocol: knows how to tell what became of it.
pub(super) trait Reporter: Send + Sync + std::fmt::Debug {
    /// The call that tells an event; none if there is no target for it.
    fn call(&self, event: &Event, targets: &Targets, now: Timestamp) -> Option<Call>;
}

#[derive(Debug)]
struct Job {
    due: Instant,
    /// Keeps jobs of one instant in order.
    number: u64,
    tries: u32,
    reporter: Arc<dyn Reporter>,
    event: Event,
}

impl Ord for Job {
    /// The earliest is the greatest: the heap's top is what is due next.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Job {}

#[derive(Debug)]
pub(super) struct Courier {
    client: Client,
    concurrent: usize,
    heap: Mutex<BinaryHeap<Job>>,
    earlier: Notify,
    number: AtomicU64,
    under_way: AtomicU64,
}

impl Courier {
    pub(super) fn new(client: Client, concurrent: usize) -> Self {
        Self {
            client,
            concurrent: concurrent.max(1),
            heap: Mutex::default(),
            earlier: Notify::new(),
            number: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
        }
    }

    fn heap(&self) -> MutexGuard<'_, BinaryHeap<Job>> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports not yet told.
    pub(super) fn pending(&self) -> u64 {
        let heap = self.heap();
        let waiting = u64::try_from(heap.len()).unwrap_or(u64::MAX);
        waiting + self.under_way.load(atomic::Ordering::Relaxed)
    }

    /// Plans reports about a message whose answer leaves after `latency`.
    pub(super) fn schedule(
        &self,
        reporter: &Arc<dyn Reporter>,
        latency: Millis,
        reports: Vec<Report>,
        scale: f64,
    ) {
        let answered = Instant::now() + latency.duration();
        // A scale that makes no sense means real time.
        let speed = if scale.is_normal() && scale > 0.0 {
            scale
        } else {
            1.0
        };
        for report in reports {
            let wait = Duration::try_from_secs_f64(report.after.duration().as_secs_f64() / speed);
            self.push(Job {
                due: answered + wait.unwrap_or_default(),
                number: self.number.fetch_add(1, atomic::Ordering::Relaxed),
                tries: 0,
                reporter: reporter.clone(),
                event: report.event,
            });
        }
    }

    fn push(&self, job: Job) {
        let due = job.due;
        let mut heap = self.heap();
        let is_next = heap.peek().is_none_or(|next| due < next.due);
        heap.push(job);
        drop(heap);
        if is_next {
            self.earlier.notify_one();
        }
    }

    /// Tells everything that becomes due, for ever.
    pub(super) async fn run(&self, provider: &Provider) {
        futures::stream::unfold((), |()| async { Some((self.next().await, ())) })
            .for_each_concurrent(self.concurrent, |job| async {
                self.tell(provider, job).await;
                self.under_way.fetch_sub(1, atomic::Ordering::Relaxed);
            })
            .await;
    }

    /// Waits for the next job that is due.
    async fn next(&self) -> Job {
        loop {
            let next_due = {
                let mut heap = self.heap();
                let due = heap.peek().map(|job| job.due);
                if due.is_some_and(|due| due <= Instant::now())
                    && let Some(job) = heap.pop()
                {
                    // Under the heap's lock, so that a job is never missing from `pending`.
                    self.under_way.fetch_add(1, atomic::Ordering::Relaxed);
                    return job;
                }
                due
            };
            match next_due {
                None => self.earlier.notified().await,
                Some(due) => {
                    tokio::select! {
                        () = self.earlier.notified() => {}
                        () = tokio::time::sleep_until(due) => {}
                    }
                }
            }
        }
    }

    async fn tell(&self, provider: &Provider, mut job: Job) {
        let Some(call) = job.reporter.call(&job.event, &provider.targets(), super::now()) else {
            provider.ledger().count(|stats| stats.reports_dropped += 1);
            return;
        };
        let mut request = self.client.post(call.url).timeout(CALL_TIMEOUT).body(call.body);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let status = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                // Read to its end, so that the connection can be used again.
                let _ = response.bytes().await;
                Some(status)
            }
            Err(_) => None,
        };
        match status {
            Some(200..300) => provider.ledger().count(|stats| stats.reports_taken += 1),
            Some(status @ 300..500) if status != 408 && status != 429 => {
                provider.ledger().count(|stats| stats.reports_refused += 1);
            }
            _ if job.tries + 1 >= TRIES => provider.ledger().count(|stats| stats.reports_dropped += 1),
            _ => {
                provider.ledger().count(|stats| stats.reports_retried += 1);
                let wait = FIRST_WAIT.saturating_mul(1 << job.tries.min(10));
                job.due = Instant::now() + wait.min(LONGEST_WAIT);
                job.tries += 1;
                self.push(job);
            }
        }
    }
}
