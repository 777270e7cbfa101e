//! The time zones in which a person may be.
//!
//! A calling window is local to the person called (47 CFR 64.1200 (c)(1): "local time at the called
//! party's location"). Where that is not known, every zone that comes into question is a
//! **candidate**, and the gate lets a contact pass only when the window is open in all of them.
//!
//! Candidates come from the profile and the contact's row, else from the phone number (its prefix
//! names a country, and often a region), else from the campaign's default.
//!
//! Strictness has a price: a Russian mobile number comes from eleven zones over ten hours, which a
//! window from 09:00 to 18:00 never has open at once. Naming the person's zone is the remedy.

mod nanp;
mod table;

use chrono_tz::Tz;
use domain::address::Address;
pub use domain::zone::{TimeZone, UnknownTimeZone};
use serde::{Deserialize, Serialize};

/// The edition of the IANA time zone database that is compiled in, part of every decision's record.
pub const DATABASE: &str = chrono_tz::IANA_TZDB_VERSION;

/// Where a candidate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZoneSource {
    /// The customer's profile.
    Profile,
    /// The contact's row in its list.
    Contact,
    /// The prefix of the phone number.
    Number,
    /// The default of the campaign, or of the tenant where there is no campaign.
    Default,
}

/// One zone in which the person may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Candidate {
    /// The zone.
    pub zone: TimeZone,
    /// Where it comes from.
    pub source: ZoneSource,
}

/// What counts when the profile or the contact's row names a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZonePolicy {
    /// The named zones alone; the number is asked only where none is named.
    #[default]
    Explicit,
    /// The named zones and those of the number: the strictest reading, for people who may be at home
    /// or where their number belongs.
    Intersect,
}

/// What is known about where a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ZoneInputs {
    /// The zone in the customer's profile.
    pub profile: Option<TimeZone>,
    /// The zone in the contact's row.
    pub contact: Option<TimeZone>,
}

/// The candidates, never empty, each zone once.
///
/// Profile and row both count where they disagree. `default` stands in where nothing else is
/// known: for e-mail, and for numbers that belong to no country.
pub fn candidates(
    inputs: ZoneInputs,
    address: &Address,
    policy: ZonePolicy,
    default: TimeZone,
) -> Vec<Candidate> {
    let named = [
        (inputs.profile, ZoneSource::Profile),
        (inputs.contact, ZoneSource::Contact),
    ];
    let mut found: Vec<Candidate> = Vec::new();
    let mut add = |zone: TimeZone, source: ZoneSource| {
        if !found.iter().any(|candidate| candidate.zone == zone) {
            found.push(Candidate { zone, source });
        }
    };
    for (zone, source) in named {
        if let Some(zone) = zone {
            add(zone, source);
        }
    }
    let is_named = inputs.profile.or(inputs.contact).is_some();
    if !is_named || policy == ZonePolicy::Intersect {
        for zone in of_number(address) {
            add(TimeZone::from(*zone), ZoneSource::Number);
        }
    }
    if found.is_empty() {
        found.push(Candidate {
            zone: default,
            source: ZoneSource::Default,
        });
    }
    found
}

/// The zones of the number's longest known prefix; none for e-mail addresses and for numbers that
/// belong to no country (satellite, international freephone).
pub fn of_number(address: &Address) -> &'static [Tz] {
    address.as_str().strip_prefix('+').map_or(&[], table::zones)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::channel::Channel;

    fn zone(name: &str) -> TimeZone {
        TimeZone::parse(name).unwrap()
    }

    fn found(inputs: ZoneInputs, address: &str, policy: ZonePolicy) -> Vec<(&'static str, ZoneSource)> {
        let channel = if address.contains('@') {
            Channel::Email
        } else {
            Channel::Sms
        };
        let address = Address::parse(channel, address).unwrap();
        candidates(inputs, &address, policy, zone("Europe/Vienna"))
            .into_iter()
            .map(|candidate| (candidate.zone.name(), candidate.source))
            .collect()
    }

    #[test]
    fn named_zones_win_unless_the_number_is_to_count_too() {
        let inputs = ZoneInputs {
            profile: Some(zone("Asia/Karachi")),
            contact: Some(zone("Europe/Berlin")),
        };
        let named = [
            ("Asia/Karachi", ZoneSource::Profile),
            ("Europe/Berlin", ZoneSource::Contact),
        ];
        assert_eq!(found(inputs, "+442079460958", ZonePolicy::Explicit), named);
        let mut all = named.to_vec();
        all.push(("Europe/London", ZoneSource::Number));
        assert_eq!(found(inputs, "+442079460958", ZonePolicy::Intersect), all);
        assert_eq!(found(inputs, "ann@example.org", ZonePolicy::Intersect), named);
    }

    #[test]
    fn a_zone_named_twice_counts_once() {
        let inputs = ZoneInputs {
            profile: Some(zone("Europe/London")),
            contact: Some(zone("Europe/London")),
        };
        assert_eq!(
            found(inputs, "+442079460958", ZonePolicy::Intersect),
            [("Europe/London", ZoneSource::Profile)]
        );
    }

    #[test]
    fn without_a_named_zone_the_number_decides_and_then_the_default() {
        let inputs = ZoneInputs::default();
        assert_eq!(
            found(inputs, "+442079460958", ZonePolicy::Explicit),
            [("Europe/London", ZoneSource::Number)]
        );
        assert_eq!(
            found(inputs, "ann@example.org", ZonePolicy::Explicit),
            [("Europe/Vienna", ZoneSource::Default)]
        );
    }

    #[test]
    fn zones_read_and_write_their_names() {
        assert_eq!(
            serde_json::to_string(&zone("Asia/Kathmandu")).unwrap(),
            r#""Asia/Kathmandu""#
        );
        assert!(serde_json::from_str::<TimeZone>(r#""Mars/Olympus""#).is_err());
        assert_eq!(TimeZone::parse("GMT+25"), Err(UnknownTimeZone));
        assert_eq!(TimeZone::parse(""), Err(UnknownTimeZone));
    }
}
