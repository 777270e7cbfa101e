//! The queues on SQS: standard ones, kept fair between tenants by their message groups.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, DisplayErrorContext, SdkError};
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
    SendMessageBatchRequestEntry,
};
use domain::time::Millis;
use domain::trace::TraceId;
use futures::StreamExt;
use platform::queues::{
    MAX_DELAY, MAX_RECEIVE, OutgoingMessage, QueueError, QueueName, Queues, ReceivedMessage,
};

use crate::batch::{Bounds, batches};
use crate::calls::Recorder;
use crate::clients;
use crate::settings::Settings;

/// Most entries of one batch (SQS's bound).
const MAX_BATCH: usize = 10;
/// What one batch holds: bodies and groups are kept below SQS's bound of 1 MiB.
const BOUNDS: Bounds = Bounds {
    entries: MAX_BATCH,
    bytes: 1_000_000,
};
/// Batches of one call that are under way at once.
const BATCHES_AT_ONCE: usize = 8;
/// How long a receive waits for a first message: SQS's longest is 20 s; each receive is paid for.
const WAIT_SECONDS: i32 = 10;
/// Longest that a message can be hidden (SQS's bound).
const MAX_VISIBILITY: Millis = Millis::hours(12);
/// Longest try of a call: a receive waits.
const TRY: Duration = Duration::from_secs(15);

/// The queues.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    client: Client,
    settings: Settings,
}

impl SqsQueues {
    pub(crate) fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let config = aws_sdk_sqs::config::Builder::from(config)
            .timeout_config(clients::time_out(TRY))
            .interceptor(Recorder)
            .build();
        Self {
            client: Client::from_conf(config),
            settings: settings.clone(),
        }
    }

    /// Hides a received message for `visibility` from now on: a sign of life of its worker.
    ///
    /// # Errors
    /// `Unavailable`, also where the message has been deleted or has come back meanwhile.
    pub async fn hold(&self, queue: QueueName, receipt: &str, visibility: Millis) -> Result<(), QueueError> {
        self.client
            .change_message_visibility()
            .queue_url(self.settings.queue_url(queue))
            .receipt_handle(receipt)
            .visibility_timeout(seconds(visibility, MAX_VISIBILITY))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Sends a batch within the bounds; tells how many were taken.
    async fn send_batch(&self, queue: QueueName, batch: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        let entries = batch
            .into_iter()
            .enumerate()
            .map(|(n, message)| entry(n, message))
            .collect::<Result<_, _>>()
            .map_err(malformed)?;
        let answer = self
            .client
            .send_message_batch()
            .queue_url(self.settings.queue_url(queue))
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(unavailable)?;
        for failure in answer.failed() {
            tracing::warn!(
                code = failure.code(),
                ?queue,
                "a message was not taken; the sweep finds what it was for"
            );
        }
        Ok(answer.successful().len())
    }

    async fn delete_batch(&self, queue: QueueName, receipts: Vec<String>) -> Result<(), QueueError> {
        let entries = receipts
            .into_iter()
            .enumerate()
            .map(|(n, receipt)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(n.to_string())
                    .receipt_handle(receipt)
                    .build()
            })
            .collect::<Result<_, _>>()
            .map_err(malformed)?;
        let answer = self
            .client
            .delete_message_batch()
            .queue_url(self.settings.queue_url(queue))
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(unavailable)?;
        // A receipt that is no longer good names a message that somebody else has by now.
        match answer.failed().iter().find(|failure| !failure.sender_fault()) {
            None => Ok(()),
            Some(failure) => Err(QueueError::Unavailable(said(failure))),
        }
    }
}

/// Whole seconds, rounded up so that nothing arrives early: an early message is answered by another one.
fn seconds(time: Millis, most: Millis) -> i32 {
    i32::try_from(time.min(most).get().div_ceil(1_000)).unwrap_or(i32::MAX)
}

fn entry(n: usize, message: OutgoingMessage) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let delay = seconds(message.delay, MAX_DELAY);
    SendMessageBatchRequestEntry::builder()
        .id(n.to_string())
        .message_body(message.body)
        .message_group_id(message.group)
        .set_delay_seconds((delay > 0).then_some(delay))
        .build()
}

fn bytes(message: &OutgoingMessage) -> usize {
    message.body.len() + message.group.len()
}

fn malformed(error: BuildError) -> QueueError {
    QueueError::Unavailable(error.to_string())
}

fn unavailable<E, R>(error: SdkError<E, R>) -> QueueError
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    QueueError::Unavailable(DisplayErrorContext(error).to_string())
}

fn said(failure: &BatchResultErrorEntry) -> String {
    format!(
        "{}: {}",
        failure.code(),
        failure.message().unwrap_or("no message")
    )
}

fn received(message: Message) -> Option<ReceivedMessage> {
    let attribute = |name| message.attributes.as_ref()?.get(&name).map(String::as_str);
    let count = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    let trace = attribute(MessageSystemAttributeName::AwsTraceHeader);
    Some(ReceivedMessage {
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        trace: trace.and_then(TraceId::of_header),
        receipt: message.receipt_handle?,
        body: message.body?,
    })
}

#[async_trait]
impl Queues for SqsQueues {
    async fn send(&self, queue: QueueName, messages: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        let answers: Vec<Result<usize, QueueError>> = futures::stream::iter(batches(messages, BOUNDS, bytes))
            .map(|batch| self.send_batch(queue, batch))
            .buffered(BATCHES_AT_ONCE)
            .collect()
            .await;
        let taken = answers.iter().flatten().sum();
        match answers.into_iter().find_map(Result::err) {
            Some(error) if taken == 0 => Err(error),
            Some(error) => {
                tracing::warn!(%error, ?queue, "some messages were not taken; the sweep finds what they were for");
                Ok(taken)
            }
            None => Ok(taken),
        }
    }

    async fn receive(
        &self,
        queue: QueueName,
        max: usize,
        visibility: Millis,
    ) -> Result<Vec<ReceivedMessage>, QueueError> {
        let max = i32::try_from(max.clamp(1, MAX_RECEIVE)).unwrap_or(1);
        let answer = self
            .client
            .receive_message()
            .queue_url(self.settings.queue_url(queue))
            .max_number_of_messages(max)
            .visibility_timeout(seconds(visibility, MAX_VISIBILITY))
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(answer
            .messages
            .into_iter()
            .flatten()
            .filter_map(received)
            .collect())
    }

    async fn delete(&self, queue: QueueName, receipts: Vec<String>) -> Result<(), QueueError> {
        let batches: Vec<Vec<String>> = receipts.chunks(MAX_BATCH).map(<[_]>::to_vec).collect();
        let answers: Vec<Result<(), QueueError>> = futures::stream::iter(batches)
            .map(|batch| self.delete_batch(queue, batch))
            .buffered(BATCHES_AT_ONCE)
            .collect()
            .await;
        answers.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_received_message_tells_its_trace() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        let message = Message::builder()
            .receipt_handle("r")
            .body("b")
            .attributes(MessageSystemAttributeName::AwsTraceHeader, header)
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "3")
            .build();
        let received = received(message).unwrap();
        assert_eq!(received.receive_count, 3);
        assert_eq!(received.trace, TraceId::of_header(header));
        assert!(received.trace.is_some());
    }

    #[test]
    fn delays_are_whole_seconds_and_never_short() {
        for (millis, expected) in [
            (0, 0),
            (1, 1),
            (1_000, 1),
            (1_001, 2),
            (899_999, 900),
            (3_600_000, 900),
        ] {
            assert_eq!(seconds(Millis::new(millis), MAX_DELAY), expected);
        }
    }
}
