//! Claiming: a worker takes hold of a due activity, and writes the attempt down before it is made.

use super::state::State;
use super::{Activity, Lease, Parked, Via, Writing};
use crate::time::{Millis, Timestamp};

/// How long a claim holds.
pub const LEASE: Millis = Millis::seconds(60);
/// A claim that comes within this time of the moment for which the activity was due leaves the due
/// index as it is: to move an entry costs two writes. What is left behind when its holder dies is found
/// there as a stray, and then handed over again for the lease's end.
const ON_TIME: Millis = Millis::seconds(20);
/// Takeovers of one attempt after which it goes to the dead letters.
pub const MAX_TAKEOVERS: u32 = 5;

/// What a message about an activity calls for.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// The message is void: cancelled, rescheduled, done or parked.
    Void,
    /// Somebody else holds it: come back when the lease ends.
    Held(Timestamp),
    /// Too early: come back at that moment.
    Early(Timestamp),
    /// Its last moment has passed.
    TooLate,
    /// Nobody holds it: ask the gate, then begin.
    Due,
    /// A holder's lease ended: the attempt may or may not have been made.
    Abandoned,
}

/// What a message with this generation calls for now.
pub fn examine(activity: &Activity, generation: u64, now: Timestamp) -> Claim {
    if activity.generation != generation {
        return Claim::Void;
    }
    let too_late = activity.plan.expires_at.is_some_and(|expires| expires <= now);
    match activity.state {
        State::Scheduled if activity.parked == Some(Parked::AwaitsAgent) && too_late => Claim::TooLate,
        State::Scheduled if activity.parked.is_some() => Claim::Void,
        State::Scheduled if activity.next_at > now => Claim::Early(activity.next_at),
        State::Scheduled if too_late => Claim::TooLate,
        State::Scheduled => Claim::Due,
        State::Dispatching => match &activity.lease {
            Some(lease) if lease.until > now => Claim::Held(lease.until),
            _ => Claim::Abandoned,
        },
        _ => Claim::Void,
    }
}

impl Activity {
    /// Begins the next attempt. It is written down before the connector is called.
    pub fn begin(mut self, holder: String, via: Via, writing: Writing) -> Self {
        self.attempt += 1;
        self.connector = Some(via.connector);
        self.way = via.way;
        self.takeovers = 0;
        self.turn = None;
        self.state = State::Dispatching;
        let until = writing.now + LEASE;
        let due = if writing.now < self.next_at + ON_TIME {
            self.next_at
        } else {
            until
        };
        self.lease = Some(Lease { holder, until, due });
        self
    }

    /// Takes over the current attempt from a holder whose lease ended. The number stays.
    pub fn take_over(mut self, holder: String, writing: Writing) -> Self {
        self.takeovers += 1;
        let until = writing.now + LEASE;
        self.lease = Some(Lease {
            holder,
            until,
            due: until,
        });
        self
    }

    /// Whether the lease lasts long enough for a request that may take `timeout`.
    pub fn may_send(&self, holder: &str, timeout: Millis, now: Timestamp) -> bool {
        self.lease
            .as_ref()
            .is_some_and(|lease| lease.holder == holder && now + timeout < lease.until)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;

    #[test]
    fn only_a_due_activity_of_the_right_generation_is_claimed() {
        let activity = scheduled();
        assert_eq!(examine(&activity, 1, at(999)), Claim::Early(at(1_000)));
        assert_eq!(examine(&activity, 1, at(1_000)), Claim::Due);
        assert_eq!(examine(&activity, 2, at(1_000)), Claim::Void);
        assert_eq!(examine(&activity, 1, at(100_000)), Claim::TooLate);
        assert_eq!(
            examine(&activity.clone().park(Parked::CampaignPaused), 1, at(1_000)),
            Claim::Void
        );
        let awaiting = activity.park(Parked::AwaitsAgent);
        assert_eq!(examine(&awaiting, 1, at(99_999)), Claim::Void);
        assert_eq!(examine(&awaiting, 1, at(100_000)), Claim::TooLate);
    }

    #[test]
    fn a_claim_stays_in_the_index_until_its_lease_ends() {
        let held = scheduled().begin("a".into(), via(), writing(1_000, 2));
        assert_eq!(held.attempt, 1);
        assert_eq!(held.timer(), scheduled().timer());
        assert_eq!(examine(&held, 1, at(60_999)), Claim::Held(at(61_000)));
        assert_eq!(examine(&held, 1, at(61_000)), Claim::Abandoned);
        let taken = held.take_over("b".into(), writing(61_000, 3));
        assert_eq!((taken.attempt, taken.takeovers), (1, 1));
        assert_eq!(taken.timer().unwrap().at, at(121_000));
    }

    #[test]
    fn a_late_claim_stands_in_the_index_at_its_leases_end() {
        let held = scheduled().begin("a".into(), via(), writing(21_000, 2));
        assert_eq!(held.timer().unwrap().at, at(81_000));
    }

    #[test]
    fn a_request_is_only_written_while_the_lease_outlasts_it() {
        let held = scheduled().begin("a".into(), via(), writing(1_000, 2));
        assert!(held.may_send("a", Millis::seconds(20), at(40_999)));
        assert!(!held.may_send("a", Millis::seconds(20), at(41_000)));
        assert!(!held.may_send("b", Millis::seconds(20), at(2_000)));
    }
}
