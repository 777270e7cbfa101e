//! What the HTTP connectors share: one client, and the reading of answers and failures.

use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::activity::settle::Trouble;
use domain::time::Millis;
use http::{HeaderMap, StatusCode, header};
use platform::connector::{SendFailure, SendOutcome};
use reqwest::{Client, RequestBuilder, Response};
use tokio::time::Instant;

use crate::tls;
use crate::turns::{LONGEST_WAIT, Turns};

/// The longest that name resolution, TCP and TLS may take together.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept. Shorter than the 5 s after which a Node.js server closes one:
/// a request written into a connection that is just being closed is lost without a trace.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Idle connections kept per host.
const IDLE_CONNECTIONS: usize = 256;
/// The longest answer that is read; the providers' are a few hundred bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// The fewest digits of a phone number (`domain::address` takes no shorter one).
const PHONE_DIGITS: usize = 7;

/// Why no HTTP client could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP client could not be set up: {0}")]
pub struct ClientError(pub(crate) String);

/// The client of all connectors. It follows no redirects, and uses no proxy: a connector's address is
/// used as its administrator wrote it. It repeats a request only where HTTP itself says that the
/// request was not looked at (HTTP/2 `REFUSED_STREAM`, or a pooled connection that was closed before
/// the first byte was written).
pub fn client() -> Result<Client, ClientError> {
    let tls = tls::client_config().map_err(|error| ClientError(error.to_string()))?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .user_agent(concat!("outbound-campaigns/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| ClientError(cause(&error)))
}

/// An answer of a provider.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// What could be read of the body, up to a bound.
    pub(crate) body: Bytes,
}

impl Answer {
    /// The outcome of a refusal by a code. Where the code is not known, its status and the provider's
    /// words have to do.
    pub(crate) fn refused(&self, code: impl Into<String>, known: Option<Known>, words: &str) -> SendOutcome {
        let (verdict, detail) = match known {
            Some((verdict, meaning)) => (verdict, meaning.to_owned()),
            None => (Verdict::of(self.status), scrub(words)),
        };
        self.judged(verdict, failure(code, detail))
    }

    /// The outcome of a refusal that only the status tells.
    pub(crate) fn refused_by_status(&self) -> SendOutcome {
        self.judged(Verdict::of(self.status), status_failure(self.status))
    }

    /// The outcome of an answer that is no success. `Retry-After` counts where it can be taken later.
    pub(crate) fn judged(&self, verdict: Verdict, failure: SendFailure) -> SendOutcome {
        match verdict {
            Verdict::Permanent => SendOutcome::Rejected(failure),
            Verdict::OptedOut => SendOutcome::OptedOut(failure),
            Verdict::Passing => self.deferred(failure, Trouble::Connector),
            Verdict::Crowded => self.deferred(failure, Trouble::Message),
            Verdict::Unclear => SendOutcome::Unclear(failure),
        }
    }

    fn deferred(&self, failure: SendFailure, trouble: Trouble) -> SendOutcome {
        SendOutcome::Deferred {
            failure,
            retry_after: retry_after(&self.headers),
            trouble,
        }
    }
}

/// Calls one provider, a bounded number of requests at a time.
pub(crate) struct Caller {
    client: Client,
    turns: Turns,
    timeout: Millis,
}

impl Caller {
    pub(crate) fn new(client: Client, concurrency: u32, timeout: Millis) -> Self {
        Self {
            client,
            turns: Turns::new(concurrency),
            timeout,
        }
    }

    /// The client, to make requests with.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The longest that [`Caller::call`] takes.
    pub(crate) fn longest(&self) -> Millis {
        self.timeout + LONGEST_WAIT
    }

    /// Makes one request. Where there is no answer, the error is already the outcome.
    pub(crate) async fn call(&self, request: RequestBuilder) -> Result<Answer, SendOutcome> {
        let _turn = self.turns.take().await?;
        let deadline = Instant::now() + self.timeout.duration();
        let response = match tokio::time::timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() || error.is_builder() => {
                return Err(SendOutcome::Deferred {
                    failure: failure("connect", format!("no connection: {}", cause(&error))),
                    retry_after: None,
                    trouble: Trouble::Connector,
                });
            }
            Ok(Err(error)) => {
                return Err(SendOutcome::Unclear(failure(
                    "broken",
                    format!("the connection broke: {}", cause(&error)),
                )));
            }
            Err(_) => {
                return Err(SendOutcome::Unclear(failure(
                    "timeout",
                    format!("no answer within {}", self.timeout),
                )));
            }
        };
        let status = response.status();
        let headers = response.headers().clone();
        // The status line is the answer. A body that breaks off costs its details only.
        let body = read_body(response, MAX_ANSWER, deadline).await;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

/// Reads a body up to a bound and a deadline. What lies beyond is not read, and the connection is closed.
pub(crate) async fn read_body(mut response: Response, most: usize, deadline: Instant) -> Bytes {
    let mut body = BytesMut::new();
    while body.len() < most {
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = (most - body.len()).min(chunk.len());
                body.extend_from_slice(chunk.get(..room).unwrap_or_default());
            }
            _ => break,
        }
    }
    body.freeze()
}

/// `Retry-After` (RFC 9110, 10.2.3) in seconds, or as a date against the answer's own `Date`: the
/// provider's clock on both sides, so that ours need not agree with it.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Millis> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Millis::seconds(seconds));
    }
    let then = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    let wait = then.duration_since(now).unwrap_or_default();
    Some(Millis::seconds(wait.as_secs()))
}

/// What a provider's code says, and its meaning for people.
pub(crate) type Known = (Verdict, &'static str);

/// Whether a code says that the recipient has opted out.
pub(crate) fn is_opt_out(known: Option<Known>) -> bool {
    known.is_some_and(|(verdict, _)| verdict == Verdict::OptedOut)
}

/// What a code or a status says about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not taken, and it would not be taken again.
    Permanent,
    /// Not taken, and the recipient has told the provider that they want no more.
    OptedOut,
    /// Not taken, as no other message would be now: it may be later.
    Passing,
    /// Not taken, as too many went to the person lately: it may be later.
    Crowded,
    /// May have been taken.
    Unclear,
}

impl Verdict {
    /// What an HTTP status says where the provider gives no finer code. Bad credentials are passing:
    /// they are the operator's to repair, and no customer's message should be lost to an expired token.
    pub(crate) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            401 | 403 | 407 | 408 | 425 | 429 | 503 => Self::Passing,
            500.. => Self::Unclear,
            _ => Self::Permanent,
        }
    }
}

/// A failure.
pub(crate) fn failure(code: impl Into<String>, detail: impl Into<String>) -> SendFailure {
    SendFailure {
        code: code.into(),
        detail: detail.into(),
    }
}

/// A failure known by its HTTP status only.
pub(crate) fn status_failure(status: StatusCode) -> SendFailure {
    failure(
        format!("http-{}", status.as_u16()),
        format!("the provider answered {status}"),
    )
}

/// The innermost reason of a failed call. The outer ones repeat the URL, which may name an account.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut reason = error.source();
    while let Some(inner) = reason.and_then(|reason| reason.source()) {
        reason = Some(inner);
    }
    reason.map_or_else(|| "unknown".into(), |reason| scrub(&reason.to_string()))
}

/// A provider's words without what may be an address: words with `@`, and words, or runs of numeric
/// words, with as many digits as a phone number has at least. At most 200 characters.
pub(crate) fn scrub(text: &str) -> String {
    let digits = |word: &str| word.bytes().filter(u8::is_ascii_digit).count();
    let is_numeric = |word: &str| {
        digits(word) > 0
            && word
                .chars()
                .all(|c| c.is_ascii_digit() || "+-()./,;:'\"".contains(c))
    };
    let words: Vec<_> = text.split_whitespace().take(200).collect();
    let mut clean = Vec::new();
    for run in words.chunk_by(|a, b| is_numeric(a) && is_numeric(b)) {
        let is_address = run.iter().any(|word| word.contains('@'))
            || run.iter().map(|word| digits(word)).sum::<usize>() >= PHONE_DIGITS;
        if is_address {
            clean.push("…");
        } else {
            clean.extend(run);
        }
    }
    clean.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&'static str, &'static str)]) -> Option<Millis> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, http::HeaderValue::from_static(value));
        }
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        const NOON: (&str, &str) = ("date", "Sun, 06 Nov 1994 12:00:00 GMT");
        assert_eq!(wait(&[("retry-after", "120")]), Some(Millis::seconds(120)));
        assert_eq!(
            wait(&[NOON, ("retry-after", "Sun, 06 Nov 1994 12:01:30 GMT")]),
            Some(Millis::seconds(90))
        );
        assert_eq!(
            wait(&[NOON, ("retry-after", "Sun, 06 Nov 1994 11:00:00 GMT")]),
            Some(Millis::ZERO)
        );
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 12:01:30 GMT")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after", "-1")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn statuses_are_told_apart() {
        for (status, verdict) in [
            (400, Verdict::Permanent),
            (302, Verdict::Permanent),
            (404, Verdict::Permanent),
            (401, Verdict::Passing),
            (408, Verdict::Passing),
            (429, Verdict::Passing),
            (503, Verdict::Passing),
            (500, Verdict::Unclear),
            (502, Verdict::Unclear),
            (504, Verdict::Unclear),
        ] {
            assert_eq!(
                Verdict::of(StatusCode::from_u16(status).unwrap()),
                verdict,
                "{status}"
            );
        }
    }

    #[test]
    fn failures_name_no_address() {
        for (said, kept) in [
            (
                "The 'To' number +1 (555) 123-4567 is wrong",
                "The 'To' number … is wrong",
            ),
            ("no +44 20 7946 0958, sorry", "no … sorry"),
            ("550 5.1.1 <ann@example.org> unknown", "550 5.1.1 … unknown"),
            ("'whatsapp:+442079460958' is unknown", "… is unknown"),
            ("(#131030) see error 429", "(#131030) see error 429"),
        ] {
            assert_eq!(scrub(said), kept);
        }
        assert_eq!(scrub(&"x ".repeat(1_000)).chars().count(), 200);
    }
}
