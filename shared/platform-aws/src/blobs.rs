//! Uploads on S3.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use platform::blobs::{BlobError, Blobs};
use url::Url;

use crate::calls::Recorder;
use crate::clients;

/// Bytes of a part; S3 takes no smaller ones than 5 MiB but the last, and 10,000 of them.
const PART: usize = 8 * 1024 * 1024;
/// Longest try of a call: a part on a slow line.
const TRY: Duration = Duration::from_secs(60);
/// How long an upload URL is good.
const URL_VALID: Duration = Duration::from_secs(3_600);

/// The store of uploads: an object each in one bucket.
#[derive(Clone, Debug)]
pub struct S3Blobs {
    client: Client,
    bucket: String,
}

fn unavailable<E, R>(error: SdkError<E, R>) -> BlobError
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    BlobError::Unavailable(DisplayErrorContext(error).to_string())
}

fn malformed(error: impl std::fmt::Display) -> BlobError {
    BlobError::Unavailable(error.to_string())
}

fn read_error<E, R>(error: SdkError<E, R>) -> BlobError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    // Answers to HEAD have no body, and so no code but this.
    match error.code() {
        Some("NoSuchKey" | "NotFound") => BlobError::Missing,
        _ => unavailable(error),
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
    pub(crate) fn new(config: &SdkConfig, bucket: &str) -> Self {
        // At an endpoint of one's own, buckets are paths: their names are no hosts there.
        let paths = config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(config)
            .timeout_config(clients::time_out(TRY))
            .force_path_style(paths)
            // Bodies are signed whole; presigned URLs must ask for no sum that their user does not know.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .interceptor(Recorder)
            .build();
        Self {
            client: Client::from_conf(config),
            bucket: bucket.to_owned(),
        }
    }

    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(name)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Many parts, which become one object at the end or nothing at all.
    async fn put_parts(&self, name: &str, first: Bytes, parts: &mut Parts) -> Result<(), BlobError> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(name)
            .send()
            .await
            .map_err(unavailable)?;
        let upload = begun.upload_id.ok_or_else(|| malformed("an upload without id"))?;
        let answer = self.fill(name, &upload, first, parts).await;
        if answer.is_err() {
            self.abort(name, &upload).await;
        }
        answer
    }

    async fn fill(&self, name: &str, upload: &str, first: Bytes, parts: &mut Parts) -> Result<(), BlobError> {
        let mut done = CompletedMultipartUpload::builder();
        let mut part = first;
        let mut number = 1;
        while !part.is_empty() {
            let answer = self
                .client
                .upload_part()
                .bucket(&self.bucket)
                .key(name)
                .upload_id(upload)
                .part_number(number)
                .body(ByteStream::from(part))
                .send()
                .await
                .map_err(unavailable)?;
            let completed = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag);
            done = done.parts(completed.build());
            part = parts.next().await?;
            number += 1;
        }
        self.client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(name)
            .upload_id(upload)
            .multipart_upload(done.build())
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Where this fails, the bucket's lifecycle rule takes the parts away.
    async fn abort(&self, name: &str, upload: &str) {
        let call = self.client.abort_multipart_upload();
        let answer = call.bucket(&self.bucket).key(name).upload_id(upload).send().await;
        if let Err(error) = answer {
            tracing::warn!(error = %DisplayErrorContext(error), "parts of a failed upload stay until they expire");
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
            self.put(name, first).await?;
        } else {
            self.put_parts(name, first, &mut parts).await?;
        }
        Ok(parts.length)
    }

    async fn upload_url(&self, name: &str) -> Result<Option<Url>, BlobError> {
        let valid = PresigningConfig::expires_in(URL_VALID).map_err(malformed)?;
        let request = self.client.put_object().bucket(&self.bucket).key(name);
        let request = request.presigned(valid).await.map_err(unavailable)?;
        Url::parse(request.uri()).map(Some).map_err(malformed)
    }

    async fn length(&self, name: &str) -> Result<u64, BlobError> {
        let head = self.client.head_object().bucket(&self.bucket).key(name);
        let answer = head.send().await.map_err(read_error)?;
        Ok(answer
            .content_length()
            .and_then(|length| u64::try_from(length).ok())
            .unwrap_or(0))
    }

    async fn read(&self, name: &str, offset: u64, length: usize) -> Result<Bytes, BlobError> {
        if length == 0 {
            return self.length(name).await.map(|_| Bytes::new());
        }
        let last = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX) - 1);
        let get = self.client.get_object().bucket(&self.bucket).key(name);
        match get.range(format!("bytes={offset}-{last}")).send().await {
            Ok(answer) => {
                let body = answer.body.collect().await;
                body.map(|body| body.into_bytes()).map_err(malformed)
            }
            // Nothing stands behind the end.
            Err(error) if error.code() == Some("InvalidRange") => Ok(Bytes::new()),
            Err(error) => Err(read_error(error)),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), BlobError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(name);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match read_error(error) {
                BlobError::Missing => Ok(()),
                error => Err(error),
            },
        }
    }
}
