//! One record of a batch: a panic in it is a failure of it alone.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use application::error::Error;
use domain::trace::TraceId;
use futures::FutureExt;
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::fields;

/// What is to become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done: it need not come again.
    Done,
    /// It failed: it is to come again.
    Again,
}

/// A message for a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// As it was sent.
    pub body: String,
    /// The trace of whoever sent it.
    pub trace: Option<TraceId>,
}

/// What log lines about a message bear: how often it was received, its trace, and what its handler fills in about
/// whom and what it is about.
pub fn span(receives: u32, trace: Option<&TraceId>) -> Span {
    let span = info_span!(
        "message",
        { fields::RECEIVES } = receives,
        { fields::MESSAGE_ID } = Empty,
        { fields::TRACE } = Empty,
        { fields::TENANT } = Empty,
        { fields::ACTIVITY } = Empty,
        { fields::ACTIVITY_TRACE } = Empty,
        { fields::CONVERSATION } = Empty,
        { fields::WEBHOOK } = Empty,
        { fields::EVENT } = Empty,
    );
    if let Some(trace) = trace {
        span.record(fields::TRACE, trace.as_str());
    }
    span
}

/// What a handler came to.
pub(crate) enum Attempt {
    /// It did its work.
    Done,
    /// It says why not.
    Failed(Error),
    /// It cannot even say so.
    Panicked,
}

/// Runs a handler, whatever becomes of it.
pub(crate) async fn attempt(handler: impl Future<Output = Result<(), Error>>) -> Attempt {
    match AssertUnwindSafe(handler).catch_unwind().await {
        Ok(Ok(())) => Attempt::Done,
        Ok(Err(error)) => Attempt::Failed(error),
        Err(_) => Attempt::Panicked,
    }
}

/// Runs the handler of one record and says what is to become of it. Logged here, once.
pub async fn handle(what: &str, handler: impl Future<Output = Result<(), Error>>) -> Verdict {
    match attempt(handler).await {
        Attempt::Done => Verdict::Done,
        // Expected under load: no reason to wake anybody.
        Attempt::Failed(error @ Error::Busy { .. }) => {
            tracing::debug!(%error, what, "comes again");
            Verdict::Again
        }
        Attempt::Failed(error) => {
            tracing::warn!(%error, what, "failed; comes again");
            Verdict::Again
        }
        Attempt::Panicked => {
            tracing::error!(what, "panicked; comes again");
            Verdict::Again
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_fails_its_record_alone() {
        assert_eq!(
            handle("test", async { panic!("deliberate") }).await,
            Verdict::Again
        );
        assert_eq!(handle("test", async { Ok(()) }).await, Verdict::Done);
    }
}
