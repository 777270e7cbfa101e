//! What AWS Lambda asks of a function: an answer to each invocation, in time, and what it tells about
//! itself while it works.

mod deadline;
mod measures;
pub mod sqs;
pub mod stream;

pub use deadline::Deadline;
pub use measures::{Measures, NAMESPACE};

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use application::error::Error;
use domain::time::Timestamp;
use domain::trace::TraceId;
use futures::FutureExt;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Runtime, service_fn};
use platform::world::Clock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{Instrument, Span, info_span};

use crate::fields;

/// How long the platform may take to promise that it will tell before it ends this process.
const REGISTRATION: Duration = Duration::from_secs(2);

/// What is known about an invocation besides its event.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When it began.
    pub now: Timestamp,
    /// When it must have ended.
    pub deadline: Deadline,
    /// Its trace.
    pub trace: Option<TraceId>,
}

impl Invocation {
    fn new(context: &Context, now: Timestamp) -> Self {
        let at = i64::try_from(context.deadline).unwrap_or(i64::MAX);
        Self {
            now,
            deadline: Deadline::new(Timestamp::from_millis(at), now),
            trace: context.xray_trace_id.as_deref().and_then(TraceId::of_header),
        }
    }
}

/// What the log lines of an invocation bear. The first of a process says that it was.
pub struct Invocations(AtomicBool);

impl Default for Invocations {
    fn default() -> Self {
        Self(AtomicBool::new(true))
    }
}

impl Invocations {
    /// The span of an invocation.
    pub fn span(&self, context: &Context) -> Span {
        let trace = context.xray_trace_id.as_deref().and_then(TraceId::of_header);
        info_span!(
            "invocation",
            { fields::FUNCTION } = context.env_config.function_name,
            { fields::REQUEST_ID } = context.request_id,
            { fields::TRACE } = trace.as_ref().map(TraceId::as_str),
            { fields::COLD_START } = self.0.swap(false, Ordering::Relaxed),
        )
    }
}

/// Answers invocations until the platform ends the process, which it may do between two without a word: nothing is left
/// then, as what was measured is written after each. A panic fails its invocation alone: the runtime answers it as an
/// error.
pub async fn serve<A, R, H, F>(
    clock: Arc<dyn Clock>,
    measures: Measures,
    handler: H,
) -> Result<(), lambda_runtime::Error>
where
    A: DeserializeOwned,
    R: Serialize,
    H: Fn(A, Invocation) -> F,
    F: Future<Output = Result<R, Error>>,
{
    let invocations = Invocations::default();
    let service = service_fn(|LambdaEvent { payload, context, .. }: LambdaEvent<A>| {
        let span = invocations.span(&context);
        let work = handler(payload, Invocation::new(&context, clock.now()));
        async move {
            let answer = work.await.map_err(|error| failure(&error));
            between_invocations(measures).await;
            answer
        }
        .instrument(span)
    });
    Runtime::new(service).run().await
}

/// Sends away what an invocation left: until the next one the process may stand still.
pub async fn between_invocations(measures: Measures) {
    measures.write();
    #[cfg(feature = "otlp")]
    crate::otlp::flush().await;
}

/// How a failed invocation is told to the platform.
fn failure(error: &Error) -> Diagnostic {
    tracing::error!(%error, "the invocation failed");
    Diagnostic {
        error_type: "ApplicationError".into(),
        error_message: error.to_string(),
    }
}

/// Has the platform tell before it ends the process, which then writes what a batch has measured that ran out of time.
/// Where it does not offer to tell (some emulators), nothing but that is lost.
pub async fn end_in_order(measures: Measures) {
    let registering =
        lambda_runtime::spawn_graceful_shutdown_handler(move || async move { measures.write() });
    // The runtime's own registration panics where it is refused.
    let registering = AssertUnwindSafe(registering).catch_unwind();
    if !matches!(tokio::time::timeout(REGISTRATION, registering).await, Ok(Ok(()))) {
        tracing::warn!("the platform does not tell before it ends this process");
    }
}
