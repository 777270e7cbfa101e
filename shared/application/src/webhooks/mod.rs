//! Webhooks: endpoints that are told what happens.

use serde::{Deserialize, Serialize};

/// A registered endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {}
