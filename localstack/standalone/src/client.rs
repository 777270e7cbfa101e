//! A client of the API, for the commands that work through it: JSON in and out, every write under an
//! idempotency key and so repeated without harm, problems told in words.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::byte_serialize;

/// How often a request is made that the service could not take or that got no answer.
const TRIES: u32 = 5;
/// The pause before the second try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest that an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Entries per page.
const PAGE: usize = 250;

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No client could be made.
    #[error("no HTTP client: {0}")]
    Client(#[from] connectors::ClientError),
    /// What was named as the server is none.
    #[error("{0} is no address of a server; it is written like http://127.0.0.1:8080")]
    Address(String),
    /// Nobody answered.
    #[error("{call} got no answer: {cause}")]
    Unreachable {
        /// Method and path.
        call: String,
        cause: String,
    },
    /// The service said no.
    #[error("{call} was refused ({status}): {text}")]
    Refused {
        /// Method and path.
        call: String,
        status: StatusCode,
        /// What the problem says, with its fields.
        text: String,
    },
    /// The service answered with something else than was expected.
    #[error("{call} was answered in an unexpected form: {cause}")]
    Unreadable {
        /// Method and path.
        call: String,
        cause: String,
    },
}

/// A page of a list.
#[derive(serde::Deserialize)]
struct Page<T> {
    data: Vec<T>,
    next: Option<String>,
}

/// Calls the API of one server under one key.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    authorization: String,
}

impl Client {
    /// For the server at `base`, such as `http://127.0.0.1:8080`.
    pub(crate) fn new(base: &str, key: &str) -> Result<Self, ApiError> {
        let is_web = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if !Url::parse(base).is_ok_and(is_web) {
            return Err(ApiError::Address(base.to_owned()));
        }
        Ok(Self {
            http: connectors::http_client()?,
            base: base.trim_end_matches('/').trim_end_matches("/v1").to_owned(),
            authorization: format!("Bearer {}", key.trim()),
        })
    }

    /// The whole address of a path of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.to_owned()
        }
    }

    /// Reads one thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.call(Method::GET, path, |request| request).await
    }

    /// Reads a list to its end.
    pub(crate) async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ApiError> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Page<T> = self.get(&format!("{path}{joint}limit={PAGE}{cursor}")).await?;
            all.extend(page.data);
            match page.next {
                Some(next) => cursor = format!("&cursor={}", escaped(&next)),
                None => return Ok(all),
            }
        }
    }

    /// Reads the first entries of a list.
    pub(crate) async fn first<T: DeserializeOwned>(
        &self,
        path: &str,
        most: usize,
    ) -> Result<Vec<T>, ApiError> {
        let page: Page<T> = self.get(&format!("{path}?limit={most}")).await?;
        Ok(page.data)
    }

    /// Creates something, or lets something happen that takes a body.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, ApiError> {
        self.write(Method::POST, path, |request| request.json(body)).await
    }

    /// Lets something happen that takes no body.
    pub(crate) async fn act<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.write(Method::POST, path, |request| request).await
    }

    /// Creates or replaces something.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, ApiError> {
        self.write(Method::PUT, path, |request| request.json(body)).await
    }

    /// Removes something.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), ApiError> {
        self.write::<Option<Value>>(Method::DELETE, path, |request| request)
            .await
            .map(|_| ())
    }

    /// Streams a CSV file to an upload address. The key goes to our own server only: an upload address
    /// may lie elsewhere, and then carries its own permission.
    pub(crate) async fn upload(&self, address: &str, file: Body, bytes: u64) -> Result<(), ApiError> {
        let url = self.url(address);
        let mut request = self
            .http
            .put(&url)
            .header(CONTENT_TYPE, "text/csv")
            .header(CONTENT_LENGTH, bytes);
        if url.starts_with(&format!("{}/", self.base)) {
            request = request.header(AUTHORIZATION, &self.authorization);
        }
        let call = format!("PUT {address}");
        match request.timeout(UPLOAD_TIMEOUT).body(file).send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(refused(call, response).await),
            Err(error) => Err(ApiError::Unreachable {
                call,
                cause: cause(&error),
            }),
        }
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, ApiError> {
        let key = format!("{:032x}", rand::random::<u128>());
        self.call(method, path, |request| {
            fill(request).header("idempotency-key", &key)
        })
        .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, ApiError> {
        let call = || format!("{method} {}", path.split('?').next().unwrap_or(path));
        let url = self.url(path);
        let mut pause = FIRST_PAUSE;
        for trial in 1.. {
            let request = self
                .http
                .request(method.clone(), &url)
                .header(AUTHORIZATION, &self.authorization);
            let result = fill(request).timeout(TIMEOUT).send().await;
            let wait = match result {
                Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE && trial < TRIES => {
                    retry_after(&response).unwrap_or(pause)
                }
                Ok(response) if response.status().is_success() => return read(call(), response).await,
                Ok(response) => return Err(refused(call(), response).await),
                Err(_) if trial < TRIES => pause,
                Err(error) => {
                    return Err(ApiError::Unreachable {
                        call: call(),
                        cause: cause(&error),
                    });
                }
            };
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
        Err(ApiError::Unreachable {
            call: call(),
            cause: "tried too often".to_owned(),
        })
    }
}

/// A text as a part of a query or a path.
pub(crate) fn escaped(text: &str) -> String {
    // In a path a plus would be a plus.
    byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn read<T: DeserializeOwned>(call: String, response: Response) -> Result<T, ApiError> {
    let bytes = match response.bytes().await {
        Ok(bytes) => bytes,
        Err(error) => {
            return Err(ApiError::Unreachable {
                call,
                cause: cause(&error),
            });
        }
    };
    // 204 has no body.
    let json: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
    serde_json::from_slice(json).map_err(|error| ApiError::Unreadable {
        call,
        cause: error.to_string(),
    })
}

/// What the problem details say, for people.
async fn refused(call: String, response: Response) -> ApiError {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let fields: Vec<String> = problem
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|field| format!("{} {}", text(field, "pointer"), text(field, "detail")))
        .collect();
    let detail = text(&problem, "detail");
    let told = match (detail.as_str(), fields.len()) {
        ("", _) => "no reason was given".to_owned(),
        (detail, 0 | 1) => detail.to_owned(),
        (detail, _) => format!("{detail} {}", fields.join("; ")),
    };
    ApiError::Refused {
        call,
        status,
        text: told,
    }
}

/// The innermost cause says the most: reqwest's own texts only repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
