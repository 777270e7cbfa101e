//! Versions of resources: `ETag` in answers, `If-Match` in requests.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;

/// The version that the caller has seen; none where it does not mind (`*`, or no header).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<u64>);

impl IfMatch {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self(None));
        }
        let digits = text.strip_prefix('"')?.strip_suffix('"')?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if plain {
            digits.parse().ok().map(|version| Self(Some(version)))
        } else {
            None
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => value.to_str().ok().and_then(Self::parse).ok_or(()),
            _ => Err(()),
        }
        .map_err(|()| {
            let detail = "must be one version as an ETag gave it, such as \"3\" with its quotes, or *";
            Problem::parameter("If-Match", detail)
        })
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
        assert_eq!(IfMatch::parse("\"3\""), Some(IfMatch(Some(3))));
        assert_eq!(IfMatch::parse(" * "), Some(IfMatch(None)));
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
            assert_eq!(IfMatch::parse(text), None, "{text}");
        }
    }
}
