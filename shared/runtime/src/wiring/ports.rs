//! Which ports a function has. What it does not name is not linked into its program: clients and protocols are
//! most of a program, and Lambda loads all of it before it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use connectors::Factory;
use connectors::web::AddressPolicy;
use domain::time::Millis;
use futures::stream::BoxStream;
use platform::blobs::{BlobError, Blobs};
use platform::bus::{BusError, BusEvent, EventBus};
use platform::connector::{Connector, ConnectorConfig, ConnectorFactory, ConnectorKind, SettingError};
use platform::queues::{OutgoingMessage, QueueError, QueueName, Queues, ReceivedMessage};
use platform::secrets::{Secret, SecretError, Secrets};
use platform::web::{WebClient, WebError, WebRequest, WebResponse};
use platform_aws::Aws;
use platform_aws::queues::SqsQueues;

use super::Settings;
use super::lazy::{LazyFactory, LazyWeb};
#[cfg(feature = "poll")]
use crate::poll::Hold;

/// What a call of a port says that the function was not given.
const ABSENT: &str = "this program was built without it: name the port in its `Ports`";

/// The ports of a function besides the table, clock and randomness, which each has.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub(super) queues: fn(&Aws) -> Arc<dyn Queues>,
    #[cfg(feature = "poll")]
    pub(super) hold: fn(&Aws) -> Option<Arc<dyn Hold>>,
    pub(super) bus: fn(&Aws) -> Arc<dyn EventBus>,
    pub(super) blobs: fn(&Aws) -> Arc<dyn Blobs>,
    pub(super) secrets: fn(&Aws) -> Arc<dyn Secrets>,
    pub(super) web: fn(&Settings) -> Arc<dyn WebClient>,
    pub(super) connectors: fn(&Aws, &Settings) -> Arc<dyn ConnectorFactory>,
}

impl Ports {
    /// The table alone. Whatever else is called says that it is not there.
    pub const TABLE: Self = Self {
        queues: |_| Arc::new(Absent),
        #[cfg(feature = "poll")]
        hold: |_| None,
        bus: |_| Arc::new(Absent),
        blobs: |_| Arc::new(Absent),
        secrets: |_| Arc::new(Absent),
        web: |_| Arc::new(Absent),
        connectors: |_, _| Arc::new(Absent),
    };

    /// The queues, too; only to send, where Lambda takes from them.
    #[must_use]
    pub const fn queues(self) -> Self {
        Self {
            #[cfg(feature = "poll")]
            queues: Aws::queues,
            #[cfg(feature = "poll")]
            hold: |aws| Some(Arc::new(Visibility(aws.sqs()))),
            #[cfg(not(feature = "poll"))]
            queues: |aws| Arc::new(Sending(aws.sqs())),
            ..self
        }
    }

    /// The event bus, too.
    #[must_use]
    pub const fn bus(self) -> Self {
        Self {
            bus: Aws::bus,
            ..self
        }
    }

    /// The store of uploads, too.
    #[must_use]
    pub const fn blobs(self) -> Self {
        Self {
            blobs: Aws::blobs,
            ..self
        }
    }

    /// The store of secrets, too.
    #[must_use]
    pub const fn secrets(self) -> Self {
        Self {
            secrets: Aws::secrets,
            ..self
        }
    }

    /// Calls to endpoints that strangers chose, too.
    #[must_use]
    pub const fn web(self) -> Self {
        Self {
            web: |settings| {
                Arc::new(LazyWeb::new(AddressPolicy {
                    allowed: settings.allowed_networks.clone(),
                    https_only: settings.https_only,
                }))
            },
            ..self
        }
    }

    /// Channel connectors, too.
    #[must_use]
    pub const fn connectors(self) -> Self {
        Self {
            connectors: |aws, settings| Arc::new(connectors_of(aws, settings)),
            ..self
        }
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
#[cfg(feature = "poll")]
struct Visibility(Arc<SqsQueues>);

#[cfg(feature = "poll")]
#[async_trait]
impl Hold for Visibility {
    async fn hold(&self, queue: QueueName, receipt: &str, visibility: Millis) -> Result<(), QueueError> {
        self.0.hold(queue, receipt, visibility).await
    }
}

/// The queues of a function that Lambda tells what is in them.
#[cfg(not(feature = "poll"))]
struct Sending(Arc<SqsQueues>);

#[cfg(not(feature = "poll"))]
#[async_trait]
impl Queues for Sending {
    async fn send(&self, queue: QueueName, messages: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        self.0.send(queue, messages).await
    }

    async fn receive(&self, _: QueueName, _: usize, _: Millis) -> Result<Vec<ReceivedMessage>, QueueError> {
        Err(QueueError::Unavailable(ABSENT.to_owned()))
    }

    async fn delete(&self, _: QueueName, _: Vec<String>) -> Result<(), QueueError> {
        Err(QueueError::Unavailable(ABSENT.to_owned()))
    }
}

/// A port that a function does not have.
struct Absent;

#[async_trait]
impl Queues for Absent {
    async fn send(&self, _: QueueName, _: Vec<OutgoingMessage>) -> Result<usize, QueueError> {
        Err(QueueError::Unavailable(ABSENT.to_owned()))
    }

    async fn receive(&self, _: QueueName, _: usize, _: Millis) -> Result<Vec<ReceivedMessage>, QueueError> {
        Err(QueueError::Unavailable(ABSENT.to_owned()))
    }

    async fn delete(&self, _: QueueName, _: Vec<String>) -> Result<(), QueueError> {
        Err(QueueError::Unavailable(ABSENT.to_owned()))
    }
}

#[async_trait]
impl EventBus for Absent {
    async fn publish(&self, _: Vec<BusEvent>) -> Result<(), BusError> {
        Err(BusError::Unavailable(ABSENT.to_owned()))
    }
}

#[async_trait]
impl Blobs for Absent {
    async fn write(
        &self,
        _: &str,
        _: BoxStream<'static, Result<Bytes, String>>,
        _: u64,
    ) -> Result<u64, BlobError> {
        Err(BlobError::Unavailable(ABSENT.to_owned()))
    }

    async fn length(&self, _: &str) -> Result<u64, BlobError> {
        Err(BlobError::Unavailable(ABSENT.to_owned()))
    }

    async fn read(&self, _: &str, _: u64, _: usize) -> Result<Bytes, BlobError> {
        Err(BlobError::Unavailable(ABSENT.to_owned()))
    }

    async fn delete(&self, _: &str) -> Result<(), BlobError> {
        Err(BlobError::Unavailable(ABSENT.to_owned()))
    }
}

#[async_trait]
impl Secrets for Absent {
    async fn put(&self, _: &str, _: Secret) -> Result<(), SecretError> {
        Err(SecretError::Unavailable(ABSENT.to_owned()))
    }

    async fn get(&self, _: &str) -> Result<Option<Secret>, SecretError> {
        Err(SecretError::Unavailable(ABSENT.to_owned()))
    }

    async fn delete(&self, _: &str) -> Result<(), SecretError> {
        Err(SecretError::Unavailable(ABSENT.to_owned()))
    }
}

#[async_trait]
impl WebClient for Absent {
    async fn post(&self, _: WebRequest) -> Result<WebResponse, WebError> {
        Err(WebError::Connect(ABSENT.to_owned()))
    }
}

impl ConnectorFactory for Absent {
    fn build(
        &self,
        _: &ConnectorConfig,
        _: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        Err(SettingError {
            setting: "(none)".into(),
            problem: ABSENT.to_owned(),
        })
    }

    fn secret_names(&self, _: ConnectorKind) -> &'static [&'static str] {
        &[]
    }
}
