//! The gate: one decision over everything that may keep a contact from leaving.
//!
//! The first rule that applies decides. Their order, from the strongest:
//!
//! | # | rule | verdict |
//! |---|---|---|
//! | 1 | the tenant stopped everything | cancel |
//! | 2 | the campaign is stopped, or back in draft | cancel |
//! | 3 | the activity's expiry has come | expire |
//! | 4 | the campaign is paused | park |
//! | 5 | person or address is on the do-not-contact list | refuse |
//! | 6 | the person's last word on this channel is a refusal, or an opt-out word | refuse |
//! | 7 | nothing is on record and the campaign's basis needs consent | refuse |
//! | 8 | the windows never open in all candidate zones at once | refuse |
//! | 9 | a window is closed in a candidate zone | defer, or expire |
//! | 10 | a frequency cap is full | defer, or expire |
//! | 11 | the person rests from an abandoned call, and no agent is reserved for this one | defer, or expire |
//! | 12 | none of these | allow |
//!
//! Expiry stands before pause, so that what can no longer be sent says so instead of waiting for a
//! resume. A pause refuses nobody: the rules about the person are asked when it ends. A deferral
//! leads to the first instant at which, by what is known now, windows are open, caps have room and the
//! person has rested; where that is not before the expiry, the activity expires at once. A closed window defers: it
//! never moves the contact to another channel.
//!
//! Activities without campaign have no campaign windows, caps or basis: a missing record allows,
//! because whoever schedules them answers for the ground. Refusals, opt-outs, the do-not-contact list
//! and the tenant's windows and caps hold for them all the same.

mod facts;
mod policy;
mod prose;

use domain::address::Address;
pub use domain::campaign::CampaignState;
use domain::channel::Channel;
use domain::id::{ActivityId, CampaignId, CustomerId};
use domain::time::Timestamp;
use domain::voice::Dialing;
use serde::{Deserialize, Serialize};

pub use facts::{CampaignFacts, CapFacts, ForbiddenFacts, Record, RestFacts, SubjectKind, ZoneFacts, replay};
pub use policy::{CampaignPolicy, REST_AFTER_ABANDONED, TenantPolicy};
pub use prose::explain;

use crate::caps::Ledger;
use crate::consent::Consent;
use crate::do_not_contact::Entry;
use crate::zones::ZoneInputs;

/// The edition of these rules; raised whenever the same facts may give another verdict.
pub const RULES: u32 = 3;

/// The tenant as the gate sees it.
#[derive(Clone, Copy, Debug)]
pub struct TenantInput<'a> {
    /// Whether "stop everything" is in force.
    pub stopped: bool,
    /// The version of the policy, for the record.
    pub version: u64,
    /// The policy.
    pub policy: &'a TenantPolicy,
}

/// The campaign as the gate sees it.
#[derive(Clone, Copy, Debug)]
pub struct CampaignInput<'a> {
    /// Which campaign.
    pub id: &'a CampaignId,
    /// What it is doing.
    pub state: CampaignState,
    /// The version of the policy, for the record.
    pub version: u64,
    /// The policy.
    pub policy: &'a CampaignPolicy,
}

/// Everything that the gate reads.
#[derive(Clone, Copy, Debug)]
pub struct GateInput<'a> {
    /// The activity that is about to leave.
    pub activity: &'a ActivityId,
    /// How often a person has sent it again: each time is another contact.
    pub redrives: u32,
    /// Its channel.
    pub channel: Channel,
    /// How it is dialed, if it is a call of which that is known.
    pub dialing: Option<&'a Dialing>,
    /// Its recipient.
    pub address: &'a Address,
    /// The recipient's profile, where known.
    pub customer: Option<&'a CustomerId>,
    /// From when it must not leave any more.
    pub expires_at: Option<Timestamp>,
    /// The tenant.
    pub tenant: TenantInput<'a>,
    /// The campaign, if it belongs to one.
    pub campaign: Option<CampaignInput<'a>>,
    /// What is known about the person's time zone.
    pub zones: ZoneInputs,
    /// The person's consent records.
    pub consents: &'a [Consent],
    /// Entries of the do-not-contact list that may concern the person; others are ignored.
    pub do_not_contact: &'a [Entry],
    /// The person's contacts. None: the caller keeps no ledger for this contact, and unless there are
    /// caps none is made. Where it is given, each allowed contact is reserved, caps or not, because
    /// another campaign's cap may count it.
    pub ledger: Option<&'a Ledger>,
    /// When the person last answered a call for which no agent was there in time.
    pub abandoned_at: Option<Timestamp>,
}

/// Which rule decided. Stable, on the wire and in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Code {
    /// The contact may leave.
    Allowed,
    /// The tenant stopped everything.
    TenantStopped,
    /// The campaign was stopped.
    CampaignStopped,
    /// The campaign is not published, or no longer.
    CampaignNotPublished,
    /// The campaign is paused.
    CampaignPaused,
    /// The expiry has come.
    Expired,
    /// The expiry comes before the contact is next possible.
    ExpiresBeforePossible,
    /// The person or the address is on the do-not-contact list.
    DoNotContact,
    /// The person refused.
    ConsentDenied,
    /// The person sent an opt-out word.
    OptedOut,
    /// Consent is needed and none is on record.
    ConsentMissing,
    /// The windows never open in all candidate zones at once.
    WindowNeverOpens,
    /// A window is closed in a candidate zone.
    WindowClosed,
    /// A frequency cap is full.
    CapFull,
    /// The person rests from an abandoned call, and no agent is reserved for this one.
    AfterAbandoned,
}

/// What becomes of the activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may leave now, if the claim commits together with this ledger.
    Allow {
        /// The person's ledger with the slot of this activity; none where no ledger is kept.
        ledger: Option<Ledger>,
    },
    /// It waits, and is decided again then.
    Defer {
        /// The first instant at which it may leave, by what is known now.
        until: Timestamp,
        /// [`Code::WindowClosed`], [`Code::CapFull`] or [`Code::AfterAbandoned`].
        reason: Code,
    },
    /// It waits until the campaign is resumed.
    Park,
    /// It does not leave: the work that it belongs to was stopped.
    Cancel {
        /// Which stop.
        reason: Code,
    },
    /// It does not leave: its time is over.
    Expire {
        /// [`Code::Expired`] or [`Code::ExpiresBeforePossible`].
        reason: Code,
    },
    /// It does not leave: the person may not be contacted.
    Refuse {
        /// Why.
        reason: Code,
    },
}

/// A verdict and what it was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the activity.
    pub verdict: Verdict,
    /// What replays and explains it.
    pub record: Record,
}

/// Decides about one contact at one instant.
pub fn decide(input: &GateInput<'_>, now: Timestamp) -> Decision {
    facts::decide(input, now)
}

#[cfg(test)]
mod tests;
