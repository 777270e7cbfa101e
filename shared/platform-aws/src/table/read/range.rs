//! The range of a query in DynamoDB's words, which have no empty texts and go on only from a place
//! within the range.

use platform::table::{Key, Order, Query, SortRange};

use crate::layout::{self, Attributes};

/// Sort keys that a query visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sorts<'a> {
    All,
    Prefix(&'a str),
    UpTo(&'a str),
    Between(&'a str, &'a str),
}

/// What a query asks for, as far as anything can be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range<'a> {
    sorts: Sorts<'a>,
    after: Option<&'a str>,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Below,
    Within,
    Above,
}

impl<'a> Sorts<'a> {
    fn of(range: &'a SortRange) -> Option<Self> {
        Some(match range {
            SortRange::All => Self::All,
            SortRange::Prefix(prefix) if prefix.is_empty() => Self::All,
            SortRange::Prefix(prefix) => Self::Prefix(prefix),
            // No sort key is empty.
            SortRange::Between(_, high) if high.is_empty() => return None,
            SortRange::Between(low, high) if low.is_empty() => Self::UpTo(high),
            SortRange::Between(low, high) => Self::Between(low, high),
        })
    }

    fn place(self, sort: &str) -> Place {
        match self {
            Self::All => Place::Within,
            Self::Prefix(prefix) if sort.starts_with(prefix) => Place::Within,
            Self::Prefix(low) | Self::Between(low, _) if sort < low => Place::Below,
            Self::UpTo(high) | Self::Between(_, high) if sort <= high => Place::Within,
            Self::Prefix(_) | Self::UpTo(_) | Self::Between(..) => Place::Above,
        }
    }
}

impl<'a> Range<'a> {
    /// None where nothing can be there.
    pub(super) fn of(query: &'a Query) -> Option<Self> {
        let sorts = Sorts::of(&query.range)?;
        let after = query.after.as_deref().filter(|after| !after.is_empty());
        let Some(after) = after else {
            // Behind the empty text stands everything, before it nothing.
            let nothing = query.after.is_some() && query.order == Order::Descending;
            return (!nothing).then_some(Self { sorts, after: None });
        };
        let after = match (sorts.place(after), query.order) {
            (Place::Within, _) => Some(after),
            (Place::Below, Order::Ascending) | (Place::Above, Order::Descending) => None,
            (Place::Above, Order::Ascending) | (Place::Below, Order::Descending) => return None,
        };
        Some(Self { sorts, after })
    }

    pub(super) fn condition(&self) -> String {
        let (pk, sk) = (layout::PARTITION, layout::SORT);
        match self.sorts {
            Sorts::All => format!("{pk} = :pk"),
            Sorts::Prefix(_) => format!("{pk} = :pk AND begins_with({sk}, :low)"),
            Sorts::UpTo(_) => format!("{pk} = :pk AND {sk} <= :high"),
            Sorts::Between(..) => format!("{pk} = :pk AND {sk} BETWEEN :low AND :high"),
        }
    }

    pub(super) fn values(&self, partition: &str) -> Attributes {
        let (low, high) = match self.sorts {
            Sorts::All => (None, None),
            Sorts::Prefix(low) => (Some(low), None),
            Sorts::UpTo(high) => (None, Some(high)),
            Sorts::Between(low, high) => (Some(low), Some(high)),
        };
        [(":pk", Some(partition)), (":low", low), (":high", high)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), layout::text(value?))))
            .collect()
    }

    pub(super) fn start(&self, partition: &str) -> Option<Attributes> {
        self.after
            .map(|after| layout::key_attributes(&Key::new(partition, after)))
    }
}

#[cfg(test)]
mod tests {
    use platform::table::Consistency;
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        "[ab]{0,3}"
    }

    fn ranges() -> impl Strategy<Value = SortRange> {
        prop_oneof![
            Just(SortRange::All),
            texts().prop_map(SortRange::Prefix),
            (texts(), texts()).prop_map(|(a, b)| SortRange::Between(a.clone().min(b.clone()), a.max(b))),
        ]
    }

    proptest! {
        /// Narrowing by hand and narrowing by DynamoDB's rules find the same.
        #[test]
        fn nothing_is_lost_or_added(
            range in ranges(),
            after in proptest::option::of(texts()),
            descending in any::<bool>(),
            sort in "[ab]{1,4}",
        ) {
            let order = if descending { Order::Descending } else { Order::Ascending };
            let in_range = match &range {
                SortRange::All => true,
                SortRange::Prefix(prefix) => sort.starts_with(prefix.as_str()),
                SortRange::Between(low, high) => *low <= sort && sort <= *high,
            };
            let behind = after.as_ref().is_none_or(|after| match order {
                Order::Ascending => sort > *after,
                Order::Descending => sort < *after,
            });
            let query = Query {
                partition: "p".to_owned(),
                range,
                after,
                order,
                limit: 1,
                consistency: Consistency::Strong,
            };
            let found = Range::of(&query).is_some_and(|range| {
                let behind = range.after.is_none_or(|after| match order {
                    Order::Ascending => sort.as_str() > after,
                    Order::Descending => sort.as_str() < after,
                });
                range.sorts.place(&sort) == Place::Within && behind
            });
            prop_assert_eq!(found, in_range && behind);
            if let Some(Range { sorts, after: Some(after) }) = Range::of(&query) {
                prop_assert_eq!(sorts.place(after), Place::Within);
            }
        }
    }
}
