//! The other sides: a provider that takes every message and reports it delivered and read, and an
//! endpoint that takes every event.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::activity::receipt::DeliveryStatus;
use domain::id::ActivityId;
use domain::time::{Millis, Timestamp};
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, ConnectorFactory, ConnectorKind,
    EnquiryOutcome, Repeat, SendFailure, SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use platform::web::{WebClient, WebError, WebRequest, WebResponse};
use platform::world::Clock;
use platform_memory::World;

use crate::meter::{Meter, Step};

/// From sending to the first receipt.
const DELIVERED_AFTER: Millis = Millis::seconds(3);
/// From sending to the second.
const READ_AFTER: Millis = Millis::seconds(60);

/// Whether the provider gives its messages ids of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageIds {
    /// It does: they are kept, so that what names only them finds our activity.
    Given,
    /// It does not: it echoes ours.
    None,
}

/// A receipt on its way.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    at: Timestamp,
    pub(crate) activity: ActivityId,
    pub(crate) status: DeliveryStatus,
}

/// The provider and its receipts. Clones share them.
#[derive(Clone)]
pub(crate) struct Provider {
    world: World,
    meter: Meter,
    ids: MessageIds,
    receipts: Arc<Mutex<VecDeque<Receipt>>>,
}

impl Provider {
    pub(crate) fn new(world: World, meter: Meter, ids: MessageIds) -> Self {
        Self {
            world,
            meter,
            ids,
            receipts: Arc::default(),
        }
    }

    /// A receipt whose time has come.
    pub(crate) fn next_receipt(&self) -> Option<Receipt> {
        let now = self.world.now();
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        let place = receipts.iter().position(|receipt| receipt.at <= now)?;
        receipts.remove(place)
    }

    /// Whether any is still on its way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.receipts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}

#[async_trait]
impl Connector for Provider {
    fn repeat(&self) -> Repeat {
        Repeat::WithSameKey
    }

    fn timeout(&self) -> Millis {
        Millis::seconds(10)
    }

    fn names_by_provider_id(&self) -> bool {
        self.ids == MessageIds::Given
    }

    /// What a worker asks of the table after this is settling.
    async fn send(&self, request: &SendRequest) -> SendOutcome {
        self.meter.web_call();
        self.meter.at(Step::Settle);
        let now = self.world.now();
        let receipt = |after, status| Receipt {
            at: now + after,
            activity: request.activity.clone(),
            status,
        };
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.push_back(receipt(DELIVERED_AFTER, DeliveryStatus::Delivered));
        receipts.push_back(receipt(READ_AFTER, DeliveryStatus::Read));
        SendOutcome::Accepted {
            // As long as Meta's are (`wamid.` and 48 characters or more).
            provider_message_id: (self.ids == MessageIds::Given)
                .then(|| format!("wamid.{:0>48}", request.activity.as_str())),
        }
    }

    async fn enquire(&self, _: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(SendFailure {
            code: "unsupported".into(),
            detail: "cannot be asked".into(),
        })
    }

    async fn read_callback(&self, _: &Callback) -> Result<CallbackOutcome, CallbackError> {
        Err(CallbackError::Unsupported)
    }
}

impl ConnectorFactory for Provider {
    fn build(
        &self,
        _: &ConnectorConfig,
        _: &BTreeMap<String, Secret>,
    ) -> Result<Arc<dyn Connector>, SettingError> {
        Ok(Arc::new(self.clone()))
    }

    fn secret_names(&self, _: ConnectorKind) -> &'static [&'static str] {
        &[]
    }
}

/// The endpoint.
pub(crate) struct Endpoint {
    pub(crate) meter: Meter,
}

#[async_trait]
impl WebClient for Endpoint {
    async fn post(&self, _: WebRequest) -> Result<WebResponse, WebError> {
        self.meter.web_call();
        Ok(WebResponse {
            status: 200,
            retry_after: None,
            excerpt: String::new(),
        })
    }
}
