//! The whole platform.

use std::sync::{Arc, OnceLock};

use aws_config::SdkConfig;
use platform::blobs::Blobs;
use platform::bus::EventBus;
use platform::changes::Changes;
use platform::queues::Queues;
use platform::secrets::Secrets;
use platform::table::{Scan, Table};
use platform::world::{Clock, Entropy};

use crate::blobs::S3Blobs;
use crate::bus::{EventBridge, Silence};
use crate::calls::Recorder;
use crate::capacity::{Capacity, Consumed};
use crate::clients;
use crate::queues::SqsQueues;
use crate::s3::Bucket;
use crate::secrets::ParameterStore;
use crate::settings::{Accounting, Settings};
use crate::signed::Signed;
use crate::streams::DynamoStream;
use crate::table::DynamoTable;
use crate::world::{SystemClock, SystemEntropy};

/// The platform on AWS. Ports are made when they are first asked for.
#[derive(Debug)]
pub struct Aws {
    settings: Settings,
    config: SdkConfig,
    capacity: Arc<Capacity>,
    table: OnceLock<DynamoTable>,
    signed: OnceLock<Arc<Signed>>,
    stream: OnceLock<Arc<DynamoStream>>,
    queues: OnceLock<Arc<SqsQueues>>,
    bus: OnceLock<Arc<EventBridge>>,
    blobs: OnceLock<Arc<S3Blobs>>,
    secrets: OnceLock<Arc<ParameterStore>>,
}

impl Aws {
    /// Reads region, credentials' sources and endpoints from the environment. Calls nobody.
    pub async fn new(settings: Settings) -> Self {
        Self::with_config(settings, clients::config().await)
    }

    /// The same in a Lambda function, where the environment says all of it: other sources of credentials are as
    /// large as the client of a service.
    pub fn in_function(settings: Settings) -> Self {
        Self::with_config(settings, clients::config_of_function())
    }

    /// The same with an SDK configuration of the caller's own.
    pub fn with_config(settings: Settings, config: SdkConfig) -> Self {
        Self {
            capacity: Arc::new(Capacity::new(settings.accounting == Accounting::On)),
            settings,
            config,
            table: OnceLock::new(),
            signed: OnceLock::new(),
            stream: OnceLock::new(),
            queues: OnceLock::new(),
            bus: OnceLock::new(),
            blobs: OnceLock::new(),
            secrets: OnceLock::new(),
        }
    }

    /// How the SDK is configured: for calls that are not among the ports.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    fn dynamo(&self) -> &DynamoTable {
        self.table.get_or_init(|| {
            let config = aws_sdk_dynamodb::config::Builder::from(&self.config).interceptor(Recorder);
            let client = aws_sdk_dynamodb::Client::from_conf(config.build());
            DynamoTable::new(client, &self.settings.table, Arc::clone(&self.capacity))
        })
    }

    fn signed(&self) -> Arc<Signed> {
        let made = self
            .signed
            .get_or_init(|| Arc::new(Signed::new(&self.config, Arc::new(SystemClock))));
        Arc::clone(made)
    }

    /// The table.
    pub fn table(&self) -> Arc<dyn Table> {
        Arc::new(self.dynamo().clone())
    }

    /// The table, to be walked.
    pub fn scan(&self) -> Arc<dyn Scan> {
        Arc::new(self.dynamo().clone())
    }

    /// The change stream, where Lambda does not push it.
    pub fn changes(&self) -> Arc<dyn Changes> {
        let made = self.stream.get_or_init(|| {
            Arc::new(DynamoStream::new(
                self.signed(),
                self.table(),
                &self.settings.table,
            ))
        });
        Arc::clone(made) as Arc<dyn Changes>
    }

    /// The queues, with what SQS can do beyond the port.
    pub fn sqs(&self) -> Arc<SqsQueues> {
        Arc::clone(
            self.queues
                .get_or_init(|| Arc::new(SqsQueues::new(&self.config, &self.settings))),
        )
    }

    /// The queues.
    pub fn queues(&self) -> Arc<dyn Queues> {
        self.sqs()
    }

    /// The event bus, or silence.
    pub fn bus(&self) -> Arc<dyn EventBus> {
        let Some(name) = &self.settings.bus else {
            return Arc::new(Silence);
        };
        let made = self
            .bus
            .get_or_init(|| Arc::new(EventBridge::new(&self.config, name)));
        Arc::clone(made) as Arc<dyn EventBus>
    }

    /// The store of uploads.
    pub fn blobs(&self) -> Arc<dyn Blobs> {
        let made = self.blobs.get_or_init(|| {
            Arc::new(S3Blobs::new(Bucket::new(
                self.signed(),
                &self.config,
                &self.settings.uploads,
            )))
        });
        Arc::clone(made) as Arc<dyn Blobs>
    }

    /// The store of secrets.
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        let made = self
            .secrets
            .get_or_init(|| Arc::new(ParameterStore::new(self.signed(), &self.settings.secrets_prefix)));
        Arc::clone(made) as Arc<dyn Secrets>
    }

    /// The clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// Randomness.
    pub fn entropy(&self) -> Arc<dyn Entropy> {
        Arc::new(SystemEntropy)
    }

    /// What the table consumed so far; zero unless the settings ask for it.
    pub fn consumed(&self) -> Consumed {
        self.capacity.consumed()
    }
}
