//! All ports on AWS: DynamoDB with its stream, SQS, EventBridge, S3, and the Parameter Store for secrets.
//!
//! [`Aws`] makes them from [`Settings`]; a client is made when its port is first asked for, so that a
//! function pays for what it uses.
//!
//! - [`layout`]: how items stand in the table. [`table`]: reads and conditional writes.
//! - [`changes`]: records of the stream, as Lambda passes them; [`streams`]: the stream, read by us.
//! - [`calls`]: each call as a trace event, by which roles are held to what they need.

mod aws;
mod batch;
pub mod blobs;
pub mod bus;
pub mod calls;
pub mod capacity;
pub mod changes;
mod clients;
pub mod layout;
pub mod queues;
mod s3;
pub mod secrets;
mod settings;
mod signed;
pub mod streams;
pub mod table;
pub mod world;

pub use aws::Aws;
pub use settings::{Accounting, SettingError, Settings};
