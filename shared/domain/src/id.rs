//! Identifiers. Each kind has its own type, so that one cannot be passed for another.
//!
//! A generated id is `<prefix>_<26 characters>`: 48 bits of milliseconds, then 80 further bits, in
//! Crockford's base 32 (the ULID layout). Ids of one kind sort by the time at which they were made,
//! which keeps inserts local and lists in order. Derived ids take their 80 bits from a hash of what
//! they identify, so that a repeated request arrives at the same id.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// Longest accepted identifier, in bytes.
pub const MAX_ID_LENGTH: usize = 64;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Empty or longer than [`MAX_ID_LENGTH`].
    #[error("must have 1 to {MAX_ID_LENGTH} characters")]
    Length,
    /// A character outside letters, digits, `_` and `-`.
    #[error("may contain only the letters A-Z and a-z, digits, '_' and '-'")]
    Character,
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > MAX_ID_LENGTH {
        return Err(IdError::Length);
    }
    if text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    {
        Ok(())
    } else {
        Err(IdError::Character)
    }
}

const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Writes the ULID text of an instant and 80 bits.
fn ulid(at: Timestamp, bits: u128) -> String {
    let millis = u128::try_from(at.millis()).unwrap_or(0) & 0xFFFF_FFFF_FFFF;
    let value = (millis << 80) | (bits & ((1 << 80) - 1));
    (0..26)
        .rev()
        .map(|place| {
            let digit = usize::try_from((value >> (place * 5)) & 31).unwrap_or(0);
            char::from(BASE32.get(digit).copied().unwrap_or(b'0'))
        })
        .collect()
}

/// 128 bits that depend on every part and on where each part ends.
pub fn hash_bits(parts: &[&str]) -> u128 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    digest
        .iter()
        .take(16)
        .fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte))
}

/// The lowest bits of [`hash_bits`]: to tell few things apart.
pub fn hash_word(parts: &[&str]) -> u32 {
    u32::try_from(hash_bits(parts) & u128::from(u32::MAX)).unwrap_or(u32::MAX)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What generated ids of this kind start with.
            pub const PREFIX: &'static str = $prefix;

            /// Reads an id that came from outside.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// Makes an id from an instant and random bits.
            pub fn generate(at: Timestamp, bits: u128) -> Self {
                Self(format!("{}_{}", $prefix, ulid(at, bits)).into())
            }

            /// Makes the id of the thing that `parts` identify; `at` only decides where it sorts.
            pub fn derive(at: Timestamp, parts: &[&str]) -> Self {
                Self::generate(at, hash_bits(parts))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A customer of this product: the company that runs campaigns.
    TenantId = "ten";
    /// A scheduled activity.
    ActivityId = "act";
    /// A customer profile.
    CustomerId = "cus";
    /// A campaign.
    CampaignId = "cmp";
    /// One customer's walk through a conversation flow.
    ConversationId = "cnv";
    /// A contact list.
    ContactListId = "lst";
    /// A row of a contact list.
    ContactId = "con";
    /// An import of contacts.
    ImportId = "imp";
    /// A registered webhook endpoint.
    WebhookId = "whk";
    /// An event that history and webhooks are told.
    EventId = "evt";
    /// A channel connector's configuration.
    ConnectorId = "cnn";
    /// An agent of the contact centre, by the name that the routing engine gives.
    AgentId = "agt";
    /// A skill group: agents who can stand in for one another.
    SkillGroupId = "skg";
    /// A message in CIM terms.
    MessageId = "msg";
    /// An API key.
    ApiKeyId = "key";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn generated_ids_have_the_ulid_layout() {
        let id = ActivityId::generate(Timestamp::from_millis(1_469_918_176_385), 1);
        assert_eq!(id.as_str(), "act_01ARYZ6S410000000000000001");
    }

    #[test]
    fn refuses_what_could_break_a_key() {
        assert_eq!(ActivityId::parse(""), Err(IdError::Length));
        assert_eq!(ActivityId::parse(&"a".repeat(65)), Err(IdError::Length));
        assert_eq!(ActivityId::parse("a#b"), Err(IdError::Character));
        assert_eq!(ActivityId::parse("é"), Err(IdError::Character));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash_bits(&["ab", "c"]), hash_bits(&["a", "bc"]));
    }

    proptest! {
        #[test]
        fn later_ids_sort_later(a in 0_i64..1 << 47, b in 0_i64..1 << 47, x: u128, y: u128) {
            let first = ActivityId::generate(Timestamp::from_millis(a), x);
            let second = ActivityId::generate(Timestamp::from_millis(b), y);
            if a < b { prop_assert!(first < second); }
            prop_assert_eq!(ActivityId::parse(first.as_str()), Ok(first));
        }
    }
}
