//! Large uploads (contact files): written once, read in ranges.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use url::Url;

/// Why a blob was not written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// No such blob.
    #[error("there is no upload with this name")]
    Missing,
    /// More bytes than allowed; nothing is kept.
    #[error("the upload has more than {0} bytes")]
    TooLarge(u64),
    /// The sender broke off; nothing is kept.
    #[error("the upload broke off: {0}")]
    Interrupted(String),
    /// The store failed; try again.
    #[error("the upload store did not answer: {0}")]
    Unavailable(String),
}

/// The store of uploads. Names are ids of imports.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Writes all of `bytes` under `name`, replacing what stood there, and tells how many there were.
    async fn write(
        &self,
        name: &str,
        bytes: BoxStream<'static, Result<Bytes, String>>,
        max_bytes: u64,
    ) -> Result<u64, BlobError>;

    /// Where a sender may put the blob itself, past this program, for the next hour: for files that the
    /// way to this program does not carry. None where everything comes through this program.
    async fn upload_url(&self, _name: &str) -> Result<Option<Url>, BlobError> {
        Ok(None)
    }

    /// How many bytes there are under `name`.
    async fn length(&self, name: &str) -> Result<u64, BlobError>;

    /// Reads up to `length` bytes from `offset`; fewer only at the end.
    async fn read(&self, name: &str, offset: u64, length: usize) -> Result<Bytes, BlobError>;

    /// Deletes it, if it is there.
    async fn delete(&self, name: &str) -> Result<(), BlobError>;
}
