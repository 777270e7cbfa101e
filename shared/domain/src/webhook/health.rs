//! The health of an endpoint: it changes seldom, so it is written seldom.

use serde::{Deserialize, Serialize};

use crate::time::{Millis, Timestamp};

/// After this much uninterrupted failure an endpoint is disabled.
pub const GIVEN_UP_AFTER: Millis = Millis::hours(120);
/// Failures so far apart are not one: the endpoint was not called in between, and may have worked. Longer
/// than the longest pause between two attempts of a delivery.
pub const APART: Millis = Millis::hours(36);
/// How exactly it is known when a call failed last: that is not worth a write with every call.
pub const NOTED_EVERY: Millis = Millis::hours(1);
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
    /// When a call failed last, within [`NOTED_EVERY`]; none while calls succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failed: Option<Timestamp>,
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
                last_failed: None,
                working_since: Some(now),
            }),
            (Sign::Fails, Some(since)) => self.failing(since, now),
            (Sign::Fails, None) if self.working_since.is_some_and(|since| now < since + SETTLING) => {
                Course::Unchanged
            }
            (Sign::Fails, None) => self.begins_to_fail(now),
        }
    }

    /// One more failure.
    fn failing(self, since: Timestamp, now: Timestamp) -> Course {
        let last = self.last_failed.unwrap_or(since);
        if now >= last + APART {
            self.begins_to_fail(now)
        } else if now >= since + GIVEN_UP_AFTER {
            Course::Disabled(DisabledReason::Failing)
        } else if now >= last + NOTED_EVERY {
            Course::Changed(Self {
                last_failed: Some(now),
                ..self
            })
        } else {
            Course::Unchanged
        }
    }

    fn begins_to_fail(self, now: Timestamp) -> Course {
        Course::Changed(Self {
            failing_since: Some(now),
            last_failed: Some(now),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::schedule::{LONGEST_WISH, Wish, pause};

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
        assert_eq!(
            fails.after(Sign::Fails, at(3) - Millis::new(1)),
            Course::Unchanged
        );
        let recovered = Health {
            failing_since: None,
            last_failed: None,
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

    /// The health after failures at these hours, the first of which begins it.
    fn failed_at(hours: &[u64]) -> Health {
        hours.iter().fold(Health::default(), |health, hour| {
            match health.after(Sign::Fails, at(*hour)) {
                Course::Changed(health) => health,
                Course::Unchanged => health,
                course => panic!("{course:?}"),
            }
        })
    }

    #[test]
    fn five_days_of_failure_disable() {
        let fails = failed_at(&[0, 24, 48, 72, 96, 119]);
        assert_eq!(
            fails.after(Sign::Fails, at(120)),
            Course::Disabled(DisabledReason::Failing)
        );
        assert!(matches!(fails.after(Sign::Works, at(130)), Course::Recovered(_)));
    }

    #[test]
    fn a_failure_long_after_the_last_begins_anew() {
        let again = failed_at(&[0, 20, 70, 300]);
        assert_eq!(again.failing_since, Some(at(300)));
        let fails = failed_at(&[300, 330, 360, 390, 419]);
        assert_eq!(fails.failing_since, Some(at(300)));
        assert!(matches!(fails.after(Sign::Fails, at(420)), Course::Disabled(_)));
        // As they were written before the last failure was kept.
        let old = Health {
            last_failed: None,
            ..failed_at(&[0])
        };
        assert_eq!(
            old.after(Sign::Fails, at(200)),
            Course::Changed(failed_at(&[200]))
        );
    }

    #[test]
    fn the_attempts_of_a_delivery_are_not_apart() {
        let longest = (0..10)
            .flat_map(|failures| {
                let wish = Wish {
                    busy: true,
                    retry_after: Some(LONGEST_WISH),
                };
                // Chance as it lengthens most: a fifth of a day is added, or two fifths of the pause.
                let fifth = u128::from(LONGEST_WISH.get() / 5);
                [fifth, 2 * fifth].map(|random| pause(failures, wish, random))
            })
            .flatten()
            .max();
        assert!(
            longest.unwrap() + NOTED_EVERY + Millis::hours(1) < APART,
            "{longest:?}"
        );
    }

    #[test]
    fn gone_disables_at_once() {
        assert_eq!(
            Health::default().after(Sign::Gone, at(0)),
            Course::Disabled(DisabledReason::Gone)
        );
    }
}
