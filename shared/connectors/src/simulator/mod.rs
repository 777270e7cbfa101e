//! The provider simulator: an HTTP server that speaks the providers' protocols.
//!
//! | request | protocol |
//! |---|---|
//! | `POST /ccm/{service}` | `ccm`; a service named like a channel (`/ccm/email`) plays its script, others that of SMS |
//! | `POST /2010-04-01/Accounts/{sid}/Messages.json` | Twilio |
//! | `POST /{version}/{phone-number-id}/messages` | WhatsApp Cloud API |
//! | `GET /stats` | [`Stats`] |
//! | `GET /requests` | the latest raw requests, oldest first |
//! | `GET /attempts/{key}` | how often one attempt came, and had an effect |
//!
//! VOICE bodies on `/ccm/voice` are calls: dialed, rung, answered by persons and machines, and hung up, as
//! the script's [`CallScript`] says. `DELIVERED` says that the call waits to be dialed, `CONNECTED` or
//! `FAILED` with the reason code how it came out, and the end of its leg that an answered one is over.
//!
//! With a [`FloorConfig`], answered calls that need an agent come to those of a simulated floor, or are
//! abandoned; what its agents do goes to `/v1/agent-events/batch`, and they answer previews.
//!
//! It answers as its [`Script`] says, and later sends receipts and replies back: CIM messages to
//! `/v1/cim-messages`, signed callbacks of Twilio and Meta. What happens to an attempt is a function of
//! the seed and of the attempt's key alone, so that a run can be repeated and recounted. The key is
//! `Idempotency-Key` for `ccm`, the echo for Twilio (`?echo=` of the status callback) and Meta
//! (`biz_opaque_callback_data`). Every raw request is counted before anything else; only `ccm` then
//! drops repetitions, as the others honour no key. An answer is lost only at an attempt's first coming.
//!
//! It is made for load: one task holds all receipts that are still to come in a heap, and a bounded
//! number of calls is under way at once.

mod ccm;
mod config;
mod courier;
mod floor;
mod ledger;
mod meta;
mod script;
mod server;
mod telephony;
mod twilio;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::channel::Channel;
use domain::id::hash_bits;
use domain::time::{Millis, Timestamp};
use domain::trace::TraceId;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::{Script, SimulatorConfig, Span, Targets};
pub use floor::{AgentCount, Breaks, FloorAgent, FloorConfig, FloorStats, Previews};
pub use ledger::{AttemptCount, RawRequest, Stats};
pub use telephony::CallScript;

use crate::http;
use courier::{Courier, Reporter, Work, real};
use floor::{Due, Errand, Floor, Moment};
use ledger::Ledger;
use script::{Kind, Plan, Report, Verdict};
use server::{lost, serve};

/// A running simulator. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    provider: Arc<Provider>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Starts to listen. Port 0 takes a free one.
    pub async fn start(listen: SocketAddr, config: SimulatorConfig) -> io::Result<Self> {
        let client = http::client().map_err(io::Error::other)?;
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let courier = Courier::new(client, config.concurrent_calls);
        let provider = Arc::new(Provider {
            ledger: Mutex::new(Ledger::new(config.remembered_requests)),
            targets: RwLock::new(Arc::new(config.targets.clone())),
            floor: config
                .floor
                .clone()
                .map(|floor| Mutex::new(Floor::new(floor, config.seed, config.time_scale))),
            config: config.complete(),
            courier,
        });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let serving = serve(listener, router(provider.clone()), stop.clone(), tasks.clone());
        tasks.spawn(serving);
        let posting = {
            let (provider, stop) = (provider.clone(), stop.clone());
            async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = provider.courier.run(&provider) => {}
                }
            }
        };
        tasks.spawn(posting);
        Ok(Self {
            address,
            provider,
            stop,
            tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://address:port`, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The provider webhook of a channel, for a `ccm` connector's `webhookUrl`.
    pub fn ccm_url(&self, channel: Channel) -> String {
        format!("{}/ccm/{channel}", self.base_url())
    }

    /// Says where receipts and replies go from now on, those already planned included.
    pub fn report_to(&self, targets: Targets) {
        let mut current = self
            .provider
            .targets
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(targets);
    }

    /// Lets the floor's agents come to work: from now on what they do is told. Once told where to report.
    pub fn open_floor(&self) {
        if self.provider.floor.is_some() {
            self.provider
                .courier
                .plan(Duration::ZERO, Work::Floor(Moment::Opened));
        }
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.provider.stats()
    }

    /// How often one attempt came, and had an effect.
    pub fn attempt(&self, key: &str) -> AttemptCount {
        self.provider.ledger().attempt(key)
    }

    /// How many calls to a number were taken.
    pub fn calls_to(&self, number: &str) -> u32 {
        self.provider.ledger().calls_to(number)
    }

    /// The latest raw requests, oldest first.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.provider.ledger().requests()
    }

    /// Stops: connections are closed, receipts that are still to come are dropped.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What the protocols share.
#[derive(Debug)]
struct Provider {
    config: SimulatorConfig,
    ledger: Mutex<Ledger>,
    targets: RwLock<Arc<Targets>>,
    floor: Option<Mutex<Floor>>,
    courier: Courier,
}

/// A message that came in.
struct Arrival<'a> {
    channel: Channel,
    kind: Kind,
    /// The attempt's key, if the request has one.
    key: Option<&'a str>,
    to: &'a str,
    /// Whether the protocol drops repetitions.
    deduplicates: bool,
    /// Which agent a call needs, if any.
    errand: Option<Errand>,
    trace: Option<TraceId>,
}

/// What the protocol is to answer.
enum Answer {
    Accepted { provider_message_id: String },
    Rejected,
    Deferred { retry_after_seconds: u64 },
    Lost,
}

impl Provider {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn floor(&self) -> Option<MutexGuard<'_, Floor>> {
        let floor = self.floor.as_ref()?;
        Some(floor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn targets(&self) -> Arc<Targets> {
        self.targets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn stats(&self) -> Stats {
        let pending = self.courier.pending();
        let mut stats = self.ledger().stats();
        stats.reports_pending = pending;
        stats.floor = self.floor().map(|floor| floor.stats()).unwrap_or_default();
        stats
    }

    /// Counts a message, decides about it, plans what comes back, and lets the answer's latency pass.
    async fn take(&self, arrival: Arrival<'_>, reporter: impl FnOnce(String) -> Arc<dyn Reporter>) -> Answer {
        let (key, seen) = self.ledger().arrive(&arrival, now());
        let Some(script) = self.config.scripts.get(&arrival.channel) else {
            return Answer::Rejected; // there is one for every channel since the start
        };
        let mut plan = Plan::of(script, self.config.seed, &key, arrival.kind);
        // Repetitions that have an effect of their own have an id of their own.
        let nth = if arrival.deduplicates { 1 } else { seen.raw };
        let parts = [&self.config.seed.to_string(), key.as_str(), &nth.to_string()];
        let provider_message_id = format!("{:032x}", hash_bits(&parts));
        let lost = plan.loses_answer && seen.raw == 1;
        let has_effect = self
            .ledger()
            .decide(&key, plan.verdict, arrival.deduplicates, lost);
        if has_effect {
            // Before the latency: a caller that gives up meanwhile drops this future, not the message.
            let reporter = reporter(provider_message_id.clone());
            if arrival.kind == Kind::Call {
                self.ledger().dial(arrival.to);
            }
            if let Some(errand) = arrival.errand {
                self.leave_to_floor(&key, errand, &mut plan, &reporter);
            }
            self.plan_reports(plan.latency, plan.reports, &reporter);
        }
        if plan.latency.get() > 0 {
            tokio::time::sleep(plan.latency.duration()).await;
        }
        match plan.verdict {
            Verdict::Accept if lost => Answer::Lost,
            Verdict::Accept => Answer::Accepted { provider_message_id },
            Verdict::Reject => Answer::Rejected,
            Verdict::Defer => Answer::Deferred {
                retry_after_seconds: script.retry_after.get().div_ceil(1000),
            },
        }
    }
}

impl Provider {
    /// Plans reports about a message whose answer leaves after `latency`.
    fn plan_reports(&self, latency: Millis, reports: Vec<Report>, reporter: &Arc<dyn Reporter>) {
        let due = reports.into_iter().map(|report| {
            let after = latency.duration() + real(report.after, self.config.time_scale);
            (after, Work::report(reporter, report.event, report.again))
        });
        self.plan_all(due.collect());
    }

    /// Lets the floor, if there is one, say how a call that needs an agent comes out.
    fn leave_to_floor(&self, key: &str, errand: Errand, plan: &mut Plan, reporter: &Arc<dyn Reporter>) {
        let Some(mut floor) = self.floor() else {
            return;
        };
        let Some(course) = plan.take_course() else {
            return;
        };
        let due = floor.arrive(key, errand, course, plan.latency, reporter.clone());
        drop(floor);
        self.plan_all(due);
    }

    /// Something happens on the floor.
    fn happen(&self, moment: &Moment) {
        let due = self.floor().map(|mut floor| floor.happen(moment, now()));
        self.plan_all(due.unwrap_or_default());
    }

    /// Plans what is due, and counts what will be told.
    fn plan_all(&self, due: Vec<Due>) {
        for (after, work) in due {
            if let Work::Report { event, again, .. } = &work {
                self.ledger().plan(event.name(), *again);
            }
            self.courier.plan(after, work);
        }
    }
}

/// The simulator plays the outside world, and the outside world has its own clock.
#[expect(
    clippy::disallowed_methods,
    reason = "a provider's clock is not the program's"
)]
fn now() -> Timestamp {
    chrono::Utc::now().into()
}

fn router(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/ccm/{service}", post(ccm::receive))
        .route("/2010-04-01/Accounts/{sid}/Messages.json", post(twilio::receive))
        .route("/{version}/{phone_number_id}/messages", post(meta::receive))
        .route(
            "/stats",
            get(async |State(p): State<Arc<Provider>>| Json(p.stats())),
        )
        .route(
            "/requests",
            get(async |State(p): State<Arc<Provider>>| Json(p.ledger().requests())),
        )
        .route(
            "/attempts/{key}",
            get(async |State(p): State<Arc<Provider>>, Path(key): Path<String>| {
                Json(p.ledger().attempt(&key))
            }),
        )
        .with_state(provider)
}
