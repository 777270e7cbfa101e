//! Signed JSON calls to services of which the product makes few calls, without their SDKs.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::http::Request;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use domain::time::{Millis, Timestamp};
use http::HeaderMap;
use platform::world::Clock;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{calls, clients};

/// A service that speaks AWS's JSON protocol.
#[derive(Debug)]
pub(crate) struct Service {
    /// The name under which requests are signed, which is IAM's prefix of its actions.
    pub(crate) signing: &'static str,
    /// What its host name begins with.
    pub(crate) host: &'static str,
    /// What comes before the action in `X-Amz-Target`.
    pub(crate) target: &'static str,
    /// The media type of bodies, by version of the protocol.
    pub(crate) media: &'static str,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The service refused it.
    #[error("{code}: {message}")]
    Refused {
        /// The code of the error, such as `ParameterNotFound`.
        code: String,
        /// What it said.
        message: String,
    },
    /// It did not answer, or not as it should.
    #[error("{0}")]
    Unavailable(String),
}

impl CallError {
    /// Whether the service refused with this code.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// Whether the same call may go better in a moment.
    fn passes(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused { code, .. } => {
                code.contains("Throttl")
                    || code.starts_with("TooManyUpdates")
                    || code.starts_with("InternalServer")
            }
        }
    }
}

/// Longest wait for one answer.
const TRY: Duration = Duration::from_secs(5);
/// Tries of a call. All calls made here may be repeated.
const TRIES: u32 = 4;
/// The longest first pause between tries; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// Credentials are fetched anew this long before they expire.
const MARGIN: Millis = Millis::minutes(2);

/// Makes signed calls.
pub(crate) struct Signed {
    connector: Connector,
    clock: Arc<dyn Clock>,
    region: Option<String>,
    endpoint: Option<String>,
    provider: Option<SharedCredentialsProvider>,
    held: Mutex<Option<Credentials>>,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

fn unavailable(error: impl std::error::Error + 'static) -> CallError {
    CallError::Unavailable(aws_smithy_types::error::display::DisplayErrorContext(error).to_string())
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0))
}

impl Signed {
    pub(crate) fn new(config: &SdkConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            connector: clients::connector(),
            clock,
            region: config.region().map(ToString::to_string),
            endpoint: config.endpoint_url().map(str::to_owned),
            provider: config.credentials_provider(),
            held: Mutex::new(None),
        }
    }

    /// Calls, and tries again what may pass. `resource` is the kind of what is acted on.
    pub(crate) async fn call(
        &self,
        service: &Service,
        action: &str,
        resource: &str,
        input: &Value,
    ) -> Result<Value, CallError> {
        calls::tell(service.signing, action, resource, "");
        let body = input.to_string();
        let mut attempt = 1;
        loop {
            let answer = tokio::time::timeout(TRY, self.once(service, action, &body));
            let answer = answer
                .await
                .unwrap_or_else(|_| Err(CallError::Unavailable(format!("no answer within {TRY:?}"))));
            match answer {
                Err(error) if error.passes() && attempt < TRIES => {
                    let longest = PAUSE.saturating_mul(2_u32.saturating_pow(attempt));
                    tokio::time::sleep(longest.mul_f64(rand::random())).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn once(&self, service: &Service, action: &str, body: &str) -> Result<Value, CallError> {
        let request = self.request(service, action, body).await?;
        let (status, _, body) = self.send(request).await?;
        read(status, &body)
    }

    /// Sends a request, and gives the answer's status, headers and body.
    pub(crate) async fn send(
        &self,
        request: http::Request<SdkBody>,
    ) -> Result<(u16, HeaderMap, Bytes), CallError> {
        let request = Request::try_from(request).map_err(unavailable)?;
        let response = self.connector.call(request).await.map_err(unavailable)?;
        let response = response.try_into_http1x().map_err(unavailable)?;
        let (parts, body) = response.into_parts();
        let body = ByteStream::new(body).collect().await.map_err(unavailable)?;
        Ok((parts.status.as_u16(), parts.headers, body.into_bytes()))
    }

    /// Signs a request.
    pub(crate) async fn sign(
        &self,
        service: &str,
        settings: SigningSettings,
        request: &mut http::Request<SdkBody>,
        body: SignableBody<'_>,
    ) -> Result<(), CallError> {
        let region = self.region()?;
        let identity = self.credentials().await?.into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(system_time(self.clock.now()))
            .settings(settings)
            .build()
            .map_err(unavailable)?;
        let (method, uri) = (request.method().to_string(), request.uri().to_string());
        let headers = request.headers().iter();
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(&method, uri, headers, body).map_err(unavailable)?;
        let (signature, _) = sign(signable, &parameters.into())
            .map_err(unavailable)?
            .into_parts();
        signature.apply_to_request_http1x(request);
        Ok(())
    }

    fn region(&self) -> Result<&str, CallError> {
        self.region
            .as_deref()
            .ok_or_else(|| CallError::Unavailable("no region is set; set AWS_REGION".to_owned()))
    }

    async fn request(
        &self,
        service: &Service,
        action: &str,
        body: &str,
    ) -> Result<http::Request<SdkBody>, CallError> {
        let url = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => endpoint(service, self.region()?),
        };
        let mut request = http::Request::post(format!("{}/", url.trim_end_matches('/')))
            .header("content-type", service.media)
            .header("x-amz-target", format!("{}.{action}", service.target))
            .body(SdkBody::from(body))
            .map_err(unavailable)?;
        let signed = SignableBody::Bytes(body.as_bytes());
        self.sign(service.signing, SigningSettings::default(), &mut request, signed)
            .await?;
        Ok(request)
    }

    async fn credentials(&self) -> Result<Credentials, CallError> {
        let mut held = self.held.lock().await;
        let soon = system_time(self.clock.now() + MARGIN);
        if let Some(credentials) = held.as_ref()
            && credentials.expiry().is_none_or(|expiry| expiry > soon)
        {
            return Ok(credentials.clone());
        }
        let provider = self
            .provider
            .as_ref()
            .ok_or_else(|| CallError::Unavailable("no AWS credentials are configured".to_owned()))?;
        let credentials = provider.provide_credentials().await.map_err(unavailable)?;
        *held = Some(credentials.clone());
        Ok(credentials)
    }
}

fn endpoint(service: &Service, region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://{}.{region}.{domain}", service.host)
}

/// The answer of the JSON protocol: an object, or an error with `__type`.
fn read(status: u16, body: &[u8]) -> Result<Value, CallError> {
    let value: Option<Value> = if body.is_empty() {
        Some(Value::Null)
    } else {
        serde_json::from_slice(body).ok()
    };
    if status == 200 {
        return value.ok_or_else(|| CallError::Unavailable("an answer that is no JSON".to_owned()));
    }
    let text = |name: &str| Some(value.as_ref()?.get(name)?.as_str()?.to_owned());
    match text("__type") {
        Some(kind) => Err(CallError::Refused {
            // The code may come with its namespace before it.
            code: kind.rsplit('#').next().unwrap_or_default().to_owned(),
            message: text("message").or_else(|| text("Message")).unwrap_or_default(),
        }),
        None => Err(CallError::Unavailable(format!("status {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_the_protocol_has_them() {
        assert_eq!(read(200, b""), Ok(Value::Null));
        assert_eq!(read(200, br#"{"a":1}"#), Ok(serde_json::json!({"a": 1})));
        assert!(matches!(read(200, b"<html>"), Err(CallError::Unavailable(_))));
        let refused = read(
            400,
            br#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"no"}"#,
        )
        .unwrap_err();
        assert!(refused.is("ParameterNotFound") && !refused.passes());
        let throttled = read(400, br#"{"__type":"ThrottlingException"}"#).unwrap_err();
        assert!(throttled.passes());
        assert!(read(503, b"busy").unwrap_err().passes());
    }

    #[test]
    fn hosts_follow_the_region() {
        let service = Service {
            signing: "ssm",
            host: "ssm",
            target: "AmazonSSM",
            media: "application/x-amz-json-1.1",
        };
        assert_eq!(
            endpoint(&service, "eu-west-2"),
            "https://ssm.eu-west-2.amazonaws.com"
        );
        assert_eq!(
            endpoint(&service, "cn-north-1"),
            "https://ssm.cn-north-1.amazonaws.com.cn"
        );
    }
}
