//! `Idempotency-Key`: a write that is repeated under its key is done once, and answered the same.
//!
//! The record holds a hash of the request, so that a key is not used for two things; the instant of
//! the first try, from which ids are derived, so that a repetition arrives at the same ids; and the
//! answer, once there is one. A try that died is taken over when its time is up: what it had done is
//! found under the derived ids, and the rest is completed.

use domain::id::TenantId;
use domain::json_text;
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::store::{Put, Stored, load};

/// How long answers are kept.
pub const KEPT: Millis = Millis::hours(24);
/// How long one try may take before a repetition takes over. Requests end within 30 s.
const IN_PROGRESS: Millis = Millis::seconds(40);
/// Longest key, in bytes.
pub const MAX_KEY: usize = 128;
/// Largest answer that is kept. Larger ones are made again: the ids are the same.
const MAX_ANSWER: usize = 64 * 1024;

/// An answer, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names and values that belong to it.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    request: String,
    since: Timestamp,
    /// None once there is an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_progress_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<KeptAnswer>,
}

/// An answer, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptAnswer {
    status: u16,
    headers: Vec<(String, String)>,
    body: KeptBody,
}

/// Most answers are JSON, and kept as such: as a text, each of their quotes would be escaped.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum KeptBody {
    Json(#[serde(with = "json_text")] String),
    Text(String),
}

impl From<Answer> for KeptAnswer {
    fn from(
        Answer {
            status,
            headers,
            body,
        }: Answer,
    ) -> Self {
        let body = match serde_json::from_str::<&RawValue>(&body) {
            Ok(json) if json.get() == body => KeptBody::Json(body),
            _ => KeptBody::Text(body),
        };
        Self {
            status,
            headers,
            body,
        }
    }
}

impl From<KeptAnswer> for Answer {
    fn from(
        KeptAnswer {
            status,
            headers,
            body,
        }: KeptAnswer,
    ) -> Self {
        let (KeptBody::Json(body) | KeptBody::Text(body)) = body;
        Self {
            status,
            headers,
            body,
        }
    }
}

/// What a request with a key is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Do it, deriving ids from the key and this instant.
    Do {
        /// When it was first tried.
        since: Timestamp,
    },
    /// It was done: answer so.
    Done(Answer),
}

/// Begins a request. `request` is a hash of everything that makes it this request.
pub async fn begin(
    context: &Context,
    tenant: &TenantId,
    route: &str,
    key: &str,
    request: &str,
) -> Result<Begun, Error> {
    let item = keys::idempotency(tenant, route, key);
    commit(context, || async {
        let now = context.now();
        let stored = load::<Record>(context.table.as_ref(), &item).await?;
        let (since, version) = match stored {
            None => (now, 0),
            Some(Stored { value, version }) if value.since + KEPT <= now => (now, version),
            Some(Stored { value, .. }) if value.request != request => {
                let detail = "this Idempotency-Key was used for another request";
                return Err(Error::conflict("idempotency-key-reused", detail));
            }
            Some(Stored {
                value: Record {
                    answer: Some(answer), ..
                },
                ..
            }) => {
                return Ok(Decision::nothing(Begun::Done(answer.into())));
            }
            Some(Stored { value, .. }) if value.in_progress_until.is_some_and(|until| now < until) => {
                let detail = "a request with this Idempotency-Key is being worked on";
                return Err(Error::conflict("idempotency-key-in-progress", detail));
            }
            Some(Stored { value, version }) => (value.since, version),
        };
        let record = Record {
            request: request.to_owned(),
            since,
            in_progress_until: Some(now + IN_PROGRESS),
            answer: None,
        };
        let write = Put::over(item.clone(), &record, version)
            .expires(since + KEPT)
            .write()?;
        Ok(Decision::one(write, Begun::Do { since }))
    })
    .await
}

/// Keeps the answer, or, for an answer that may be another next time, lets the request be repeated.
pub async fn finish(
    context: &Context,
    tenant: &TenantId,
    route: &str,
    key: &str,
    answer: Answer,
) -> Result<(), Error> {
    let item = keys::idempotency(tenant, route, key);
    let kept = answer.status < 500 && answer.status != 409 && answer.body.len() <= MAX_ANSWER;
    commit(context, || async {
        let Some(Stored { value, version }) = load::<Record>(context.table.as_ref(), &item).await? else {
            return Ok(Decision::nothing(()));
        };
        let record = Record {
            in_progress_until: None,
            answer: kept.then(|| answer.clone().into()),
            ..value
        };
        let write = Put::over(item.clone(), &record, version)
            .expires(record.since + KEPT)
            .write()?;
        Ok(Decision::one(write, ()))
    })
    .await
}
