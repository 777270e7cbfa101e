//! What a use case works with: the ports, and short-lived caches in front of them.

use std::sync::Arc;

use domain::id::hash_bits;
use domain::time::Timestamp;
use domain::trace::TraceId;
use platform::blobs::Blobs;
use platform::bus::EventBus;
use platform::connector::ConnectorFactory;
use platform::queues::Queues;
use platform::secrets::Secrets;
use platform::table::Table;
use platform::web::WebClient;
use platform::world::{Clock, Entropy};

use crate::cache::Caches;

/// The ports and caches. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The table.
    pub table: Arc<dyn Table>,
    /// The queues.
    pub queues: Arc<dyn Queues>,
    /// The event bus.
    pub bus: Arc<dyn EventBus>,
    /// Uploads.
    pub blobs: Arc<dyn Blobs>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Calls to endpoints that strangers chose.
    pub web: Arc<dyn WebClient>,
    /// Makes channel connectors.
    pub connectors: Arc<dyn ConnectorFactory>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What may be a moment old.
    pub caches: Arc<Caches>,
    /// The trace of the request or message that is worked on.
    pub trace: Option<TraceId>,
}

impl Context {
    /// The same, for work under a trace.
    #[must_use]
    pub fn traced(&self, trace: Option<TraceId>) -> Self {
        Self {
            trace,
            ..self.clone()
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Random bits.
    pub fn bits(&self) -> u128 {
        self.entropy.bits()
    }

    /// A random token, 32 hexadecimal digits.
    pub fn token(&self) -> String {
        format!("{:032x}", self.bits())
    }

    /// Random bits that are the same whenever the same parts are named.
    pub fn derived_bits(parts: &[&str]) -> u128 {
        hash_bits(parts)
    }
}
