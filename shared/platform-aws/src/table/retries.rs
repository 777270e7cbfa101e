//! Which failed writes the SDK may try again by itself.
//!
//! A transaction carries a token by which DynamoDB knows its repetition. A plain conditional write has
//! none: repeated after an answer that was lost, it fails at its own condition, and the caller would be
//! told that nothing was written. So it is tried again only where DynamoDB says that it did nothing; else
//! the caller hears `Unavailable`, and reloads.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use super::errors::is_throttling;

/// Forbids to repeat what may have been done.
#[derive(Debug)]
pub(super) struct OnlyWhatWasNotDone;

impl ClassifyRetry for OnlyWhatWasNotDone {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let code = error.as_operation_error().and_then(|error| {
            let put = error
                .downcast_ref::<PutItemError>()
                .and_then(ProvideErrorMetadata::code);
            put.or_else(|| {
                error
                    .downcast_ref::<DeleteItemError>()
                    .and_then(ProvideErrorMetadata::code)
            })
        });
        if code.is_some_and(is_throttling) {
            RetryAction::NoActionIndicated
        } else {
            RetryAction::RetryForbidden
        }
    }

    fn name(&self) -> &'static str {
        "only what was not done"
    }
}
