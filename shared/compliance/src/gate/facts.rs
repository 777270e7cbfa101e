//! The decision in two steps: gather the few facts that it rests on, then judge them. The facts are
//! the record, so that judging them again gives the same verdict without anything that changed since.

use domain::channel::Channel;
use domain::id::CampaignId;
use domain::time::{Millis, Timestamp};
use domain::voice::Dialing;
use serde::{Deserialize, Serialize};

use super::{CampaignState, Code, Decision, GateInput, RULES, Verdict};
use crate::caps::{self, Cap, CapFull, Ledger};
use crate::channels::Channels;
use crate::consent::{ConsentBasis, Standing, standing};
use crate::do_not_contact::Subject;
use crate::windows::{Status, WeeklyWindows, is_open, status};
use crate::zones::{self, TimeZone, ZoneSource};

/// What a verdict was taken from: enough to take it again and to explain it, and no more. It names
/// no address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Which rule decided.
    pub code: Code,
    /// When.
    pub at: Timestamp,
    /// The edition of the gate's rules.
    pub rules: u32,
    /// The edition of the time zone database.
    pub time_zones: String,
    /// The channel.
    pub channel: Channel,
    /// The activity's expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether the tenant had stopped everything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tenant_stopped: bool,
    /// The version of the tenant's policy.
    pub tenant_version: u64,
    /// The campaign, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignFacts>,
    /// The entry of the do-not-contact list that forbids the contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<ForbiddenFacts>,
    /// The person's last word.
    pub consent: Standing,
    /// The candidate zones, and in which of them the windows were open.
    pub zones: Vec<ZoneFacts>,
    /// The cap that was full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<CapFacts>,
    /// The rest from an abandoned call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<RestFacts>,
    /// The first instant with open windows, room in the caps, and no rest; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible_at: Option<Timestamp>,
}

/// The campaign at the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignFacts {
    /// Which one.
    pub id: CampaignId,
    /// The version of its policy.
    pub version: u64,
    /// What it was doing.
    pub state: CampaignState,
    /// What a missing consent record meant.
    pub basis: ConsentBasis,
}

/// What an entry of the do-not-contact list protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SubjectKind {
    /// The person.
    Person,
    /// The address.
    Address,
}

/// The entry of the do-not-contact list that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForbiddenFacts {
    /// Whether the person or the address is listed.
    pub subject: SubjectKind,
    /// For which channels.
    pub channels: Channels,
    /// Since when.
    pub at: Timestamp,
    /// Why, in the tenant's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A candidate zone at the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneFacts {
    /// The zone.
    pub zone: TimeZone,
    /// Where it came from.
    pub source: ZoneSource,
    /// Whether every window was open there.
    pub open: bool,
}

/// The full cap at the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CapFacts {
    /// How many contacts it allows.
    pub max: u32,
    /// In which span.
    #[serde(rename = "windowMs")]
    pub window: Millis,
    /// Over which channels.
    pub channels: Channels,
    /// When every cap has room.
    pub free_at: Timestamp,
}

/// The rest from an abandoned call at the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestFacts {
    /// When the call was abandoned.
    pub since: Timestamp,
    /// When calls may come again.
    pub until: Timestamp,
}

impl From<CapFull> for CapFacts {
    fn from(full: CapFull) -> Self {
        let CapFull { cap, free_at } = full;
        Self {
            max: cap.max,
            window: cap.window,
            channels: cap.channels,
            free_at,
        }
    }
}

/// Takes the decision of a record again.
pub fn replay(record: &Record) -> Code {
    judge(record)
}

pub(super) fn decide(input: &GateInput<'_>, now: Timestamp) -> Decision {
    let (mut record, ledger) = gather(input, now);
    record.code = judge(&record);
    Decision {
        verdict: verdict(&record, ledger),
        record,
    }
}

/// The windows that bind the contact: the campaign's, its channel's and the tenant's for the channel.
fn windows<'a>(input: &GateInput<'a>) -> Vec<&'a WeeklyWindows> {
    let channel = input.channel;
    let campaign = input.campaign.map(|campaign| campaign.policy);
    [
        campaign.and_then(|policy| policy.windows.as_ref()),
        campaign.and_then(|policy| policy.channel_windows.get(&channel)),
        input.tenant.policy.channel_windows.get(&channel),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The caps that bind the contact: the tenant's and the campaign's.
fn caps(input: &GateInput<'_>) -> Vec<Cap> {
    let campaign = input.campaign.map_or(&[][..], |campaign| &campaign.policy.caps);
    input.tenant.policy.caps.iter().chain(campaign).cloned().collect()
}

/// The ledger with a slot for the activity; none where nobody counts.
fn reserve(input: &GateInput<'_>, now: Timestamp) -> Result<Option<Ledger>, CapFull> {
    let caps = caps(input);
    if caps.is_empty() && input.ledger.is_none() {
        return Ok(None);
    }
    let empty = Ledger::default();
    let ledger = input.ledger.unwrap_or(&empty);
    let contact = caps::Contact {
        activity: input.activity,
        redrives: input.redrives,
        channel: input.channel,
    };
    caps::reserve(&caps, ledger, contact, now).map(Some)
}

/// The rest from an abandoned call that the contact would break. A call for which an agent is reserved first
/// cannot be abandoned again, and breaks none.
fn rest(input: &GateInput<'_>, now: Timestamp) -> Option<RestFacts> {
    let has_agent = matches!(input.dialing, Some(Dialing::Agent { mode, .. }) if mode.reserves_first());
    let since = input
        .abandoned_at
        .filter(|_| input.channel == Channel::Voice && !has_agent)?;
    let until = since + input.tenant.policy.rest_after_abandoned;
    (now < until).then_some(RestFacts { since, until })
}

/// Reads everything, whichever rule decides in the end: the record then shows what else stood in the
/// way. The code is filled in by [`judge`].
fn gather(input: &GateInput<'_>, now: Timestamp) -> (Record, Option<Ledger>) {
    let policy = input.campaign.map(|campaign| campaign.policy);
    let (zone_policy, default) = policy.map_or(
        (input.tenant.policy.zone_policy, input.tenant.policy.time_zone),
        |policy| (policy.zone_policy, policy.time_zone),
    );
    let candidates = zones::candidates(input.zones, input.address, zone_policy, default);
    let windows = windows(input);
    let (ledger, cap) = match reserve(input, now) {
        Ok(ledger) => (ledger, None),
        Err(full) => (None, Some(CapFacts::from(full))),
    };
    let rest = rest(input, now);
    let has_room_at = cap.as_ref().map_or(now, |cap| cap.free_at);
    let free_at = rest.map_or(has_room_at, |rest| rest.until.max(has_room_at));
    let all: Vec<TimeZone> = candidates.iter().map(|candidate| candidate.zone).collect();
    let possible_at = match status(&windows, &all, free_at) {
        Status::Open { .. } => Some(free_at),
        Status::Closed { opens_at } => opens_at,
    };
    let record = Record {
        code: Code::Allowed,
        at: now,
        rules: RULES,
        time_zones: zones::DATABASE.to_owned(),
        channel: input.channel,
        expires_at: input.expires_at,
        tenant_stopped: input.tenant.stopped,
        tenant_version: input.tenant.version,
        campaign: input.campaign.map(|campaign| CampaignFacts {
            id: campaign.id.clone(),
            version: campaign.version,
            state: campaign.state,
            basis: campaign.policy.consent_basis,
        }),
        forbidden: input
            .do_not_contact
            .iter()
            .find(|entry| entry.forbids(input.customer, input.address, input.channel, now))
            .map(|entry| ForbiddenFacts {
                subject: match entry.subject {
                    Subject::CustomerId(_) => SubjectKind::Person,
                    Subject::Address(_) => SubjectKind::Address,
                },
                channels: entry.channels.clone(),
                at: entry.at,
                reason: entry.reason.clone(),
            }),
        consent: standing(
            input.consents,
            input.channel,
            policy.and_then(|policy| policy.purpose.as_deref()),
        ),
        zones: candidates
            .iter()
            .map(|candidate| ZoneFacts {
                zone: candidate.zone,
                source: candidate.source,
                open: is_open(&windows, candidate.zone, now),
            })
            .collect(),
        cap,
        rest,
        possible_at,
    };
    (record, ledger)
}

/// The rules, in the order of the module's table.
fn judge(facts: &Record) -> Code {
    if facts.tenant_stopped {
        return Code::TenantStopped;
    }
    let state = facts.campaign.as_ref().map(|campaign| campaign.state);
    match state {
        Some(CampaignState::Stopped) => return Code::CampaignStopped,
        Some(CampaignState::Draft) => return Code::CampaignNotPublished,
        Some(CampaignState::Published | CampaignState::Paused) | None => {}
    }
    if facts.expires_at.is_some_and(|end| end <= facts.at) {
        return Code::Expired;
    }
    if state == Some(CampaignState::Paused) {
        return Code::CampaignPaused;
    }
    if facts.forbidden.is_some() {
        return Code::DoNotContact;
    }
    match facts.consent {
        Standing::OptedOut { .. } => return Code::OptedOut,
        Standing::Denied { .. } => return Code::ConsentDenied,
        Standing::Missing if facts.campaign.as_ref().is_some_and(|c| !c.basis.allows_missing()) => {
            return Code::ConsentMissing;
        }
        Standing::Missing | Standing::Granted { .. } => {}
    }
    let Some(possible_at) = facts.possible_at else {
        return Code::WindowNeverOpens;
    };
    if possible_at <= facts.at {
        return Code::Allowed;
    }
    if facts.expires_at.is_some_and(|end| end <= possible_at) {
        return Code::ExpiresBeforePossible;
    }
    if facts.zones.iter().any(|zone| !zone.open) {
        Code::WindowClosed
    } else if facts.cap.is_some() {
        Code::CapFull
    } else {
        Code::AfterAbandoned
    }
}

fn verdict(record: &Record, ledger: Option<Ledger>) -> Verdict {
    match record.code {
        Code::Allowed => Verdict::Allow { ledger },
        reason @ (Code::WindowClosed | Code::CapFull | Code::AfterAbandoned) => Verdict::Defer {
            until: record.possible_at.unwrap_or(Timestamp::MAX),
            reason,
        },
        Code::CampaignPaused => Verdict::Park,
        reason @ (Code::TenantStopped | Code::CampaignStopped | Code::CampaignNotPublished) => {
            Verdict::Cancel { reason }
        }
        reason @ (Code::Expired | Code::ExpiresBeforePossible) => Verdict::Expire { reason },
        reason @ (Code::DoNotContact
        | Code::ConsentDenied
        | Code::OptedOut
        | Code::ConsentMissing
        | Code::WindowNeverOpens) => Verdict::Refuse { reason },
    }
}
