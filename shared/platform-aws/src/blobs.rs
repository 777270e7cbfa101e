//! Uploads on S3.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use http::header::{CONTENT_LENGTH, ETAG};
use platform::blobs::{BlobError, Blobs};
use url::Url;

use crate::s3::{Action, Bucket, Call, between};
use crate::signed::CallError;

/// Bytes of a part; S3 takes no smaller ones than 5 MiB but the last, and 10,000 of them.
const PART: usize = 8 * 1024 * 1024;
/// How long an upload URL is good.
const URL_VALID: Duration = Duration::from_secs(3_600);

/// The store of uploads: an object each in one bucket.
#[derive(Clone, Debug)]
pub struct S3Blobs {
    bucket: Bucket,
}

fn failed(error: CallError) -> BlobError {
    if error.is("NoSuchKey") || error.is("NotFound") {
        BlobError::Missing
    } else {
        BlobError::Unavailable(error.to_string())
    }
}

/// Bytes as they come, in parts of one size; the last is smaller.
struct Parts {
    bytes: BoxStream<'static, Result<Bytes, String>>,
    buffer: BytesMut,
    length: u64,
    most: u64,
}

impl Parts {
    /// The next part; shorter than [`PART`] only at the end.
    async fn next(&mut self) -> Result<Bytes, BlobError> {
        while self.buffer.len() < PART {
            let Some(chunk) = self.bytes.next().await else {
                break;
            };
            let chunk = chunk.map_err(BlobError::Interrupted)?;
            self.length = self
                .length
                .saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if self.length > self.most {
                return Err(BlobError::TooLarge(self.most));
            }
            self.buffer.extend_from_slice(&chunk);
        }
        let length = self.buffer.len().min(PART);
        Ok(self.buffer.split_to(length).freeze())
    }
}

impl S3Blobs {
    pub(crate) fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// Many parts, which become one object at the end or nothing at all.
    async fn put_parts(&self, name: &str, first: Bytes, parts: &mut Parts) -> Result<(), BlobError> {
        let begun = Call {
            query: &[("uploads", "")],
            ..Call::new(Action::POST, name)
        };
        let begun = self.bucket.call(begun).await.map_err(failed)?;
        let begun = String::from_utf8_lossy(&begun.body);
        let upload = between(&begun, "UploadId")
            .ok_or_else(|| BlobError::Unavailable("an upload without id".to_owned()))?;
        let answer = self.fill(name, upload, first, parts).await;
        if answer.is_err() {
            self.abort(name, upload).await;
        }
        answer
    }

    async fn fill(&self, name: &str, upload: &str, first: Bytes, parts: &mut Parts) -> Result<(), BlobError> {
        let mut done =
            String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        let mut part = first;
        let mut number = 1;
        while !part.is_empty() {
            let call = Call {
                query: &[("partNumber", &number.to_string()), ("uploadId", upload)],
                body: part,
                ..Call::new(Action::PUT, name)
            };
            let answer = self.bucket.call(call).await.map_err(failed)?;
            let tag = answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
            let tag = tag.unwrap_or_default().replace('"', "&quot;");
            done.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
            ));
            part = parts.next().await?;
            number += 1;
        }
        done.push_str("</CompleteMultipartUpload>");
        let call = Call {
            query: &[("uploadId", upload)],
            body: done.into(),
            ..Call::new(Action::POST, name)
        };
        self.bucket.call(call).await.map_err(failed)?;
        Ok(())
    }

    /// Where this fails, the bucket's lifecycle rule takes the parts away.
    async fn abort(&self, name: &str, upload: &str) {
        let call = Call {
            query: &[("uploadId", upload)],
            ..Call::new(Action::ABORT, name)
        };
        if let Err(error) = self.bucket.call(call).await {
            tracing::warn!(%error, "parts of a failed upload stay until they expire");
        }
    }
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn write(
        &self,
        name: &str,
        bytes: BoxStream<'static, Result<Bytes, String>>,
        max_bytes: u64,
    ) -> Result<u64, BlobError> {
        let mut parts = Parts {
            bytes,
            buffer: BytesMut::new(),
            length: 0,
            most: max_bytes,
        };
        let first = parts.next().await?;
        if first.len() < PART {
            let call = Call {
                body: first,
                ..Call::new(Action::PUT, name)
            };
            self.bucket.call(call).await.map_err(failed)?;
        } else {
            self.put_parts(name, first, &mut parts).await?;
        }
        Ok(parts.length)
    }

    async fn upload_url(&self, name: &str) -> Result<Option<Url>, BlobError> {
        let url = self.bucket.upload_url(name, URL_VALID).await.map_err(failed)?;
        Ok(Some(url))
    }

    async fn length(&self, name: &str) -> Result<u64, BlobError> {
        let answer = self
            .bucket
            .call(Call::new(Action::HEAD, name))
            .await
            .map_err(failed)?;
        let length = answer
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok());
        Ok(length.and_then(|length| length.parse().ok()).unwrap_or(0))
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> Result<Bytes, BlobError> {
        if length == 0 {
            return self.length(name).await.map(|_| Bytes::new());
        }
        let last = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX) - 1);
        let call = Call {
            range: Some(format!("bytes={offset}-{last}")),
            ..Call::new(Action::GET, name)
        };
        match self.bucket.call(call).await {
            Ok(answer) => Ok(answer.body),
            // Nothing stands behind the end.
            Err(error) if error.is("InvalidRange") => Ok(Bytes::new()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), BlobError> {
        match self
            .bucket
            .call(Call::new(Action::DELETE, name))
            .await
            .map_err(failed)
        {
            Ok(_) | Err(BlobError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
