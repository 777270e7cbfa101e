//! What changes over a run.

use serde::Deserialize;

use super::{Factor, Seconds};

/// A factor over the run: straight lines between points, level before the first and after the last.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Profile(Vec<(Seconds, Factor)>);

/// A factor for a while.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shock {
    /// When it begins.
    pub at: Seconds,
    /// How long it lasts.
    pub seconds: Seconds,
    /// The factor.
    pub times: Factor,
}

impl Profile {
    /// A profile through points, in the order of time.
    pub fn new(points: Vec<(Seconds, Factor)>) -> Self {
        Self(points)
    }

    /// The factor at a time; 1 for a profile without points.
    pub fn at(&self, t: f64) -> f64 {
        let mut before: Option<(f64, f64)> = None;
        for (at, factor) in &self.0 {
            let (at, factor) = (at.get(), factor.get());
            if t < at {
                return match before {
                    Some((from, start)) => start + (factor - start) * (t - from) / (at - from),
                    None => factor,
                };
            }
            before = Some((at, factor));
        }
        before.map_or(1.0, |(_, factor)| factor)
    }

    /// Its highest factor.
    pub(crate) fn highest(&self) -> f64 {
        let highest = self.0.iter().map(|(_, factor)| factor.get()).reduce(f64::max);
        highest.unwrap_or(1.0)
    }
}

impl Shock {
    /// The factor of all shocks at a time.
    pub(crate) fn all_at(shocks: &[Self], t: f64) -> f64 {
        let in_force = |shock: &&Self| (shock.at.get()..shock.at.get() + shock.seconds.get()).contains(&t);
        shocks
            .iter()
            .filter(in_force)
            .map(|shock| shock.times.get())
            .product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_between_points() {
        let point = |t, factor| (Seconds::new(t).unwrap(), Factor::new(factor).unwrap());
        let profile = Profile::new(vec![point(100.0, 1.0), point(200.0, 3.0)]);
        let found: Vec<f64> = [0.0, 100.0, 150.0, 200.0, 900.0].map(|t| profile.at(t)).to_vec();
        assert_eq!(found, [1.0, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!(Profile::default().at(5.0), 1.0);
    }
}
