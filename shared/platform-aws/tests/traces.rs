//! Messages bear the trace of the invocation that sends them. Lambda names it in the environment alone: the test runs
//! again in a process of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[expect(dead_code, reason = "other tests write, too")]
mod endpoint;

use std::process::Command;

use domain::time::Millis;
use endpoint::platform;
use platform::queues::{OutgoingMessage, QueueName};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const TRACE: &str = "_X_AMZN_TRACE_ID";
const HEADER: &str = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1";

/// SQS takes the header of a request for all messages in it, as `AWSTraceHeader`:
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html>
#[tokio::test]
async fn sent_messages_bear_the_trace_of_the_invocation() {
    if std::env::var_os(TRACE).is_none() {
        let again = Command::new(std::env::current_exe().unwrap())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env(TRACE, HEADER)
            .status();
        assert!(again.unwrap().success());
        return;
    }
    let server = MockServer::start().await;
    let taken = json!({"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "b026324c6904b2a9cb4b88d6d61c81d1"}]});
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(taken))
        .mount(&server)
        .await;
    let message = OutgoingMessage {
        body: "1\n".to_owned(),
        delay: Millis::ZERO,
        group: "acme".to_owned(),
    };
    let queues = platform(&server).await.queues();
    assert_eq!(queues.send(QueueName::Flow, vec![message]).await, Ok(1));
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers["x-amz-target"], "AmazonSQS.SendMessageBatch");
    assert_eq!(requests[0].headers["x-amzn-trace-id"], HEADER);
}
