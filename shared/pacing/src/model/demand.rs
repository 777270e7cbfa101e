//! Demand: which of the calls in flight get answered by a person, and when.
//!
//! A call rings until a person answers it or it ends otherwise (a machine answers, busy, no answer, ...):
//! two competing hazards by its age, both learned with the exposure of every call in flight. What was
//! answered awaits its verdict, person or machine: two hazards by the time since. So
//!
//! `q(T | age a) = sum over u of G(u) V(T - (u - a)) / S(a)`
//!
//! with `S` the probability to be unanswered at an age, `G(u)` to be answered by a person in second `u`,
//! and `V` the distribution of the time from answer to verdict. The hazard of people is multiplied by the
//! [`Level`] of the moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{HORIZONS, Row};
use crate::learn::grid::Grid;
use crate::learn::hazard::{Hazard, overlaps};
use crate::learn::level::{Factor, Level};
use crate::protocol::Id;

/// Calls that end so many are remembered.
const MEMORY: f64 = 1_500.0;
/// Most calls that are followed.
const MOST_CALLS: usize = 100_000;
/// People who answered, at which what is known about their time is trusted half.
const LEVEL_TRUST: f64 = 20.0;
/// Nothing is believed about the answer rate for so many times the longest ringing.
const COLD_RINGS: f64 = 2.2;
/// Nor before so many calls have ended.
const COLD_CALLS: f64 = 60.0;
/// A call of which nothing was heard for so long is taken for lost, in seconds.
const LOST_AFTER: f64 = 180.0;
/// And forgotten after so many more.
const FORGOTTEN_AFTER: f64 = 3_600.0;

/// The calls in flight and what is known about such calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Demand {
    #[serde(with = "crate::pairs")]
    calls: BTreeMap<Id, Call>,
    /// Calls of which nothing was heard for long, and since when they are taken for lost: not expected to be answered
    /// any more, but counted if they were.
    #[serde(default, with = "crate::pairs", skip_serializing_if = "BTreeMap::is_empty")]
    lost: BTreeMap<Id, f64>,
    /// A person answers, by seconds since dialing.
    persons: Hazard,
    /// The call ends otherwise, by seconds since dialing.
    others: Hazard,
    /// The verdict is a person, by seconds since the answer.
    live: Hazard,
    /// The verdict is a machine, by seconds since the answer.
    dead: Hazard,
    level: Level,
    /// Until when exposure is counted.
    counted: f64,
    /// People expected and people seen since the level was last brought up to date.
    expected: f64,
    answered: f64,
    /// The hazards as they were then.
    rates: Vec<f64>,
    /// The share of answered calls that are people, as it was then.
    share: f64,
    /// When the first call was dialed.
    began: Option<f64>,
    /// Calls dialed since, and people who answered.
    all: f64,
    people: f64,
    /// Calls that ended, and machines among them, decayed.
    ended: f64,
    machines: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Call {
    dialed: f64,
    rings: bool,
    /// When it was answered, by whomever, and the share of a person that was counted then.
    answered: Option<(f64, f64)>,
}

/// How a call in flight ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A person.
    Live,
    /// A machine that answered.
    Machine,
    /// Busy, no answer, no such number, a fax.
    Other,
}

impl Default for Demand {
    fn default() -> Self {
        let persons = Hazard::new(Grid::Ringing, 0.02, MEMORY);
        Self {
            calls: BTreeMap::new(),
            lost: BTreeMap::new(),
            rates: persons.rates(),
            persons,
            others: Hazard::new(Grid::Ringing, 0.05, MEMORY),
            live: Hazard::new(Grid::Detection, 0.5, MEMORY),
            dead: Hazard::new(Grid::Detection, 0.5, MEMORY),
            level: Level::default(),
            counted: 0.0,
            expected: 0.0,
            answered: 0.0,
            share: 0.5,
            began: None,
            all: 0.0,
            people: 0.0,
            ended: 0.0,
            machines: 0.0,
        }
    }
}

impl Demand {
    /// Calls dialed and without a verdict.
    pub(crate) fn in_flight(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn dialed(&mut self, call: &Id, now: f64) {
        if self.calls.len() < MOST_CALLS && !self.calls.contains_key(call) {
            let fresh = Call {
                dialed: now,
                rings: false,
                answered: None,
            };
            // Of an earlier call under this name nothing more is expected.
            self.lost.remove(call);
            self.calls.insert(call.clone(), fresh);
            self.began.get_or_insert(now);
            self.all += 1.0;
        }
    }

    pub(crate) fn rings(&mut self, call: &Id) {
        if let Some(call) = self.calls.get_mut(call) {
            call.rings = true;
        }
    }

    pub(crate) fn answered(&mut self, call: &Id, now: f64) {
        let Some(mut ringing) = self.calls.get(call).copied() else {
            return;
        };
        if ringing.answered.is_none() {
            self.expose(&ringing, now);
            self.answered += self.share;
            ringing.answered = Some((now, self.share));
            self.calls.insert(call.clone(), ringing);
        }
    }

    /// A call has its verdict. False if it was not in flight. From one that was taken for lost nothing is learned.
    pub(crate) fn resolved(&mut self, call: &Id, verdict: Verdict, now: f64) -> bool {
        let Some(call) = self.calls.remove(call) else {
            return self.lost.remove(call).is_some();
        };
        self.expose(&call, now);
        let (at, counted) = call.answered.unwrap_or((now, 0.0));
        let (ringing, detection) = (at - call.dialed, now - at);
        match verdict {
            Verdict::Live => {
                self.people += 1.0;
                self.answered += 1.0 - counted;
                self.persons.happen(ringing, 1.0);
                self.live.happen(detection, 1.0);
            }
            Verdict::Machine | Verdict::Other => {
                self.answered -= counted;
                self.others.happen(ringing, 1.0);
                if call.answered.is_some() {
                    self.dead.happen(detection, 1.0);
                }
            }
        }
        self.machines =
            self.machines * (1.0 - 1.0 / MEMORY) + f64::from(u8::from(verdict == Verdict::Machine));
        self.ended = self.ended * (1.0 - 1.0 / MEMORY) + 1.0;
        for hazard in [
            &mut self.persons,
            &mut self.others,
            &mut self.live,
            &mut self.dead,
        ] {
            hazard.forget(1.0);
        }
        true
    }

    /// Counts the exposure of a call up to now, since it was last counted.
    fn expose(&mut self, call: &Call, now: f64) {
        let since = call.dialed.max(self.counted);
        if let Some((at, _)) = call.answered {
            let since = at.max(self.counted);
            if now > since {
                self.live.expose(since - at, now - at, 1.0);
                self.dead.expose(since - at, now - at, 1.0);
            }
        } else if now > since {
            let (from, to) = (since - call.dialed, now - call.dialed);
            self.persons.expose(from, to, self.level.mean());
            self.others.expose(from, to, 1.0);
            let expected = overlaps(Grid::Ringing, from, to)
                .map(|(bin, seconds)| seconds * self.rates.get(bin).copied().unwrap_or(0.0));
            self.expected += expected.sum::<f64>();
        }
    }

    /// Brings everything that is learned up to date.
    pub(crate) fn advance(&mut self, now: f64) {
        let calls: Vec<Call> = self.calls.values().copied().collect();
        for call in &calls {
            self.expose(call, now);
        }
        // While little is known about when people answer, the level is read from it with as little trust.
        let people = self.persons.events();
        let trust = people / (people + LEVEL_TRUST);
        let (expected, answered) = (trust * self.expected, trust * self.answered.max(0.0));
        self.level.observe(now - self.counted, expected, answered);
        // A machine that was counted partly as a person is taken back from the people to come.
        self.answered = self.answered.min(0.0);
        self.expected = 0.0;
        self.counted = now;
        self.rates = self.persons.rates();
        let (live, dead) = (self.live.rates(), self.dead.rates());
        self.share = verdicts(&live, &dead).last().copied().unwrap_or(0.5);
        self.lost.retain(|_, since| now - *since < FORGOTTEN_AFTER);
        let is_lost = |call: &Call| now - call.answered.map_or(call.dialed, |(at, _)| at) >= LOST_AFTER;
        let lost = self.calls.extract_if(.., |_, call| is_lost(call));
        self.lost.extend(lost.map(|(id, _)| (id, now)));
    }

    /// What is to be expected of calls.
    pub(crate) fn forecast(&self) -> Forecast {
        let live = verdicts(&self.live.rates(), &self.dead.rates());
        let delay = Delay::new(&live);
        let others = self.others.rates();
        let factors = self.level.three();
        let [low, middle, high] = factors.map(|factor| Ringing::new(&self.rates, &others, factor));
        let horizons = middle.quantiles(&delay);
        let outlooks = [low, middle, high].map(|ringing| ringing.outlook(&delay, &horizons));
        let answered = (0..Grid::Detection.bins())
            .map(|bin| {
                let age = Grid::Detection.start(bin);
                horizons.map(|horizon| delay.verdict_within(age, horizon))
            })
            .collect();
        Forecast {
            horizons,
            outlooks,
            answered,
        }
    }

    /// At the start, calls that end early are not like those that end late: busy and invalid numbers are
    /// known first. Until enough has ended, every call in flight counts as a person: the answer rate at most,
    /// None once enough is known.
    pub(crate) fn cold(&self, now: f64, ring_max: f64) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)]
        let open = self.calls.len() as f64;
        let young = self.began.is_none_or(|began| now - began < COLD_RINGS * ring_max);
        let few = self.all - open < COLD_CALLS;
        (young || few).then(|| (self.people + open + 1.0) / (self.all + 1.0))
    }

    /// Calls in flight by what is expected of them: for each age, how many.
    pub(crate) fn ages(&self, now: f64) -> Ages {
        let mut ages = Ages {
            ringing: vec![0; Grid::Ringing.bins()],
            answered: vec![0; Grid::Detection.bins()],
        };
        for call in self.calls.values() {
            let count = match call.answered {
                None => ages.ringing.get_mut(Grid::Ringing.bin(now - call.dialed)),
                Some((at, _)) => ages.answered.get_mut(Grid::Detection.bin(now - at)),
            };
            if let Some(count) = count {
                *count += 1;
            }
        }
        ages
    }

    /// Calls that do not ring yet, and calls that ring.
    pub(crate) fn stages(&self) -> [u32; 2] {
        let open = self.calls.values().filter(|call| call.answered.is_none());
        open.fold([0, 0], |[dialing, ringing], call| {
            if call.rings {
                [dialing, ringing + 1]
            } else {
                [dialing + 1, ringing]
            }
        })
    }

    /// Machines per call, of late.
    pub(crate) fn machine_rate(&self) -> f64 {
        if self.ended > 0.0 {
            self.machines / self.ended
        } else {
            0.0
        }
    }

    /// The probability that a call dialed now is answered by a person.
    pub(crate) fn answer_rate(&self) -> f64 {
        let factor = Factor {
            value: self.level.mean(),
            weight: 1.0,
        };
        let ringing = Ringing::new(&self.rates, &self.others.rates(), factor);
        ringing.answers.iter().sum()
    }
}

/// How many calls there are of each age.
#[derive(Clone, Debug)]
pub(crate) struct Ages {
    pub(crate) ringing: Vec<u32>,
    pub(crate) answered: Vec<u32>,
}

/// Probabilities of a person's answer within each horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forecast {
    /// Seconds from now.
    pub(crate) horizons: Row,
    /// For a low, a middle and a high level.
    pub(crate) outlooks: [Outlook; 3],
    /// Of calls that were answered and have no verdict, by the time since.
    pub(crate) answered: Vec<Row>,
}

/// Probabilities at one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outlook {
    pub(crate) weight: f64,
    /// Of a call dialed now.
    pub(crate) fresh: Row,
    /// Of calls that ring, by age.
    pub(crate) ringing: Vec<Row>,
}

/// The probability that the verdict is a person by the end of each bin.
fn verdicts(live: &[f64], dead: &[f64]) -> Vec<f64> {
    let mut open = 1.0;
    let mut sum = 0.0;
    let bins = live.iter().zip(dead).enumerate();
    bins.map(|(bin, (live, dead))| {
        let all = live + dead;
        let width = Grid::Detection.end(bin) - Grid::Detection.start(bin);
        let ends = open * (1.0 - libm::exp(-all * width));
        sum += ends * live / all;
        open -= ends;
        sum
    })
    .collect()
}

/// The time from a person's answer to the verdict.
struct Delay {
    /// P(person, verdict by the end of the bin), from the answer on.
    live: Vec<f64>,
}

impl Delay {
    fn new(live: &[f64]) -> Self {
        Self { live: live.to_vec() }
    }

    fn total(&self) -> f64 {
        self.live.last().copied().unwrap_or(1.0).max(1e-9)
    }

    /// P(person, verdict within so many seconds from the answer).
    fn cumulative(&self, seconds: f64) -> f64 {
        if seconds <= 0.0 {
            return 0.0;
        }
        let bin = Grid::Detection.bin(seconds);
        let end = self.live.get(bin).copied().unwrap_or(0.0);
        let start = bin
            .checked_sub(1)
            .and_then(|bin| self.live.get(bin))
            .copied()
            .unwrap_or(0.0);
        let width = Grid::Detection.end(bin) - Grid::Detection.start(bin);
        start + (end - start) * ((seconds - Grid::Detection.start(bin)) / width).min(1.0)
    }

    /// P(verdict within so many seconds), of a person who has answered just now.
    fn person_within(&self, seconds: f64) -> f64 {
        self.cumulative(seconds) / self.total()
    }

    /// P(verdict by `horizon`), if a person answers in the first second from now, the second, and so on, of a
    /// call dialed now.
    fn if_dialed(&self, horizon: f64) -> Vec<f64> {
        let halves = (0..90).map(|second| horizon - f64::from(second) - 0.5);
        halves
            .take_while(|left| *left > 0.0)
            .map(|left| self.person_within(left))
            .collect()
    }

    /// The same of a call that rings: it is in the middle of a second, of which half is left.
    fn if_ringing(&self, horizon: f64) -> Vec<f64> {
        let first = self.person_within(horizon - 0.25) / 2.0;
        let whole = (1..90).map(|second| horizon - f64::from(second));
        let later = whole
            .take_while(|left| *left > 0.0)
            .map(|left| self.person_within(left));
        std::iter::once(first).chain(later).collect()
    }

    /// P(a person, verdict within so many seconds), of a call answered `age` seconds ago.
    fn verdict_within(&self, age: f64, seconds: f64) -> f64 {
        // Who is still open after this time is a person as likely as at first.
        let seen = self.cumulative(age);
        let open = (1.0 - seen / self.total()).max(1e-6);
        ((self.cumulative(age + seconds) - seen) / open).clamp(0.0, 1.0)
    }
}

/// A call from dialing on, at one level.
struct Ringing {
    weight: f64,
    /// P(neither answered nor ended at the start of each second).
    open: Vec<f64>,
    /// P(a person answers in each second).
    answers: Vec<f64>,
}

impl Ringing {
    fn new(persons: &[f64], others: &[f64], factor: Factor) -> Self {
        let mut open = 1.0;
        let steps = persons.iter().zip(others).map(|(person, other)| {
            let person = person * factor.value;
            let all = person + other;
            let before = open;
            let ends = open * (1.0 - libm::exp(-all));
            open -= ends;
            (before, ends * person / all)
        });
        let (open, answers) = steps.unzip();
        Self {
            weight: factor.weight,
            open,
            answers,
        }
    }

    /// P(live), of a call dialed now, with the probabilities that the verdict is there, by the second of the
    /// answer.
    fn fresh(&self, known: &[f64]) -> f64 {
        self.answers
            .iter()
            .zip(known)
            .map(|(answers, known)| answers * known)
            .sum()
    }

    /// P(live), of a call that has rung so many seconds (and a half).
    fn later(&self, age: usize, known: &[f64]) -> f64 {
        let left = self.answers.iter().skip(age);
        let sum: f64 = left.zip(known).map(|(answers, known)| answers * known).sum();
        let here = self.open.get(age).copied().unwrap_or(0.0);
        let next = self.open.get(age + 1).copied().unwrap_or(here);
        let open = (here + next) / 2.0;
        if open > 1e-9 {
            (sum / open).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// The times by which 1/16, 3/16, ... of the people who answer are there.
    fn quantiles(&self, delay: &Delay) -> Row {
        let total: f64 = self.answers.iter().sum();
        let mut row = [0.0; HORIZONS];
        let mut slots = row.iter_mut().enumerate().peekable();
        let (mut time, mut before) = (0.0, 0.0);
        while let Some((place, slot)) = slots.peek_mut() {
            #[allow(clippy::cast_precision_loss)]
            let wanted = total * (*place as f64 + 0.5) / HORIZONS as f64;
            let after = self.fresh(&delay.if_dialed(time + 1.0));
            if after >= wanted || time > 75.0 {
                let share = if after > before {
                    (wanted - before) / (after - before)
                } else {
                    1.0
                };
                **slot = time + share.clamp(0.0, 1.0);
                slots.next();
            } else {
                (time, before) = (time + 1.0, after);
            }
        }
        row
    }

    fn outlook(&self, delay: &Delay, horizons: &Row) -> Outlook {
        let dialed = horizons.map(|horizon| delay.if_dialed(horizon));
        let rung = horizons.map(|horizon| delay.if_ringing(horizon));
        Outlook {
            weight: self.weight,
            fresh: dialed.each_ref().map(|known| self.fresh(known)),
            ringing: (0..self.open.len())
                .map(|age| rung.each_ref().map(|known| self.later(age, known)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_taken_for_lost_is_counted_when_it_comes_out() {
        let call = Id::Number(1);
        let mut demand = Demand::default();
        demand.dialed(&call, 0.0);
        demand.advance(LOST_AFTER);
        assert_eq!(demand.in_flight(), 0);
        let people = demand.people;
        assert!(demand.resolved(&call, Verdict::Live, LOST_AFTER + 60.0));
        assert!(!demand.resolved(&call, Verdict::Live, LOST_AFTER + 60.0));
        assert!(
            (demand.people - people).abs() < 1e-9,
            "nothing is learned from it"
        );
        demand.dialed(&call, 1_000.0);
        demand.advance(1_000.0 + LOST_AFTER);
        demand.advance(1_000.0 + LOST_AFTER + FORGOTTEN_AFTER);
        assert!(!demand.resolved(&call, Verdict::Live, 9_000.0));
    }
}
