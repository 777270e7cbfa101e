//! The errors of `StartOutboundVoiceContact`, by name.
//!
//! Source: service model `connect` 2017-08-08. What is throttled says that there are too few lines or
//! that the quota of calls at once is reached: back off.

use crate::http::Known;
use crate::http::Verdict::{Passing, Permanent};

/// What an error says.
pub(super) fn find(name: &str) -> Option<Known> {
    Some(match name {
        "LimitExceededException" => (Passing, "a quota of the instance is used up"),
        "OutboundContactNotPermittedException" => (Passing, "the instance may not place such calls yet"),
        "DestinationNotAllowedException" => (Permanent, "the instance may not call this destination"),
        "InvalidParameterException" => (Permanent, "a parameter is not valid"),
        "InvalidRequestException" => (Permanent, "the request is not valid"),
        "ResourceNotFoundException" => (Permanent, "the instance, the flow or the queue does not exist"),
        _ => return None,
    })
}
