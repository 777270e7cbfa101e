//! The use cases' context on AWS.

mod lazy;
mod settings;

pub use connectors::{ClientError, http_client};
pub use settings::{SettingError, Settings};

use std::sync::Arc;

use application::cache::Caches;
use application::context::Context;
use application::error::Error;
use async_trait::async_trait;
use connectors::Factory;
use connectors::web::AddressPolicy;
use domain::time::Millis;
use platform::changes::{Consumer, ShardId};
use platform::queues::{QueueError, QueueName};
use platform_aws::Aws;
use platform_aws::queues::SqsQueues;

use crate::lambda::Measures;
use crate::lambda::stream::StreamEvent;
use crate::poll::Hold;
use crate::program::Failure;
use lazy::{LazyFactory, LazyWeb};

/// What a program on AWS works with.
pub struct Wired {
    /// Ports and caches.
    pub context: Context,
    /// Signs of life for messages in hand.
    pub hold: Arc<dyn Hold>,
    /// What was measured.
    pub measures: Measures,
    /// The stream's only shard, where events name none.
    only_shard: Option<ShardId>,
}

impl Wired {
    /// Wires the program as the environment says. Calls nobody yet.
    ///
    /// # Errors
    /// The first setting that is missing or wrong, by its name.
    pub async fn from_env() -> Result<Self, Failure> {
        let settings = Settings::read(|name| std::env::var(name).ok())?;
        // The SDK's configuration is a large future: it is kept off every program's stack.
        let aws = Box::pin(Aws::new(platform_aws::Settings::from_env()?)).await;
        let measures = Measures::record(settings.namespace.clone())?;
        Ok(Self {
            context: context(&aws, &settings),
            hold: Arc::new(Visibility(aws.sqs())),
            measures,
            only_shard: settings.only_shard.map(ShardId),
        })
    }

    /// Which shard a batch is of. The counters of `history` are kept by shard: under a wrong name changes
    /// would be lost, so that a batch without one is not taken. `webhooks` does not ask.
    ///
    /// # Errors
    /// What to set where the name is missing.
    pub fn shard_of(&self, consumer: Consumer, event: &StreamEvent) -> Result<ShardId, Error> {
        let named = event
            .shard
            .clone()
            .map(ShardId)
            .or_else(|| self.only_shard.clone());
        match (named, consumer) {
            (Some(shard), _) => Ok(shard),
            (None, Consumer::Webhooks) => Ok(ShardId("-".to_owned())),
            (None, Consumer::History) => Err(Error::Platform(
                "the event names no shard: set TumblingWindowInSeconds on the event source mapping of \
                 history, or ONLY_SHARD where the stream has one shard"
                    .to_owned(),
            )),
        }
    }
}

fn context(aws: &Aws, settings: &Settings) -> Context {
    let policy = AddressPolicy {
        allowed: settings.allowed_networks.clone(),
        https_only: settings.https_only,
    };
    Context {
        table: aws.table(),
        queues: aws.queues(),
        bus: aws.bus(),
        blobs: aws.blobs(),
        secrets: aws.secrets(),
        web: Arc::new(LazyWeb::new(policy)),
        connectors: Arc::new(connectors_of(aws, settings)),
        clock: aws.clock(),
        entropy: aws.entropy(),
        caches: Arc::new(Caches::default()),
        trace: None,
    }
}

fn connectors_of(aws: &Aws, settings: &Settings) -> LazyFactory {
    let clock = aws.clock();
    let role = aws
        .config()
        .credentials_provider()
        .filter(|_| settings.connectors_use_role);
    LazyFactory::new(Box::new(move || {
        let factory = Factory::new(clock.clone()).map_err(|error| error.to_string())?;
        Ok(match &role {
            Some(role) => factory.with_aws_credentials(role.clone()),
            None => factory,
        })
    }))
}

/// SQS hides a message for longer when it is told so.
struct Visibility(Arc<SqsQueues>);

#[async_trait]
impl Hold for Visibility {
    async fn hold(&self, queue: QueueName, receipt: &str, visibility: Millis) -> Result<(), QueueError> {
        self.0.hold(queue, receipt, visibility).await
    }
}
