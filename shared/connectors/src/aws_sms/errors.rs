//! The errors of `SendTextMessage`. The reasons tell more than the names, which all come with 400.
//!
//! Source: service model `pinpoint-sms-voice-v2` 2022-03-31.

use crate::http::Known;
use crate::http::Verdict::{OptedOut, Passing, Permanent};

/// What an error says, by its name and reason.
pub(super) fn find(name: &str, reason: Option<&str>) -> Option<Known> {
    reason.and_then(by_reason).or_else(|| by_name(name))
}

fn by_name(name: &str) -> Option<Known> {
    Some(match name {
        "ServiceQuotaExceededException" => (Passing, "a quota of the account is used up"),
        "AccessDeniedException" => (Passing, "the account may not send"),
        "ResourceNotFoundException" => (Permanent, "the sender or the configuration set does not exist"),
        "ValidationException" => (Permanent, "the request is not valid"),
        "ConflictException" => (Permanent, "the request does not fit the account's configuration"),
        _ => return None,
    })
}

fn by_reason(reason: &str) -> Option<Known> {
    Some(match reason {
        // the account
        "ACCOUNT_DISABLED" => (Passing, "the account is disabled"),
        "INSUFFICIENT_ACCOUNT_REPUTATION" => (Passing, "the account's reputation is too low"),
        "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT" => (Passing, "the monthly spend limit is reached"),
        "REGISTRATION_NOT_COMPLETE" => (Passing, "the sender's registration is not complete"),
        "RESOURCE_NOT_ACTIVE" => (Passing, "the sender is not active"),
        // the recipient
        "DESTINATION_PHONE_NUMBER_OPTED_OUT" => (OptedOut, "the recipient has opted out"),
        "DESTINATION_PHONE_NUMBER_NOT_VERIFIED" => (
            Permanent,
            "an account in the sandbox sends to verified numbers only",
        ),
        "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE"
        | "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"
        | "DESTINATION_COUNTRY_BLOCKED" => (Permanent, "sending to the recipient is blocked"),
        "COUNTRY_NOT_ENABLED" | "INTERNATIONAL_SENDING_NOT_SUPPORTED" => {
            (Permanent, "sending to the recipient's country is not enabled")
        }
        // the sender
        "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY"
        | "NO_ORIGINATION_IDENTITIES_FOUND"
        | "COUNTRY_CODE_MISMATCH" => (Permanent, "no sender fits the recipient's country"),
        "NUMBER_CAPABILITIES_MISMATCH" => (Permanent, "the sender does not send SMS"),
        "MESSAGE_TYPE_MISMATCH" => (Permanent, "the sender does not send messages of this type"),
        "SENDER_ID_NOT_REGISTERED" | "SENDER_ID_REQUIRES_REGISTRATION" | "SENDER_ID_NOT_SUPPORTED" => {
            (Permanent, "the sender id is not registered for the country")
        }
        // the message
        "MAXIMUM_SIZE_EXCEEDED" => (Permanent, "the text is too long"),
        "PRICE_OVER_THRESHOLD" => (Permanent, "the message costs more than `maxPrice`"),
        _ => return None,
    })
}
