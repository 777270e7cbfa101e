//! `campaigns serve`.

use std::net::SocketAddr;

use application::api_keys::{self, Role};
use clap::Args;
use ipnet::IpNet;
use runtime::telemetry::{self, LogFormat};

use super::{Data, own_tenant};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::server::Server;

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    data: Data,
    /// The address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A private network that webhooks may reach, such as 10.1.0.0/16. May be given several times.
    #[arg(long, value_name = "NETWORK")]
    allow_network: Vec<IpNet>,
    /// Write logs as JSON, one object a line.
    #[arg(long)]
    json_logs: bool,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        telemetry::init(
            if self.json_logs {
                LogFormat::Json
            } else {
                LogFormat::Text
            },
            "warn,campaigns=info",
        );
        let mut engine = Engine::open(&self.data.data, self.allow_network)?;
        // First, as a key that was shown before a failure would be shown never again.
        let server = Server::start(&engine, self.listen).await?;
        if let Some(text) = first_key(&engine).await? {
            println!("An API key for administration was made. It is shown this once:\n\n    {text}\n");
        }
        engine.start();
        println!(
            "Listening on http://{0}    API: http://{0}/v1    Documentation: http://{0}/docs",
            server.address
        );
        signalled().await;
        eprintln!("Stopping: work in hand is finished first.");
        engine.drain().await;
        server.end();
        Ok(())
    }
}

/// Makes the first key of a new data directory.
pub(crate) async fn first_key(engine: &Engine) -> Result<Option<String>, Failure> {
    let tenant = own_tenant()?;
    if !api_keys::list(&engine.context, &tenant, None, 1)
        .await?
        .data
        .is_empty()
    {
        return Ok(None);
    }
    let (_, text) = api_keys::create(&engine.context, &tenant, "administrator", Role::Admin).await?;
    Ok(Some(text))
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
