//! The HTTP side of the program.

use std::net::SocketAddr;
use std::sync::Arc;

use api::ApiState;
use authorizer::Tokens;
use authorizer::settings::Issuer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::engine::Engine;
use crate::failure::Failure;

/// The tokens that are taken besides API keys: those of the issuer that the environment names.
fn tokens() -> Result<Option<Arc<Tokens>>, Failure> {
    let told = |error: &dyn std::fmt::Display| Failure::Told(error.to_string());
    let Some(issuer) = Issuer::read(|name| std::env::var(name).ok()).map_err(|error| told(&error))? else {
        return Ok(None);
    };
    let client = connectors::http_client().map_err(|error| told(&error))?;
    Ok(Some(Arc::new(Tokens::new(issuer, client))))
}

/// A server that listens.
pub(crate) struct Server {
    /// Where.
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens and answers until the engine is told to stop.
    pub(crate) async fn start(engine: &Engine, listen: SocketAddr) -> Result<Self, Failure> {
        let failed = |error| Failure::Listen {
            address: listen.to_string(),
            error,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // "All addresses" is where to listen, not where to call: then upload addresses are relative.
        let named = (!address.ip().is_unspecified()).then(|| format!("http://{address}"));
        let public_url = named.and_then(|url| Url::parse(&url).ok());
        let router = api::router(ApiState {
            context: engine.context.clone(),
            public_url,
            tokens: tokens()?,
        });
        let stop = engine.stop_token();
        let task = tokio::spawn(async move {
            let served =
                axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
            if let Err(error) = served.await {
                tracing::error!(%error, "the HTTP server ended");
            }
        });
        Ok(Self { address, task })
    }

    /// Ends connections that are still open once nothing new is taken.
    pub(crate) fn end(self) {
        self.task.abort();
    }
}
