//! Meta's error codes. Meta asks to judge by code, not by HTTP status.
//!
//! A code that is not listed is judged by its status. Troubles of the account (credentials,
//! permissions, restrictions, payment) are passing: they are the operator's to repair.
//!
//! Source: Meta's documentation, "WhatsApp Cloud API: Error codes".

use crate::http::Known;
use crate::http::Verdict::{Crowded, OptedOut, Passing, Permanent, Unclear};

/// What a code says.
pub(super) fn find(code: u32) -> Option<Known> {
    Some(match code {
        // the account
        0 => (Passing, "the access token was refused"),
        3 => (Passing, "the app lacks a capability"),
        10 => (Passing, "the app lacks a permission"),
        190 => (Passing, "the access token has expired"),
        200..=299 => (Passing, "the app lacks a permission"),
        368 => (Passing, "the account is restricted for violating a policy"),
        131005 => (Passing, "access was denied"),
        131031 => (Passing, "the account is locked"),
        131037 => (Passing, "the sender's display name is not approved"),
        131042 => (Passing, "there is a problem with the payment method"),
        131045 => (Passing, "the sender's certificate is not valid"),
        133010 => (Passing, "the sender's number is not registered"),
        // rates
        4 => (Passing, "the app's rate limit was reached"),
        80007 => (Passing, "the account's rate limit was reached"),
        130429 => (Passing, "the throughput limit was reached"),
        131048 => (Passing, "the sender is limited after complaints of spam"),
        131056 => (Crowded, "too many messages to this recipient in a short time"),
        133016 => (Passing, "too many registrations of the sender's number"),
        // the service
        1 => (Unclear, "an unknown error inside Meta"),
        2 => (Passing, "the service is overloaded or down"),
        131000 => (Unclear, "an unknown error inside Meta"),
        131016 => (Passing, "the service is not available"),
        131057 => (Passing, "the account is in maintenance"),
        133004 => (Passing, "the service is not available"),
        // the recipient
        130472 => (Permanent, "the recipient is part of an experiment of Meta's"),
        130497 => (Permanent, "sending to the recipient's country is restricted"),
        131021 => (Permanent, "recipient and sender are the same number"),
        131026 => (Permanent, "the message cannot be delivered to this recipient"),
        131030 => (Permanent, "the recipient is not on the allowed list"),
        131047 => (Permanent, "outside the customer service window; use a template"),
        131049 => (
            Permanent,
            "Meta chose not to deliver it, to protect the recipient",
        ),
        131050 => (OptedOut, "the recipient has opted out of marketing"),
        // the message
        33 => (Permanent, "the sender's number does not exist"),
        100 => (Permanent, "a parameter is not valid"),
        131008 => (Permanent, "a parameter is missing"),
        131009 => (Permanent, "a parameter's value is not valid"),
        131051 => (Permanent, "the message type is not supported"),
        131052 => (Permanent, "the media could not be downloaded"),
        131053 => (Permanent, "the media could not be uploaded"),
        132000 => (Permanent, "the number of template parameters is wrong"),
        132001 => (Permanent, "the template does not exist in this language"),
        132005 => (Permanent, "the template's text becomes too long"),
        132007 => (Permanent, "the template violates a policy"),
        132012 => (Permanent, "a template parameter has the wrong format"),
        132015 => (Permanent, "the template is paused"),
        132016 => (Permanent, "the template is disabled"),
        132068 => (Permanent, "the flow is blocked"),
        135000 => (Permanent, "an error of an unknown kind in the request"),
        _ => return None,
    })
}
