//! The record in words, for the person who asks why.

use std::fmt::Write as _;

use domain::time::{Millis, Timestamp};

use super::{Code, Record, SubjectKind};
use crate::consent::Standing;
use crate::zones::ZoneSource;

/// Explains a decision in English sentences. It names zones and times, never an address.
pub fn explain(record: &Record) -> String {
    let mut text = format!("At {}: {}", record.at, sentence(record));
    if matches!(
        record.code,
        Code::WindowClosed | Code::CapFull | Code::AfterAbandoned
    ) {
        let until = record.possible_at.unwrap_or(Timestamp::MAX);
        // Writing to a string cannot fail.
        let _ = write!(text, " It waits until {until}.");
    }
    text
}

fn sentence(record: &Record) -> String {
    let channel = record.channel.name();
    let expiry = record.expires_at.unwrap_or(Timestamp::MAX);
    match record.code {
        Code::Allowed => format!("allowed on {channel}. {}. {}.", consent(record), zones(record)),
        Code::TenantStopped => "cancelled, because everything was stopped.".to_owned(),
        Code::CampaignStopped => "cancelled, because its campaign was stopped.".to_owned(),
        Code::CampaignNotPublished => "cancelled, because its campaign is not published.".to_owned(),
        Code::CampaignPaused => "held back, because its campaign is paused.".to_owned(),
        Code::Expired => format!("expired: it was to leave before {expiry}."),
        Code::ExpiresBeforePossible => format!(
            "expired: it is to leave before {expiry}, and could leave at {} at the earliest. {}.",
            record.possible_at.unwrap_or(Timestamp::MAX),
            obstacles(record)
        ),
        Code::DoNotContact => forbidden(record),
        Code::ConsentDenied | Code::OptedOut => format!("refused on {channel}. {}.", consent(record)),
        Code::ConsentMissing => format!(
            "refused on {channel}: the campaign needs consent and none is on record for this channel and purpose."
        ),
        Code::WindowNeverOpens => format!(
            "refused on {channel}: there is no time at which the calling windows are open in every zone where \
             the person may be. {}.",
            zones(record)
        ),
        Code::WindowClosed | Code::CapFull | Code::AfterAbandoned => {
            format!("deferred on {channel}. {}.", obstacles(record))
        }
    }
}

fn forbidden(record: &Record) -> String {
    record.forbidden.as_ref().map_or_else(String::new, |entry| {
        let subject = match entry.subject {
            SubjectKind::Person => "person",
            SubjectKind::Address => "address",
        };
        let reason = if entry.reason.is_empty() {
            String::new()
        } else {
            format!(" ({})", entry.reason)
        };
        format!(
            "refused, because the {subject} is on the do-not-contact list for {} since {}{reason}.",
            entry.channels, entry.at
        )
    })
}

fn consent(record: &Record) -> String {
    match record.consent {
        // An import without a date stands at the beginning of time.
        Standing::Granted { at } if at == Timestamp::default() => {
            "The person consented, at a time that is not on record".to_owned()
        }
        Standing::Granted { at } => format!("The person consented at {at}"),
        Standing::Denied { at } => format!("The person refused at {at}"),
        Standing::OptedOut { at } => format!("The person opted out at {at}"),
        Standing::Missing if record.campaign.is_some() => {
            "No consent is on record, and the campaign's basis does not need it".to_owned()
        }
        Standing::Missing => {
            "No consent is on record; whoever scheduled the activity answers for its ground".to_owned()
        }
    }
}

/// What stands in the way: closed windows first, then a full cap, then a rest.
fn obstacles(record: &Record) -> String {
    let mut parts = Vec::new();
    if record.zones.iter().any(|zone| !zone.open) {
        parts.push(format!("A calling window is closed. {}", zones(record)));
    }
    if let Some(cap) = &record.cap {
        parts.push(format!(
            "The frequency cap is full: at most {} in {} over {}, free at {}",
            cap.max,
            span(cap.window),
            cap.channels,
            cap.free_at
        ));
    }
    if let Some(rest) = &record.rest {
        parts.push(format!(
            "The person answered a call at {} for which no agent was there, and is to have no other before {} \
             unless an agent is reserved for it",
            rest.since, rest.until
        ));
    }
    parts.join(". ")
}

/// All candidate zones with their source, and whether windows are open in each.
fn zones(record: &Record) -> String {
    let names: Vec<String> = record
        .zones
        .iter()
        .map(|facts| {
            let source = match facts.source {
                ZoneSource::Profile => "profile",
                ZoneSource::Contact => "contact",
                ZoneSource::Number => "phone number",
                ZoneSource::Default => "default",
            };
            let state = if facts.open { "open" } else { "closed" };
            format!("{} ({source}): {state}", facts.zone)
        })
        .collect();
    format!("Zones: {}", names.join(", "))
}

/// A span in its largest whole unit.
fn span(window: Millis) -> String {
    let seconds = window.get() / 1_000;
    let (count, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
