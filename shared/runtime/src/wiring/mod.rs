//! The use cases' context on AWS.

mod lazy;
mod ports;
mod settings;

pub use connectors::{ClientError, http_client};
pub use ports::Ports;
pub use settings::{SettingError, Settings};

use std::sync::Arc;

use application::cache::Caches;
use application::context::Context;
use application::error::Error;
use platform::changes::{Consumer, ShardId};
use platform_aws::Aws;

use crate::lambda::Measures;
use crate::lambda::stream::StreamEvent;
#[cfg(feature = "poll")]
use crate::poll::Hold;
use crate::program::Failure;

/// What a program on AWS works with.
pub struct Wired {
    /// Ports and caches.
    pub context: Context,
    /// Signs of life for messages in hand, where there are queues.
    #[cfg(feature = "poll")]
    pub hold: Option<Arc<dyn Hold>>,
    /// What was measured.
    pub measures: Measures,
    /// The stream's only shard, where events name none.
    only_shard: Option<ShardId>,
}

impl Wired {
    /// Wires the program with these ports, as the environment says. Calls nobody yet.
    ///
    /// # Errors
    /// The first setting that is missing or wrong, by its name.
    pub async fn from_env(ports: Ports) -> Result<Self, Failure> {
        let settings = Settings::read(|name| std::env::var(name).ok())?;
        let aws = aws(platform_aws::Settings::from_env()?).await;
        let measures = Measures::record(settings.namespace.clone())?;
        Ok(Self {
            context: context(&aws, &settings, ports),
            #[cfg(feature = "poll")]
            hold: (ports.hold)(&aws),
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

#[cfg(feature = "poll")]
async fn aws(settings: platform_aws::Settings) -> Aws {
    // The SDK's configuration is a large future: it is kept off every program's stack.
    Box::pin(Aws::new(settings)).await
}

#[cfg(not(feature = "poll"))]
async fn aws(settings: platform_aws::Settings) -> Aws {
    Aws::in_function(settings)
}

fn context(aws: &Aws, settings: &Settings, ports: Ports) -> Context {
    Context {
        table: aws.table(),
        queues: (ports.queues)(aws),
        bus: (ports.bus)(aws),
        blobs: (ports.blobs)(aws),
        secrets: (ports.secrets)(aws),
        web: (ports.web)(settings),
        connectors: (ports.connectors)(aws, settings),
        clock: aws.clock(),
        entropy: aws.entropy(),
        caches: Arc::new(Caches::default()),
        trace: None,
    }
}
