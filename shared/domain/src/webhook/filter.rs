//! Which event types an endpoint is told.

use serde::{Deserialize, Serialize};

/// Most patterns of a filter.
pub const MAX_PATTERNS: usize = 50;

/// Everything.
const ALL: &str = "*";

/// A pattern that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// No pattern at all, or more than [`MAX_PATTERNS`].
    #[error("must name 1 to {MAX_PATTERNS} event types")]
    Count,
    /// A pattern that no event type matches.
    #[error("names no event type: there is no '{pattern}'")]
    Unknown {
        /// Its place in the list.
        place: usize,
        /// The pattern.
        pattern: String,
    },
}

/// Event types by their whole name, by their first word (`activity.*`), or all (`*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventFilter(Vec<String>);

impl EventFilter {
    /// A filter that lets everything pass.
    pub fn all() -> Self {
        Self(vec![ALL.to_owned()])
    }

    /// Reads patterns; each must match at least one of the `known` types. Every pattern that does
    /// not is told.
    pub fn parse(patterns: &[impl AsRef<str>], known: &[&str]) -> Result<Self, Vec<FilterError>> {
        if patterns.is_empty() || patterns.len() > MAX_PATTERNS {
            return Err(vec![FilterError::Count]);
        }
        let unknown: Vec<FilterError> = patterns
            .iter()
            .map(AsRef::as_ref)
            .enumerate()
            .filter(|(_, pattern)| !known.iter().any(|kind| matches(pattern, kind)))
            .map(|(place, pattern)| FilterError::Unknown {
                place,
                pattern: pattern.chars().take(64).collect(),
            })
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut patterns: Vec<String> = patterns
            .iter()
            .map(|pattern| pattern.as_ref().to_owned())
            .collect();
        patterns.sort();
        patterns.dedup();
        Ok(Self(patterns))
    }

    /// Whether an event of this type passes.
    pub fn admits(&self, kind: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, kind))
    }

    /// The patterns.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }
}

fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(family) => kind
            .strip_prefix(family)
            .is_some_and(|rest| rest.starts_with('.')),
        None => pattern == ALL || pattern == kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["activity.sent", "activity.read", "customer.response"];

    #[test]
    fn types_pass_by_name_family_or_all() {
        let admitted = |patterns: &[&str]| {
            let filter = EventFilter::parse(patterns, &KNOWN).unwrap();
            KNOWN
                .into_iter()
                .filter(|kind| filter.admits(kind))
                .collect::<Vec<_>>()
        };
        assert_eq!(admitted(&["activity.read"]), ["activity.read"]);
        assert_eq!(admitted(&["activity.*"]), ["activity.sent", "activity.read"]);
        assert_eq!(admitted(&["*"]), KNOWN);
        assert_eq!(
            admitted(&["customer.*", "activity.sent"]),
            ["activity.sent", "customer.response"]
        );
    }

    #[test]
    fn unknown_types_are_named() {
        let unknown = |place, pattern: &str| FilterError::Unknown {
            place,
            pattern: pattern.into(),
        };
        let wrong = EventFilter::parse(
            &["activity.sent", "act.*", "activity", "activity.*.x", "", ".*"],
            &KNOWN,
        );
        let expected = [
            unknown(1, "act.*"),
            unknown(2, "activity"),
            unknown(3, "activity.*.x"),
            unknown(4, ""),
            unknown(5, ".*"),
        ];
        assert_eq!(wrong, Err(expected.to_vec()));
        assert_eq!(
            EventFilter::parse(&[] as &[&str], &KNOWN),
            Err(vec![FilterError::Count])
        );
    }

    #[test]
    fn repeated_patterns_are_kept_once() {
        let filter = EventFilter::parse(&["*", "activity.*", "*"], &KNOWN).unwrap();
        assert_eq!(filter.patterns(), ["*", "activity.*"]);
    }
}
