//! Settling: what became of an attempt, and receipts, move the activity on.

use serde::{Deserialize, Serialize};

use super::event::{ActivityEvent, Happening};
use super::receipt::{DeliveryStatus, fold};
use super::state::State;
use super::{Activity, Writing};
use crate::time::{Millis, Timestamp};

/// Attempts after which a passing failure of the message's own is final.
pub const MAX_ATTEMPTS: u32 = 6;
/// Attempts that trouble of the connector's may cost, besides: about a day of them.
pub const MAX_EXCUSED: u32 = 150;
/// The longest pause between attempts while the connector is in trouble, unless the provider wishes more.
pub const EXCUSED_RETRY: Millis = Millis::minutes(10);
/// The first pause between attempts; each further one is three times as long.
pub const FIRST_RETRY: Millis = Millis::seconds(5);
/// The pause after a claim that was given back, and as much again at random.
pub const GIVEN_BACK_FOR: Millis = Millis::seconds(1);
/// The longest pause between attempts, whatever the provider wishes.
pub const LONGEST_RETRY: Millis = Millis::hours(6);

/// Whose trouble it is that the provider did not take a message for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// The message's: a full mailbox, too many messages to this person. A few attempts, then it has failed.
    Message,
    /// The connector's: no connection, credentials that have expired, a quota used up. Any other message would have met
    /// it, so this one has not failed: it is tried again for about a day.
    Connector,
}

/// What became of an attempt, as far as the holder knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptResult {
    /// The provider took it.
    Accepted {
        /// The provider's id of the message.
        provider_message_id: Option<String>,
    },
    /// The provider refused it for good.
    Rejected {
        /// The provider's code.
        code: String,
        /// For people.
        detail: String,
    },
    /// The provider refused it for good, because the recipient wants no more.
    OptedOut {
        /// The provider's code.
        code: String,
        /// For people.
        detail: String,
    },
    /// It surely was not taken; another attempt may succeed.
    NotTaken {
        /// The provider's code.
        code: String,
        /// For people.
        detail: String,
        /// The pause that the provider wishes.
        retry_after: Option<Millis>,
        /// Whose it is.
        trouble: Trouble,
    },
    /// Nobody can tell; the same attempt may be repeated without harm.
    UnclearRepeatable {
        /// What was seen.
        code: String,
        /// For people.
        detail: String,
    },
    /// Nobody can tell, and a repetition could reach the customer twice.
    UnclearFinal {
        /// What was seen.
        code: String,
        /// For people.
        detail: String,
    },
}

/// Who reports a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporter {
    /// The holder of the lease under which the attempt was made.
    pub holder: String,
    /// Which attempt.
    pub attempt: u32,
}

/// The pause before the next attempt: exponential up to a longest one, or what the provider wishes if that is longer;
/// with up to a fifth of jitter.
fn pause(failures: u32, longest: Millis, wish: Option<Millis>, random: u128) -> Millis {
    let exponent = failures.saturating_sub(1).min(8);
    let base = FIRST_RETRY.get().saturating_mul(3_u64.saturating_pow(exponent));
    let wished = wish.map_or(0, Millis::get);
    let floor = base.min(longest.get()).max(wished).min(LONGEST_RETRY.get());
    let jitter = u64::try_from(random % u128::from(floor / 5 + 1)).unwrap_or(0);
    Millis::new(floor + jitter)
}

impl Activity {
    /// Takes in what became of an attempt. `None` when that changes nothing: the attempt is over,
    /// or a later holder answers for it.
    ///
    /// Only the present holder may report failure: an earlier one does not know what its successor
    /// did. That the provider *took* it is true whoever reports it.
    pub fn settle(
        mut self,
        reporter: &Reporter,
        result: AttemptResult,
        random: u128,
        writing: Writing,
    ) -> Option<Self> {
        if self.attempt != reporter.attempt {
            return None;
        }
        let holds = self.state == State::Dispatching
            && self
                .lease
                .as_ref()
                .is_some_and(|lease| lease.holder == reporter.holder);
        match result {
            AttemptResult::Accepted { provider_message_id } => self.accepted(provider_message_id, writing),
            AttemptResult::Rejected { code, detail } | AttemptResult::OptedOut { code, detail }
                if holds || self.state == State::Unknown =>
            {
                self.enter(State::Failed, writing, |event| ActivityEvent {
                    happening: Happening::Failed,
                    reason: Some(code),
                    detail: Some(detail),
                    ..event
                });
                Some(self)
            }
            AttemptResult::NotTaken {
                code,
                detail,
                retry_after,
                trouble,
            } if holds => Some(self.not_taken(code, detail, retry_after, trouble, random, writing)),
            AttemptResult::UnclearRepeatable { .. } if holds => {
                Some(self.repeat_later(None, random, writing))
            }
            AttemptResult::UnclearFinal { code, detail } if holds => {
                Some(self.unknown(code, detail, writing))
            }
            _ => None,
        }
    }

    fn accepted(mut self, provider_message_id: Option<String>, writing: Writing) -> Option<Self> {
        let to = self.state.max(State::Sent);
        if to == self.state && self.provider_message_id.is_some() {
            return None;
        }
        self.provider_message_id = provider_message_id.or(self.provider_message_id);
        // A receipt that overtook the answer has moved the state already; the fact is told all the same.
        self.enter(to, writing, |event| ActivityEvent {
            happening: Happening::Sent,
            ..event
        });
        Some(self)
    }

    fn not_taken(
        mut self,
        code: String,
        detail: String,
        retry_after: Option<Millis>,
        trouble: Trouble,
        random: u128,
        writing: Writing,
    ) -> Self {
        if self.takeovers > 0 {
            // An earlier holder of the same attempt may have got through: no known failure.
            return self.repeat_later(retry_after, random, writing);
        }
        if trouble == Trouble::Connector {
            self.excused = (self.excused + 1).min(MAX_EXCUSED);
        }
        if self.stopping {
            self.enter(State::Cancelled, writing, |event| ActivityEvent {
                happening: Happening::Cancelled,
                reason: Some(super::CancelReason::Requested.code().into()),
                ..event
            });
            return self;
        }
        if self.attempt.saturating_sub(self.excused) >= MAX_ATTEMPTS {
            self.enter(State::Failed, writing, |event| ActivityEvent {
                happening: Happening::Failed,
                reason: Some(code),
                detail: Some(detail),
                ..event
            });
            return self;
        }
        let longest = if self.excused > 0 {
            EXCUSED_RETRY
        } else {
            LONGEST_RETRY
        };
        let again = writing.now + pause(self.attempt, longest, retry_after, random);
        // What expires meanwhile says so when it does.
        let next_at = self.plan.expires_at.map_or(again, |expires| again.min(expires));
        self.next_at = next_at;
        self.turn = None;
        self.enter(State::Scheduled, writing, |event| ActivityEvent {
            happening: Happening::AttemptFailed,
            reason: Some(code),
            detail: Some(detail),
            until: Some(next_at),
            ..event
        });
        self
    }

    /// Gives the lease an earlier end, at which the same attempt is taken over and repeated.
    fn repeat_later(mut self, wish: Option<Millis>, random: u128, writing: Writing) -> Self {
        let until = writing.now + pause(self.takeovers + 1, LONGEST_RETRY, wish, random);
        if let Some(lease) = &mut self.lease {
            lease.until = until;
            lease.due = until;
        }
        self
    }

    /// Ends an attempt of which nobody can tell whether the provider took it.
    pub fn unknown(mut self, code: String, detail: String, writing: Writing) -> Self {
        self.enter(State::Unknown, writing, |event| ActivityEvent {
            happening: Happening::Unknown,
            reason: Some(code),
            detail: Some(detail),
            ..event
        });
        self
    }

    /// Gives up a claim under which surely nothing was sent: the attempt does not count. It is tried
    /// again after a moment.
    pub fn give_back(mut self, holder: &str, random: u128, writing: Writing) -> Option<Self> {
        let holds = self.state == State::Dispatching
            && self.takeovers == 0
            && self.lease.as_ref().is_some_and(|lease| lease.holder == holder);
        if !holds {
            return None;
        }
        self.attempt = self.attempt.saturating_sub(1);
        self.state = State::Scheduled;
        self.lease = None;
        let spread = u64::try_from(random % u128::from(GIVEN_BACK_FOR.get())).unwrap_or(0);
        self.next_at = writing.now + GIVEN_BACK_FOR + Millis::new(spread);
        self.turn = None;
        if self.stopping {
            self.enter(State::Cancelled, writing, |event| ActivityEvent {
                happening: Happening::Cancelled,
                reason: Some(super::CancelReason::Requested.code().into()),
                ..event
            });
        }
        Some(self)
    }

    /// Whether it may have left once. One that is sent again under the number of its attempt counts from there.
    fn was_attempted(&self) -> bool {
        self.attempt > 0 || self.log.entries().iter().any(|entry| entry.event.attempt > 0)
    }

    /// Takes in a receipt. `None` when it tells nothing new, or speaks of an activity that was
    /// never sent.
    pub fn receive(
        mut self,
        status: DeliveryStatus,
        attempt: Option<u32>,
        reason: Option<String>,
        at: Timestamp,
        writing: Writing,
    ) -> Option<Self> {
        if !self.was_attempted() {
            return None;
        }
        // A failure of an attempt that is over says nothing of the one that followed.
        let outdated =
            attempt.is_some_and(|attempt| attempt < self.attempt) || self.state == State::Scheduled;
        if status == DeliveryStatus::Failed && outdated {
            return None;
        }
        let to = fold(self.plan.channel, self.state, status);
        if to == self.state {
            return None;
        }
        let happening = match status {
            DeliveryStatus::Failed => Happening::Failed,
            // A dialer took the call: that is what SENT says.
            DeliveryStatus::Delivered if to == State::Sent => Happening::Sent,
            DeliveryStatus::Delivered => Happening::Delivered,
            DeliveryStatus::Connected => Happening::Connected,
            DeliveryStatus::Read => Happening::Read,
            DeliveryStatus::Replied => Happening::Response,
        };
        self.enter(to, writing, |event| ActivityEvent {
            happening,
            at,
            reason,
            ..event
        });
        Some(self)
    }

    /// Takes in an agent's wrap-up code. The state stays: what the agent says of a call proves nothing of
    /// the line. `None` for a repetition, and for an activity that was never sent.
    pub fn wrapped_up(mut self, code: String, at: Timestamp, writing: Writing) -> Option<Self> {
        let is_known = self.log.entries().iter().any(|entry| {
            let event = &entry.event;
            event.happening == Happening::WrappedUp
                && event.at == at
                && event.reason.as_deref() == Some(code.as_str())
        });
        if !self.was_attempted() || is_known {
            return None;
        }
        self.log.append(
            writing.version,
            ActivityEvent {
                happening: Happening::WrappedUp,
                reason: Some(code),
                ..ActivityEvent::at(at, self.state, self.state, self.attempt)
            },
        );
        Some(self)
    }

    /// Takes in the customer's answer, and how it begins. `None` for an activity that was never sent. The caller
    /// makes sure that one message is taken in once.
    pub fn answered(
        mut self,
        response_id: String,
        excerpt: Option<String>,
        at: Timestamp,
        writing: Writing,
    ) -> Option<Self> {
        if !self.was_attempted() {
            return None;
        }
        let to = fold(self.plan.channel, self.state, DeliveryStatus::Replied);
        self.enter(to, writing, |event| ActivityEvent {
            happening: Happening::Response,
            at,
            response_id: Some(response_id),
            detail: excerpt,
            ..event
        });
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;

    #[test]
    fn what_is_sent_again_under_its_number_still_takes_in_answers() {
        let unknown = held().unknown("timeout".into(), "no answer".into(), writing(2_000, 3));
        let again = unknown.redrive(true, writing(3_000, 4)).unwrap();
        assert_eq!((again.attempt, again.redrives()), (0, 1));
        let answered = again.clone().answered(
            "m1".into(),
            None,
            Timestamp::from_millis(3_500),
            writing(4_000, 5),
        );
        assert_eq!(answered.unwrap().state, State::Replied);
        let delivered = again.receive(
            DeliveryStatus::Delivered,
            None,
            None,
            Timestamp::from_millis(3_500),
            writing(4_000, 5),
        );
        assert_eq!(delivered.unwrap().state, State::Delivered);
    }

    fn held() -> Activity {
        scheduled().begin("a".into(), via(), writing(1_000, 2))
    }

    fn by(holder: &str, attempt: u32) -> Reporter {
        Reporter {
            holder: holder.into(),
            attempt,
        }
    }

    fn accepted() -> AttemptResult {
        AttemptResult::Accepted {
            provider_message_id: Some("p".into()),
        }
    }

    fn not_taken() -> AttemptResult {
        trouble_of(Trouble::Message)
    }

    fn trouble_of(trouble: Trouble) -> AttemptResult {
        AttemptResult::NotTaken {
            code: "http-503".into(),
            detail: "busy".into(),
            retry_after: None,
            trouble,
        }
    }

    /// How often it is tried, and when it has failed, if each attempt meets the same trouble.
    fn tried(trouble: Trouble) -> (u32, Timestamp) {
        let mut activity = scheduled();
        activity.plan.expires_at = None;
        let mut version = 1;
        loop {
            version += 2;
            let now = activity.next_at;
            let writing = |version| Writing { now, version };
            let held = activity.begin("a".into(), via(), writing(version));
            let attempt = held.attempt;
            activity = held
                .settle(&by("a", attempt), trouble_of(trouble), 0, writing(version + 1))
                .unwrap();
            if activity.state == State::Failed {
                return (attempt, now);
            }
        }
    }

    #[test]
    fn trouble_of_the_connector_is_waited_for_a_day() {
        let (attempts, failed) = tried(Trouble::Message);
        assert_eq!(
            (attempts, failed.since(at(1_000))),
            (6, Millis::seconds(5 + 15 + 45 + 135 + 405))
        );
        let (attempts, failed) = tried(Trouble::Connector);
        let lasted = failed.since(at(1_000));
        assert_eq!(attempts, MAX_EXCUSED + MAX_ATTEMPTS);
        assert!(
            (Millis::hours(24)..Millis::hours(27)).contains(&lasted),
            "{lasted}"
        );
    }

    #[test]
    fn the_attempt_rises_only_after_a_known_failure() {
        let again = held()
            .settle(&by("a", 1), not_taken(), 0, writing(2_000, 3))
            .unwrap();
        assert_eq!((again.state, again.next_at), (State::Scheduled, at(7_000)));
        assert_eq!(again.begin("b".into(), via(), writing(7_000, 4)).attempt, 2);

        let taken = held().take_over("b".into(), writing(61_000, 3));
        let later = taken
            .settle(&by("b", 1), not_taken(), 0, writing(62_000, 4))
            .unwrap();
        assert_eq!((later.state, later.attempt), (State::Dispatching, 1));
    }

    #[test]
    fn a_former_holder_reports_success_but_not_failure() {
        let taken = held().take_over("b".into(), writing(61_000, 3));
        assert_eq!(
            taken
                .clone()
                .settle(&by("a", 1), not_taken(), 0, writing(62_000, 4)),
            None
        );
        let sent = taken
            .settle(&by("a", 1), accepted(), 0, writing(62_000, 4))
            .unwrap();
        assert_eq!(sent.state, State::Sent);
    }

    #[test]
    fn a_result_after_the_receipt_keeps_the_stronger_state() {
        let delivered = held()
            .receive(
                DeliveryStatus::Delivered,
                Some(1),
                None,
                at(1_500),
                writing(1_500, 3),
            )
            .unwrap();
        let settled = delivered
            .settle(&by("a", 1), accepted(), 0, writing(1_600, 4))
            .unwrap();
        assert_eq!((settled.state, settled.timer()), (State::Delivered, None));
    }

    #[test]
    fn unknown_is_lifted_by_a_late_result_or_receipt() {
        let unknown = held().unknown("timeout".into(), String::new(), writing(2_000, 3));
        assert_eq!(
            unknown
                .clone()
                .settle(&by("a", 1), accepted(), 0, writing(3_000, 4))
                .unwrap()
                .state,
            State::Sent
        );
        assert_eq!(
            unknown
                .receive(DeliveryStatus::Read, Some(1), None, at(3_000), writing(3_000, 4))
                .unwrap()
                .state,
            State::Read
        );
    }

    #[test]
    fn a_failure_receipt_of_an_earlier_attempt_changes_nothing() {
        let second = held()
            .settle(&by("a", 1), not_taken(), 0, writing(2_000, 3))
            .unwrap()
            .begin("b".into(), via(), writing(7_000, 4));
        assert_eq!(
            second.receive(
                DeliveryStatus::Failed,
                Some(1),
                None,
                at(8_000),
                writing(8_000, 5)
            ),
            None
        );
    }

    #[test]
    fn a_call_that_waits_to_be_dialed_may_come_out_busy() {
        let mut call = held();
        call.plan.channel = crate::channel::Channel::Voice;
        let pending = call
            .receive(
                DeliveryStatus::Delivered,
                Some(1),
                None,
                at(1_500),
                writing(1_500, 3),
            )
            .unwrap();
        assert_eq!(pending.state, State::Sent);
        let busy = pending
            .receive(
                DeliveryStatus::Failed,
                Some(1),
                Some("USER_BUSY".into()),
                at(9_000),
                writing(9_000, 4),
            )
            .unwrap();
        assert_eq!(busy.state, State::Failed);
    }

    #[test]
    fn a_wrap_up_code_is_told_once_and_moves_no_state() {
        let code = || "SALE".to_owned();
        let told = held().wrapped_up(code(), at(5), writing(5, 3)).unwrap();
        assert_eq!(told.state, State::Dispatching);
        assert_eq!(told.clone().wrapped_up(code(), at(5), writing(6, 4)), None);
        assert!(told.wrapped_up(code(), at(6), writing(6, 4)).is_some());
        assert_eq!(scheduled().wrapped_up(code(), at(5), writing(5, 2)), None);
    }

    #[test]
    fn no_receipt_for_what_was_never_sent() {
        assert_eq!(
            scheduled().receive(DeliveryStatus::Delivered, None, None, at(5), writing(5, 2)),
            None
        );
    }

    #[test]
    fn a_cancel_in_flight_ends_it_after_a_known_failure() {
        let super::super::Cancel::InFlight(stopping) =
            held().cancel(super::super::CancelReason::Requested, writing(1_100, 3))
        else {
            panic!("not in flight")
        };
        let ended = stopping
            .settle(&by("a", 1), not_taken(), 0, writing(2_000, 4))
            .unwrap();
        assert_eq!(ended.state, State::Cancelled);
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let short = EXCUSED_RETRY;
        assert_eq!(pause(100, short, None, 0), short);
        assert_eq!(
            pause(100, short, None, u128::from(short.get() / 5)),
            Millis::minutes(12)
        );
        assert_eq!(pause(1, short, Some(Millis::hours(1)), 0), Millis::hours(1));
        let pause = |failures, wish, random| pause(failures, LONGEST_RETRY, wish, random);
        assert_eq!(pause(1, None, 0), Millis::seconds(5));
        assert_eq!(pause(3, None, 0), Millis::seconds(45));
        assert_eq!(pause(1, Some(Millis::seconds(90)), 0), Millis::seconds(90));
        assert!(pause(100, Some(Millis::hours(900)), u128::MAX) <= Millis::new(LONGEST_RETRY.get() * 6 / 5));
    }
}
