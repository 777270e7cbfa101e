//! Twilio's error codes, as far as they say more than the HTTP status.
//!
//! A code that is not listed is judged by its status: Twilio adds codes without notice. Troubles of
//! the account (credentials, suspension) are passing: they are the operator's to repair.
//!
//! Source: Twilio's "Error and warning dictionary".

use crate::http::Verdict::{self, Passing, Permanent, Unclear};

/// A code and what it says.
pub(super) struct Known {
    pub(super) code: u32,
    pub(super) verdict: Verdict,
    pub(super) meaning: &'static str,
}

/// The entry of a code.
pub(super) fn find(code: u32) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.code == code)
}

const fn known(code: u32, verdict: Verdict, meaning: &'static str) -> Known {
    Known {
        code,
        verdict,
        meaning,
    }
}

const KNOWN: [Known; 45] = [
    // the account
    known(10001, Passing, "the account is not active"),
    known(20003, Passing, "the credentials were refused"),
    known(20005, Passing, "the account is not active"),
    known(20006, Passing, "access was denied"),
    known(20008, Permanent, "test credentials cannot send this"),
    known(30002, Passing, "the account is suspended"),
    // the service
    known(14107, Passing, "the send rate was exceeded"),
    known(20429, Passing, "too many requests"),
    known(20500, Unclear, "an error inside Twilio"),
    known(20503, Passing, "Twilio is not available"),
    known(20504, Unclear, "a gateway inside Twilio timed out"),
    known(21611, Passing, "the sender's queue is full"),
    known(30001, Passing, "the queue is full"),
    known(30022, Passing, "the carrier's rate limit was exceeded"),
    known(63018, Passing, "the channel's rate limit was exceeded"),
    // the recipient
    known(21211, Permanent, "the recipient's number is not valid"),
    known(21214, Permanent, "the recipient's number cannot be reached"),
    known(
        21217,
        Permanent,
        "the recipient's number does not appear to be valid",
    ),
    known(21265, Permanent, "the recipient is a short code"),
    known(21266, Permanent, "recipient and sender are the same number"),
    known(
        21408,
        Permanent,
        "sending to the recipient's region is not enabled",
    ),
    known(21608, Permanent, "a trial account sends to verified numbers only"),
    known(21610, Permanent, "the recipient has opted out"),
    known(
        21612,
        Permanent,
        "the recipient cannot be reached from this sender",
    ),
    known(21614, Permanent, "the recipient's number is no mobile number"),
    known(21635, Permanent, "the recipient's number is a landline"),
    known(63003, Permanent, "the channel does not know the recipient"),
    known(63024, Permanent, "the recipient is not valid"),
    // the sender
    known(21212, Permanent, "the sender's number is not valid"),
    known(21603, Permanent, "the sender is missing"),
    known(21606, Permanent, "the sender's number cannot send messages"),
    known(21659, Permanent, "the sender is no number of Twilio's"),
    known(21660, Permanent, "the sender does not belong to the account"),
    known(21703, Permanent, "the Messaging Service has no sender"),
    known(63007, Permanent, "the channel does not know the sender"),
    // the message
    known(21602, Permanent, "the text is missing"),
    known(21604, Permanent, "the recipient is missing"),
    known(21605, Permanent, "the text is too long"),
    known(21609, Permanent, "the callback address is not valid"),
    known(21617, Permanent, "the text is too long"),
    known(21620, Permanent, "a media address is not valid"),
    known(21655, Permanent, "the content template is not valid"),
    known(21656, Permanent, "the content variables are not valid"),
    known(63013, Permanent, "the message violates the channel's policy"),
    known(
        63016,
        Permanent,
        "outside the customer service window; use a template",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_listed_twice() {
        for (n, known) in KNOWN.iter().enumerate() {
            assert!(
                KNOWN.iter().skip(n + 1).all(|other| other.code != known.code),
                "{}",
                known.code
            );
        }
    }
}
