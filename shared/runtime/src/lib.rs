//! The glue that functions and workers share: from a batch to an outcome per record, from panics to
//! failures of their record, and the loops of a process that is not invoked but runs by itself.
//!
//! Behind the feature `lambda` stands what AWS Lambda asks for, and behind `aws` whole programs on AWS:
//! the `main` of a function is one call of `runtime::program`.

pub mod fields;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod part;
pub mod poll;
#[cfg(feature = "aws")]
pub mod program;
pub mod record;
pub mod stream;
pub mod telemetry;
#[cfg(feature = "aws")]
pub mod wiring;
