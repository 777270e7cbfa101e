//! Calls to endpoints that strangers chose: webhooks and the CX Activities sink.

use async_trait::async_trait;
use domain::time::Millis;

/// A call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebRequest {
    /// Where to. The client refuses what the address rules forbid, at connect time.
    pub url: url::Url,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The longest that the whole call may take.
    pub timeout: Millis,
}

/// What came back. Any status, redirects included: none is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebResponse {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, as the time from now.
    pub retry_after: Option<Millis>,
    /// The first bytes of the body, for people who look for the cause; at most 1 KB.
    pub excerpt: String,
}

/// Why there was no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// The address is not allowed (private, loopback, link-local, ...). Final.
    #[error("the address {0} is not allowed")]
    Forbidden(String),
    /// No connection could be made.
    #[error("could not connect: {0}")]
    Connect(String),
    /// The call took too long.
    #[error("no answer within {0}")]
    Timeout(Millis),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// The client.
#[async_trait]
pub trait WebClient: Send + Sync {
    /// Posts, and reads the answer within bounds.
    async fn post(&self, request: WebRequest) -> Result<WebResponse, WebError>;
}
