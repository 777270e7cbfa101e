//! `campaigns simulator`: the provider simulator as a process of its own.

use std::net::SocketAddr;

use clap::Args;
use connectors::simulator::{self, Script, SimulatorConfig, Span, Targets};
use platform::secrets::Secret;
use url::Url;

use crate::commands::serve::signalled;
use crate::failure::Failure;

/// The environment variable with the API key for receipts: arguments can be seen by everybody.
pub(super) const KEY: &str = "CAMPAIGNS_API_KEY";

/// Receipts under way at once. Each waits for a commit of the server; the more wait together, the more
/// share one.
const CALLS_AT_ONCE: usize = 96;

#[derive(Args)]
pub(crate) struct Simulator {
    /// The address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where receipts and replies go: a server's `/v1/cim-messages`.
    #[arg(long, value_name = "URL")]
    report_to: Option<Url>,
    /// Share of messages that are delivered.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    delivered: f64,
    /// Share of the delivered messages that are read.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    read: f64,
    /// How long after its delivery a message is read, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 20)]
    read_after: u64,
    /// How many of the latest requests are kept whole.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    remember: usize,
}

impl Simulator {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let script = Script {
            delivered: self.delivered,
            read: self.read,
            read_after: Span::millis(self.read_after, self.read_after),
            ..Script::default()
        };
        let config = SimulatorConfig {
            targets: Targets {
                cim_messages: self.report_to,
                api_key: std::env::var(KEY).ok().map(Secret::new),
                ..Targets::default()
            },
            remembered_requests: self.remember,
            concurrent_calls: CALLS_AT_ONCE,
            ..SimulatorConfig::default()
        };
        let listen = |error| Failure::Listen {
            address: self.listen.to_string(),
            error,
        };
        let simulator = simulator::Simulator::start(self.listen, config.with_script(script))
            .await
            .map_err(listen)?;
        println!("Listening on {}", simulator.base_url());
        signalled().await;
        simulator.stop().await;
        Ok(())
    }
}
