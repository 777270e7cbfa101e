//! Brings receipts and replies back, and the floor's moments: one heap of what is due, a bounded number
//! of calls at once.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::atomic::{self, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::time::{Millis, Timestamp};
use futures::StreamExt as _;
use reqwest::{Client, RequestBuilder};
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::Provider;
use super::config::Targets;
use super::floor::{self, Decision, Moment};
use super::script::Event;

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

/// Something to be done when it is due.
#[derive(Debug)]
pub(super) enum Work {
    /// Tell what became of a message.
    Report {
        reporter: Arc<dyn Reporter>,
        event: Event,
        /// Whether it is the second telling of the same event.
        again: bool,
    },
    /// Let something happen on the floor.
    Floor(Moment),
    /// Tell what the floor's agents did.
    AgentEvents {
        /// How often the first of them have been tried.
        tries: u32,
    },
    /// Tell how an agent decided.
    Decision(Decision),
    /// Look which previews are offered.
    Offers,
}

impl Work {
    pub(super) fn report(reporter: &Arc<dyn Reporter>, event: Event, again: bool) -> Self {
        Self::Report {
            reporter: reporter.clone(),
            event,
            again,
        }
    }

    /// Whether it comes to an end: agents look for previews as long as there are agents.
    const fn ends(&self) -> bool {
        !matches!(self, Self::Offers)
    }
}

/// What becomes of something that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Taken,
    Refused,
    /// It is to be told once more.
    Again,
    GivenUp,
}

impl Fate {
    /// By the answer's status, none if there was no answer, and the tries before.
    pub(super) const fn of(status: Option<u16>, tries: u32) -> Self {
        match status {
            Some(200..300) => Self::Taken,
            Some(status @ 300..500) if status != 408 && status != 429 => Self::Refused,
            _ if tries + 1 >= TRIES => Self::GivenUp,
            _ => Self::Again,
        }
    }
}

/// How long to wait after so many tries.
pub(super) fn wait_after(tries: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << tries.min(10)).min(LONGEST_WAIT)
}

/// The real time of a simulated span. A scale that makes no sense means real time.
pub(super) fn real(span: Millis, scale: f64) -> Duration {
    let speed = if scale.is_normal() && scale > 0.0 {
        scale
    } else {
        1.0
    };
    Duration::try_from_secs_f64(span.duration().as_secs_f64() / speed).unwrap_or_default()
}

#[derive(Debug)]
struct Job {
    due: Instant,
    /// Keeps jobs of one instant in order.
    number: u64,
    tries: u32,
    work: Work,
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
    /// Jobs in the heap or under way, but for those that never end.
    pending: AtomicU64,
}

impl Courier {
    pub(super) fn new(client: Client, concurrent: usize) -> Self {
        Self {
            client,
            concurrent: concurrent.max(1),
            heap: Mutex::default(),
            earlier: Notify::new(),
            number: AtomicU64::new(0),
            pending: AtomicU64::new(0),
        }
    }

    fn heap(&self) -> MutexGuard<'_, BinaryHeap<Job>> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is not yet done.
    pub(super) fn pending(&self) -> u64 {
        self.pending.load(atomic::Ordering::Relaxed)
    }

    /// Plans something for when so much time has passed.
    pub(super) fn plan(&self, after: Duration, work: Work) {
        self.push(Job {
            due: Instant::now() + after,
            number: self.number.fetch_add(1, atomic::Ordering::Relaxed),
            tries: 0,
            work,
        });
    }

    fn push(&self, job: Job) {
        let due = job.due;
        // Before it can be done, so that it is never missing from `pending`.
        self.pending
            .fetch_add(u64::from(job.work.ends()), atomic::Ordering::Relaxed);
        let mut heap = self.heap();
        let is_next = heap.peek().is_none_or(|next| due < next.due);
        heap.push(job);
        drop(heap);
        if is_next {
            self.earlier.notify_one();
        }
    }

    /// Does everything that becomes due, for ever.
    pub(super) async fn run(&self, provider: &Provider) {
        futures::stream::unfold((), |()| async { Some((self.next().await, ())) })
            .for_each_concurrent(self.concurrent, |job| async {
                let ends = u64::from(job.work.ends());
                self.carry_out(provider, job).await;
                self.pending.fetch_sub(ends, atomic::Ordering::Relaxed);
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

    async fn carry_out(&self, provider: &Provider, job: Job) {
        let call = match &job.work {
            Work::Report { reporter, event, .. } => reporter.call(event, &provider.targets(), super::now()),
            Work::Decision(decision) => decision.call(&provider.targets()),
            Work::Floor(moment) => return provider.happen(moment),
            Work::AgentEvents { tries } => return floor::tell_agents(provider, *tries).await,
            Work::Offers => return floor::look_for_offers(provider).await,
        };
        self.tell(provider, call, job).await;
    }

    async fn tell(&self, provider: &Provider, call: Option<Call>, mut job: Job) {
        let fate = match call {
            Some(call) => {
                let answer = self.post(call).await;
                Fate::of(answer.map(|(status, _)| status), job.tries)
            }
            None => Fate::GivenUp,
        };
        provider.ledger().count(|stats| match fate {
            Fate::Taken => stats.reports_taken += 1,
            Fate::Refused => stats.reports_refused += 1,
            Fate::Again => stats.reports_retried += 1,
            Fate::GivenUp => stats.reports_dropped += 1,
        });
        if fate == Fate::Again {
            job.due = Instant::now() + wait_after(job.tries);
            job.tries += 1;
            self.push(job);
        }
    }

    /// Posts to the product. Returns the answer's status and body.
    pub(super) async fn post(&self, call: Call) -> Option<(u16, Bytes)> {
        let request = self.client.post(call.url).body(call.body);
        send(request, call.headers).await
    }

    /// Reads from the product; none unless that succeeds.
    pub(super) async fn get(&self, url: Url, headers: Vec<(&'static str, String)>) -> Option<Bytes> {
        let (status, body) = send(self.client.get(url), headers).await?;
        (200..300).contains(&status).then_some(body)
    }
}

async fn send(mut request: RequestBuilder, headers: Vec<(&'static str, String)>) -> Option<(u16, Bytes)> {
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.timeout(CALL_TIMEOUT).send().await.ok()?;
    let status = response.status().as_u16();
    // Read to its end, so that the connection can be used again.
    let body = response.bytes().await.unwrap_or_default();
    Some((status, body))
}
