//! The health of an endpoint: it changes seldom, so it is written seldom.

use serde::{Deserialize, Serialize};

use crate::time::{Millis, Timestamp};

/// After this much uninterrupted failure an endpoint is disabled.
pub const GIVEN_UP_AFTER: Millis = Millis::hours(120);
/// A failure so soon after a recovery is not noted: an endpoint that fails now and then would have
/// its record rewritten with every call.
pub const SETTLING: Millis = Millis::minutes(1);

/// How an endpoint fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Since when every call has failed; none while calls succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// When a call succeeded for the first time, or for the first time after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_since: Option<Timestamp>,
}

/// What a call says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It took the call.
    Works,
    /// It did not.
    Fails,
    /// It is gone for good, and says so: 410.
    Gone,
}

/// What follows from a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Nothing to write down.
    Unchanged,
    /// The health is another.
    Changed(Health),
    /// It works again.
    Recovered(Health),
    /// It is to be called no more.
    Disabled(DisabledReason),
}

/// Why an endpoint is called no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisabledReason {
    /// Somebody wished so.
    Requested,
    /// It answered 410.
    Gone,
    /// It failed for [`GIVEN_UP_AFTER`] without interruption.
    Failing,
}

impl Health {
    /// Takes in a call.
    pub fn after(self, sign: Sign, now: Timestamp) -> Course {
        match (sign, self.failing_since) {
            (Sign::Gone, _) => Course::Disabled(DisabledReason::Gone),
            (Sign::Works, None) if self.working_since.is_some() => Course::Unchanged,
            (Sign::Works, None) => Course::Changed(Self {
                working_since: Some(now),
                ..self
            }),
            (Sign::Works, Some(_)) => Course::Recovered(Self {
                failing_since: None,
                working_since: Some(now),
            }),
            (Sign::Fails, Some(since)) if now >= since + GIVEN_UP_AFTER => {
                Course::Disabled(DisabledReason::Failing)
            }
            (Sign::Fails, Some(_)) => Course::Unchanged,
            (Sign::Fails, None) if self.working_since.is_some_and(|since| now < since + SETTLING) => {
                Course::Unchanged
            }
            (Sign::Fails, None) => Course::Changed(Self {
                failing_since: Some(now),
                ..self
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000) + Millis::hours(hours)
    }

    #[test]
    fn only_changes_are_written() {
        let Course::Changed(works) = Health::default().after(Sign::Works, at(0)) else {
            panic!()
        };
        assert_eq!(works.after(Sign::Works, at(1)), Course::Unchanged);
        let Course::Changed(fails) = works.after(Sign::Fails, at(2)) else {
            panic!()
        };
        assert_eq!(fails.failing_since, Some(at(2)));
        assert_eq!(fails.after(Sign::Fails, at(3)), Course::Unchanged);
        let recovered = Health {
            failing_since: None,
            working_since: Some(at(4)),
        };
        assert_eq!(fails.after(Sign::Works, at(4)), Course::Recovered(recovered));
        assert_eq!(
            recovered.after(Sign::Fails, at(4) + Millis::seconds(59)),
            Course::Unchanged
        );
        assert!(matches!(
            recovered.after(Sign::Fails, at(4) + SETTLING),
            Course::Changed(_)
        ));
    }

    #[test]
    fn five_days_of_failure_disable() {
        let Course::Changed(fails) = Health::default().after(Sign::Fails, at(0)) else {
            panic!()
        };
        assert_eq!(fails.after(Sign::Fails, at(119)), Course::Unchanged);
        assert_eq!(
            fails.after(Sign::Fails, at(120)),
            Course::Disabled(DisabledReason::Failing)
        );
        assert!(matches!(fails.after(Sign::Works, at(130)), Course::Recovered(_)));
    }

    #[test]
    fn gone_disables_at_once() {
        assert_eq!(
            Health::default().after(Sign::Gone, at(0)),
            Course::Disabled(DisabledReason::Gone)
        );
    }
}
