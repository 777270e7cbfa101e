//! The contract of the ports, kept on AWS: on any endpoint that speaks for it.
//!
//! ```sh
//! AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=eu-west-2 \
//! AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
//!     cargo test -p platform-aws --test contract -- --ignored
//! ```
//!
//! Each test makes a table, queues, a bucket and a bus of its own, and takes them away again.

mod stack;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, resume_unwind};

use aws_sdk_sqs::types::{
    MessageSystemAttributeName, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use bytes::Bytes;
use domain::time::Millis;
use domain::trace::TraceId;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use platform::blobs::BlobError;
use platform::contract::{World, changes, due, queries, queues, races, stores, table};
use platform::queues::{OutgoingMessage, QueueName};
use platform_aws::Aws;
use stack::Stack;

fn sleep(time: Millis) -> BoxFuture<'static, ()> {
    tokio::time::sleep(time.duration()).boxed()
}

/// Runs a part of the suite on a stack of its own, which goes whatever happens.
async fn with(part: impl AsyncFnOnce(&Aws, World<'_>)) {
    let stack = Stack::create().await;
    let aws = stack.platform().await;
    let clock = aws.clock();
    let now = move || clock.now();
    let world = World {
        prefix: stack.name(),
        sleep: &sleep,
        now: &now,
    };
    let outcome = AssertUnwindSafe(part(&aws, world)).catch_unwind().await;
    stack.delete().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

#[tokio::test]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn tables() {
    with(async |aws, world| table::run(&*aws.table(), world).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn conditional_races() {
    with(async |aws, world| races::run(&*aws.table(), world).await).await;
}

#[tokio::test]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn walks_over_partitions() {
    with(async |aws, world| queries::run(&*aws.table(), world).await).await;
}

#[tokio::test]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn the_due_index() {
    with(async |aws, world| due::run(&*aws.table(), world).await).await;
}

#[tokio::test]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn the_change_stream() {
    with(async |aws, world| changes::run(&*aws.table(), &*aws.changes(), world).await).await;
}

#[tokio::test]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn message_queues() {
    with(async |aws, world| queues::run(&*aws.queues(), world).await).await;
}

/// What SQS keeps with a message besides its body: the tenant as its group, by which the queues are fair, and the trace
/// of whoever sent it.
#[tokio::test]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn messages_bear_their_group_and_their_trace() {
    const TENANTS: [&str; 2] = ["acme", "globex"];
    const HEADER: &str = "Root=1-67891233-abcdef012345678912345678;Sampled=1";
    with(async |aws, world| {
        let (sqs, queues) = (aws_sdk_sqs::Client::new(aws.config()), aws.queues());
        let queue = sqs.get_queue_url().queue_name(format!("{}-flow", world.prefix));
        let url = queue.send().await.unwrap().queue_url.unwrap();
        let sent = TENANTS.map(|tenant| OutgoingMessage {
            body: format!("of {tenant}"),
            delay: Millis::ZERO,
            group: tenant.to_owned(),
        });
        assert_eq!(
            queues.send(QueueName::Flow, sent.to_vec()).await,
            Ok(TENANTS.len())
        );
        let mut groups = BTreeSet::new();
        while groups.len() < TENANTS.len() {
            let received = sqs.receive_message().queue_url(&url).wait_time_seconds(10);
            let received =
                received.message_system_attribute_names(MessageSystemAttributeName::MessageGroupId);
            for message in received.send().await.unwrap().messages.unwrap() {
                let group = message.attributes.unwrap()[&MessageSystemAttributeName::MessageGroupId].clone();
                assert_eq!(message.body, Some(format!("of {group}")));
                groups.insert(group);
            }
        }

        let trace = MessageSystemAttributeValue::builder()
            .data_type("String")
            .string_value(HEADER);
        let traced = sqs.send_message().queue_url(&url).message_body("traced");
        traced
            .message_system_attributes(
                MessageSystemAttributeNameForSends::AwsTraceHeader,
                trace.build().unwrap(),
            )
            .send()
            .await
            .unwrap();
        let received = queues
            .receive(QueueName::Flow, 1, Millis::seconds(60))
            .await
            .unwrap();
        assert_eq!(received[0].trace, TraceId::of_header(HEADER));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn blobs_secrets_bus_clock() {
    with(async |aws, world| {
        stores::blobs(&*aws.blobs(), world).await;
        stores::secrets(&*aws.secrets(), world).await;
        stores::bus(&*aws.bus(), world).await;
        stores::world(&*aws.clock(), &*aws.entropy(), world).await;
    })
    .await;
}

/// More than one part of S3's multipart uploads, which the contract's small blobs never are.
#[tokio::test]
#[ignore = "needs AWS or an emulator at AWS_ENDPOINT_URL"]
async fn large_uploads_are_whole_or_nothing() {
    const CHUNK: usize = 300_000;
    const CHUNKS: usize = 60;
    const BYTES: u64 = 18_000_000;
    with(async |aws, _| {
        let blobs = aws.blobs();
        let chunk = |n: usize| Ok::<Bytes, String>(Bytes::from(vec![u8::try_from(n).unwrap(); CHUNK]));
        let whole = || futures::stream::iter((0..CHUNKS).map(chunk)).boxed();
        assert_eq!(
            blobs.write("large", whole(), BYTES - 1).await,
            Err(BlobError::TooLarge(BYTES - 1))
        );
        let broken = futures::stream::iter((0..CHUNKS).map(chunk).chain([Err("gone".to_owned())]));
        let interrupted = Err(BlobError::Interrupted("gone".to_owned()));
        assert_eq!(blobs.write("large", broken.boxed(), BYTES).await, interrupted);
        assert_eq!(blobs.length("large").await, Err(BlobError::Missing));

        assert_eq!(blobs.write("large", whole(), BYTES).await, Ok(BYTES));
        assert_eq!(blobs.length("large").await, Ok(BYTES));
        for n in 0..CHUNKS {
            let offset = u64::try_from(n * CHUNK).unwrap();
            let read = blobs.read("large", offset, CHUNK).await;
            assert!(read == chunk(n).map_err(BlobError::Unavailable), "chunk {n}");
        }
        let url = blobs.upload_url("large").await.unwrap().unwrap();
        assert!(
            url.path().ends_with("/large")
                && url
                    .query()
                    .is_some_and(|query| query.contains("X-Amz-Signature="))
        );
    })
    .await;
}
