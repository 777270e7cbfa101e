//! Windows of time.

/// The share of marked calls in each window of so many seconds that ends with a call and has at least `least` of
/// them. `calls` are times, in order, with their marks; a window holds what is less than `seconds` older than its
/// last call.
pub(super) fn windows(calls: &[(f64, bool)], seconds: f64, least: usize) -> impl Iterator<Item = f64> + '_ {
    let mut first = calls.iter();
    let (mut count, mut marked) = (0_usize, 0_usize);
    calls.iter().filter_map(move |(t, mark)| {
        count += 1;
        marked += usize::from(*mark);
        while let Some((old, old_mark)) = first.as_slice().first()
            && t - old >= seconds
        {
            count -= 1;
            marked -= usize::from(*old_mark);
            first.next();
        }
        (count >= least.max(1)).then(|| marked as f64 / count as f64)
    })
}

/// The highest share among windows; none if there are none.
pub(super) fn worst(windows: impl Iterator<Item = f64>) -> Option<f64> {
    windows.reduce(f64::max)
}

/// The part of windows whose share is above a limit; none if there are none.
pub(super) fn part_over(windows: impl Iterator<Item = f64>, limit: f64) -> Option<f64> {
    let (over, all) = windows.fold((0_u64, 0_u64), |(over, all), share| {
        (over + u64::from(share > limit), all + 1)
    });
    (all > 0).then(|| over as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_hand(calls: &[(f64, bool)], seconds: f64, least: usize) -> Vec<f64> {
        let windows = calls.iter().enumerate().map(|(last, (end, _))| {
            calls[..=last]
                .iter()
                .filter(|(t, _)| end - t < seconds)
                .collect::<Vec<_>>()
        });
        windows
            .filter(|window| window.len() >= least.max(1))
            .map(|window| window.iter().filter(|(_, mark)| *mark).count() as f64 / window.len() as f64)
            .collect()
    }

    #[test]
    fn the_worst_and_the_part_over_a_limit() {
        let shares = [0.0, 0.04, 0.03, 0.1];
        assert_eq!(worst(shares.into_iter()), Some(0.1));
        assert_eq!(part_over(shares.into_iter(), 0.03), Some(0.5));
        assert_eq!(part_over(std::iter::empty(), 0.03), None);
    }

    proptest! {
        #[test]
        fn as_counted_by_hand(
            steps in prop::collection::vec((0_u8..40, any::<bool>()), 0..120),
            seconds in 1_u8..200,
            least in 0_usize..10,
        ) {
            let mut t = 0.0;
            let calls: Vec<_> = steps.into_iter().map(|(step, mark)| {
                t += f64::from(step);
                (t, mark)
            }).collect();
            let seconds = f64::from(seconds);
            let found: Vec<f64> = windows(&calls, seconds, least).collect();
            prop_assert_eq!(found, by_hand(&calls, seconds, least));
        }
    }
}
