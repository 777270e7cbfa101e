//! Twilio's error codes, as far as they say more than the HTTP status.
//!
//! A code that is not listed is judged by its status: Twilio adds codes without notice. Troubles of
//! the account (credentials, suspension) are passing: they are the operator's to repair.
//!
//! Source: Twilio's "Error and warning dictionary".

use crate::http::Known;
use crate::http::Verdict::{OptedOut, Passing, Permanent, Unclear};

/// What a code says.
pub(super) fn find(code: u32) -> Option<Known> {
    Some(match code {
        // the account
        10001 => (Passing, "the account is not active"),
        20003 => (Passing, "the credentials were refused"),
        20005 => (Passing, "the account is not active"),
        20006 => (Passing, "access was denied"),
        20008 => (Permanent, "test credentials cannot send this"),
        30002 => (Passing, "the account is suspended"),
        // the service
        14107 => (Passing, "the send rate was exceeded"),
        20429 => (Passing, "too many requests"),
        20500 => (Unclear, "an error inside Twilio"),
        20503 => (Passing, "Twilio is not available"),
        20504 => (Unclear, "a gateway inside Twilio timed out"),
        21611 => (Passing, "the sender's queue is full"),
        30001 => (Passing, "the queue is full"),
        30022 => (Passing, "the carrier's rate limit was exceeded"),
        63018 => (Passing, "the channel's rate limit was exceeded"),
        // the recipient
        21211 => (Permanent, "the recipient's number is not valid"),
        21214 => (Permanent, "the recipient's number cannot be reached"),
        21217 => (Permanent, "the recipient's number does not appear to be valid"),
        21265 => (Permanent, "the recipient is a short code"),
        21266 => (Permanent, "recipient and sender are the same number"),
        21408 => (Permanent, "sending to the recipient's region is not enabled"),
        21608 => (Permanent, "a trial account sends to verified numbers only"),
        21610 => (OptedOut, "the recipient has opted out"),
        21612 => (Permanent, "the recipient cannot be reached from this sender"),
        21614 => (Permanent, "the recipient's number is no mobile number"),
        21635 => (Permanent, "the recipient's number is a landline"),
        63003 => (Permanent, "the channel does not know the recipient"),
        63024 => (Permanent, "the recipient is not valid"),
        // the sender
        21212 => (Permanent, "the sender's number is not valid"),
        21603 => (Permanent, "the sender is missing"),
        21606 => (Permanent, "the sender's number cannot send messages"),
        21659 => (Permanent, "the sender is no number of Twilio's"),
        21660 => (Permanent, "the sender does not belong to the account"),
        21703 => (Permanent, "the Messaging Service has no sender"),
        63007 => (Permanent, "the channel does not know the sender"),
        // the message
        21602 => (Permanent, "the text is missing"),
        21604 => (Permanent, "the recipient is missing"),
        21605 => (Permanent, "the text is too long"),
        21609 => (Permanent, "the callback address is not valid"),
        21617 => (Permanent, "the text is too long"),
        21620 => (Permanent, "a media address is not valid"),
        21655 => (Permanent, "the content template is not valid"),
        21656 => (Permanent, "the content variables are not valid"),
        63013 => (Permanent, "the message violates the channel's policy"),
        63016 => (Permanent, "outside the customer service window; use a template"),
        _ => return None,
    })
}
