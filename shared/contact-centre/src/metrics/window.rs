//! The worst window of time.

/// The highest share of marked calls in any window of so many seconds that ends with a call and has at
/// least `least` of them. `calls` are times, in order, with their marks; a window holds what is less than
/// `seconds` older than its last call.
pub fn worst_window(calls: &[(f64, bool)], seconds: f64, least: usize) -> Option<f64> {
    let mut first = calls.iter();
    let (mut count, mut marked) = (0_usize, 0_usize);
    let mut worst: Option<f64> = None;
    for (t, mark) in calls {
        count += 1;
        marked += usize::from(*mark);
        while let Some((old, old_mark)) = first.as_slice().first()
            && t - old >= seconds
        {
            count -= 1;
            marked -= usize::from(*old_mark);
            first.next();
        }
        if count >= least.max(1) {
            let share = marked as f64 / count as f64;
            worst = Some(worst.map_or(share, |worst| worst.max(share)));
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_hand(calls: &[(f64, bool)], seconds: f64, least: usize) -> Option<f64> {
        let windows = calls.iter().enumerate().map(|(last, (end, _))| {
            calls[..=last]
                .iter()
                .filter(|(t, _)| end - t < seconds)
                .collect::<Vec<_>>()
        });
        windows
            .filter(|window| window.len() >= least.max(1))
            .map(|window| window.iter().filter(|(_, mark)| *mark).count() as f64 / window.len() as f64)
            .reduce(f64::max)
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
            prop_assert_eq!(worst_window(&calls, seconds, least), by_hand(&calls, seconds, least));
        }
    }
}
