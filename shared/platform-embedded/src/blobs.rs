//! Uploads as files.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use platform::blobs::{BlobError, Blobs};

use crate::files::{self, Unfinished, blocking};

/// The store of uploads: one file each in a directory.
#[derive(Clone, Debug)]
pub struct FileBlobs {
    directory: PathBuf,
}

impl FileBlobs {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }
}

fn error(problem: io::Error) -> BlobError {
    match problem.kind() {
        io::ErrorKind::NotFound => BlobError::Missing,
        _ => BlobError::Unavailable(problem.to_string()),
    }
}

/// Writing never meets a missing blob; a missing directory is a failed store.
fn write_error(problem: io::Error) -> BlobError {
    BlobError::Unavailable(problem.to_string())
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn write(
        &self,
        name: &str,
        mut bytes: BoxStream<'static, Result<Bytes, String>>,
        max_bytes: u64,
    ) -> Result<u64, BlobError> {
        let target = files::path_of(&self.directory, name);
        let (unfinished, mut file) = blocking(move || Unfinished::create(target))
            .await
            .map_err(write_error)?;
        let mut length = 0_u64;
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(BlobError::Interrupted)?;
            length = length.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if length > max_bytes {
                return Err(BlobError::TooLarge(max_bytes));
            }
            file = blocking(move || file.write_all(&chunk).map(|()| file))
                .await
                .map_err(write_error)?;
        }
        blocking(move || unfinished.finish(&file))
            .await
            .map_err(write_error)?;
        Ok(length)
    }

    async fn length(&self, name: &str) -> Result<u64, BlobError> {
        let path = files::path_of(&self.directory, name);
        blocking(move || std::fs::metadata(path).map(|file| file.len()))
            .await
            .map_err(error)
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> Result<Bytes, BlobError> {
        let path = files::path_of(&self.directory, name);
        blocking(move || {
            let mut file = std::fs::File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(u64::try_from(length).unwrap_or(u64::MAX))
                .read_to_end(&mut bytes)?;
            Ok(Bytes::from(bytes))
        })
        .await
        .map_err(error)
    }

    async fn delete(&self, name: &str) -> Result<(), BlobError> {
        let path = files::path_of(&self.directory, name);
        blocking(move || files::delete(&path)).await.map_err(error)
    }
}
