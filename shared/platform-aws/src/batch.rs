//! Cutting many entries into the batches that a service takes.

/// What one batch holds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Entries.
    pub(crate) entries: usize,
    /// Bytes of all entries.
    pub(crate) bytes: usize,
}

/// Batches in order. An entry beyond the bound of bytes stands alone, for the service to refuse.
pub(crate) fn batches<T>(entries: Vec<T>, bounds: Bounds, bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut batches: Vec<Vec<T>> = Vec::new();
    let mut used = 0;
    for entry in entries {
        let bytes = bytes(&entry);
        match batches.last_mut() {
            Some(batch) if batch.len() < bounds.entries && bytes + used <= bounds.bytes => {
                used += bytes;
                batch.push(entry);
            }
            _ => {
                used = bytes;
                batches.push(vec![entry]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        entries: 10,
        bytes: 1_000,
    };

    proptest! {
        #[test]
        fn all_are_kept_in_order_within_the_bounds(
            entries in proptest::collection::vec(prop_oneof![0..20_usize, 200..1_200_usize], 0..60),
        ) {
            let batches = batches(entries.clone(), BOUNDS, |entry| *entry);
            for batch in &batches {
                prop_assert!((1..=BOUNDS.entries).contains(&batch.len()));
                prop_assert!(batch.len() == 1 || batch.iter().sum::<usize>() <= BOUNDS.bytes);
            }
            for pair in batches.windows(2) {
                let full = pair[0].len() == BOUNDS.entries
                    || pair[0].iter().sum::<usize>() + pair[1][0] > BOUNDS.bytes;
                prop_assert!(full, "no batch is begun while there is room");
            }
            prop_assert_eq!(batches.concat(), entries);
        }
    }
}
