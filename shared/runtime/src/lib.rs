//! The glue that functions and workers share: from a batch to an outcome per record, from panics to
//! failures of their record, and the loops of a process that is not invoked but runs by itself.

pub mod poll;
pub mod record;
pub mod stream;
pub mod telemetry;
