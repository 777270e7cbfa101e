//! What DynamoDB's errors mean for the caller.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use platform::table::{Key, TableError};

use crate::layout::Unreadable;

/// The error of a call of one item, or of a read.
pub(super) fn of<E, R>(error: SdkError<E, R>) -> TableError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match &error {
        SdkError::ServiceError(answer) => {
            let answer = answer.err();
            by_code(answer.code(), answer.message())
        }
        SdkError::ConstructionFailure(_) => TableError::Invalid(DisplayErrorContext(&error).to_string()),
        // Not sent, sent without answer, or an answer that does not read: not known whether it was done.
        _ => TableError::Unavailable(DisplayErrorContext(&error).to_string()),
    }
}

/// Whether this code says that DynamoDB did nothing since too much was asked of it.
pub(super) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "ThrottlingError"
            | "ProvisionedThroughputExceededException"
            | "ProvisionedThroughputExceeded"
            | "RequestLimitExceeded"
    )
}

/// Whether this code says that another write of the item was under way.
fn is_conflict(code: &str) -> bool {
    matches!(
        code,
        "TransactionConflict" | "TransactionConflictException" | "ReplicatedWriteConflictException"
    )
}

fn by_code(code: Option<&str>, message: Option<&str>) -> TableError {
    let code = code.unwrap_or("an error without code");
    let said = || format!("{code}: {}", message.unwrap_or("no message"));
    match code {
        _ if is_throttling(code) => TableError::Throttled,
        _ if is_conflict(code) => TableError::Conflict,
        "ValidationException"
        | "ValidationError"
        | "ItemCollectionSizeLimitExceeded"
        | "ItemCollectionSizeLimitExceededException" => TableError::Invalid(said()),
        // Also what only a person can mend (no such table, no permission): nothing was lost by it.
        _ => TableError::Unavailable(said()),
    }
}

/// The error of a write of one item at `key`.
pub(super) fn of_write<E, R>(error: SdkError<E, R>, key: Key) -> TableError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match error.code() {
        Some("ConditionalCheckFailedException") => TableError::ConditionFailed(vec![key]),
        _ => of(error),
    }
}

/// The error of a transaction that wrote or checked at `keys`, in this order.
pub(super) fn of_transaction<R>(error: SdkError<TransactWriteItemsError, R>, keys: Vec<Key>) -> TableError
where
    R: std::fmt::Debug + 'static,
{
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled_for(cancelled.cancellation_reasons(), keys)
        }
        _ => of(error),
    }
}

/// One error for all reasons, which stand in the order of the keys. A condition that failed is what the
/// caller must know; then whatever makes it wait longest.
fn cancelled_for(reasons: &[CancellationReason], keys: Vec<Key>) -> TableError {
    let failed: Vec<Key> = reasons
        .iter()
        .zip(keys)
        .filter(|(reason, _)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(_, key)| key)
        .collect();
    if !failed.is_empty() {
        return TableError::ConditionFailed(failed);
    }
    let others = || {
        reasons
            .iter()
            .filter(|reason| !matches!(reason.code(), None | Some("None")))
    };
    let found = |wanted: fn(&str) -> bool| others().any(|reason| reason.code().is_some_and(wanted));
    if found(is_throttling) {
        TableError::Throttled
    } else if found(is_conflict) {
        TableError::Conflict
    } else {
        let reason = others().next();
        by_code(
            reason.and_then(CancellationReason::code),
            reason.and_then(CancellationReason::message),
        )
    }
}

/// An item that nobody of ours wrote.
pub(super) fn unreadable(error: Unreadable) -> TableError {
    TableError::Invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    use super::*;

    fn put_error(code: &str) -> SdkError<PutItemError, ()> {
        let metadata = ErrorMetadata::builder().code(code).message("said").build();
        SdkError::service_error(PutItemError::generic(metadata), ())
    }

    fn cancelled(codes: &[&str]) -> TableError {
        let reason = |code: &&str| CancellationReason::builder().code(*code).build();
        let reasons = codes.iter().map(reason).collect();
        let exception = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(reasons))
            .build();
        let error = TransactWriteItemsError::TransactionCanceledException(exception);
        of_transaction(SdkError::service_error(error, ()), keys(codes.len()))
    }

    fn keys(count: usize) -> Vec<Key> {
        (0..count).map(|n| Key::new("p", n.to_string())).collect()
    }

    #[test]
    fn codes_say_what_the_caller_can_do() {
        let key = || Key::new("p", "s");
        for (code, expected) in [
            (
                "ConditionalCheckFailedException",
                TableError::ConditionFailed(vec![key()]),
            ),
            ("TransactionConflictException", TableError::Conflict),
            ("ThrottlingException", TableError::Throttled),
            ("ProvisionedThroughputExceededException", TableError::Throttled),
            ("RequestLimitExceeded", TableError::Throttled),
            (
                "ValidationException",
                TableError::Invalid("ValidationException: said".into()),
            ),
            (
                "InternalServerError",
                TableError::Unavailable("InternalServerError: said".into()),
            ),
            (
                "ResourceNotFoundException",
                TableError::Unavailable("ResourceNotFoundException: said".into()),
            ),
        ] {
            assert_eq!(of_write(put_error(code), key()), expected);
        }
    }

    #[test]
    fn no_answer_is_no_refusal() {
        let timeout = SdkError::<PutItemError, ()>::timeout_error("too slow");
        assert!(matches!(
            of_write(timeout, Key::new("p", "s")),
            TableError::Unavailable(_)
        ));
    }

    #[test]
    fn reasons_of_a_cancelled_transaction_stand_in_the_order_of_its_writes() {
        let failed = |places: &[usize]| {
            let keys = keys(4);
            TableError::ConditionFailed(places.iter().map(|place| keys[*place].clone()).collect())
        };
        let condition = "ConditionalCheckFailed";
        for (codes, expected) in [
            (vec!["None", condition, "None", condition], failed(&[1, 3])),
            (vec![condition, "TransactionConflict"], failed(&[0])),
            (vec!["None", "TransactionConflict"], TableError::Conflict),
            (
                vec!["TransactionConflict", "ThrottlingError"],
                TableError::Throttled,
            ),
            (
                vec!["None", "ProvisionedThroughputExceeded"],
                TableError::Throttled,
            ),
        ] {
            assert_eq!(cancelled(&codes), expected, "{codes:?}");
        }
        assert!(matches!(cancelled(&["ValidationError"]), TableError::Invalid(_)));
        assert!(matches!(cancelled(&["None"]), TableError::Unavailable(_)));
    }
}
