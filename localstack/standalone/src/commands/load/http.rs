//! A lean HTTP client: whatever it costs is taken from the server that it measures.

use std::sync::{Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, header};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::told;
use crate::failure::Failure;

/// How much of a refusal is shown.
const SHOWN: usize = 500;

/// A server. Connections are kept and used again.
pub(super) struct Api {
    authority: String,
    key: Option<String>,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

impl Api {
    /// A server at `host:port`, and the API key for it.
    pub(super) fn new(authority: String, key: Option<String>) -> Self {
        Self {
            authority,
            key,
            idle: Mutex::default(),
        }
    }

    /// Where it is.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// The API key for it.
    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(&self.call(Method::GET, path, Body::empty()).await?)
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(told)?;
        read(&self.post_bytes(path, body).await?)
    }

    /// Posts JSON that is written already, and leaves it to the caller to read the answer.
    pub(super) async fn post_bytes(&self, path: &str, body: Vec<u8>) -> Result<Bytes, Failure> {
        self.call(Method::POST, path, Body::from(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Body) -> Result<Bytes, Failure> {
        let what = format!("{method} {path}");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let request = request.body(body).map_err(told)?;
        let mut link = self.link().await?;
        let broken = |error: hyper::Error| Failure::Told(format!("{what} broke off: {error}"));
        let response = link.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = axum::body::to_bytes(Body::new(response.into_body()), usize::MAX)
            .await
            .map_err(told)?;
        self.idle().push(link);
        if status.is_success() {
            return Ok(body);
        }
        let text: String = String::from_utf8_lossy(&body).chars().take(SHOWN).collect();
        Err(Failure::Told(format!(
            "{what} was answered with {status}: {text}"
        )))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Body>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that takes a request: an idle one, unless the server has closed it, or a new one.
    async fn link(&self) -> Result<SendRequest<Body>, Failure> {
        let idle = self.idle().pop();
        if let Some(mut link) = idle
            && link.ready().await.is_ok()
        {
            return Ok(link);
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<SendRequest<Body>, Failure> {
        let stream = TcpStream::connect(&self.authority).await.map_err(told)?;
        stream.set_nodelay(true).map_err(told)?;
        let (link, connection) = handshake(TokioIo::new(stream)).await.map_err(told)?;
        // It ends with the link.
        tokio::spawn(connection);
        Ok(link)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(told)
}
