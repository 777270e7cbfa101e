//! Versions of resources: `ETag` in answers, `If-Match` and `If-None-Match` in requests.

use application::expected::Expected;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;

/// How the resource has to stand for the request to change it; none where the caller does not mind (RFC 9110,
/// section 13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precondition(pub Option<Expected>);

/// What `If-Match` says.
fn matching(text: &str) -> Option<Expected> {
    let text = text.trim();
    if text == "*" {
        return Some(Expected::Present);
    }
    let digits = text.strip_prefix('"')?.strip_suffix('"')?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain {
        digits.parse().ok().map(Expected::Version)
    } else {
        None
    }
}

/// What `If-None-Match` says: that there is nothing to be replaced.
fn absent(text: &str) -> Option<Expected> {
    (text.trim() == "*").then_some(Expected::ABSENT)
}

/// Reads a header that may be given once.
fn once(
    parts: &Parts,
    name: &'static str,
    read: impl FnOnce(&str) -> Option<Expected>,
    detail: &str,
) -> Result<Option<Expected>, Problem> {
    let mut values = parts.headers.get_all(name).iter();
    let read = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().ok().and_then(read),
        _ => None,
    };
    read.map(Some).ok_or_else(|| Problem::parameter(name, detail))
}

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let version = "must be one version as an ETag gave it, such as \"3\" with its quotes, or *";
        let matching = once(parts, "If-Match", matching, version)?;
        let absent = once(parts, "If-None-Match", absent, "must be *")?;
        if matching.is_some() && absent.is_some() {
            return Err(Problem::parameter("If-None-Match", "never holds beside If-Match"));
        }
        Ok(Self(matching.or(absent)))
    }
}

/// The ETag of a version.
pub(crate) fn etag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// A resource with its version.
#[derive(Debug)]
pub struct Resource<T> {
    status: StatusCode,
    version: u64,
    location: Option<String>,
    body: T,
}

impl<T> Resource<T> {
    /// A resource as it stands.
    pub fn ok(version: u64, body: T) -> Self {
        Self {
            status: StatusCode::OK,
            version,
            location: None,
            body,
        }
    }

    /// A new resource, and its path.
    pub fn created(location: String, version: u64, body: T) -> Self {
        Self {
            status: StatusCode::CREATED,
            version,
            location: Some(location),
            body,
        }
    }
}

impl<T: Serialize> IntoResponse for Resource<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag(self.version));
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_strong_tag_or_any() {
        assert_eq!(matching("\"3\""), Some(Expected::Version(3)));
        assert_eq!(matching(" * "), Some(Expected::Present));
        let too_large = "\"99999999999999999999999\"";
        for text in [
            "",
            "3",
            "\"\"",
            "W/\"3\"",
            "\"3\", \"4\"",
            "\"-1\"",
            "\"+1\"",
            "\"x\"",
            too_large,
        ] {
            assert_eq!(matching(text), None, "{text}");
        }
    }
}
