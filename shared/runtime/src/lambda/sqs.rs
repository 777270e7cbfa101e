//! A batch of SQS messages: each is handled for itself, and those that failed are told by their id.

use std::future::Future;

use application::error::Error;
use application::measures;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::time::{Millis, Timestamp};
use domain::trace::TraceId;
use futures::{StreamExt, stream};
use tracing::{Instrument, Span};

use super::Deadline;
use crate::fields;
use crate::record::{Message, Verdict, handle, span};

/// How a worker wants its messages.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Messages handled at once.
    pub at_once: usize,
    /// How long one may take. With less time left none is begun: it comes again when its visibility ends, instead of
    /// being cut in the middle.
    pub longest: Millis,
}

/// Handles a batch, received at `now`. The response names the messages that are to come again; it
/// holds the whole batch only if every one failed, and the function itself never does.
pub async fn batch<H, F>(
    event: SqsEvent,
    deadline: Deadline,
    bounds: Bounds,
    now: Timestamp,
    handler: H,
) -> SqsBatchResponse
where
    H: Fn(Message) -> F,
    F: Future<Output = Result<(), Error>>,
{
    let failed: Vec<String> = stream::iter(event.records)
        .map(|message| one(message, deadline, bounds.longest, now, &handler))
        .buffer_unordered(bounds.at_once)
        .filter_map(std::future::ready)
        .collect()
        .await;
    let mut response = SqsBatchResponse::default();
    response.set_failures(failed);
    response
}

/// Handles one message; its id, if it is to come again.
async fn one<H, F>(
    message: SqsMessage,
    deadline: Deadline,
    longest: Millis,
    now: Timestamp,
    handler: &H,
) -> Option<String>
where
    H: Fn(Message) -> F,
    F: Future<Output = Result<(), Error>>,
{
    // A message without id cannot be told apart; an empty one makes Lambda return the whole batch.
    let id = message.message_id.clone().unwrap_or_default();
    let trace = attribute(&message, "AWSTraceHeader").and_then(TraceId::of_header);
    let span = described(&message, &id, trace.as_ref());
    if !deadline.allows(longest) {
        span.in_scope(|| tracing::warn!("no time left; comes again"));
        return Some(id);
    }
    measure(&message, now);
    let body = message.body.unwrap_or_default();
    let work = handler(Message { body, trace });
    (handle("message", work).instrument(span).await == Verdict::Again).then_some(id)
}

/// What log lines about a message bear.
fn described(message: &SqsMessage, id: &str, trace: Option<&TraceId>) -> Span {
    let receives = attribute(message, "ApproximateReceiveCount").and_then(|count| count.parse().ok());
    let span = span(receives.unwrap_or(1), trace);
    span.record(fields::MESSAGE_ID, id);
    span
}

fn attribute<'a>(message: &'a SqsMessage, name: &str) -> Option<&'a str> {
    message.attributes.get(name).map(String::as_str)
}

fn measure(message: &SqsMessage, now: Timestamp) {
    let since = |name| {
        let millis = attribute(message, name)?.parse().ok()?;
        Some(now.since(Timestamp::from_millis(millis)))
    };
    if let Some(age) = since("SentTimestamp") {
        measures::queue_age(queue(message), age);
    }
    if let Some(held) = since("ApproximateFirstReceiveTimestamp") {
        measures::queue_held(queue(message), held);
    }
}

/// The queue's name: the end of its ARN.
fn queue(message: &SqsMessage) -> String {
    let arn = message.event_source_arn.as_deref().unwrap_or_default();
    arn.rsplit(':').next().unwrap_or_default().to_owned()
}
