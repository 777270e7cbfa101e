//! Consent: what a person allowed and refused, and what it means when nothing is on record.

use domain::channel::Channel;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channels::Channels;

/// Most consent records kept for one person.
pub const MAX_RECORDS: usize = 100;

/// Longest purpose and source, in bytes.
pub const MAX_TEXT: usize = 100;

/// The source of a refusal that the person sent as an opt-out word.
pub const OPT_OUT_SOURCE: &str = "optOut";

/// What the person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConsentStatus {
    /// The person agreed to be contacted.
    Granted,
    /// The person refused, or withdrew an earlier agreement (GDPR, article 7 (3)).
    Denied,
}

/// One record of consent. Records are kept, not overwritten: they are the proof (GDPR, article 7 (1)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// The channels it is about.
    #[serde(alias = "channel")]
    pub channels: Channels,
    /// Granted or denied.
    pub status: ConsentStatus,
    /// What the contact is for, e.g. `marketing`; absent: every purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Where it was given: a form, an import, a call, [`OPT_OUT_SOURCE`].
    pub source: String,
    /// When it was given.
    pub at: Timestamp,
}

impl Consent {
    /// The record of an opt-out word.
    pub fn opt_out(channels: Channels, at: Timestamp) -> Self {
        Self {
            channels,
            status: ConsentStatus::Denied,
            purpose: None,
            source: OPT_OUT_SOURCE.to_owned(),
            at,
        }
    }

    /// Whether the record says something about this contact.
    ///
    /// A record without purpose speaks about every purpose. Where the contact states no purpose, a
    /// refusal for any purpose counts and an agreement for one does not: in doubt for the person.
    fn concerns(&self, channel: Channel, purpose: Option<&str>) -> bool {
        let purpose_fits = match (&self.purpose, purpose) {
            (None, _) => true,
            (Some(own), Some(asked)) => is_same_purpose(own, asked),
            (Some(_), None) => self.status == ConsentStatus::Denied,
        };
        purpose_fits && self.channels.contains(channel)
    }
}

/// Purposes are words that people write: neither case nor space around them makes another.
fn is_same_purpose(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// The ground on which a campaign contacts people: what a **missing** record means.
///
/// A required setting of every campaign, without default. A refusal on record always refuses,
/// whatever the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConsentBasis {
    /// Prior express consent is needed (e.g. ePrivacy directive, article 13 (1); 47 CFR 64.1200 (a);
    /// UWG section 7): nobody without a granted record is contacted.
    ExplicitConsent,
    /// An ongoing or recent business relationship with a similar offer (ePrivacy directive, article
    /// 13 (2), "soft opt-in"): a missing record allows.
    ExistingRelationship,
    /// The contact is needed to perform a contract with the person (GDPR, article 6 (1) (b)), such as
    /// an appointment or a delivery: a missing record allows.
    Contract,
    /// A legal duty to inform (GDPR, article 6 (1) (c)), such as a recall: a missing record allows.
    LegalObligation,
    /// A legitimate interest that was weighed (GDPR, article 6 (1) (f)): a missing record allows.
    LegitimateInterest,
}

impl ConsentBasis {
    /// All grounds.
    pub const ALL: [Self; 5] = [
        Self::ExplicitConsent,
        Self::ExistingRelationship,
        Self::Contract,
        Self::LegalObligation,
        Self::LegitimateInterest,
    ];

    /// Whether a person without a record may be contacted.
    pub const fn allows_missing(self) -> bool {
        !matches!(self, Self::ExplicitConsent)
    }
}

/// Where a person stands for one contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "status")]
pub enum Standing {
    /// No record speaks about it.
    Missing,
    /// The last word was an agreement.
    Granted {
        /// When it was given.
        at: Timestamp,
    },
    /// The last word was a refusal.
    Denied {
        /// When it was given.
        at: Timestamp,
    },
    /// The last word was an opt-out word.
    OptedOut {
        /// When it was sent.
        at: Timestamp,
    },
}

/// Where the person stands: the latest record that speaks about the contact decides, and of
/// several at one instant a refusal.
pub fn standing(records: &[Consent], channel: Channel, purpose: Option<&str>) -> Standing {
    records
        .iter()
        .filter(|record| record.concerns(channel, purpose))
        .max_by_key(|record| (record.at, record.status, record.source == OPT_OUT_SOURCE))
        .map_or(Standing::Missing, |record| match record.status {
            ConsentStatus::Granted => Standing::Granted { at: record.at },
            ConsentStatus::Denied if record.source == OPT_OUT_SOURCE => Standing::OptedOut { at: record.at },
            ConsentStatus::Denied => Standing::Denied { at: record.at },
        })
}
