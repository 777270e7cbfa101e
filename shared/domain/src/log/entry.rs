//! How an entry is read: its event's members in passing, the version taken out from among them. Serde's
//! `flatten` would copy every member first, and logs are most of what is read of an item.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::Entry;

/// The member that is the entry's own.
const VERSION: &str = "v";

impl<'de, E: Deserialize<'de>> Deserialize<'de> for Entry<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor(PhantomData))
    }
}

struct EntryVisitor<E>(PhantomData<E>);

impl<'de, E: Deserialize<'de>> Visitor<'de> for EntryVisitor<E> {
    type Value = Entry<E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of a log")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Entry<E>, A::Error> {
        let mut rest = WithoutVersion {
            members,
            version: None,
        };
        let event = E::deserialize(MapAccessDeserializer::new(&mut rest))?;
        // What an event leaves unread.
        while rest.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        let version = rest.version.ok_or_else(|| de::Error::missing_field(VERSION))?;
        Ok(Entry { version, event })
    }
}

/// Members without the version, which is kept aside.
struct WithoutVersion<A> {
    members: A,
    version: Option<u64>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutVersion<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            match self.members.next_key_seed(Name(&mut seed))? {
                None => return Ok(None),
                Some(Some(key)) => return Ok(Some(key)),
                Some(None) => self.version = Some(self.members.next_value()?),
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

/// A member's name as another seed reads it; none if it is the version's.
struct Name<'a, K>(&'a mut Option<K>);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Name<'_, K> {
    type Value = Option<K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<K> Name<'_, K> {
    /// The seed, which only one name is given to.
    fn seed<E: de::Error>(self) -> Result<K, E> {
        self.0.take().ok_or_else(|| E::custom("a second name at once"))
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Name<'_, K> {
    type Value = Option<K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        if name == VERSION {
            return Ok(None);
        }
        self.seed::<E>()?
            .deserialize(BorrowedStrDeserializer::new(name))
            .map(Some)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        if name == VERSION {
            return Ok(None);
        }
        self.seed::<E>()?
            .deserialize(StrDeserializer::new(name))
            .map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::super::Log;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "camelCase")]
    enum Tagged {
        Came { at: u32 },
        Went,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Plain {
        at: u32,
        #[serde(default)]
        note: Option<String>,
    }

    fn comes_back<E: Clone + std::fmt::Debug + PartialEq + Serialize + for<'de> Deserialize<'de>>(
        events: &[E],
    ) {
        let mut log = Log::default();
        for (place, event) in events.iter().enumerate() {
            log.append(place as u64 + 1, event.clone());
        }
        let text = serde_json::to_string(&log).unwrap();
        assert_eq!(serde_json::from_str::<Log<E>>(&text).unwrap(), log, "{text}");
        // By way of a value, where names are not borrowed.
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::from_value::<Log<E>>(value).unwrap(), log, "{text}");
    }

    #[test]
    fn entries_come_back() {
        comes_back(&[Tagged::Came { at: 7 }, Tagged::Went]);
        comes_back(&[
            Plain { at: 7, note: None },
            Plain {
                at: 8,
                note: Some("said \"v\"".into()),
            },
        ]);
    }

    #[test]
    fn the_version_may_stand_anywhere_but_must() {
        for text in [
            r#"[{"at": 1, "v": 3}]"#,
            r#"[{"v": 3, "at": 1}]"#,
            r#"[{"x": [], "v": 3, "at": 1}]"#,
        ] {
            let log: Log<Plain> = serde_json::from_str(text).unwrap();
            assert_eq!(log.entries()[0].version, 3);
        }
        let error = serde_json::from_str::<Log<Plain>>(r#"[{"at": 1}]"#).unwrap_err();
        assert!(error.to_string().contains("missing field `v`"), "{error}");
    }
}
