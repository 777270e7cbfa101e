//! Numbers within their ranges.

use serde::Deserialize;

/// A number is not within its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{value} is not a number {range}")]
pub struct OutOfRange {
    value: f64,
    range: &'static str,
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $least:expr, $most:expr, $range:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
        #[serde(try_from = "f64")]
        pub struct $name(f64);

        impl $name {
            /// Refuses what is out of range.
            ///
            /// # Errors
            /// [`OutOfRange`].
            pub fn new(value: f64) -> Result<Self, OutOfRange> {
                if ($least..=$most).contains(&value) {
                    Ok(Self(value))
                } else {
                    Err(OutOfRange { value, range: $range })
                }
            }

            pub(crate) const fn constant(value: f64) -> Self {
                Self(value)
            }

            /// The number.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;

            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                Self::new(value)
            }
        }
    };
}

number!(
    /// A share of a whole.
    Share, 0.0, 1.0, "of 0 to 1"
);
number!(
    /// A time, at most a week.
    Seconds, 0.0, 604_800.0, "of seconds, 0 to 604800 (a week)"
);
number!(
    /// What something is multiplied by.
    Factor, 0.0, 1000.0, "of 0 to 1000"
);
