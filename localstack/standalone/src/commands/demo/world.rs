//! What stands around the campaign: the engine with its API, the simulated providers, and the
//! customer's own system that webhooks tell.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use application::api_keys::{self, Role};
use connectors::simulator::{Script, Simulator, SimulatorConfig, Span};
use domain::channel::Channel;
use domain::time::Millis;
use ipnet::IpNet;
use tempfile::TempDir;

use super::receiver::Receiver;
use crate::client::Client;
use crate::commands::own_tenant;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::server::Server;

/// This machine, and a port that is free.
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Everything that runs.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) client: Client,
    pub(super) simulator: Simulator,
    pub(super) receiver: Receiver,
    /// An administrator's API key.
    pub(super) key: String,
    pub(super) data: Place,
    server: Server,
}

/// Where the data are.
pub(super) enum Place {
    /// Removed at the end.
    Temporary(TempDir),
    /// Kept.
    Given(PathBuf),
}

impl Place {
    pub(super) fn of(data: Option<PathBuf>) -> Result<Self, Failure> {
        match data {
            Some(directory) => Ok(Self::Given(directory)),
            None => TempDir::with_prefix("campaigns-demo-")
                .map(Self::Temporary)
                .map_err(|error| {
                    Failure::Told(format!("no temporary directory: {error}; name one with --data"))
                }),
        }
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Given(directory) => directory,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Temporary(_) => f.write_str("a temporary directory"),
            Self::Given(directory) => write!(f, "{}", directory.display()),
        }
    }
}

impl World {
    /// Starts everything.
    pub(super) async fn start(data: Place, listen: Option<SocketAddr>, seed: u64) -> Result<Self, Failure> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: std::io::Error| Failure::Told(format!("the {what} does not start: {error}"))
        };
        // The demo's own receiver of webhooks is on this machine, which strangers' must not be.
        let loopback = IpNet::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut engine = Engine::open(data.path(), vec![loopback])?;
        let (_, key) = api_keys::create(&engine.context, &own_tenant()?, "demo", Role::Admin).await?;
        let server = Server::start(&engine, listen.unwrap_or(LOCAL)).await?;
        engine.start();
        let client = Client::new(&format!("http://{}", reachable(server.address)), &key)?;
        let config = SimulatorConfig {
            seed,
            scripts: scripts(),
            ..SimulatorConfig::default()
        };
        let simulator = Simulator::start(LOCAL, config)
            .await
            .map_err(failed("provider simulator"))?;
        let clock = Arc::clone(&engine.context.clock);
        let receiver = Receiver::start(LOCAL, clock)
            .await
            .map_err(failed("receiver of webhooks"))?;
        Ok(Self {
            engine,
            client,
            simulator,
            receiver,
            key,
            data,
            server,
        })
    }

    /// Finishes what is in hand and ends.
    pub(super) async fn stop(self) {
        self.engine.drain().await;
        self.server.end();
        self.simulator.stop().await;
        self.receiver.stop();
    }
}

/// Where a server that listens on every address is called from this machine.
fn reachable(listens: SocketAddr) -> SocketAddr {
    if listens.ip().is_unspecified() {
        SocketAddr::new(LOCAL.ip(), listens.port())
    } else {
        listens
    }
}

/// How the simulated providers and customers behave: some of everything that goes wrong in real life,
/// in seconds instead of hours.
fn scripts() -> BTreeMap<Channel, Script> {
    let all = Script {
        latency: Span::millis(5, 40),
        reject: 0.02,
        defer: 0.01,
        retry_after: Millis::seconds(1),
        lose_answer: 0.01,
        failed: 0.05,
        failed_after: Span::millis(100, 1_500),
        delivered: 0.93,
        delivered_after: Span::millis(100, 1_200),
        read_after: Span::millis(100, 2_000),
        reply_after: Span::millis(200, 3_000),
        replies: [(6, "Yes, please"), (3, "Tell me more"), (2, "STOP")]
            .map(|(w, text)| (w, text.to_owned()))
            .into(),
        repeated: 0.05,
        repeated_after: Span::millis(50, 1_000),
        ..Script::default()
    };
    BTreeMap::from([
        (
            Channel::Whatsapp,
            Script {
                read: 0.55,
                reply: 0.25,
                out_of_order: 0.05,
                ..all.clone()
            },
        ),
        (
            Channel::Sms,
            Script {
                failed: 0.15,
                delivered: 0.83,
                reply: 0.15,
                ..all.clone()
            },
        ),
        (
            Channel::Email,
            Script {
                failed: 0.02,
                delivered: 0.97,
                reply: 0.1,
                ..all
            },
        ),
    ])
}
