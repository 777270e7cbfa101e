//! Predictive dialing: as many calls as keep the risk of the last one at what the budget allows.
//!
//! The risk of a call dialed now is the probability that, when a person answers it, nobody is free: over the
//! moments of its answer (see [`HORIZONS`]) and the levels of the answer rate (see
//! [`crate::learn::level`]), `P(X(t) - Bin(n, q(t)) <= 0)`, where `X` counts agents free within the time that
//! a caller waits, less calls answered before. At the optimum of the constrained decision process this
//! risk is nearly the same in every state, so that a threshold on it is nearly optimal.
//!
//! Besides, each budget bounds what all calls in flight may cost (see [`crate::budget`]). Whoever finds no agent
//! is lost, so that what is lost by a moment is the most by which demand was ever ahead of supply till then: a
//! queue without places, reflected at 0 (Asmussen, Applied Probability and Queues, IX.2). That some moment's
//! surplus is under `-a` is about twice as likely as that it is at the worst of the moments looked at (the reflection
//! principle, exact for a walk without drift). Answers are independent given their level, and the level is
//! uncertain: a mixture of binomials, which spreads wider than either.
//!
//! How much is really abandoned at a threshold differs from floor to floor; what happens is held against
//! the thresholds in force ([`Strain`]), so that the threshold aims at the share that the budget allows.

use serde::{Deserialize, Serialize};

use crate::budget::{Allowance, Bound};
use crate::model::demand::{Ages, Forecast};
use crate::model::{HORIZONS, Row};
use crate::surplus::{Surplus, Terms};

/// The highest threshold.
const MOST_RISK: f64 = 0.1;
/// And the lowest: at this risk next to nobody is lost, and the people who answer earn for the budget. It ends
/// where a limit is exceeded.
const LEAST_RISK: f64 = 0.001;
/// That some moment is worse, against the worst of those looked at.
const REFLECTED: f64 = 2.0;

/// What is less likely is left out.
const NEVER: f64 = 1e-4;

/// Abandoned calls against the risks that were taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Strain {
    abandoned: f64,
    risked: f64,
}

impl Default for Strain {
    fn default() -> Self {
        // Assumed at first: 1.3 abandoned where 1 was risked, with the weight of four.
        Self {
            abandoned: 4.0,
            risked: 4.0 / 1.3,
        }
    }
}

impl Strain {
    pub(crate) fn live(&mut self, threshold: f64) {
        self.risked += threshold;
    }

    pub(crate) fn abandoned(&mut self) {
        self.abandoned = self.abandoned * MEMORY + 1.0;
        self.risked *= MEMORY;
    }

    /// The threshold at which the share is abandoned.
    pub(crate) fn threshold(self, allowance: &Allowance) -> f64 {
        if allowance.is_spent() {
            return 0.0;
        }
        let per_risk = (self.abandoned / self.risked).clamp(0.3, 5.0);
        (allowance.share / per_risk).clamp(LEAST_RISK, MOST_RISK)
    }
}

/// What one abandoned call leaves of what is remembered.
const MEMORY: f64 = 0.98;

/// The floor at a moment, as the decision needs it.
pub(crate) struct Floor<'a> {
    /// Agents free, less live calls that wait.
    pub(crate) free: i64,
    /// Agents who may get free within each horizon.
    pub(crate) busy: Vec<Row>,
    /// Calls in flight.
    pub(crate) ages: Ages,
    pub(crate) forecast: &'a Forecast,
    /// Others who may get free, and who may want an agent, within each horizon.
    pub(crate) more: [Terms; HORIZONS],
    pub(crate) less: [Terms; HORIZONS],
}

/// One moment at one level.
struct Case {
    place: usize,
    /// Of the answers to a call dialed now, those at this moment and level.
    weight: f64,
    /// In the level.
    belief: f64,
    fresh: f64,
    surplus: Surplus,
}

impl Floor<'_> {
    /// How many calls to dial, at most `most`.
    pub(crate) fn calls(&self, threshold: f64, allowance: &Allowance, most: u32) -> u32 {
        if threshold <= 0.0 || most == 0 || allowance.is_spent() {
            return 0;
        }
        let cases = self.cases();
        let wanted = largest(most, |calls| risk(&cases, calls) <= threshold);
        let is_borne = |calls| {
            let mut bounds = allowance.bounds.iter();
            bounds.all(|bound| is_borne(&cases, calls, *bound))
        };
        // Budgets mostly bear what the threshold wants: one look is enough.
        if is_borne(wanted) {
            wanted
        } else {
            largest(wanted, is_borne)
        }
    }

    fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::with_capacity(3 * HORIZONS);
        let mut total = 0.0;
        for place in 0..HORIZONS {
            let at = |row: &Row| row.get(place).copied().unwrap_or(0.0);
            let one = |row: &Row| Terms {
                probability: at(row),
                count: 1,
            };
            let others = self.more.get(place).copied();
            let more = self.busy.iter().map(one).chain(others);
            let supply = Surplus::new(self.free, more.filter(likely));
            for outlook in &self.forecast.outlooks {
                let ringing = outlook.ringing.iter().zip(&self.ages.ringing);
                let answered = self.forecast.answered.iter().zip(&self.ages.answered);
                let less = ringing
                    .chain(answered)
                    .map(|(row, count)| Terms {
                        probability: at(row),
                        count: *count,
                    })
                    .chain(self.less.get(place).copied());
                let answer = outlook.fresh.last().copied().unwrap_or(0.0);
                let weight = outlook.weight * answer;
                total += weight;
                cases.push(Case {
                    place,
                    weight,
                    belief: outlook.weight,
                    fresh: at(&outlook.fresh),
                    surplus: supply.less(less.filter(likely)),
                });
            }
        }
        for case in &mut cases {
            case.weight /= total.max(1e-12);
        }
        cases
    }
}

const fn likely(terms: &Terms) -> bool {
    terms.probability > NEVER && terms.count > 0
}

/// The risk of the last of so many calls.
fn risk(cases: &[Case], calls: u32) -> f64 {
    cases.iter().map(|case| case.weight * case.short(calls, 0)).sum()
}

/// Whether a budget bears what all calls in flight and so many more may cost.
fn is_borne(cases: &[Case], calls: u32, bound: Bound) -> bool {
    #[allow(clippy::cast_possible_truncation)]
    let loss = libm::floor(bound.loss.clamp(0.0, 1e6)) as i64;
    let mut moments = cases.chunk_by(|a, b| a.place == b.place);
    moments.all(|levels| {
        let ruin = |case: &Case| case.belief * case.short(calls, -(loss + 1));
        REFLECTED * levels.iter().map(ruin).sum::<f64>() <= bound.chance
    })
}

impl Case {
    /// P(at most so many over), with so many calls more.
    fn short(&self, calls: u32, most: i64) -> f64 {
        let fresh = Terms {
            probability: self.fresh,
            count: calls,
        };
        // The last of the calls is the one whose answer is looked at; it takes nobody from itself.
        let others = Terms {
            count: calls.saturating_sub(u32::from(most == 0)),
            ..fresh
        };
        self.surplus.at_most_with(others, most)
    }
}

/// The largest number up to `most` that fits, if fitting ends once.
fn largest(most: u32, fits: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut step) = (0, 1);
    while low < most {
        let next = (low + step).min(most);
        if !fits(next) {
            break;
        }
        low = next;
        step *= 2;
    }
    let mut high = (low + step).min(most + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_fits() {
        for most in 0..40 {
            for bound in 0..40 {
                assert_eq!(largest(most, |n| n <= bound), most.min(bound));
            }
        }
    }

    #[test]
    fn more_is_abandoned_than_was_risked_so_less_is_risked() {
        let allowance = Allowance {
            share: 0.03,
            bounds: Vec::new(),
        };
        let mut strain = Strain::default();
        let before = strain.threshold(&allowance);
        for _ in 0..50 {
            strain.live(before);
            strain.abandoned();
        }
        assert!(strain.threshold(&allowance) < before / 3.0);
    }

    fn floor_of(forecast: &Forecast, free: i64) -> Floor<'_> {
        let nobody = Terms {
            probability: 0.0,
            count: 0,
        };
        Floor {
            free,
            busy: vec![[0.2; HORIZONS]; 10],
            ages: Ages {
                ringing: vec![3],
                answered: Vec::new(),
            },
            forecast,
            more: [nobody; HORIZONS],
            less: [nobody; HORIZONS],
        }
    }

    fn bounded(loss: f64, chance: f64) -> Allowance {
        Allowance {
            share: 1.0,
            bounds: vec![Bound { loss, chance }],
        }
    }

    #[test]
    fn what_may_be_lost_keeps_to_every_bound() {
        let forecast = crate::model::demand::Demand::default().forecast();
        let floor = floor_of(&forecast, 5);
        let calls = |allowance: &Allowance| floor.calls(MOST_RISK, allowance, 1_000);
        let mut before = 0;
        for loss in 0..6 {
            let allowance = bounded(f64::from(loss), 0.01);
            let now = calls(&allowance);
            assert!(now >= before);
            before = now;
            let both = Allowance {
                bounds: [allowance.bounds, bounded(0.0, 0.001).bounds].concat(),
                ..allowance
            };
            assert_eq!(calls(&both), calls(&bounded(0.0, 0.001)).min(now));
        }
        assert!(calls(&bounded(2.0, 0.001)) <= calls(&bounded(2.0, 0.05)));
    }

    #[test]
    fn an_exceeded_limit_starts_nothing() {
        let forecast = crate::model::demand::Demand::default().forecast();
        let allowance = bounded(-0.01, 1.0);
        assert_eq!(floor_of(&forecast, 50).calls(MOST_RISK, &allowance, 1_000), 0);
        assert_eq!(Strain::default().threshold(&allowance), 0.0);
    }
}
