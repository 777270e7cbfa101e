//! Which shards of the due index one invocation sweeps. Where one a minute is not enough, the schedule
//! invokes the function several times, each for a portion.

use domain::timer::DUE_SHARDS;
use serde::Deserialize;

/// Every `of`-th shard, beginning with `part`.
///
/// In the input of the schedule: `{"part": 0, "of": 4}`. An input that names neither means all shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Input")]
pub struct Portion {
    part: u16,
    of: u16,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    part: u16,
    #[serde(default = "one")]
    of: u16,
}

const fn one() -> u16 {
    1
}

/// The input names no portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("part {part} of {of} is no portion: `of` is 1 to {DUE_SHARDS}, and `part` from 0 to one less")]
pub struct NoPortion {
    part: u16,
    of: u16,
}

impl TryFrom<Input> for Portion {
    type Error = NoPortion;

    fn try_from(Input { part, of }: Input) -> Result<Self, NoPortion> {
        Self::new(part, of)
    }
}

impl Portion {
    /// All shards.
    pub const ALL: Self = Self { part: 0, of: 1 };

    /// A portion; parts count from 0.
    pub const fn new(part: u16, of: u16) -> Result<Self, NoPortion> {
        if part < of && of <= DUE_SHARDS {
            Ok(Self { part, of })
        } else {
            Err(NoPortion { part, of })
        }
    }

    /// Its shards.
    pub fn shards(self) -> impl Iterator<Item = u16> {
        (self.part..DUE_SHARDS).step_by(usize::from(self.of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_every_shard_once() {
        for of in 1..=DUE_SHARDS {
            let portions = (0..of).map(|part| Portion::new(part, of).unwrap());
            let mut shards: Vec<u16> = portions.flat_map(Portion::shards).collect();
            shards.sort_unstable();
            assert_eq!(shards, (0..DUE_SHARDS).collect::<Vec<_>>(), "of {of}");
        }
    }

    #[test]
    fn reads_the_input_of_a_schedule() {
        let read = serde_json::from_str::<Portion>;
        assert_eq!(
            read(r#"{"part": 1, "of": 4}"#).unwrap(),
            Portion::new(1, 4).unwrap()
        );
        let event = r#"{"version": "0", "detail-type": "Scheduled Event", "detail": {}}"#;
        assert_eq!(read(event).unwrap(), Portion::ALL, "a schedule without input");
        for wrong in [
            r#"{"part": 4, "of": 4}"#,
            r#"{"of": 0}"#,
            r#"{"part": 0, "of": 60000}"#,
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("is no portion"), "{error}");
        }
    }
}
