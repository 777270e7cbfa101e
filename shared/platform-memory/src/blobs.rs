//! Uploads in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use platform::blobs::{BlobError, Blobs};

use crate::world::World;

#[derive(Default)]
pub(crate) struct Data(BTreeMap<String, Bytes>);

#[async_trait]
impl Blobs for World {
    async fn write(
        &self,
        name: &str,
        mut bytes: BoxStream<'static, Result<Bytes, String>>,
        max_bytes: u64,
    ) -> Result<u64, BlobError> {
        self.before_call().await;
        let mut whole = BytesMut::new();
        while let Some(part) = bytes.next().await {
            whole.extend_from_slice(&part.map_err(BlobError::Interrupted)?);
            if whole.len() as u64 > max_bytes {
                return Err(BlobError::TooLarge(max_bytes));
            }
        }
        let length = whole.len() as u64;
        self.state().blobs.0.insert(name.to_owned(), whole.freeze());
        Ok(length)
    }

    async fn length(&self, name: &str) -> Result<u64, BlobError> {
        self.before_call().await;
        let length = self.state().blobs.0.get(name).map(|whole| whole.len() as u64);
        length.ok_or(BlobError::Missing)
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> Result<Bytes, BlobError> {
        self.before_call().await;
        let state = self.state();
        let whole = state.blobs.0.get(name).ok_or(BlobError::Missing)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(whole.len());
        Ok(whole.slice(start..start.saturating_add(length).min(whole.len())))
    }

    async fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.before_call().await;
        self.state().blobs.0.remove(name);
        Ok(())
    }
}
