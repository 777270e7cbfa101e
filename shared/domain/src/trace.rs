//! The trace of a request: one name for all that follows from it, in every process that it passes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The header that carries a trace.
pub const TRACE_HEADER: &str = "x-amzn-trace-id";

/// A trace as AWS X-Ray names it: `1-<8 hex digits: when>-<24 hex digits: random>`.
///
/// Format: AWS X-Ray Developer Guide, "Tracing header".
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct TraceId(String);

impl TraceId {
    /// Reads a trace's name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, time, random) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
        let reads = version == "1" && hex(time, 8) && hex(random, 24) && parts.next().is_none();
        reads.then(|| Self(text.to_ascii_lowercase()))
    }

    /// Reads the trace out of a header such as `Root=1-…;Parent=…;Sampled=1`.
    pub fn of_header(header: &str) -> Option<Self> {
        let root = |part: &str| part.trim().strip_prefix("Root=").and_then(Self::parse);
        header.split(';').find_map(root)
    }

    /// The header that goes on with this trace.
    pub fn header(&self) -> String {
        format!("Root={}", self.0)
    }

    /// The trace's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("is no trace"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "1-67891233-abcdef012345678912345678";

    #[test]
    fn reads_what_the_platform_sends() {
        let trace = TraceId::parse(ROOT).unwrap();
        for header in [
            format!("Root={ROOT}"),
            format!("Root={ROOT};Parent=463ac35c9f6413ad;Sampled=1"),
            format!("Self=1-67891234-12456789abcdef012345678;Root={ROOT};Lineage=1:a:0"),
        ] {
            assert_eq!(TraceId::of_header(&header), Some(trace.clone()), "{header}");
        }
        assert_eq!(TraceId::of_header(&trace.header()), Some(trace));
    }

    #[test]
    fn takes_nothing_else() {
        for text in [
            "",
            "1",
            "2-67891233-abcdef012345678912345678",
            "1-67891233-abcdef01234567891234567x",
        ] {
            assert_eq!(TraceId::parse(text), None, "{text}");
            assert_eq!(TraceId::of_header(text), None, "{text}");
        }
        assert_eq!(TraceId::parse(&format!("{ROOT}-1")), None);
    }
}
