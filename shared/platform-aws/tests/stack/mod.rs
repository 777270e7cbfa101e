//! A table, queues, a bucket and a bus that a test has to itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus,
    TimeToLiveSpecification,
};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use platform_aws::{Accounting, Aws, Settings, layout};

/// What was made.
pub(crate) struct Stack {
    name: String,
    settings: Settings,
    dynamo: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
    bus: aws_sdk_eventbridge::Client,
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
        .unwrap()
}

fn text(name: &str) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S)
        .build()
        .unwrap()
}

impl Stack {
    /// Makes everything and waits until the table is there.
    pub(crate) async fn create() -> Self {
        std::env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL names an emulator, or AWS itself");
        let name = format!("contract-{:016x}", rand::random::<u64>());
        let mut settings = Settings {
            table: name.clone(),
            dispatch_queue: String::new(),
            dispatch_urgent_queue: String::new(),
            flow_queue: String::new(),
            pacing_queue: String::new(),
            webhook_delivery_queue: String::new(),
            bus: Some(name.clone()),
            uploads: name.clone(),
            secrets_prefix: format!("/{name}"),
            accounting: Accounting::On,
        };
        let aws = Aws::new(settings.clone()).await;
        let config = aws.config();
        let s3 = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(true)
            .build();
        let mut stack = Self {
            dynamo: aws_sdk_dynamodb::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            bus: aws_sdk_eventbridge::Client::new(config),
            settings: settings.clone(),
            name,
        };
        stack.create_table().await;
        for (queue, url) in [
            ("dispatch", &mut settings.dispatch_queue),
            ("dispatch-urgent", &mut settings.dispatch_urgent_queue),
            ("flow", &mut settings.flow_queue),
            ("pacing", &mut settings.pacing_queue),
            ("webhook-delivery", &mut settings.webhook_delivery_queue),
        ] {
            let made = stack
                .sqs
                .create_queue()
                .queue_name(format!("{}-{queue}", stack.name));
            *url = made.send().await.unwrap().queue_url.unwrap();
        }
        stack.settings = settings;
        stack.create_bucket(config.region().unwrap().as_ref()).await;
        stack
            .bus
            .create_event_bus()
            .name(&stack.name)
            .send()
            .await
            .unwrap();
        stack
    }

    /// The table as the deployment's template has it.
    async fn create_table(&self) {
        let keys_only = Projection::builder()
            .projection_type(ProjectionType::KeysOnly)
            .build();
        let due = GlobalSecondaryIndex::builder()
            .index_name(layout::DUE_INDEX)
            .key_schema(key(layout::DUE_SHARD, KeyType::Hash))
            .key_schema(key(layout::DUE, KeyType::Range))
            .projection(keys_only)
            .build()
            .unwrap();
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewImage)
            .build()
            .unwrap();
        let attributes = [layout::PARTITION, layout::SORT, layout::DUE_SHARD, layout::DUE];
        self.dynamo
            .create_table()
            .table_name(&self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes.map(text).to_vec()))
            .key_schema(key(layout::PARTITION, KeyType::Hash))
            .key_schema(key(layout::SORT, KeyType::Range))
            .global_secondary_indexes(due)
            .stream_specification(stream)
            .send()
            .await
            .unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
        while self.status().await != Some(TableStatus::Active) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "the table does not become active"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let ttl = TimeToLiveSpecification::builder()
            .attribute_name(layout::TTL)
            .enabled(true)
            .build()
            .unwrap();
        let call = self.dynamo.update_time_to_live().table_name(&self.name);
        call.time_to_live_specification(ttl).send().await.unwrap();
    }

    async fn status(&self) -> Option<TableStatus> {
        let answer = self
            .dynamo
            .describe_table()
            .table_name(&self.name)
            .send()
            .await
            .unwrap();
        answer.table?.table_status
    }

    async fn create_bucket(&self, region: &str) {
        let place = (region != "us-east-1").then(|| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(region))
                .build()
        });
        let call = self.s3.create_bucket().bucket(&self.name);
        call.set_create_bucket_configuration(place).send().await.unwrap();
    }

    /// The name that is part of all names.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The platform on it.
    pub(crate) async fn platform(&self) -> Aws {
        Aws::new(self.settings.clone()).await
    }

    /// Takes everything away.
    pub(crate) async fn delete(self) {
        self.dynamo
            .delete_table()
            .table_name(&self.name)
            .send()
            .await
            .unwrap();
        for url in [
            &self.settings.dispatch_queue,
            &self.settings.dispatch_urgent_queue,
            &self.settings.flow_queue,
            &self.settings.pacing_queue,
            &self.settings.webhook_delivery_queue,
        ] {
            self.sqs.delete_queue().queue_url(url).send().await.unwrap();
        }
        let objects = self.s3.list_objects_v2().bucket(&self.name).send().await.unwrap();
        for object in objects.contents() {
            let call = self
                .s3
                .delete_object()
                .bucket(&self.name)
                .key(object.key().unwrap());
            call.send().await.unwrap();
        }
        self.s3.delete_bucket().bucket(&self.name).send().await.unwrap();
        self.bus.delete_event_bus().name(&self.name).send().await.unwrap();
    }
}
