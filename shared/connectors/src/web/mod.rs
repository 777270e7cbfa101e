//! The client for addresses that strangers chose: webhooks and the CX Activities sink.
//!
//! It is safe against server-side request forgery: an address is judged where the connection is
//! made. A literal IP is judged before the call; a name's DNS answers are filtered inside the
//! connector's own resolver, so that no second look-up can give another answer. No redirect is
//! followed, no proxy is used, and size and time are bounded. See [`AddressPolicy`] for the rules.

mod policy;

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::time::Millis;
use platform::web::{WebClient, WebError, WebRequest, WebResponse};
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;
use url::{Host, Url};

pub use policy::AddressPolicy;

use crate::http::{CONNECT_TIMEOUT, ClientError, cause, read_body, retry_after};
use crate::tls;

/// How much of an answer is kept.
const EXCERPT: usize = 1024;
/// Idle connections kept per host: as many as one endpoint is called at once, or a busy one is
/// connected to for every call. They are closed soon where calls come now and then.
const IDLE_CONNECTIONS: usize = 32;
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A [`WebClient`] that reaches no address that its policy forbids.
#[derive(Clone)]
pub struct SafeWebClient {
    client: Client,
    policy: Arc<AddressPolicy>,
}

impl SafeWebClient {
    /// A client under these rules.
    pub fn new(policy: AddressPolicy) -> Result<Self, ClientError> {
        Self::resolving_with(policy, Arc::new(SystemNames))
    }

    fn resolving_with(policy: AddressPolicy, names: Arc<dyn Names>) -> Result<Self, ClientError> {
        let policy = Arc::new(policy);
        let resolver = Arc::new(PermittedNames {
            names,
            policy: policy.clone(),
        });
        let tls = tls::client_config().map_err(|error| ClientError(error.to_string()))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(resolver)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!("outbound-campaigns/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError(cause(&error)))?;
        Ok(Self { client, policy })
    }

    /// Judges what the URL itself shows. Names are judged when they are resolved.
    fn check(&self, url: &Url) -> Result<(), WebError> {
        let scheme = match url.scheme() {
            "https" => true,
            "http" => !self.policy.https_only,
            _ => false,
        };
        let host = match url.host() {
            Some(Host::Ipv4(address)) => self.policy.permits(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.policy.permits(IpAddr::V6(address)),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if scheme && host {
            Ok(())
        } else {
            Err(forbidden(url))
        }
    }
}

/// Names scheme and host: paths and queries of webhooks may hold secrets.
fn forbidden(url: &Url) -> WebError {
    WebError::Forbidden(format!(
        "{}://{}",
        url.scheme(),
        url.host_str().unwrap_or_default()
    ))
}

#[async_trait]
impl WebClient for SafeWebClient {
    async fn post(&self, request: WebRequest) -> Result<WebResponse, WebError> {
        self.check(&request.url)?;
        let deadline = Instant::now() + request.timeout.duration();
        let mut call = self.client.post(request.url.clone()).body(request.body);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        let response = match tokio::time::timeout_at(deadline, call.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if is_forbidden(&error) => return Err(forbidden(&request.url)),
            Ok(Err(error)) if error.is_connect() || error.is_builder() => {
                return Err(WebError::Connect(cause(&error)));
            }
            Ok(Err(error)) => return Err(WebError::Broken(cause(&error))),
            Err(_) => return Err(WebError::Timeout(request.timeout)),
        };
        let status = response.status().as_u16();
        let retry_after: Option<Millis> = retry_after(response.headers());
        let body = read_body(response, EXCERPT, deadline).await;
        Ok(WebResponse {
            status,
            retry_after,
            excerpt: excerpt(&body),
        })
    }
}

/// The text of a body: a cut character at its end is dropped, what is no UTF-8 is replaced, and the
/// result is no longer than promised.
fn excerpt(body: &[u8]) -> String {
    let mut text = String::new();
    for chunk in body.utf8_chunks() {
        let replaced = if chunk.invalid().is_empty() {
            ""
        } else {
            "\u{fffd}"
        };
        for part in [chunk.valid(), replaced] {
            for character in part.chars() {
                if text.len() + character.len_utf8() > EXCERPT {
                    return text;
                }
                text.push(character);
            }
        }
    }
    text
}

/// All addresses of a name are forbidden.
#[derive(Debug, thiserror::Error)]
#[error("every address of the name is forbidden")]
struct ForbiddenName;

fn is_forbidden(error: &reqwest::Error) -> bool {
    let mut reason: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = reason {
        if error.is::<ForbiddenName>() {
            return true;
        }
        reason = error.source();
    }
    false
}

/// Where names come from: the system, or a table in tests.
#[async_trait]
trait Names: Send + Sync {
    async fn look_up(&self, name: &str) -> std::io::Result<Vec<SocketAddr>>;
}

struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn look_up(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        // Port 0 stands for the URL's port.
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

/// The resolver of the connector: what it does not return cannot be connected to.
struct PermittedNames {
    names: Arc<dyn Names>,
    policy: Arc<AddressPolicy>,
}

impl Resolve for PermittedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.names.clone();
        let policy = self.policy.clone();
        Box::pin(async move {
            let mut addresses = names.look_up(name.as_str()).await?;
            let found_any = !addresses.is_empty();
            addresses.retain(|address| policy.permits(address.ip()));
            if found_any && addresses.is_empty() {
                return Err(Box::new(ForbiddenName) as Box<dyn StdError + Send + Sync>);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
