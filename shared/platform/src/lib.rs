//! The ports: what the application needs from the platform it runs on.
//!
//! No port promises more than the weakest platform keeps. That is DynamoDB with its streams, SQS
//! and EventBridge: indexes lag, transactions conflict for no reason, changes and messages repeat,
//! items and transactions are bounded. The contract suite (module `contract`, behind the feature of
//! that name) states it as tests.

pub mod blobs;
pub mod bus;
pub mod changes;
pub mod connector;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "packing")]
pub mod packing;
pub mod queues;
pub mod secrets;
pub mod table;
pub mod web;
pub mod world;
