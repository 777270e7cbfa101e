//! Measures as log lines in CloudWatch's embedded metric format (EMF): CloudWatch makes metrics of
//! them, and no call is made for it.
//!
//! Format: Amazon CloudWatch User Guide, "Specification: Embedded metric format".

use std::io;

use application::measures;
use metrics_cloudwatch_embedded::{Builder, Collector};

/// The namespace where none is configured.
pub const NAMESPACE: &str = "OutboundCampaigns";

/// What was measured and not yet written.
#[derive(Clone, Copy)]
pub struct Measures(&'static Collector);

impl Measures {
    /// Records what is measured in this process from now on, under a CloudWatch namespace.
    pub fn record(namespace: String) -> Result<Self, metrics_cloudwatch_embedded::Error> {
        let collector = Builder::new().cloudwatch_namespace(namespace).init()?;
        measures::describe();
        Ok(Self(collector))
    }

    /// Writes what was measured to standard output, a line for each set of dimensions.
    pub fn write(self) {
        if let Err(error) = self.0.flush(io::stdout().lock()) {
            tracing::warn!(%error, "what was measured could not be written");
        }
    }
}
