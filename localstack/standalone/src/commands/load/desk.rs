//! A server and a provider, set up for one workload.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::time::Timestamp;
use platform::world::Clock;
use platform_embedded::world::SystemClock;
use serde::Deserialize;
use serde_json::json;

use super::parties::{Providers, Server};
use super::recount::counted;
use super::report::{Counts, Report};
use super::usage::Usage;
use super::{recount, told};
use crate::failure::Failure;

/// How often it is looked whether the server has caught up.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// How long nothing may change before it counts as stuck. Longer than the pause after which a lost
/// message is found again.
pub(super) const STUCK: Duration = Duration::from_secs(150);

/// A server, a provider, a campaign.
pub(super) struct Desk {
    pub(super) server: Server,
    pub(super) providers: Providers,
    pub(super) campaign: String,
    begun: [Usage; 3],
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

impl Desk {
    /// Starts and configures both. The provider delivers this share of the messages, and has them
    /// read.
    pub(super) async fn open(
        data: &Path,
        name: &'static str,
        share: f64,
        remember: u32,
    ) -> Result<Self, Failure> {
        eprintln!("{name}: starting a server");
        let server = Server::start(data).await?;
        let providers = Providers::start(&server.api, share, remember).await?;
        let api = &server.api;
        let connector = json!({
            "name": "provider simulator", "kind": "ccm", "channels": ["sms"],
            "settings": {"webhookUrl": format!("http://{}/ccm/sms", providers.api.authority())},
            "ratePerSecond": 10_000, "concurrency": 500,
        });
        let _: Created = api.post("/v1/connectors", &connector).await?;
        let list: Created = api.post("/v1/contact-lists", &json!({"name": "nobody"})).await?;
        // Activities join it by themselves; its own conversations are none.
        let campaign = json!({
            "name": "load", "contactLists": [list.id],
            "flow": {"schema": 1, "start": "end", "nodes": {"end": {"type": "end", "label": "done"}}},
            "policy": {"consentBasis": "existingRelationship", "timeZone": "Europe/Berlin"},
        });
        let campaign: Created = api.post("/v1/campaigns", &campaign).await?;
        let _: Created = api
            .post(&format!("/v1/campaigns/{}/publish", campaign.id), &json!({}))
            .await?;
        let begun = usages(&server, &providers);
        Ok(Self {
            server,
            providers,
            campaign: campaign.id,
            begun,
        })
    }

    /// Waits until `done` says so of the counters; tells when that was.
    pub(super) async fn caught_up(&self, done: impl Fn(&Counts) -> bool) -> Result<Instant, Failure> {
        let (mut last, mut changed, mut told_at) = (Counts::new(), Instant::now(), Instant::now());
        loop {
            let counts = counted(&self.server.api, &self.campaign).await?;
            if done(&counts) {
                return Ok(Instant::now());
            }
            if counts != last {
                (last, changed) = (counts, Instant::now());
            }
            if changed.elapsed() > STUCK {
                return Err(told(format!(
                    "nothing has changed for {} s: {last:?}",
                    STUCK.as_secs()
                )));
            }
            if told_at.elapsed() > Duration::from_secs(5) {
                told_at = Instant::now();
                eprintln!("  {last:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Counts again, ends everything and completes the report.
    pub(super) async fn close(self, report: &mut Report, state: &str) -> Result<(), Failure> {
        let [server, generator, simulator] = usages(&self.server, &self.providers);
        let [server_before, generator_before, simulator_before] = self.begun;
        report.server = server.since(server_before);
        report.generator = generator.since(generator_before);
        report.simulator = simulator.since(simulator_before);
        eprintln!("  counting again");
        recount::prove(report, &self, state).await?;
        let Self {
            server, providers, ..
        } = self;
        let database = server.end().await?;
        providers.end().await?;
        report.synchronous = database.synchronous;
        report.commits = database.commits;
        report.transactions = database.transactions;
        Ok(())
    }
}

fn usages(server: &Server, providers: &Providers) -> [Usage; 3] {
    [
        Usage::of(server.process()),
        Usage::of(std::process::id()),
        providers.usage(),
    ]
}

/// The machine's time: what is due is due by it.
pub(super) fn now() -> Timestamp {
    SystemClock.now()
}
