//! A set of channels: all of them, or a list.

use std::collections::BTreeSet;
use std::fmt;

use domain::channel::Channel;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The channels for which something holds.
///
/// On the wire: `"all"`, one channel (`"sms"`) or a list (`["sms", "whatsapp"]`). All channels
/// includes channels that the product learns later; a list of today's channels does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Channels {
    /// Every channel.
    #[default]
    All,
    /// These channels; never empty when it came from outside.
    Only(BTreeSet<Channel>),
}

impl Channels {
    /// Exactly one channel.
    pub fn one(channel: Channel) -> Self {
        Self::Only(BTreeSet::from([channel]))
    }

    /// Whether every channel of another set belongs to this one.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(own), Self::Only(list)) => list.is_subset(own),
            (Self::Only(own), Self::All) => Channel::ALL.iter().all(|channel| own.contains(channel)),
        }
    }

    /// Whether the channel belongs to the set.
    pub fn contains(&self, channel: Channel) -> bool {
        match self {
            Self::All => true,
            Self::Only(list) => list.contains(&channel),
        }
    }
}

impl From<Channel> for Channels {
    fn from(channel: Channel) -> Self {
        Self::one(channel)
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all channels"),
            Self::Only(list) => {
                let names: Vec<_> = list.iter().map(|channel| channel.name()).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl Serialize for Channels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Only(list) => match (list.len(), list.first()) {
                (1, Some(channel)) => serializer.serialize_str(channel.name()),
                _ => list.serialize(serializer),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Channels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Channels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\", a channel, or a list of channels")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Channels, E> {
                if text == "all" {
                    return Ok(Channels::All);
                }
                Channel::parse(text)
                    .map(Channels::one)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Channels, A::Error> {
                let mut channels = BTreeSet::new();
                while let Some(channel) = list.next_element::<Channel>()? {
                    channels.insert(channel);
                }
                if channels.is_empty() {
                    return Err(de::Error::invalid_length(0, &"at least one channel"));
                }
                Ok(Channels::Only(channels))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_its_three_forms() {
        for text in [r#""all""#, r#""sms""#, r#"["sms","voice"]"#] {
            let channels: Channels = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&channels).unwrap(), text);
        }
        for text in ["[]", r#""pigeon""#, "1", r#"["all"]"#] {
            assert!(serde_json::from_str::<Channels>(text).is_err(), "{text}");
        }
    }
}
