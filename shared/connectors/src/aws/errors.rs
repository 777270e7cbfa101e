//! AWS's errors: how they are named, and those that every service may give.
//!
//! Troubles of the account (credentials, permissions, quotas) are passing: they are the operator's to
//! repair. A name that is not listed is judged by its status.
//!
//! Sources: Smithy's `aws.protocols` (`X-Amzn-Errortype`, `__type`), AWS's "Common errors".

use platform::connector::SendOutcome;
use serde::Deserialize;

use crate::http::Verdict::{Passing, Unclear};
use crate::http::{Answer, Known};

/// The body of an error. Services spell `message` both ways.
#[derive(Default, Deserialize)]
struct Reading {
    #[serde(default, rename = "__type", alias = "code")]
    kind: Option<String>,
    #[serde(default, rename = "Reason")]
    reason: Option<String>,
    #[serde(default, alias = "Message")]
    message: Option<String>,
}

/// The outcome of an answer that is no success. `find` knows the service's own errors by their name
/// and, where the service tells, reason.
pub(crate) fn outcome(answer: &Answer, find: impl Fn(&str, Option<&str>) -> Option<Known>) -> SendOutcome {
    let reading: Reading = serde_json::from_slice(&answer.body).unwrap_or_default();
    let header = answer
        .headers
        .get("x-amzn-errortype")
        .and_then(|value| value.to_str().ok());
    let Some(name) = header.or(reading.kind.as_deref()).map(bare) else {
        return answer.refused_by_status();
    };
    let reason = reading.reason.as_deref();
    let known = find(name, reason).or_else(|| common(name));
    answer.refused(
        reason.unwrap_or(name),
        known,
        &reading.message.unwrap_or_default(),
    )
}

/// The name without its namespace before `#` and without what comes behind `:`.
fn bare(text: &str) -> &str {
    let text = text.split(':').next().unwrap_or_default();
    text.rsplit('#').next().unwrap_or_default().trim()
}

fn common(name: &str) -> Option<Known> {
    Some(match name {
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "OptInRequired" => {
            (Passing, "the credentials do not permit it")
        }
        "ExpiredToken" | "ExpiredTokenException" => (Passing, "the credentials have expired"),
        "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => (Passing, "the credentials were refused"),
        "RequestExpired" | "RequestTimeTooSkewed" => (Passing, "the machine's clock is wrong"),
        "RequestLimitExceeded" | "Throttling" | "ThrottlingException" | "TooManyRequestsException" => {
            (Passing, "too many requests")
        }
        "ServiceUnavailable" | "ServiceUnavailableException" => (Passing, "the service is not available"),
        "InternalFailure" | "InternalServerException" | "InternalServiceException" => {
            (Unclear, "an error inside AWS")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_namespace() {
        for text in [
            "ThrottlingException",
            "com.amazonaws.pinpointsmsvoicev2#ThrottlingException",
            "ThrottlingException:http://internal.amazon.com/coral/com.amazonaws.example/",
            "aws.example#ThrottlingException:http://internal.amazon.com/",
        ] {
            assert_eq!(bare(text), "ThrottlingException");
        }
    }
}
