//! The simulator's telephony: what happens to a call between its acceptance and its end.

use domain::time::Millis;
use domain::voice::CallResult;

use super::config::Span;
use super::script::{Dice, Event};

/// What happens to calls. Shares lie between 0 and 1.
///
/// Of all calls, `busy`, `invalid`, `rejected`, `failed`, `no_answer`, `machine` and `fax` exclude each
/// other; a person answers the rest. Detection errs on its own: a share of the machines passes for
/// persons, a share of the persons for machines.
#[derive(Clone, Debug, PartialEq)]
pub struct CallScript {
    /// Until the network has set the call up: busy lines and wrong numbers are known then.
    pub set_up: Span,
    /// For how long it rings before somebody, or something, answers.
    pub ringing: Span,
    /// After how much ringing an unanswered call is given up.
    pub ring_limit: Millis,
    /// How long machine detection listens.
    pub detection: Span,
    /// How long a person talks until either side hangs up.
    pub talk: Span,
    /// Share of lines that are busy.
    pub busy: f64,
    /// Share of numbers that do not exist.
    pub invalid: f64,
    /// Share that is refused.
    pub rejected: f64,
    /// Share that the network loses.
    pub failed: f64,
    /// Share that nobody answers.
    pub no_answer: f64,
    /// Share that a machine answers.
    pub machine: f64,
    /// Share that a fax answers.
    pub fax: f64,
    /// Share of machines that are taken for persons.
    pub machine_missed: f64,
    /// Share of persons who are taken for machines, and hung up on.
    pub person_missed: f64,
}

impl Default for CallScript {
    /// Everybody answers at once, and talks for no time.
    fn default() -> Self {
        Self {
            set_up: Span::default(),
            ringing: Span::default(),
            ring_limit: Millis::seconds(20),
            detection: Span::default(),
            talk: Span::default(),
            busy: 0.0,
            invalid: 0.0,
            rejected: 0.0,
            failed: 0.0,
            no_answer: 0.0,
            machine: 0.0,
            fax: 0.0,
            machine_missed: 0.0,
            person_missed: 0.0,
        }
    }
}

/// What the dialer reports of a call, and when after its acceptance. Every draw is made whatever the
/// others gave, so that one share can be changed without moving the fate of all calls.
pub(super) fn reports(script: &CallScript, mut dice: Dice) -> Vec<(Millis, Event)> {
    let set_up = dice.within(script.set_up);
    let ringing = dice.within(script.ringing);
    let detection = dice.within(script.detection);
    let talk = dice.within(script.talk);
    let (line, missed) = (dice.share(), dice.share());
    let result = drawn(script, line, missed);
    let answer = set_up + ringing + detection;
    let at = match result {
        CallResult::Busy | CallResult::Invalid | CallResult::Rejected | CallResult::Failed => set_up,
        CallResult::NoAnswer => set_up + script.ring_limit,
        CallResult::Answered | CallResult::Machine | CallResult::Fax | CallResult::Abandoned => answer,
    };
    let mut events = vec![(Millis::ZERO, Event::PendingDialing), (at, Event::Called(result))];
    if result == CallResult::Answered {
        events.push((at + talk, Event::HungUp));
    }
    events
}

/// How a call comes out, as the dialer believes.
fn drawn(script: &CallScript, line: f64, missed: f64) -> CallResult {
    let shares = [
        (CallResult::Busy, script.busy),
        (CallResult::Invalid, script.invalid),
        (CallResult::Rejected, script.rejected),
        (CallResult::Failed, script.failed),
        (CallResult::NoAnswer, script.no_answer),
        (CallResult::Machine, script.machine),
        (CallResult::Fax, script.fax),
    ];
    let mut bound = 0.0;
    let is_drawn = |(_, share): &(CallResult, f64)| {
        bound += share;
        line < bound
    };
    let truth = shares.into_iter().find(is_drawn).map(|(result, _)| result);
    match truth {
        Some(CallResult::Machine) if missed < script.machine_missed => CallResult::Answered,
        Some(result) => result,
        None if missed < script.person_missed => CallResult::Machine,
        None => CallResult::Answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> CallScript {
        CallScript {
            set_up: Span::millis(100, 200),
            ringing: Span::millis(2_000, 15_000),
            detection: Span::millis(500, 3_000),
            talk: Span::millis(10_000, 90_000),
            busy: 0.1,
            invalid: 0.05,
            rejected: 0.05,
            failed: 0.05,
            no_answer: 0.25,
            machine: 0.2,
            fax: 0.05,
            machine_missed: 0.1,
            person_missed: 0.2,
            ..CallScript::default()
        }
    }

    fn call(n: u32) -> Vec<(Millis, Event)> {
        reports(&script(), Dice::new(7, &n.to_string()))
    }

    #[test]
    fn results_come_out_as_set() {
        let share = |result: CallResult| {
            let alike = (0..20_000).filter(|n| call(*n)[1].1 == Event::Called(result));
            f64::from(u32::try_from(alike.count()).unwrap()) / 20_000.0
        };
        for (result, expected) in [
            (CallResult::Busy, 0.1),
            (CallResult::Invalid, 0.05),
            (CallResult::Rejected, 0.05),
            (CallResult::Failed, 0.05),
            (CallResult::NoAnswer, 0.25),
            (CallResult::Machine, 0.2 * 0.9 + 0.25 * 0.2),
            (CallResult::Fax, 0.05),
            (CallResult::Answered, 0.25 * 0.8 + 0.2 * 0.1),
        ] {
            let actual = share(result);
            assert!((expected - actual).abs() < 0.015, "{result:?}: {actual}");
        }
    }

    #[test]
    fn a_call_rings_before_it_is_answered_and_ends_after_it() {
        for n in 0..1_000 {
            let events = call(n);
            assert_eq!(events[0], (Millis::ZERO, Event::PendingDialing));
            assert!(events.is_sorted_by_key(|(after, _)| *after));
            let (after, Event::Called(result)) = &events[1] else {
                panic!("{events:?}")
            };
            let bounds = match result {
                CallResult::Answered | CallResult::Machine | CallResult::Fax => 2_600..=18_200,
                CallResult::NoAnswer => 20_100..=20_200,
                _ => 100..=200,
            };
            assert!(bounds.contains(&after.get()), "{events:?}");
            let hangs_up = events.last().unwrap().1 == Event::HungUp;
            assert_eq!(hangs_up, *result == CallResult::Answered);
            assert_eq!(call(n), events, "the same key, the same fate");
        }
    }
}
