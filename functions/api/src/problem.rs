//! Problem details (RFC 9457): how every refusal and failure looks to the caller.
//!
//! A use case's error becomes a problem here and nowhere else, and here it is logged, once.

use application::error::{Error, FieldError};
use axum::response::{IntoResponse, Response};
use domain::time::Millis;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::trace;

/// The media type of problems.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemField {
    /// Where: a JSON pointer (RFC 6901) into the body, or `/` and the name of a parameter.
    #[schema(example = "/dueAt")]
    pub pointer: String,
    /// What is wrong, as the end of a sentence that begins with the field's name.
    #[schema(example = "may lie at most 366 days ahead")]
    pub detail: String,
}

/// What is told about a refusal or a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// Identifies the kind of problem; ends in `code`.
    #[serde(rename = "type")]
    #[schema(example = "urn:outbound-campaigns:problem:invalid-request")]
    pub kind: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// A stable code for programs.
    #[schema(example = "invalid-request")]
    pub code: String,
    /// Which fields are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// The present version, 0 of what is not there, where the request expected another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u64>,
    /// Names this request in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A refusal or a failure. One pointer wide, because it is the error of nearly every function here.
#[derive(Clone, Debug)]
pub struct Problem(Box<Facts>);

#[derive(Clone, Debug)]
struct Facts {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    current_version: Option<u64>,
    retry_after: Option<Millis>,
    /// For the log only.
    cause: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl ToString) -> Self {
        Self(Box::new(Facts {
            status,
            code,
            title,
            detail: detail.to_string(),
            errors: Vec::new(),
            current_version: None,
            retry_after: None,
            cause: None,
        }))
    }

    fn having(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.0);
        self
    }

    /// The request cannot be read.
    pub fn malformed(detail: impl ToString) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-request",
            "The request cannot be read",
            detail,
        )
    }

    /// A parameter or header cannot be read.
    pub fn parameter(name: &str, detail: impl ToString) -> Self {
        let detail = detail.to_string();
        let field = FieldError::new(format!("/{name}"), &detail);
        Self::malformed(format!("`{name}` {detail}")).with(vec![field])
    }

    /// The request can be read, but says something that is not possible.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => format!("The request {}.", one.detail),
            [one] => format!("`{}` {}.", one.pointer, one.detail),
            many => format!("{} fields are wrong.", many.len()),
        };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "invalid-request", "The request is not valid", detail).with(errors)
    }

    /// There is nothing at this path.
    pub fn no_such_path() -> Self {
        let detail = "There is no such resource in this API; see /docs.";
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-path",
            "There is nothing here",
            detail,
        )
    }

    /// The caller did not say who it is, or nobody knows it.
    pub fn unauthenticated(detail: impl ToString) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "A valid API key is needed",
            detail,
        )
    }

    /// The caller may not do this.
    pub fn forbidden(detail: impl ToString) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The API key does not allow this",
            detail,
        )
    }

    /// The body is too large.
    pub fn too_large(detail: impl ToString) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The request is too large",
            detail,
        )
    }

    /// The rest of the body does not come.
    pub(crate) fn stalled() -> Self {
        let detail = "The rest of the body did not come. Nothing was done; send the request again.";
        let status = StatusCode::REQUEST_TIMEOUT;
        Self::new(
            status,
            "request-timeout",
            "The request took too long to come",
            detail,
        )
    }

    /// The body is of a kind that is not understood.
    pub fn media_type(detail: impl ToString) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(
            status,
            "unsupported-media-type",
            "The body is of another kind than expected",
            detail,
        )
    }

    /// The platform did not do it; repeating is safe.
    pub fn unavailable(cause: impl ToString) -> Self {
        let detail =
            "The service could not complete the request; repeat it, best with the same Idempotency-Key.";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let problem = Self::new(status, "unavailable", "The service is not available", detail);
        problem.having(|facts| {
            facts.cause = Some(cause.to_string());
            facts.retry_after = Some(Millis::seconds(1));
        })
    }

    /// A defect of ours.
    pub fn internal(cause: impl ToString) -> Self {
        let detail = "Something went wrong in the service; its operators find it under the request id.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let problem = Self::new(status, "internal", "The service failed", detail);
        problem.having(|facts| facts.cause = Some(cause.to_string()))
    }

    /// For a response that was made without a problem, such as 405.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::no_such_path(),
            StatusCode::METHOD_NOT_ALLOWED => {
                let detail = "The resource does not take this method; `Allow` lists those that it takes.";
                Self::new(
                    status,
                    "method-not-allowed",
                    "The method is not allowed here",
                    detail,
                )
            }
            status if status.is_client_error() => {
                let detail = status.canonical_reason().unwrap_or("The request was refused.");
                Self::malformed(detail).having(|facts| facts.status = status)
            }
            status => Self::internal(format!("an answer of {status} without a problem")),
        }
    }

    /// With the fields that are wrong.
    #[must_use]
    pub fn with(self, errors: Vec<FieldError>) -> Self {
        self.having(|facts| facts.errors = errors)
    }

    /// As a use case's error, for input that is read within a use case.
    pub(crate) fn into_invalid(self) -> Error {
        let Facts { errors, detail, .. } = *self.0;
        if errors.is_empty() {
            Error::field("", detail)
        } else {
            Error::Invalid(errors)
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The same problem, seen from a document that holds the input at `prefix`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        for error in &mut self.0.errors {
            error.pointer.insert_str(0, prefix);
        }
        self
    }

    /// What the caller is told.
    pub fn body(&self) -> ProblemBody {
        let field = |error: &FieldError| ProblemField {
            pointer: error.pointer.clone(),
            detail: error.detail.clone(),
        };
        let facts = &self.0;
        ProblemBody {
            kind: format!("urn:outbound-campaigns:problem:{}", facts.code),
            title: facts.title.to_owned(),
            status: facts.status.as_u16(),
            detail: facts.detail.clone(),
            code: facts.code.to_owned(),
            errors: facts.errors.iter().map(field).collect(),
            current_version: facts.current_version,
            request_id: trace::request_id(),
        }
    }

    /// Tells the operators of what is ours to mend.
    pub(crate) fn log(&self) {
        let Facts {
            code, status, cause, ..
        } = &*self.0;
        if let Some(cause) = cause {
            tracing::error!(code, status = status.as_u16(), cause, "a request failed");
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(errors) => Self::invalid(errors),
            Error::NotFound { .. } => Self::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "There is no such thing",
                sentence(&detail),
            ),
            Error::Conflict {
                code: code @ "idempotency-key-reused",
                ..
            } => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self::new(
                    status,
                    code,
                    "The Idempotency-Key belongs to another request",
                    sentence(&detail),
                )
            }
            Error::Conflict { code, .. } => {
                let retry_after = (code == "idempotency-key-in-progress").then_some(Millis::seconds(1));
                let title = "The present state does not allow this";
                Self::new(StatusCode::CONFLICT, code, title, sentence(&detail))
                    .having(|facts| facts.retry_after = retry_after)
            }
            Error::PreconditionFailed { current } => {
                let status = StatusCode::PRECONDITION_FAILED;
                let title = "The resource does not stand as the request expects";
                Self::new(status, "precondition-failed", title, sentence(&detail))
                    .having(|facts| facts.current_version = Some(current))
            }
            Error::Busy { retry_after } => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "busy", "The service is busy", sentence(&detail))
                    .having(|facts| facts.retry_after = Some(retry_after))
            }
            Error::Platform(cause) => Self::unavailable(cause),
            Error::Corrupt(cause) => Self::internal(cause),
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.0.status, axum::Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(pause) = self.0.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(pause.get().div_ceil(1_000).max(1)),
            );
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
