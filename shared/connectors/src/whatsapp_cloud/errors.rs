//! Meta's error codes. Meta asks to judge by code, not by HTTP status.
//!
//! A code that is not listed is judged by its status. Troubles of the account (credentials,
//! permissions, restrictions, payment) are passing: they are the operator's to repair.
//!
//! Source: Meta's documentation, "WhatsApp Cloud API: Error codes".

use crate::http::Verdict::{self, Passing, Permanent, Unclear};

/// A range of codes and what they say.
pub(super) struct Known {
    first: u32,
    last: u32,
    pub(super) verdict: Verdict,
    pub(super) meaning: &'static str,
}

/// The entry of a code.
pub(super) fn find(code: u32) -> Option<&'static Known> {
    KNOWN
        .iter()
        .find(|known| (known.first..=known.last).contains(&code))
}

const fn known(code: u32, verdict: Verdict, meaning: &'static str) -> Known {
    range(code, code, verdict, meaning)
}

const fn range(first: u32, last: u32, verdict: Verdict, meaning: &'static str) -> Known {
    Known {
        first,
        last,
        verdict,
        meaning,
    }
}

const KNOWN: [Known; 48] = [
    // the account
    known(0, Passing, "the access token was refused"),
    known(3, Passing, "the app lacks a capability"),
    known(10, Passing, "the app lacks a permission"),
    known(190, Passing, "the access token has expired"),
    range(200, 299, Passing, "the app lacks a permission"),
    known(368, Passing, "the account is restricted for violating a policy"),
    known(131005, Passing, "access was denied"),
    known(131031, Passing, "the account is locked"),
    known(131037, Passing, "the sender's display name is not approved"),
    known(131042, Passing, "there is a problem with the payment method"),
    known(131045, Passing, "the sender's certificate is not valid"),
    known(133010, Passing, "the sender's number is not registered"),
    // rates
    known(4, Passing, "the app's rate limit was reached"),
    known(80007, Passing, "the account's rate limit was reached"),
    known(130429, Passing, "the throughput limit was reached"),
    known(131048, Passing, "the sender is limited after complaints of spam"),
    known(
        131056,
        Passing,
        "too many messages to this recipient in a short time",
    ),
    known(133016, Passing, "too many registrations of the sender's number"),
    // the service
    known(1, Unclear, "an unknown error inside Meta"),
    known(2, Passing, "the service is overloaded or down"),
    known(131000, Unclear, "an unknown error inside Meta"),
    known(131016, Passing, "the service is not available"),
    known(131057, Passing, "the account is in maintenance"),
    known(133004, Passing, "the service is not available"),
    // the recipient
    known(
        130472,
        Permanent,
        "the recipient is part of an experiment of Meta's",
    ),
    known(
        130497,
        Permanent,
        "sending to the recipient's country is restricted",
    ),
    known(131021, Permanent, "recipient and sender are the same number"),
    known(
        131026,
        Permanent,
        "the message cannot be delivered to this recipient",
    ),
    known(131030, Permanent, "the recipient is not on the allowed list"),
    known(
        131047,
        Permanent,
        "outside the customer service window; use a template",
    ),
    known(
        131049,
        Permanent,
        "Meta chose not to deliver it, to protect the recipient",
    ),
    known(131050, Permanent, "the recipient has opted out of marketing"),
    // the message
    known(33, Permanent, "the sender's number does not exist"),
    known(100, Permanent, "a parameter is not valid"),
    known(131008, Permanent, "a parameter is missing"),
    known(131009, Permanent, "a parameter's value is not valid"),
    known(131051, Permanent, "the message type is not supported"),
    known(131052, Permanent, "the media could not be downloaded"),
    known(131053, Permanent, "the media could not be uploaded"),
    known(132000, Permanent, "the number of template parameters is wrong"),
    known(132001, Permanent, "the template does not exist in this language"),
    known(132005, Permanent, "the template's text becomes too long"),
    known(132007, Permanent, "the template violates a policy"),
    known(132012, Permanent, "a template parameter has the wrong format"),
    known(132015, Permanent, "the template is paused"),
    known(132016, Permanent, "the template is disabled"),
    known(132068, Permanent, "the flow is blocked"),
    known(135000, Permanent, "an error of an unknown kind in the request"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_listed_twice() {
        for (n, known) in KNOWN.iter().enumerate() {
            assert!(known.first <= known.last);
            for other in KNOWN.iter().skip(n + 1) {
                assert!(
                    known.last < other.first || other.last < known.first,
                    "{}",
                    other.first
                );
            }
        }
    }
}
