//! Typed items: loading, and the writes of a decision.

use domain::time::Timestamp;
use domain::timer::Timer;
use platform::table::{Condition, Consistency, Item, Key, Table, TableError, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::commit::MAX_TRIES;
use crate::error::Error;

/// A value and the version in which it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// The value.
    pub value: T,
    /// Its version; 1 after the first write.
    pub version: u64,
}

/// Reads the value of an item.
pub fn decode<T: DeserializeOwned>(item: &Item) -> Result<Stored<T>, Error> {
    // From bytes, as all else is read: once for each type, not twice.
    let value = serde_json::from_slice(item.body.as_bytes())
        .map_err(|error| Error::Corrupt(format!("{:?} does not read: {error}", item.key)))?;
    Ok(Stored {
        value,
        version: item.version,
    })
}

/// Loads a value with a strong read.
pub async fn load<T: DeserializeOwned>(table: &dyn Table, key: &Key) -> Result<Option<Stored<T>>, Error> {
    table
        .get(key, Consistency::Strong)
        .await?
        .as_ref()
        .map(decode)
        .transpose()
}

/// Makes sure that items stand which never change under their keys: writes each by itself unless it
/// stands already.
pub(crate) async fn ensure(table: &dyn Table, writes: Vec<Write>) -> Result<(), Error> {
    let mut open: Vec<Vec<Write>> = writes.into_iter().map(|write| vec![write]).collect();
    let mut last = TableError::Conflict;
    for _ in 0..MAX_TRIES {
        if open.is_empty() {
            return Ok(());
        }
        let results = table.transact_each(open.clone()).await;
        let mut again = Vec::new();
        for (writes, result) in open.into_iter().zip(results) {
            match result {
                Ok(()) | Err(TableError::ConditionFailed(_)) => {}
                Err(error @ (TableError::Conflict | TableError::Unavailable(_))) => {
                    again.push(writes);
                    last = error;
                }
                Err(error) => return Err(error.into()),
            }
        }
        open = again;
    }
    Err(last.into())
}

/// How a value is written.
pub struct Put<'a, T> {
    key: Key,
    value: &'a T,
    version: u64,
    condition: Condition,
    due: Option<Timer>,
    expires: Option<Timestamp>,
    announced: bool,
}

impl<'a, T: Serialize> Put<'a, T> {
    /// Puts a value where none stands.
    pub fn new(key: Key, value: &'a T) -> Self {
        Self {
            key,
            value,
            version: 1,
            condition: Condition::Absent,
            due: None,
            expires: None,
            announced: false,
        }
    }

    /// Replaces the value that was read in `version`; 0 where none stood.
    pub fn over(key: Key, value: &'a T, version: u64) -> Self {
        let condition = if version == 0 {
            Condition::Absent
        } else {
            Condition::Version(version)
        };
        Self {
            version: version + 1,
            condition,
            ..Self::new(key, value)
        }
    }

    /// With a timer.
    pub fn due(self, due: Option<Timer>) -> Self {
        Self { due, ..self }
    }

    /// May be deleted from this instant on.
    pub fn expires(self, expires: Timestamp) -> Self {
        Self {
            expires: Some(expires),
            ..self
        }
    }

    /// Shown to the consumers of the change stream.
    pub fn announced(self, announced: bool) -> Self {
        Self { announced, ..self }
    }

    /// The write.
    pub fn write(self) -> Result<Write, Error> {
        let body = serde_json::to_string(self.value)
            .map_err(|error| Error::Corrupt(format!("{:?} does not serialise: {error}", self.key)))?;
        let item = Item {
            key: self.key,
            version: self.version,
            due: self.due,
            expires: self.expires,
            announced: self.announced,
            body,
        };
        Ok(Write::Put {
            item,
            condition: self.condition,
        })
    }
}
