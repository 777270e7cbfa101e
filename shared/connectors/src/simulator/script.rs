//! What happens to an attempt: a function of the seed and the attempt's key.

use domain::activity::receipt::DeliveryStatus;
use domain::id::hash_bits;
use domain::time::Millis;
use domain::voice::CallResult;

use super::config::{Script, Span};
use super::telephony;

/// What the provider does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Reject,
    Defer,
}

/// Something that the provider tells later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Status(DeliveryStatus),
    Reply(String),
    /// The dialer has taken the call, and will dial.
    PendingDialing,
    /// The call came out.
    Called(CallResult),
    /// A call that was answered is over.
    HungUp,
    /// What the agent says of a conversation.
    WrapUp {
        code: String,
        agent: String,
    },
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Call,
}

impl Event {
    /// The name in statistics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Status(DeliveryStatus::Delivered) | Self::PendingDialing => "DELIVERED",
            Self::Status(DeliveryStatus::Connected) | Self::Called(CallResult::Answered) => "CONNECTED",
            Self::Status(DeliveryStatus::Failed) | Self::Called(_) => "FAILED",
            Self::HungUp => "HUNG_UP",
            Self::WrapUp { .. } => "WRAP_UP",
            Self::Status(DeliveryStatus::Read) => "READ",
            Self::Status(DeliveryStatus::Replied) | Self::Reply(_) => "REPLY",
        }
    }
}

/// Whether the customer quotes a message when answering it. Half of them do; the others just write.
pub(super) fn is_quoted(message_id: &str) -> bool {
    hash_bits(&[message_id, "quoted"]).is_multiple_of(2)
}

/// An event, and when after the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) after: Millis,
    pub(super) event: Event,
    /// Whether it is the second telling of the same event.
    pub(super) again: bool,
}

/// All that happens to an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) latency: Millis,
    pub(super) verdict: Verdict,
    pub(super) loses_answer: bool,
    pub(super) reports: Vec<Report>,
}

impl Plan {
    /// Every draw is made whatever the others gave, so that one share can be changed without moving
    /// the fate of all attempts.
    pub(super) fn of(script: &Script, seed: u64, key: &str, kind: Kind) -> Self {
        let mut dice = Dice::new(seed, key);
        let latency = dice.within(script.latency);
        let (taken, fate) = (dice.share(), dice.share());
        let (read, reply) = (dice.share() < script.read, dice.share() < script.reply);
        let out_of_order = dice.share() < script.out_of_order;
        let failed_after = dice.within(script.failed_after);
        let delivered_after = dice.within(script.delivered_after);
        let read_after = delivered_after + dice.within(script.read_after);
        let reply_span = dice.within(script.reply_after);
        let reply_text = dice.pick(&script.replies);

        let verdict = if taken < script.reject {
            Verdict::Reject
        } else if taken < script.reject + script.defer {
            Verdict::Defer
        } else {
            Verdict::Accept
        };
        let loses_answer =
            verdict == Verdict::Accept && taken < script.reject + script.defer + script.lose_answer;

        let mut events = Vec::new();
        if fate < script.failed {
            events.push((failed_after, Event::Status(DeliveryStatus::Failed)));
        } else if fate < script.failed + script.delivered {
            let (first, second) = if read && out_of_order {
                (read_after, delivered_after)
            } else {
                (delivered_after, read_after)
            };
            events.push((first, Event::Status(DeliveryStatus::Delivered)));
            if read {
                events.push((second, Event::Status(DeliveryStatus::Read)));
            }
            if let Some(text) = reply_text.filter(|_| reply) {
                let since = if read { read_after } else { delivered_after };
                events.push((since + reply_span, Event::Reply(text.to_owned())));
            }
        }
        if kind == Kind::Call {
            // Dice of its own: a call's fate does not move those of messages.
            events = telephony::reports(&script.calls, Dice::new(seed, &format!("{key}.call")));
        }
        let mut reports = Vec::new();
        for (after, event) in events {
            if dice.share() < script.repeated {
                let again = after + dice.within(script.repeated_after);
                reports.push(report(again, event.clone(), true));
            }
            reports.push(report(after, event, false));
        }
        Self {
            latency,
            verdict,
            loses_answer,
            reports,
        }
    }
}

/// How a call goes, where the floor has its say in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Course {
    /// What answers, if anything.
    pub(super) result: CallResult,
    /// When that is known, after the answer to the request.
    pub(super) after: Millis,
    /// How long a conversation takes.
    pub(super) talk: Millis,
    /// How much later the result is told again, if it is.
    pub(super) result_again: Option<Millis>,
    /// How much later the end is told again, if it is.
    pub(super) end_again: Option<Millis>,
}

impl Plan {
    /// Takes the call's result and end out of the reports.
    pub(super) fn take_course(&mut self) -> Option<Course> {
        let told = |wanted: fn(&Event) -> bool, again: bool| {
            let mut reports = self.reports.iter();
            let report = reports.find(|report| report.again == again && wanted(&report.event))?;
            Some((report.after, report.event.clone()))
        };
        let is_result = |event: &Event| matches!(event, Event::Called(_));
        let is_end = |event: &Event| *event == Event::HungUp;
        let (after, Event::Called(result)) = told(is_result, false)? else {
            return None;
        };
        let since = |later: Millis, earlier: Millis| Millis::new(later.get().saturating_sub(earlier.get()));
        let end = told(is_end, false).map_or(after, |(end, _)| end);
        let course = Course {
            result,
            after,
            talk: since(end, after),
            result_again: told(is_result, true).map(|(again, _)| since(again, after)),
            end_again: told(is_end, true).map(|(again, _)| since(again, end)),
        };
        self.reports
            .retain(|report| !is_result(&report.event) && !is_end(&report.event));
        Some(course)
    }
}

fn report(after: Millis, event: Event, again: bool) -> Report {
    Report { after, event, again }
}

/// `SplitMix64` over a hash of seed and key: the same numbers on every machine.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, key: &str) -> Self {
        let bits = hash_bits(&[&seed.to_string(), key]);
        Self(u64::try_from(bits >> 64).unwrap_or(0))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in 0 <= x < 1.
    pub(super) fn share(&mut self) -> f64 {
        // 53 bits fit a double exactly.
        let bits = u32::try_from(self.next() >> 32).unwrap_or(0);
        f64::from(bits) / 4_294_967_296.0
    }

    pub(super) fn within(&mut self, span: Span) -> Millis {
        let width = span.to.get().saturating_sub(span.from.get());
        let offset = self.next().checked_rem(width.saturating_add(1)).unwrap_or(0);
        Millis::new(span.from.get().saturating_add(offset))
    }

    pub(super) fn pick<'a>(&mut self, weighted: &'a [(u32, String)]) -> Option<&'a str> {
        let total: u64 = weighted.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut drawn = self.next().checked_rem(total)?;
        for (weight, text) in weighted {
            match drawn.checked_sub(u64::from(*weight)) {
                Some(rest) => drawn = rest,
                None => return Some(text),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Script {
        Script {
            latency: Span::millis(1, 5),
            reject: 0.1,
            defer: 0.1,
            lose_answer: 0.1,
            failed: 0.2,
            delivered: 0.7,
            delivered_after: Span::millis(10, 20),
            read: 0.5,
            read_after: Span::millis(1, 100),
            reply: 0.3,
            repeated: 0.25,
            out_of_order: 0.5,
            ..Script::default()
        }
    }

    #[test]
    fn the_same_key_has_the_same_fate() {
        for n in 0..100 {
            let key = format!("act_1.{n}");
            let plan = |seed| Plan::of(&script(), seed, &key, Kind::Message);
            assert_eq!(plan(7), plan(7));
        }
        let differing = (0..100)
            .filter(|n| {
                let key = format!("act_1.{n}");
                let plan = |seed| Plan::of(&script(), seed, &key, Kind::Message);
                plan(7) != plan(8)
            })
            .count();
        assert!(differing > 90, "{differing}");
    }

    #[test]
    fn shares_come_out_as_set() {
        let plans: Vec<_> = (0..20_000)
            .map(|n| Plan::of(&script(), 1, &n.to_string(), Kind::Message))
            .collect();
        let share = |holds: &dyn Fn(&Plan) -> bool| {
            f64::from(u32::try_from(plans.iter().filter(|plan| holds(plan)).count()).unwrap()) / 20_000.0
        };
        let has = |plan: &Plan, name: &str| plan.reports.iter().any(|report| report.event.name() == name);
        for (name, expected, actual) in [
            ("reject", 0.1, share(&|plan| plan.verdict == Verdict::Reject)),
            ("defer", 0.1, share(&|plan| plan.verdict == Verdict::Defer)),
            ("lost", 0.1, share(&|plan| plan.loses_answer)),
            ("failed", 0.2, share(&|plan| has(plan, "FAILED"))),
            ("delivered", 0.7, share(&|plan| has(plan, "DELIVERED"))),
            ("read", 0.35, share(&|plan| has(plan, "READ"))),
            ("reply", 0.21, share(&|plan| has(plan, "REPLY"))),
            (
                "stop",
                0.021,
                share(&|plan| {
                    plan.reports
                        .iter()
                        .any(|report| report.event == Event::Reply("STOP".into()))
                }),
            ),
        ] {
            assert!((expected - actual).abs() < 0.015, "{name}: {actual}");
        }
        let overtaken = share(&|plan| {
            let at = |name| {
                plan.reports
                    .iter()
                    .find(|report| !report.again && report.event.name() == name)
                    .map(|report| report.after)
            };
            at("READ")
                .zip(at("DELIVERED"))
                .is_some_and(|(read, delivered)| read < delivered)
        });
        assert!((overtaken - 0.175).abs() < 0.02, "{overtaken}");
    }
}
