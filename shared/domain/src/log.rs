//! A bounded log of what happened to an item, carried inside the item.
//!
//! Consumers of the change stream see an item at the changed version *or later* (the weakest
//! platform promises no more). They find what one change added by its version: each entry names
//! the version of the item whose write appended it.

mod entry;

use serde::{Deserialize, Serialize};

/// Entries kept per item; the oldest give way. Only a consumer that lags behind by more than this
/// many announced changes of one and the same item would miss one.
pub const MAX_ENTRIES: usize = 64;

/// One entry of a [`Log`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry<E> {
    /// The version of the item whose write appended the entry.
    #[serde(rename = "v")]
    pub version: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: E,
}

/// What happened to an item, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Log<E>(Vec<Entry<E>>);

impl<E> Default for Log<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E> Log<E> {
    /// Appends what the write of `version` adds.
    pub fn append(&mut self, version: u64, event: E) {
        if self.0.len() >= MAX_ENTRIES {
            self.0.remove(0);
        }
        self.0.push(Entry { version, event });
    }

    /// What the write of `version` added, with the place of each entry within that write.
    pub fn added_by(&self, version: u64) -> impl Iterator<Item = (usize, &E)> {
        self.0
            .iter()
            .filter(move |entry| entry.version == version)
            .map(|entry| &entry.event)
            .enumerate()
    }

    /// All kept entries, oldest first.
    pub fn entries(&self) -> &[Entry<E>] {
        &self.0
    }
}
