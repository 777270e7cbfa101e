//! What campaigns and tenants set for the gate.

use std::collections::BTreeMap;

use domain::channel::Channel;
use domain::time::Millis;
use serde::{Deserialize, Serialize};

use crate::caps::{Cap, MAX_CAPS, MAX_WINDOW};
use crate::consent::{ConsentBasis, MAX_TEXT};
use crate::field::FieldError;
use crate::windows::WeeklyWindows;
use crate::zones::{TimeZone, ZonePolicy};

/// How long a person is left in peace by calls without an agent of their own, after an abandoned one: Ofcom's
/// statements of 2006 to 2010, which dialers in the United Kingdom still keep to.
pub const REST_AFTER_ABANDONED: Millis = Millis::hours(72);

/// What a campaign sets for the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CampaignPolicy {
    /// What a missing consent record means. Required.
    pub consent_basis: ConsentBasis,
    /// What the contact is for; consent records name the same word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The zone of people about whom nothing is known.
    pub time_zone: TimeZone,
    /// What counts when a zone is named.
    #[serde(default)]
    pub zone_policy: ZonePolicy,
    /// When the campaign contacts people; absent: at any hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<WeeklyWindows>,
    /// When it contacts them on one channel, within `windows`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channel_windows: BTreeMap<Channel, WeeklyWindows>,
    /// Caps beside the tenant's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
}

/// What a tenant sets for the gate, for all campaigns and for activities without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TenantPolicy {
    /// The zone of people about whom nothing is known, where no campaign says another.
    pub time_zone: TimeZone,
    /// What counts when a zone is named, where no campaign says so.
    pub zone_policy: ZonePolicy,
    /// When people may be contacted on a channel, whoever asks.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub channel_windows: BTreeMap<Channel, WeeklyWindows>,
    /// Caps over everything that the tenant sends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// How long a person whose call was abandoned is not called again, unless an agent is reserved first; 0
    /// switches this off.
    #[serde(rename = "restAfterAbandonedMs")]
    pub rest_after_abandoned: Millis,
}

impl Default for TenantPolicy {
    fn default() -> Self {
        Self {
            time_zone: TimeZone::UTC,
            zone_policy: ZonePolicy::default(),
            channel_windows: BTreeMap::new(),
            caps: Vec::new(),
            rest_after_abandoned: REST_AFTER_ABANDONED,
        }
    }
}

impl CampaignPolicy {
    /// What the form alone does not rule out: caps out of range, a purpose that is empty or too long.
    /// JSON pointers are from the policy.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = check_caps(&self.caps);
        let fits = |purpose: &String| {
            (1..=MAX_TEXT).contains(&purpose.trim().len()) && !purpose.chars().any(char::is_control)
        };
        if !self.purpose.as_ref().is_none_or(fits) {
            errors.push(FieldError::new(
                "/purpose",
                "length",
                format!("must have 1 to {MAX_TEXT} bytes, none of them a control character"),
            ));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

impl TenantPolicy {
    /// What the form alone does not rule out: caps and spans out of range. JSON pointers are from the policy.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = check_caps(&self.caps);
        if self.rest_after_abandoned > MAX_WINDOW {
            let message = format!("must lie between 0 and {} (366 days)", MAX_WINDOW.get());
            errors.push(FieldError::new("/restAfterAbandonedMs", "range", message));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

fn check_caps(caps: &[Cap]) -> Vec<FieldError> {
    if caps.len() > MAX_CAPS {
        let message = format!("has more than {MAX_CAPS} caps");
        return vec![FieldError::new("/caps", "tooMany", message)];
    }
    caps.iter()
        .enumerate()
        .filter_map(|(i, cap)| Some((i, cap.check().err()?)))
        .flat_map(|(i, errors)| {
            let prefix = format!("/caps/{i}");
            errors.into_iter().map(move |error| error.under(&prefix))
        })
        .collect()
}
