//! The few calls that uploads make to S3, signed here. Its SDK would be a tenth of a function.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html>, and "Authenticating Requests (AWS Signature
//! Version 4)" there: paths are encoded once, and the body's hash is a header.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignatureLocation, SigningSettings,
    UriPathNormalizationMode,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

use crate::calls;
use crate::signed::{CallError, Signed};

/// Longest try of a call: a part on a slow line.
const TRY: Duration = Duration::from_secs(60);
/// Tries of a call. All calls made here may be repeated.
const TRIES: u32 = 3;
/// The longest first pause between tries; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// What a call does, by the method and by IAM's name of the action.
#[derive(Clone)]
pub(crate) struct Action(Method, &'static str);

impl Action {
    /// Reads an object.
    pub(crate) const GET: Self = Self(Method::GET, "GetObject");
    /// Tells what there is about an object.
    pub(crate) const HEAD: Self = Self(Method::HEAD, "GetObject");
    /// Writes an object or a part of one.
    pub(crate) const PUT: Self = Self(Method::PUT, "PutObject");
    /// Begins and ends an upload in parts.
    pub(crate) const POST: Self = Self(Method::POST, "PutObject");
    /// Deletes an object.
    pub(crate) const DELETE: Self = Self(Method::DELETE, "DeleteObject");
    /// Gives an upload in parts up.
    pub(crate) const ABORT: Self = Self(Method::DELETE, "AbortMultipartUpload");
}

/// A call about an object.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub(crate) action: Action,
    /// The object.
    pub(crate) name: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// The bytes that are wanted, as the header `Range` has them.
    pub(crate) range: Option<String>,
    pub(crate) body: Bytes,
}

impl<'a> Call<'a> {
    pub(crate) fn new(action: Action, name: &'a str) -> Self {
        Self {
            action,
            name,
            query: &[],
            range: None,
            body: Bytes::new(),
        }
    }
}

/// An answer: its headers and its body.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A bucket.
#[derive(Clone)]
pub(crate) struct Bucket {
    signed: Arc<Signed>,
    /// Where its objects are, or why nowhere.
    place: Result<Url, String>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Bucket {
    pub(crate) fn new(signed: Arc<Signed>, config: &SdkConfig, bucket: &str) -> Self {
        let region = config.region().map(AsRef::as_ref);
        Self {
            signed,
            place: place(config.endpoint_url(), region, bucket),
        }
    }

    /// Calls, and tries again what may pass.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, CallError> {
        calls::tell("s3", call.action.1, "bucket", "");
        let mut attempt = 1;
        loop {
            let answer = tokio::time::timeout(TRY, self.once(&call));
            let answer = answer
                .await
                .unwrap_or_else(|_| Err(CallError::Unavailable(format!("no answer within {TRY:?}"))));
            match answer {
                Err(error) if passes(&error) && attempt < TRIES => {
                    let longest = PAUSE.saturating_mul(2_u32.saturating_pow(attempt));
                    tokio::time::sleep(longest.mul_f64(rand::random())).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Where anybody may put this object for so long.
    pub(crate) async fn upload_url(&self, name: &str, valid: Duration) -> Result<Url, CallError> {
        calls::tell("s3", Action::PUT.1, "bucket", "");
        let mut settings = settings();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.expires_in = Some(valid);
        let mut request = http::Request::put(self.url(name, &[])?.as_str())
            .body(SdkBody::empty())
            .map_err(unavailable)?;
        self.signed
            .sign("s3", settings, &mut request, SignableBody::UnsignedPayload)
            .await?;
        Url::parse(&request.uri().to_string()).map_err(unavailable)
    }

    async fn once(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        let Action(method, _) = &call.action;
        let mut request = http::Request::builder()
            .method(method.clone())
            .uri(self.url(call.name, call.query)?.as_str());
        if let Some(range) = &call.range {
            request = request.header("range", range);
        }
        let mut request = request
            .body(SdkBody::from(call.body.clone()))
            .map_err(unavailable)?;
        self.signed
            .sign("s3", settings(), &mut request, SignableBody::Bytes(&call.body))
            .await?;
        let (status, headers, body) = self.signed.send(request).await?;
        // The end of an upload may be refused under the status 200; what objects hold is theirs.
        let is_refused =
            !(200..300).contains(&status) || (*method == Method::POST && text(&body).contains("<Error>"));
        if is_refused {
            return Err(refusal(status, &body));
        }
        Ok(Answer { headers, body })
    }

    fn url(&self, name: &str, query: &[(&str, &str)]) -> Result<Url, CallError> {
        let mut url = self.place.clone().map_err(CallError::Unavailable)?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(name);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

fn unavailable(error: impl fmt::Display) -> CallError {
    CallError::Unavailable(error.to_string())
}

fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings
}

/// Where a bucket's objects are: under its own host, and at an endpoint of one's own under a path, because names of
/// buckets are no hosts there.
fn place(endpoint: Option<&str>, region: Option<&str>, bucket: &str) -> Result<Url, String> {
    let text = match (endpoint, region) {
        (Some(endpoint), _) => format!("{}/{bucket}/", endpoint.trim_end_matches('/')),
        (None, Some(region)) => {
            let domain = if region.starts_with("cn-") {
                "amazonaws.com.cn"
            } else {
                "amazonaws.com"
            };
            // A name with a dot is no name of one level, as certificates have it.
            if bucket.contains('.') {
                format!("https://s3.{region}.{domain}/{bucket}/")
            } else {
                format!("https://{bucket}.s3.{region}.{domain}/")
            }
        }
        (None, None) => return Err("no region is set; set AWS_REGION".to_owned()),
    };
    Url::parse(&text).map_err(|error| format!("{text} is no address: {error}"))
}

/// The beginning of an answer, where S3 says what is wrong.
fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or_default())
}

/// Why a call was refused.
fn refusal(status: u16, body: &[u8]) -> CallError {
    let text = text(body);
    match between(&text, "Code") {
        Some(code) => CallError::Refused {
            code: code.to_owned(),
            message: between(&text, "Message").unwrap_or_default().to_owned(),
        },
        // Answers to HEAD have no body, and so no code but this.
        None if status == 404 => CallError::Refused {
            code: "NotFound".to_owned(),
            message: String::new(),
        },
        None => CallError::Unavailable(format!("status {status}")),
    }
}

/// What an element of this name holds, where it holds text.
pub(crate) fn between<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// Whether the same call may go better in a moment.
fn passes(error: &CallError) -> bool {
    match error {
        CallError::Unavailable(_) => true,
        CallError::Refused { code, .. } => matches!(
            code.as_str(),
            "InternalError" | "ServiceUnavailable" | "SlowDown" | "RequestTimeout" | "OperationAborted"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_hosts_or_paths() {
        let of = |endpoint, region, bucket| place(endpoint, region, bucket).map(String::from);
        assert_eq!(
            of(None, Some("eu-west-2"), "uploads").unwrap(),
            "https://uploads.s3.eu-west-2.amazonaws.com/"
        );
        assert_eq!(
            of(None, Some("cn-north-1"), "my.uploads").unwrap(),
            "https://s3.cn-north-1.amazonaws.com.cn/my.uploads/"
        );
        assert_eq!(
            of(Some("http://127.0.0.1:4566"), None, "uploads").unwrap(),
            "http://127.0.0.1:4566/uploads/"
        );
        assert!(of(None, None, "uploads").unwrap_err().contains("AWS_REGION"));
    }

    #[test]
    fn refusals_are_read() {
        let xml = b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>no</Message></Error>";
        let missing = refusal(404, xml);
        assert!(missing.is("NoSuchKey") && !passes(&missing));
        assert!(refusal(404, b"").is("NotFound"));
        let late = refusal(200, b"<Error><Code>InternalError</Code></Error>");
        assert!(late.is("InternalError") && passes(&late));
        assert!(passes(&refusal(503, b"")));
    }
}
