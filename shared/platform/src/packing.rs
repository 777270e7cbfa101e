//! Bodies where every byte is billed: deflated (RFC 1951), where that is shorter.
//!
//! A write of up to 1,024 bytes is one unit on DynamoDB, a longer one two. Bodies of activities and
//! conversations have 1 to 2 KB as text and less than 1 KB deflated: their names repeat.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::table::MAX_ITEM_BYTES;

/// Shorter bodies fit into one unit as they are, and can be read by people.
const SHORT: usize = 512;

/// A body as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packed {
    /// As it is.
    Text(String),
    /// Deflated.
    Deflated(Vec<u8>),
}

impl Packed {
    /// Bytes that are stored.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Deflated(bytes) => bytes.len(),
        }
    }
}

/// Packs a body. The same body gives the same bytes.
pub fn pack(body: String) -> Packed {
    if body.len() <= SHORT {
        return Packed::Text(body);
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let deflated = encoder.write_all(body.as_bytes()).and_then(|()| encoder.finish());
    match deflated {
        Ok(bytes) if bytes.len() < body.len() => Packed::Deflated(bytes),
        _ => Packed::Text(body),
    }
}

/// The body that was deflated; none if it is none of ours: broken, no text, or longer than an item may be.
pub fn inflate(bytes: &[u8]) -> Option<String> {
    let most = u64::try_from(MAX_ITEM_BYTES).unwrap_or(u64::MAX);
    let mut body = String::new();
    let read = DeflateDecoder::new(bytes)
        .take(most + 1)
        .read_to_string(&mut body);
    (read.is_ok() && body.len() <= MAX_ITEM_BYTES).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back() {
        let member = r#""happening":"delivered","state":"DELIVERED","reason":"é","#;
        for times in [0, 1, 9, 10, 40, 5_000] {
            let body = format!("{{{}}}", member.repeat(times));
            match pack(body.clone()) {
                Packed::Text(text) => assert!(text == body && body.len() <= SHORT),
                Packed::Deflated(bytes) => {
                    assert!(bytes.len() < body.len());
                    assert_eq!(inflate(&bytes), Some(body));
                }
            }
        }
    }

    #[test]
    fn what_is_broken_or_too_long_is_nothing() {
        assert_eq!(inflate(&[0xFF, 0x00, 0x13]), None);
        let Packed::Deflated(mut bytes) = pack("a".repeat(1_000)) else {
            panic!("not deflated")
        };
        bytes.truncate(bytes.len() / 2);
        assert_eq!(inflate(&bytes), None);
        let Packed::Deflated(bomb) = pack("a".repeat(MAX_ITEM_BYTES + 1)) else {
            panic!("not deflated")
        };
        assert_eq!(inflate(&bomb), None);
    }
}
