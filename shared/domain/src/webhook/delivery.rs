//! A delivery: one event told to one endpoint, tried until it is taken or the schedule ends.

use serde::{Deserialize, Serialize};
use url::Url;

use super::health::Sign;
use super::schedule::{Wish, pause};
use crate::id::{EventId, WebhookId};
use crate::time::{Millis, Timestamp};
use crate::timer::{Timer, TimerKind};

/// For how long a delivery that ended is listed.
pub const LISTED_FOR: Millis = Millis::hours(7 * 24);
/// Attempts that are kept with a delivery; the oldest give way.
const MAX_KEPT: usize = 12;
/// Characters of an answer that are kept.
const EXCERPT: usize = 200;

/// Whom a delivery is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Target {
    /// A registered endpoint; its record says where it is.
    Webhook,
    /// The `callbackUrl` of an activity.
    Callback {
        /// Where.
        url: Url,
    },
    /// The tenant's CX Activities endpoint; the settings say where it is.
    CxActivities,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// It is tried, now or later.
    Pending,
    /// The receiver took it.
    Delivered,
    /// The receiver did not take it, and it is not tried any more.
    Failed,
    /// Its endpoint was deleted or disabled before it was taken.
    Dropped,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Failed, Self::Dropped];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// Reads [`DeliveryState::name`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer, redirects included: none is followed.
    Answered {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Millis>,
        /// The beginning of the body.
        excerpt: String,
    },
    /// The address rules forbid the call: it would never be made.
    Forbidden,
    /// No answer in time.
    TimedOut,
    /// No connection, or a broken one.
    Unreachable {
        /// For people.
        detail: String,
    },
}

impl Outcome {
    /// Whether the receiver took it.
    fn taken(&self) -> bool {
        matches!(
            self,
            Self::Answered {
                status: 200..=299,
                ..
            }
        )
    }

    /// What it says about the endpoint.
    pub fn sign(&self) -> Sign {
        match self {
            _ if self.taken() => Sign::Works,
            Self::Answered { status: 410, .. } => Sign::Gone,
            _ => Sign::Fails,
        }
    }

    fn wish(&self) -> Wish {
        match self {
            // Too many requests, and what gateways answer for a receiver under load.
            Self::Answered {
                status: 429 | 502 | 504,
                retry_after,
                ..
            } => Wish {
                busy: true,
                retry_after: *retry_after,
            },
            Self::Answered { retry_after, .. } => Wish {
                busy: false,
                retry_after: *retry_after,
            },
            Self::TimedOut => Wish {
                busy: true,
                retry_after: None,
            },
            Self::Forbidden | Self::Unreachable { .. } => Wish::default(),
        }
    }

    /// A stable code, where there is no status.
    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Answered { .. } => None,
            Self::Forbidden => Some("address-not-allowed"),
            Self::TimedOut => Some("timeout"),
            Self::Unreachable { .. } => Some("unreachable"),
        }
    }

    /// What is kept for people who look for the cause.
    fn detail(&self) -> Option<String> {
        let text = match self {
            Self::Answered { excerpt, .. } if !self.taken() => excerpt,
            Self::Unreachable { detail } => detail,
            _ => return None,
        };
        (!text.is_empty()).then(|| text.chars().take(EXCERPT).collect())
    }
}

/// What follows from a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Done,
    /// It is tried again.
    RetryAt(Timestamp),
    /// It is not tried any more.
    Exhausted,
    /// Nor is anything else: the endpoint is gone.
    Gone,
}

/// Decides what follows from a call, after so many failed ones before it.
pub fn decide(failures: u32, outcome: &Outcome, now: Timestamp, random: u128) -> Next {
    match (outcome.sign(), outcome) {
        (Sign::Works, _) => Next::Done,
        (Sign::Gone, _) => Next::Gone,
        (Sign::Fails, Outcome::Forbidden) => Next::Exhausted,
        (Sign::Fails, _) => pause(failures.saturating_add(1), outcome.wish(), random)
            .map_or(Next::Exhausted, |pause| Next::RetryAt(now + pause)),
    }
}

/// One call, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `timeout`, `unreachable` or `address-not-allowed`, if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The beginning of an answer that was no success, or what was seen instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The event: also the `webhook-id` of every attempt.
    pub event: EventId,
    /// Its type.
    pub event_type: String,
    /// Of which endpoint, or of what stands for one.
    pub webhook: WebhookId,
    /// Whom it is for.
    pub target: Target,
    /// Where it stands.
    pub state: DeliveryState,
    /// Raised when it is started anew; messages of earlier generations are void.
    pub generation: u64,
    /// Attempts made, over all generations.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Failed attempts of this generation: the place in the schedule.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// When it is tried next, while pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The latest attempts, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<Attempt>,
    /// What is sent: JSON.
    #[serde(with = "crate::json_text")]
    pub body: String,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What is asked for with a new delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDelivery {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub event_type: String,
    /// Of which endpoint.
    pub webhook: WebhookId,
    /// Whom it is for.
    pub target: Target,
    /// What is sent.
    pub body: String,
}

impl Delivery {
    /// A delivery that is due now.
    pub fn new(new: NewDelivery, now: Timestamp) -> Self {
        Self {
            event: new.event,
            event_type: new.event_type,
            webhook: new.webhook,
            target: new.target,
            state: DeliveryState::Pending,
            generation: 1,
            attempts: 0,
            failures: 0,
            next_at: Some(now),
            created_at: now,
            ended_at: None,
            log: Vec::new(),
            body: new.body,
        }
    }

    /// Its entry in the due index.
    pub fn timer(&self) -> Option<Timer> {
        let at = self.next_at?;
        Some(Timer {
            at,
            kind: TimerKind::WebhookDelivery,
            generation: self.generation,
        })
    }

    /// Until when it is listed, once it ended.
    pub fn expires(&self) -> Option<Timestamp> {
        Some(self.ended_at? + LISTED_FOR)
    }

    /// Takes in an attempt that began at `began`.
    pub fn settle(mut self, outcome: &Outcome, began: Timestamp, now: Timestamp, random: u128) -> Self {
        let next = decide(self.failures, outcome, now, random);
        self.note(outcome, began);
        match next {
            Next::Done => self.end(DeliveryState::Delivered, now),
            Next::Exhausted | Next::Gone => self.end(DeliveryState::Failed, now),
            Next::RetryAt(at) => {
                self.failures = self.failures.saturating_add(1);
                self.next_at = Some(at);
                self
            }
        }
    }

    fn note(&mut self, outcome: &Outcome, began: Timestamp) {
        self.attempts = self.attempts.saturating_add(1);
        if self.log.len() >= MAX_KEPT {
            self.log.remove(0);
        }
        let status = match outcome {
            Outcome::Answered { status, .. } => Some(*status),
            _ => None,
        };
        let code = outcome.code().map(Into::into);
        self.log.push(Attempt {
            at: began,
            status,
            code,
            detail: outcome.detail(),
        });
    }

    fn end(mut self, state: DeliveryState, now: Timestamp) -> Self {
        self.state = state;
        self.next_at = None;
        self.ended_at = Some(now);
        self
    }

    /// Ends a delivery that nobody waits for any more.
    pub fn drop_it(self, now: Timestamp) -> Self {
        self.end(DeliveryState::Dropped, now)
    }

    /// Waits for its turn: too many calls to the same endpoint are under way.
    pub fn defer(mut self, until: Timestamp) -> Self {
        self.next_at = Some(until);
        self
    }

    /// Starts it anew, with the whole schedule before it.
    pub fn redeliver(mut self, now: Timestamp) -> Self {
        self.state = DeliveryState::Pending;
        self.generation += 1;
        self.failures = 0;
        self.next_at = Some(now);
        self.ended_at = None;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    fn answered(status: u16) -> Outcome {
        Outcome::Answered {
            status,
            retry_after: None,
            excerpt: "é".repeat(300),
        }
    }

    fn delivery() -> Delivery {
        let new = NewDelivery {
            event: EventId::generate(now(), 1),
            event_type: "activity.sent".into(),
            webhook: WebhookId::generate(now(), 2),
            target: Target::Webhook,
            body: "{}".into(),
        };
        Delivery::new(new, now())
    }

    #[test]
    fn only_2xx_is_success() {
        for status in [200, 201, 204, 299] {
            assert_eq!(decide(0, &answered(status), now(), 0), Next::Done, "{status}");
        }
        for status in [100, 199, 301, 302, 307, 400, 404, 500, 503] {
            let retry = Next::RetryAt(now() + Millis::seconds(4));
            assert_eq!(decide(0, &answered(status), now(), 0), retry, "{status}");
        }
        assert_eq!(decide(0, &answered(410), now(), 0), Next::Gone);
        assert_eq!(decide(0, &Outcome::Forbidden, now(), 0), Next::Exhausted);
    }

    #[test]
    fn the_busy_are_left_alone_for_a_minute() {
        for outcome in [answered(429), answered(502), answered(504), Outcome::TimedOut] {
            assert_eq!(
                decide(0, &outcome, now(), 0),
                Next::RetryAt(now() + Millis::minutes(1)),
                "{outcome:?}"
            );
            assert_eq!(
                decide(1, &outcome, now(), 0),
                Next::RetryAt(now() + Millis::minutes(4)),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn a_receiver_that_never_answers_is_tried_ten_times() {
        let (mut delivery, mut clock) = (delivery(), now());
        while let Some(timer) = delivery.timer() {
            clock = timer.at;
            delivery = delivery.settle(
                &Outcome::TimedOut,
                clock,
                clock,
                u128::from(delivery_bits(&clock)),
            );
        }
        assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Failed, 10));
        let hours = clock.since(now()).get() / 3_600_000;
        assert!((60..=91).contains(&hours), "{hours}");
        assert_eq!(delivery.expires(), Some(clock + LISTED_FOR));
    }

    fn delivery_bits(at: &Timestamp) -> u64 {
        u64::try_from(at.millis())
            .unwrap()
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn what_people_need_is_kept_of_an_attempt() {
        let failed = delivery().settle(&answered(500), now(), now(), 0);
        assert_eq!(failed.log[0].status, Some(500));
        assert_eq!(failed.log[0].detail, Some("é".repeat(200)));
        let taken = failed.settle(&answered(200), now(), now(), 0);
        assert_eq!(
            (taken.state, taken.attempts, taken.log[1].detail.clone()),
            (DeliveryState::Delivered, 2, None)
        );
        let unreachable = Outcome::Unreachable {
            detail: "refused".into(),
        };
        let failed = delivery().settle(&unreachable, now(), now(), 0);
        assert_eq!(failed.log[0].code.as_deref(), Some("unreachable"));
    }

    #[test]
    fn starting_anew_voids_earlier_messages_and_begins_the_schedule_again() {
        let failed = delivery().settle(&answered(410), now(), now(), 0);
        assert_eq!((failed.state, failed.timer()), (DeliveryState::Failed, None));
        let again = failed.clone().redeliver(now());
        assert_eq!(
            (again.state, again.failures, again.expires()),
            (DeliveryState::Pending, 0, None)
        );
        assert!(again.timer().unwrap().generation > failed.generation);
    }

    #[test]
    fn the_stored_form_reads_back() {
        let url = Url::parse("https://example.com/").unwrap();
        for target in [Target::Webhook, Target::Callback { url }, Target::CxActivities] {
            let delivery = Delivery { target, ..delivery() }.settle(&answered(500), now(), now(), 0);
            let json = serde_json::to_string(&delivery).unwrap();
            assert_eq!(serde_json::from_str::<Delivery>(&json).unwrap(), delivery);
        }
    }
}
