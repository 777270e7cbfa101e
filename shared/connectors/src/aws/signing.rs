//! Signature Version 4.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningError, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use domain::time::Timestamp;
use http::Method;
use platform::connector::SendFailure;

use crate::http::failure;

/// For which service and region a request is signed.
pub(super) struct Scope {
    pub(super) service: &'static str,
    pub(super) region: String,
}

/// A request that is to be signed.
pub(super) struct Unsigned<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

impl Scope {
    /// The headers that a request needs besides its own: its date, its signature, and the session's token.
    pub(super) fn sign(
        &self,
        keys: Credentials,
        at: Timestamp,
        request: &Unsigned<'_>,
    ) -> Result<Vec<(String, String)>, SendFailure> {
        let identity = keys.into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(system_time(at))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failure("signing", error.to_string()))?;
        let unsigned = |error: SigningError| failure("signing", error.to_string());
        let body = SignableBody::Bytes(request.body);
        let headers = request.headers.iter().copied();
        let request =
            SignableRequest::new(request.method.as_str(), request.url, headers, body).map_err(unsigned)?;
        let (instructions, _) = sign(request, &parameters.into()).map_err(unsigned)?.into_parts();
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(instructions.headers().map(own).collect())
    }
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn post<'a>(url: &'a str, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Unsigned<'a> {
        Unsigned {
            method: Method::POST,
            url,
            headers,
            body,
        }
    }

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        let mut found = headers.iter().filter(|(given, _)| given == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// `post-vanilla` of AWS's Signature Version 4 test suite.
    #[test]
    fn signs_as_aws_documents() {
        let scope = Scope {
            service: "service",
            region: "us-east-1".into(),
        };
        let at = Timestamp::parse("2015-08-30T12:36:00Z").unwrap();
        let keys = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test");
        let headers = scope
            .sign(keys, at, &post("https://example.amazonaws.com/", &[], b""))
            .unwrap();
        assert_eq!(header(&headers, "x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(
            header(&headers, "authorization"),
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
            )
        );
    }

    /// Body, headers and a session's token; the signature is that of botocore 1.44.5.
    #[test]
    fn signs_what_a_call_has() {
        let scope = Scope {
            service: "sms-voice",
            region: "eu-west-1".into(),
        };
        let at = Timestamp::parse("2026-11-24T12:00:00Z").unwrap();
        let keys = Credentials::new("AKIDEXAMPLE", SECRET, Some("session".into()), None, "test");
        let own = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "PinpointSMSVoiceV2.SendTextMessage"),
        ];
        let body = "{\"MessageBody\":\"Hello Zoë\"}".as_bytes();
        let url = "https://sms-voice.eu-west-1.amazonaws.com/";
        let headers = scope.sign(keys, at, &post(url, &own, body)).unwrap();
        assert_eq!(header(&headers, "x-amz-security-token"), Some("session"));
        assert_eq!(
            header(&headers, "authorization"),
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-west-1/sms-voice/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, \
                 Signature=bedc5956a131dae568c231745b88a0116cf14713d829ae0ef847b08285e329eb"
            )
        );
    }
}
