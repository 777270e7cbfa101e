//! Paged lists with opaque cursors, over one partition or over the shards of a large collection.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::hash_word;
use platform::table::{Consistency, Item, Key, Order, Query, SortRange};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::Error;
use crate::keys::COLLECTION_SHARDS;
use crate::store::{Stored, decode};

/// Items per page where the caller does not say.
pub const DEFAULT_LIMIT: usize = 50;
/// Most items per page.
pub const MAX_LIMIT: usize = 250;
/// A page whose items have so many bytes takes no more of them: a function's answer may have 6 MB.
pub(crate) const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// One page.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Where the next page begins; none at the end. A page may be short or empty and still have one.
    pub next: Option<String>,
}

impl<T> Listing<T> {
    /// The same page with other entries, if all can be made.
    pub fn try_map<U>(self, f: impl FnMut(T) -> Result<U, Error>) -> Result<Listing<U>, Error> {
        Ok(Listing {
            data: self.data.into_iter().map(f).collect::<Result<_, _>>()?,
            next: self.next,
        })
    }

    /// The same page with other entries.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Listing<U> {
        Listing {
            data: self.data.into_iter().map(f).collect(),
            next: self.next,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// Of which list.
    #[serde(rename = "l")]
    list: u32,
    #[serde(rename = "p")]
    place: usize,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    sort: Option<String>,
}

impl Cursor {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(text: &str, list: u32) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        bytes
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .filter(|cursor: &Self| cursor.list == list)
            .ok_or_else(|| Error::field("/cursor", "is not a cursor that this list has given out"))
    }
}

/// The partitions that a list walks, one after the other.
pub struct Shards {
    partitions: Vec<String>,
    order: Order,
    prefix: Option<String>,
    consistency: Consistency,
}

impl Shards {
    /// A list in one partition, newest (highest) first.
    pub fn one(partition: String) -> Self {
        Self {
            partitions: vec![partition],
            order: Order::Descending,
            prefix: None,
            consistency: Consistency::Strong,
        }
    }

    /// A large collection.
    pub fn many(partition: impl Fn(u16) -> String) -> Self {
        Self {
            partitions: (0..COLLECTION_SHARDS).map(partition).collect(),
            order: Order::Descending,
            prefix: None,
            consistency: Consistency::Strong,
        }
    }

    /// Lowest first instead.
    pub fn ascending(self) -> Self {
        Self {
            order: Order::Ascending,
            ..self
        }
    }

    /// May be a moment old: for what is written behind its cause anyway.
    pub fn eventual(self) -> Self {
        Self {
            consistency: Consistency::Eventual,
            ..self
        }
    }

    /// Only sort keys that begin so.
    pub fn starting_with(self, prefix: impl Into<String>) -> Self {
        Self {
            prefix: Some(prefix.into()),
            ..self
        }
    }

    /// One page of items.
    pub async fn items(
        &self,
        context: &Context,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listing<Item>, Error> {
        let limit = limit.clamp(1, MAX_LIMIT);
        let list = self.name();
        let mut cursor = match cursor {
            Some(text) => Cursor::decode(text, list)?,
            None => Cursor {
                list,
                place: 0,
                sort: None,
            },
        };
        let mut data: Vec<Item> = Vec::new();
        let mut bytes = 0;
        while let Some(partition) = self.partitions.get(cursor.place) {
            if data.len() >= limit || bytes >= MAX_PAGE_BYTES {
                return Ok(Listing {
                    data,
                    next: Some(cursor.encode()),
                });
            }
            let query = Query {
                partition: partition.clone(),
                range: self.prefix.clone().map_or(SortRange::All, SortRange::Prefix),
                after: cursor.sort.take(),
                order: self.order,
                limit: limit - data.len(),
                consistency: self.consistency,
            };
            let mut page = context.table.query(&query).await?;
            let full = page.items.iter().position(|item| {
                bytes += item.size();
                bytes >= MAX_PAGE_BYTES
            });
            if let Some(last) = full.filter(|last| last + 1 < page.items.len()) {
                page.items.truncate(last + 1);
                page.next = page.items.last().map(|item| item.key.sort.clone());
            }
            data.extend(page.items);
            cursor = match page.next {
                Some(sort) => Cursor {
                    sort: Some(sort),
                    ..cursor
                },
                None => Cursor {
                    list,
                    place: cursor.place + 1,
                    sort: None,
                },
            };
        }
        Ok(Listing { data, next: None })
    }

    /// One page of what a collection's items point to; `target` tells where that is, if it is what is listed.
    pub(crate) async fn followed(
        &self,
        context: &Context,
        cursor: Option<&str>,
        limit: usize,
        target: impl Fn(&Item) -> Result<Option<Key>, Error>,
    ) -> Result<Listing<Item>, Error> {
        let mut page = self.items(context, cursor, limit).await?;
        let (mut pointers, mut wanted) = (Vec::new(), Vec::new());
        for pointer in &page.data {
            if let Some(key) = target(pointer)? {
                pointers.push(&pointer.key);
                wanted.push(key);
            }
        }
        let found = context.table.get_many(&wanted, Consistency::Strong).await?;
        let (mut data, mut bytes) = (Vec::new(), 0);
        for (pointer, item) in pointers.into_iter().zip(found) {
            let Some(item) = item else { continue };
            bytes += item.size();
            data.push(item);
            if bytes >= MAX_PAGE_BYTES {
                page.next = self.behind(pointer);
                break;
            }
        }
        Ok(Listing {
            data,
            next: page.next,
        })
    }

    /// The cursor of what comes behind an item.
    fn behind(&self, key: &Key) -> Option<String> {
        let place = self
            .partitions
            .iter()
            .position(|partition| *partition == key.partition)?;
        let cursor = Cursor {
            list: self.name(),
            place,
            sort: Some(key.sort.clone()),
        };
        Some(cursor.encode())
    }

    /// Tells one list's cursors from another's.
    fn name(&self) -> u32 {
        let first = self.partitions.first().map_or("", String::as_str);
        hash_word(&[first])
    }

    /// All values of a short list.
    pub(crate) async fn whole<T: serde::de::DeserializeOwned>(
        &self,
        context: &Context,
    ) -> Result<Vec<Stored<T>>, Error> {
        let mut whole = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.values(context, cursor.as_deref(), MAX_LIMIT).await?;
            whole.extend(page.data);
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(whole),
            }
        }
    }

    /// One page of values.
    pub async fn values<T: serde::de::DeserializeOwned>(
        &self,
        context: &Context,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listing<Stored<T>>, Error> {
        self.items(context, cursor, limit)
            .await?
            .try_map(|item| decode(&item))
    }
}
