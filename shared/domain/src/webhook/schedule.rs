//! When a delivery is tried again: ten attempts over a little more than three days.

use crate::time::Millis;

/// The pause before each attempt, as Standard Webhooks suggests them.
pub const SCHEDULE: [Millis; 10] = [
    Millis::ZERO,
    Millis::seconds(5),
    Millis::minutes(5),
    Millis::minutes(30),
    Millis::hours(2),
    Millis::hours(5),
    Millis::hours(10),
    Millis::hours(14),
    Millis::hours(20),
    Millis::hours(24),
];
/// The shortest pause after an answer that asks for less load, or none in time.
pub const SHORTEST_WHEN_BUSY: Millis = Millis::seconds(60);
/// The longest pause that a receiver can ask for.
pub const LONGEST_WISH: Millis = Millis::hours(24);
/// How far a pause is moved by chance, in hundredths: receivers that were down are not met by
/// everybody at once.
const JITTER: u64 = 20;

/// What an answer says about the next pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The receiver is overloaded: not before [`SHORTEST_WHEN_BUSY`].
    pub busy: bool,
    /// `Retry-After`: not before this, as far as [`LONGEST_WISH`] goes.
    pub retry_after: Option<Millis>,
}

/// The pause after this many failed attempts; none when they were the last.
pub fn pause(failures: u32, wish: Wish, random: u128) -> Option<Millis> {
    let base = SCHEDULE.get(usize::try_from(failures).ok()?)?.get();
    let varied = base * (100 - JITTER) / 100 + below(base * 2 * JITTER / 100, random);
    let wished = wish.retry_after.map_or(0, |wish| {
        let wish = wish.min(LONGEST_WISH).get();
        // Never earlier than asked for.
        wish + below(wish * JITTER / 100, random)
    });
    let shortest = if wish.busy { SHORTEST_WHEN_BUSY.get() } else { 0 };
    let shortest = shortest + below(shortest * JITTER / 100, random);
    Some(Millis::new(varied.max(wished).max(shortest)))
}

/// A number from 0 to `most`.
fn below(most: u64, random: u128) -> u64 {
    u64::try_from(random % (u128::from(most) + 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_attempts_take_three_days() {
        let sum: u64 = SCHEDULE.into_iter().map(Millis::get).sum();
        assert_eq!(
            sum,
            Millis::hours(75).get() + Millis::minutes(35).get() + Millis::seconds(5).get()
        );
    }

    #[test]
    fn the_schedule_ends() {
        assert_eq!(
            pause(9, Wish::default(), 0),
            Some(Millis::new(86_400_000 * 8 / 10))
        );
        assert_eq!(pause(10, Wish::default(), 0), None);
        assert_eq!(pause(u32::MAX, Wish::default(), 0), None);
    }

    #[test]
    fn wishes_are_honoured_within_bounds() {
        let pause = |busy, retry_after: Option<Millis>| pause(1, Wish { busy, retry_after }, 0).unwrap();
        assert_eq!(pause(false, None), Millis::seconds(4));
        assert_eq!(pause(false, Some(Millis::seconds(1))), Millis::seconds(4));
        assert_eq!(pause(false, Some(Millis::minutes(10))), Millis::minutes(10));
        assert_eq!(pause(false, Some(Millis::hours(1_000))), LONGEST_WISH);
        assert_eq!(pause(true, None), SHORTEST_WHEN_BUSY);
        assert_eq!(pause(true, Some(Millis::minutes(2))), Millis::minutes(2));
    }

    proptest! {
        #[test]
        fn chance_moves_a_pause_by_a_fifth_at_most(failures in 1_u32..10, random: u128) {
            let base = SCHEDULE[failures as usize].get();
            let pause = pause(failures, Wish::default(), random).unwrap().get();
            prop_assert!((base * 8 / 10..=base * 12 / 10).contains(&pause), "{pause} for {base}");
        }

        #[test]
        fn nobody_is_called_before_they_asked(failures in 1_u32..10, wish in 0_u64..86_400_000, random: u128) {
            let wish = Wish { busy: false, retry_after: Some(Millis::new(wish)) };
            prop_assert!(pause(failures, wish, random) >= wish.retry_after);
        }
    }
}
