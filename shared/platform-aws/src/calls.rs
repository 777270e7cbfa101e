//! Each call to AWS as an event of `tracing`, at level DEBUG with target [`TARGET`]: which action of which
//! service on what. An action is named as IAM names it (a transaction as the writes in it, a batch of
//! messages as sending one), so that the roles of functions can be held against what was called.
//!
//! Fields: `service` (IAM's prefix), `action`, `resource` (its kind: `table`, `index`, `stream`, `queue`,
//! `bus`, `bucket` or `parameter`) and `name` (of index and queue; empty otherwise).

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityInput;
use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchInput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageInput;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchInput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, Input,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// The target of the events.
pub const TARGET: &str = "aws_call";

/// Tells the calls of the SDK.
#[derive(Debug)]
pub(crate) struct Recorder;

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "calls as events"
    }

    // Once per call, however often it is tried; before it, the operation is not yet known.
    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
            return Ok(());
        }
        let operation = config.load::<Metadata>().map_or("unknown", Metadata::name);
        match config.load::<Metadata>().map(Metadata::service) {
            Some("DynamoDB") => of_dynamodb(operation, context.input()),
            Some("SQS") => tell("sqs", sqs_action(operation), "queue", queue(context.input())),
            Some("EventBridge") => tell("events", operation, "bus", ""),
            other => tell(other.unwrap_or("unknown"), operation, "unknown", ""),
        }
        Ok(())
    }
}

/// Tells one call.
pub(crate) fn tell(service: &str, action: &str, resource: &str, name: &str) {
    tracing::debug!(target: TARGET, service, action, resource, name);
}

fn of_dynamodb(operation: &str, input: &Input) {
    if let Some(transaction) = input.downcast_ref::<TransactWriteItemsInput>() {
        for action in actions_of(transaction) {
            tell("dynamodb", action, "table", "");
        }
        return;
    }
    match input
        .downcast_ref::<QueryInput>()
        .and_then(QueryInput::index_name)
    {
        Some(index) => tell("dynamodb", operation, "index", index),
        None => tell("dynamodb", operation, "table", ""),
    }
}

/// IAM knows no transactions: each part needs the right to do it alone.
fn actions_of(transaction: &TransactWriteItemsInput) -> BTreeSet<&'static str> {
    let parts = transaction.transact_items().iter();
    let actions = parts.map(|part| match part {
        part if part.put().is_some() => "PutItem",
        part if part.delete().is_some() => "DeleteItem",
        part if part.update().is_some() => "UpdateItem",
        _ => "ConditionCheckItem",
    });
    actions.collect()
}

fn sqs_action(operation: &str) -> &str {
    operation.strip_suffix("Batch").unwrap_or(operation)
}

fn queue(input: &Input) -> &str {
    let url = None
        .or_else(|| input.downcast_ref::<SendMessageBatchInput>()?.queue_url())
        .or_else(|| input.downcast_ref::<ReceiveMessageInput>()?.queue_url())
        .or_else(|| input.downcast_ref::<DeleteMessageBatchInput>()?.queue_url())
        .or_else(|| input.downcast_ref::<ChangeMessageVisibilityInput>()?.queue_url());
    url.and_then(|url| url.rsplit('/').next()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};

    use super::*;

    #[test]
    fn actions_are_named_as_iam_names_them() {
        assert_eq!(sqs_action("SendMessageBatch"), "SendMessage");
        assert_eq!(sqs_action("ReceiveMessage"), "ReceiveMessage");
        let put = Put::builder()
            .table_name("t")
            .set_item(Some([].into()))
            .build()
            .unwrap();
        let delete = Delete::builder()
            .table_name("t")
            .set_key(Some([].into()))
            .build()
            .unwrap();
        let check = ConditionCheck::builder()
            .table_name("t")
            .set_key(Some([].into()))
            .condition_expression("v = :v")
            .build()
            .unwrap();
        let transaction = TransactWriteItemsInput::builder()
            .transact_items(TransactWriteItem::builder().put(put.clone()).build())
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().delete(delete).build())
            .transact_items(TransactWriteItem::builder().condition_check(check).build())
            .build()
            .unwrap();
        let actions = Vec::from_iter(actions_of(&transaction));
        assert_eq!(actions, ["ConditionCheckItem", "DeleteItem", "PutItem"]);
    }

    #[test]
    fn queues_are_told_by_name() {
        let url = "https://sqs.eu-west-2.amazonaws.com/123456789012/dispatch";
        let input = ReceiveMessageInput::builder().queue_url(url).build().unwrap();
        assert_eq!(queue(&Input::erase(input)), "dispatch");
    }
}
