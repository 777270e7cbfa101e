//! Writing: plain conditional calls for one write, transactions for several.

use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};
use platform::table::{Condition, Consistency, Key, TableError, Write};

use super::retries::OnlyWhatWasNotDone;
use super::{DynamoTable, errors};
use crate::layout::{self, Attributes};

/// Largest transaction, in bytes of its items (DynamoDB's bound).
const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;

/// A condition in DynamoDB's words.
struct Expression {
    text: Option<String>,
    values: Option<Attributes>,
}

impl Expression {
    fn of(condition: Condition) -> Self {
        match condition {
            Condition::None => Self {
                text: None,
                values: None,
            },
            Condition::Absent => Self {
                text: Some(format!("attribute_not_exists({})", layout::PARTITION)),
                values: None,
            },
            Condition::Version(version) => Self {
                text: Some(format!("{} = :v", layout::VERSION)),
                values: Some(Attributes::from([(":v".to_owned(), layout::number(version))])),
            },
        }
    }
}

impl DynamoTable {
    /// Writes what the bounds allow.
    pub(super) async fn write(&self, mut writes: Vec<Write>) -> Result<(), TableError> {
        // DynamoDB knows no check of nothing.
        writes.retain(|write| {
            !matches!(
                write,
                Write::Check {
                    condition: Condition::None,
                    ..
                }
            )
        });
        if writes.len() > 1 {
            return self.transaction(writes).await;
        }
        // One write alone costs half as much as in a transaction.
        match writes.pop() {
            None => Ok(()),
            Some(Write::Put { item, condition }) => {
                let key = item.key.clone();
                self.put(key, layout::encode(item)?, condition).await
            }
            Some(Write::Delete { key, condition }) => self.delete(key, condition).await,
            Some(Write::Check { key, condition }) => self.check(key, condition).await,
        }
    }

    async fn put(&self, key: Key, item: Attributes, condition: Condition) -> Result<(), TableError> {
        let expression = Expression::of(condition);
        let answer = self
            .client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(item))
            .set_condition_expression(expression.text)
            .set_expression_attribute_values(expression.values)
            .set_return_consumed_capacity(self.consumed())
            .customize()
            .config_override(Builder::new().retry_classifier(OnlyWhatWasNotDone))
            .send()
            .await
            .map_err(|error| errors::of_write(error, key))?;
        self.capacity.wrote(answer.consumed_capacity());
        Ok(())
    }

    async fn delete(&self, key: Key, condition: Condition) -> Result<(), TableError> {
        let expression = Expression::of(condition);
        let answer = self
            .client
            .delete_item()
            .table_name(&*self.name)
            .set_key(Some(layout::key_attributes(&key)))
            .set_condition_expression(expression.text)
            .set_expression_attribute_values(expression.values)
            .set_return_consumed_capacity(self.consumed())
            .customize()
            .config_override(Builder::new().retry_classifier(OnlyWhatWasNotDone))
            .send()
            .await
            .map_err(|error| errors::of_write(error, key))?;
        self.capacity.wrote(answer.consumed_capacity());
        Ok(())
    }

    /// A check alone is a consistent read: it holds at an instant between call and answer, and costs an
    /// eighth of a transaction.
    async fn check(&self, key: Key, condition: Condition) -> Result<(), TableError> {
        let version = self
            .get_item(&key, Consistency::Strong)
            .await?
            .map(|item| item.version);
        let holds = match condition {
            Condition::None => true,
            Condition::Absent => version.is_none(),
            Condition::Version(wanted) => version == Some(wanted),
        };
        if holds {
            Ok(())
        } else {
            Err(TableError::ConditionFailed(vec![key]))
        }
    }

    async fn transaction(&self, writes: Vec<Write>) -> Result<(), TableError> {
        check_bytes(&writes)?;
        let keys: Vec<Key> = writes.iter().map(|write| write.key().clone()).collect();
        let parts = writes
            .into_iter()
            .map(|write| self.part(write))
            .collect::<Result<_, _>>()?;
        // The SDK adds a token, by which DynamoDB knows a repetition.
        let answer = self
            .client
            .transact_write_items()
            .set_transact_items(Some(parts))
            .set_return_consumed_capacity(self.consumed())
            .send()
            .await
            .map_err(|error| errors::of_transaction(error, keys))?;
        self.capacity.wrote(answer.consumed_capacity());
        Ok(())
    }

    fn part(&self, write: Write) -> Result<TransactWriteItem, TableError> {
        let built = |error: aws_sdk_dynamodb::error::BuildError| TableError::Invalid(error.to_string());
        let expression = Expression::of(write.condition());
        let part = TransactWriteItem::builder();
        Ok(match write {
            Write::Put { item, .. } => part.put(
                Put::builder()
                    .table_name(&*self.name)
                    .set_item(Some(layout::encode(item)?))
                    .set_condition_expression(expression.text)
                    .set_expression_attribute_values(expression.values)
                    .build()
                    .map_err(built)?,
            ),
            Write::Delete { key, .. } => part.delete(
                Delete::builder()
                    .table_name(&*self.name)
                    .set_key(Some(layout::key_attributes(&key)))
                    .set_condition_expression(expression.text)
                    .set_expression_attribute_values(expression.values)
                    .build()
                    .map_err(built)?,
            ),
            Write::Check { key, .. } => part.condition_check(
                ConditionCheck::builder()
                    .table_name(&*self.name)
                    .set_key(Some(layout::key_attributes(&key)))
                    .set_condition_expression(expression.text)
                    .set_expression_attribute_values(expression.values)
                    .build()
                    .map_err(built)?,
            ),
        }
        .build())
    }
}

fn check_bytes(writes: &[Write]) -> Result<(), TableError> {
    let bytes: usize = writes
        .iter()
        .map(|write| match write {
            Write::Put { item, .. } => item.size(),
            Write::Delete { .. } | Write::Check { .. } => 0,
        })
        .sum();
    if bytes > MAX_TRANSACTION_BYTES {
        return Err(TableError::Invalid(format!(
            "a transaction of {bytes} bytes; {MAX_TRANSACTION_BYTES} are allowed"
        )));
    }
    Ok(())
}
