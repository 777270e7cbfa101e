//! How many agents are over when calls are answered: a sum of independent yes-or-no terms.
//!
//! `X = free + sum Bern(a) - sum Bern(b)`: agents who get free, calls that get answered. Up to
//! [`EXACT`] terms, or while its variance is at most [`LITTLE`], the distribution is exact (Poisson-binomial, by
//! convolution); beyond, it is normal with an Edgeworth term for the skewness and a continuity correction:
//! `P(X <= k) = F(z) - s/6 (z^2 - 1) f(z)`, `z = (k + 1/2 - m) / sd`, `s` the skewness (Feller, An
//! Introduction to Probability Theory II, XVI.4).

/// Most terms of an exact distribution, however much they vary.
const EXACT: u32 = 70;
/// The largest variance of an exact distribution, however many its terms are: the normal one is wrong by up to 5 %
/// for many rare answers.
const LITTLE: f64 = 8.0;
/// Weights below are left out.
const NOTHING: f64 = 1e-13;

/// Terms of one probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Terms {
    pub(crate) probability: f64,
    pub(crate) count: u32,
}

impl Terms {
    fn variance(self) -> f64 {
        let p = self.probability.clamp(0.0, 1.0);
        f64::from(self.count) * p * (1.0 - p)
    }
}

/// How much there is to convolve.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    terms: u32,
    variance: f64,
}

impl Size {
    fn of(terms: impl Iterator<Item = Terms>) -> Self {
        terms.fold(Self::default(), Self::and)
    }

    fn and(self, terms: Terms) -> Self {
        Self {
            terms: self.terms.saturating_add(terms.count),
            variance: self.variance + terms.variance(),
        }
    }

    fn is_exact(self) -> bool {
        self.terms <= EXACT || self.variance <= LITTLE
    }
}

/// The distribution of `X`.
#[derive(Clone, Debug)]
pub(crate) enum Surplus {
    Exact(Exact),
    Smooth(Cumulants),
}

/// Weights of `lowest`, `lowest + 1`, ...
#[derive(Clone, Debug)]
pub(crate) struct Exact {
    lowest: i64,
    weights: Vec<f64>,
    size: Size,
}

/// Mean, variance and third cumulant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cumulants {
    mean: f64,
    variance: f64,
    third: f64,
}

impl Surplus {
    /// Agents free now, and terms that add one.
    pub(crate) fn new(free: i64, more: impl Iterator<Item = Terms> + Clone) -> Self {
        if Size::of(more.clone()).is_exact() {
            let mut exact = Exact {
                lowest: free,
                weights: vec![1.0],
                size: Size::default(),
            };
            more.for_each(|terms| exact.add(terms, Sign::Plus));
            return Self::Exact(exact);
        }
        #[allow(clippy::cast_precision_loss)]
        let mut smooth = Cumulants {
            mean: free as f64,
            variance: 0.0,
            third: 0.0,
        };
        more.for_each(|terms| smooth.add(terms, Sign::Plus));
        Self::Smooth(smooth)
    }

    /// With terms more that take one away.
    pub(crate) fn less(&self, terms: impl Iterator<Item = Terms> + Clone) -> Self {
        let mut smooth = match self {
            Self::Exact(exact) if terms.clone().fold(exact.size, Size::and).is_exact() => {
                let mut exact = exact.clone();
                terms.for_each(|terms| exact.add(terms, Sign::Minus));
                return Self::Exact(exact);
            }
            Self::Exact(exact) => exact.cumulants(),
            Self::Smooth(smooth) => *smooth,
        };
        terms.for_each(|terms| smooth.add(terms, Sign::Minus));
        Self::Smooth(smooth)
    }

    /// `P(X - Bin(terms) <= most)`.
    pub(crate) fn at_most_with(&self, terms: Terms, most: i64) -> f64 {
        let mut smooth = match self {
            Self::Exact(exact) if exact.size.and(terms).is_exact() => {
                return exact.at_most_with(terms, most);
            }
            Self::Exact(exact) => exact.cumulants(),
            Self::Smooth(smooth) => *smooth,
        };
        smooth.add(terms, Sign::Minus);
        smooth.at_most(most)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

impl Exact {
    fn add(&mut self, terms: Terms, sign: Sign) {
        self.size = self.size.and(terms);
        let p = terms.probability.clamp(0.0, 1.0);
        // Most are one: in place.
        match terms.count {
            1 => self.add_one(p, sign),
            count => self.add_many(p, count, sign),
        }
        self.leave_out();
    }

    /// A step up happens with p; a step down is the same from one lower with 1 - p.
    fn add_one(&mut self, p: f64, sign: Sign) {
        let up = match sign {
            Sign::Plus => p,
            Sign::Minus => {
                self.lowest -= 1;
                1.0 - p
            }
        };
        let mut below = 0.0;
        for weight in &mut self.weights {
            let here = *weight;
            *weight = here * (1.0 - up) + below * up;
            below = here;
        }
        self.weights.push(below * up);
    }

    fn add_many(&mut self, p: f64, count: u32, sign: Sign) {
        // What mostly happens is as if it had happened, and now and then does not.
        let (p, sign) = match sign {
            Sign::Plus if p > 0.5 => {
                self.lowest += i64::from(count);
                (1.0 - p, Sign::Minus)
            }
            Sign::Minus if p > 0.5 => {
                self.lowest -= i64::from(count);
                (1.0 - p, Sign::Plus)
            }
            sign => (p, sign),
        };
        let mut steps = binomial(count, p);
        if sign == Sign::Minus {
            steps.reverse();
            self.lowest -= i64::try_from(steps.len()).unwrap_or(i64::MAX) - 1;
        }
        let mut weights = vec![0.0; self.weights.len() + steps.len() - 1];
        for (place, weight) in self.weights.iter().enumerate() {
            for (sum, step) in weights.iter_mut().skip(place).zip(&steps) {
                *sum += weight * step;
            }
        }
        self.weights = weights;
    }

    /// Takes away what weighs nothing at either end.
    fn leave_out(&mut self) {
        let light = |weight: &&f64| **weight < NOTHING;
        let above = self.weights.iter().rev().take_while(light).count();
        self.weights.truncate(self.weights.len() - above);
        let below = self.weights.iter().take_while(light).count();
        self.weights.drain(..below);
        self.lowest += i64::try_from(below).unwrap_or(i64::MAX);
    }

    fn at_most(&self, most: i64) -> f64 {
        let Ok(items) = usize::try_from(most.saturating_sub(self.lowest).saturating_add(1)) else {
            return 0.0;
        };
        self.weights.iter().take(items).sum::<f64>().clamp(0.0, 1.0)
    }

    /// `P(X - Bin(terms) <= most)`: for each number of the binomial, X may be so much higher.
    fn at_most_with(&self, terms: Terms, most: i64) -> f64 {
        let p = terms.probability.clamp(0.0, 1.0);
        if p > 0.5 {
            let mut with = self.clone();
            with.add(terms, Sign::Minus);
            return with.at_most(most);
        }
        let mut below = self.at_most(most);
        let mut sum = 0.0;
        for (happened, chance) in (1_i64..).zip(binomial(terms.count, p)) {
            sum += chance * below;
            below += self.weight(most.saturating_add(happened));
        }
        sum.clamp(0.0, 1.0)
    }

    fn weight(&self, value: i64) -> f64 {
        let place = usize::try_from(value.saturating_sub(self.lowest)).ok();
        place
            .and_then(|place| self.weights.get(place))
            .copied()
            .unwrap_or(0.0)
    }

    fn cumulants(&self) -> Cumulants {
        #[allow(clippy::cast_precision_loss)]
        let values = || (self.lowest..).map(|value| value as f64).zip(&self.weights);
        let mean: f64 = values().map(|(value, weight)| value * weight).sum();
        let central = |power: i32| -> f64 {
            values()
                .map(|(value, weight)| weight * (0..power).fold(1.0, |product, _| product * (value - mean)))
                .sum()
        };
        Cumulants {
            mean,
            variance: central(2),
            third: central(3),
        }
    }
}

/// Weights of 0, 1, ... successes out of so many, of a probability up to a half; the last ones are left out.
fn binomial(count: u32, p: f64) -> Vec<f64> {
    let mut weight = libm::pow(1.0 - p, f64::from(count));
    let mut weights = vec![weight];
    for successes in 1..=count {
        let left = f64::from(count - successes + 1);
        weight *= left / f64::from(successes) * p / (1.0 - p);
        if weight < NOTHING && f64::from(successes) > f64::from(count) * p {
            break;
        }
        weights.push(weight);
    }
    weights
}

impl Cumulants {
    fn add(&mut self, terms: Terms, sign: Sign) {
        let p = terms.probability.clamp(0.0, 1.0);
        let count = f64::from(terms.count);
        let variance = terms.variance();
        let third = variance * (1.0 - 2.0 * p);
        self.variance += variance;
        match sign {
            Sign::Plus => {
                self.mean += count * p;
                self.third += third;
            }
            Sign::Minus => {
                self.mean -= count * p;
                self.third -= third;
            }
        }
    }

    fn at_most(&self, most: i64) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let edge = most as f64 + 0.5;
        if self.variance < 1e-12 {
            return if self.mean <= edge { 1.0 } else { 0.0 };
        }
        let deviation = libm::sqrt(self.variance);
        let z = (edge - self.mean) / deviation;
        if z < -8.0 {
            return 0.0;
        }
        if z > 8.0 {
            return 1.0;
        }
        let skewness = self.third / (self.variance * deviation);
        let density = libm::exp(-z * z / 2.0) / libm::sqrt(std::f64::consts::TAU);
        let normal = libm::erfc(-z / std::f64::consts::SQRT_2) / 2.0;
        (normal - skewness / 6.0 * (z * z - 1.0) * density).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms() -> impl Strategy<Value = Vec<Terms>> {
        let one = (0.0..=1.0, 1..4u32).prop_map(|(probability, count)| Terms { probability, count });
        proptest::collection::vec(one, 0..4)
    }

    fn at_most(surplus: &Surplus, most: i64) -> f64 {
        let none = Terms {
            probability: 0.0,
            count: 0,
        };
        surplus.at_most_with(none, most)
    }

    /// Every outcome of every term.
    fn brute(free: i64, more: &[Terms], less: &[Terms], most: i64) -> f64 {
        let spread = |terms: &[Terms], step: i64| -> Vec<(f64, i64)> {
            let all = terms.iter().flat_map(|t| (0..t.count).map(|_| t.probability));
            all.map(|p| (p, step)).collect()
        };
        let all: Vec<_> = [spread(more, 1), spread(less, -1)].concat();
        let outcome = |bits: u32| {
            all.iter()
                .enumerate()
                .fold((1.0, free), |(weight, x), (place, (p, step))| {
                    if bits >> place & 1 == 1 {
                        (weight * p, x + step)
                    } else {
                        (weight * (1.0 - p), x)
                    }
                })
        };
        (0..1u32 << all.len())
            .map(outcome)
            .filter(|(_, x)| *x <= most)
            .map(|(weight, _)| weight)
            .sum()
    }

    #[test]
    fn many_rare_answers_are_counted_as_they_are() {
        let rare = Terms {
            probability: 0.002,
            count: 400,
        };
        let with = |free| Surplus::new(free, std::iter::empty()).less(std::iter::once(rare));
        assert!((at_most(&with(0), 0) - 1.0).abs() < 1e-9);
        let none = libm::pow(0.998, 400.0);
        let one = 400.0 * 0.002 * libm::pow(0.998, 399.0);
        assert!((at_most(&with(2), 0) - (1.0 - none - one)).abs() < 1e-9);
    }

    #[test]
    fn what_is_nearly_certain_is_counted_as_it_is() {
        let sure = Terms {
            probability: 0.998,
            count: 400,
        };
        let all = libm::pow(0.998, 400.0);
        let more = Surplus::new(0, std::iter::once(sure));
        assert!((at_most(&more, 399) - (1.0 - all)).abs() < 1e-9);
        let none = Surplus::new(400, std::iter::empty());
        assert!((none.less(std::iter::once(sure)).at_most_with(sure, -400) - all * all).abs() < 1e-9);
        assert!((none.at_most_with(sure, 0) - all).abs() < 1e-9);
    }

    #[test]
    fn where_exact_ends_the_risk_does_not_fall() {
        for (free, probability) in (0..10).flat_map(|free| (1..60).map(move |n| (free, f64::from(n) / 400.0)))
        {
            let less = Terms {
                probability,
                count: 20,
            };
            let surplus = Surplus::new(free, std::iter::empty()).less(std::iter::once(less));
            let risk = |count| surplus.at_most_with(Terms { probability, count }, 0);
            for count in 0..200 {
                let step = risk(count + 1) - risk(count);
                assert!(step > -0.0025, "{free} {probability} {count}: {step}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn exact_is_what_counting_gives(free in -3i64..4, more in terms(), less in terms(), most in -6i64..7) {
            let count: u32 = more.iter().chain(&less).map(|t| t.count).sum();
            prop_assume!(count <= 14);
            let exact = at_most(&Surplus::new(free, more.iter().copied()).less(less.iter().copied()), most);
            prop_assert!((exact - brute(free, &more, &less, most)).abs() < 1e-9);
        }

        #[test]
        fn a_binomial_more_is_as_if_it_had_been_convolved(free in -3i64..4, more in terms(), less in terms(), most in -6i64..7) {
            let last = less.first().copied().unwrap_or(Terms { probability: 0.3, count: 5 });
            let surplus = Surplus::new(free, more.iter().copied()).less(less.iter().copied());
            let convolved = at_most(&surplus.less(std::iter::once(last)), most);
            prop_assert!((surplus.at_most_with(last, most) - convolved).abs() < 1e-9);
        }

        #[test]
        fn smooth_is_near_exact(free in 0i64..10, p in 0.1..0.9f64, q in 0.1..0.5f64, most in -3i64..3) {
            let more = [Terms { probability: p, count: 30 }];
            let less = [Terms { probability: q, count: 40 }];
            let exact = Surplus::new(free, more.into_iter()).less(less.into_iter());
            let Surplus::Exact(pmf) = &exact else { panic!("too many terms") };
            let smooth = Surplus::Smooth(pmf.cumulants());
            prop_assert!((at_most(&exact, most) - at_most(&smooth, most)).abs() < 0.003);
        }

        #[test]
        fn a_call_more_never_lowers_the_risk(free in 0i64..10, q in 0.0..1.0f64, n in 0u32..100) {
            let less = [Terms { probability: q, count: 20 }];
            let surplus = Surplus::new(free, std::iter::empty()).less(less.into_iter());
            let one = surplus.at_most_with(Terms { probability: q, count: n }, 0);
            let more = surplus.at_most_with(Terms { probability: q, count: n + 1 }, 0);
            prop_assert!(more >= one - 0.002, "{one} {more}");
        }
    }
}
