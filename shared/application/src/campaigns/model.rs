//! What a campaign is.

use std::collections::BTreeMap;

use compliance::gate::CampaignPolicy;
use domain::campaign::CampaignState;
use domain::id::{CampaignId, ContactListId, TenantId};
use domain::log::Log;
use domain::time::Timestamp;
use flows::expression::Type;
use flows::{Declarations, Flow, Problem};
use serde::{Deserialize, Serialize};

use crate::pacing::CampaignPacing;

/// Most contact lists of a campaign.
pub(super) const MAX_LISTS: usize = 20;
/// Highest rate at which a campaign starts conversations, per second.
pub(super) const MAX_START_RATE: u32 = 1_000;

/// The type of a contact column or a profile attribute. They are kept as texts; a text that is none of
/// its type counts as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Any text.
    String,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl FieldType {
    fn in_expressions(self) -> Type {
        match self {
            Self::String => Type::String,
            Self::Number => Type::Number,
            Self::Boolean => Type::Boolean,
        }
    }
}

/// What an administrator writes. Publishing freezes it as a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// What people call it.
    pub name: String,
    /// Whom it reaches.
    pub contact_lists: Vec<ContactListId>,
    /// The flow document.
    pub flow: serde_json::Value,
    /// Columns of the contact lists that the flow may read beside the known ones, with their types.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contact_columns: BTreeMap<String, FieldType>,
    /// Attributes of customer profiles that the flow may read, with their types.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profile_attributes: BTreeMap<String, FieldType>,
    /// Consent basis, zones, windows and caps.
    pub policy: CampaignPolicy,
    /// How its calls through agents are paced; as in [`CampaignPacing::default`] if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing: Option<CampaignPacing>,
    /// How many conversations are started per second.
    pub start_rate_per_second: u32,
    /// When it begins; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// After which nothing of it begins or leaves any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at: Option<Timestamp>,
}

/// A published version: never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// Its number, from 1.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// As it was then.
    pub definition: Definition,
}

/// What happened to a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignEvent {
    /// `campaign.published`, `campaign.paused`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// The state after.
    pub state: CampaignState,
    /// The published version that it is about; 0 before the first.
    pub published_version: u64,
    /// For people: what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// Whose.
    pub tenant: TenantId,
    /// Where it stands.
    pub state: CampaignState,
    /// The latest published version; 0 before the first.
    pub published_version: u64,
    /// What is written now. While published, it is the published version's.
    pub definition: Definition,
    /// When it was created.
    pub created_at: Timestamp,
    /// What happened.
    pub log: Log<CampaignEvent>,
}

/// What a campaign lets its conversations and activities do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Go on.
    Running,
    /// Wait.
    Paused,
    /// End.
    Over,
}

impl Campaign {
    /// What it lets those do that belong to a published version, or to none in particular.
    pub fn standing(&self, version: Option<u64>) -> Standing {
        if version.is_some_and(|version| version != self.published_version) {
            return Standing::Over;
        }
        match self.state {
            CampaignState::Published => Standing::Running,
            CampaignState::Paused => Standing::Paused,
            CampaignState::Draft | CampaignState::Stopped => Standing::Over,
        }
    }
}

/// What every profile and every contact row has, by name.
pub(crate) const KNOWN_FIELDS: [&str; 4] = ["firstName", "lastName", "language", "timeZone"];

/// What the flow of a definition may read.
pub fn declarations(
    contact_columns: &BTreeMap<String, FieldType>,
    profile_attributes: &BTreeMap<String, FieldType>,
) -> Declarations {
    let with_known = |fields: &BTreeMap<String, FieldType>| {
        let known = KNOWN_FIELDS
            .into_iter()
            .map(|name| (name.to_owned(), Type::String));
        fields
            .iter()
            .map(|(name, of)| (name.clone(), of.in_expressions()))
            .chain(known)
            .collect()
    };
    Declarations {
        contact: with_known(contact_columns),
        profile: with_known(profile_attributes),
    }
}

/// The flow of a definition, or everything that is wrong with it.
pub(crate) fn checked_flow(definition: &Definition) -> Result<Flow, Vec<Problem>> {
    let declarations = declarations(&definition.contact_columns, &definition.profile_attributes);
    flows::validate(&definition.flow, &declarations)
}
