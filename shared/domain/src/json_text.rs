//! A text that is JSON, stored as the JSON that it is: as a string, each of its quotes would be escaped.
//! For `#[serde(with = "json_text")]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::value::RawValue;

/// Writes the text as it stands; one that is no JSON is an error.
pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(text).map_err(ser::Error::custom)?;
    raw.serialize(serializer)
}

/// Reads it as it stood, to the byte.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Box::<RawValue>::deserialize(deserializer)?.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Letter {
        #[serde(with = "super")]
        text: String,
    }

    #[test]
    fn every_byte_comes_back() {
        let text = r#"{"b": 1.0, "a":"\u00e9 \"x\"" }"#.to_owned();
        let letter = Letter { text };
        let stored = serde_json::to_string(&letter).unwrap();
        assert_eq!(stored, format!(r#"{{"text":{}}}"#, letter.text));
        assert_eq!(serde_json::from_str::<Letter>(&stored).unwrap(), letter);
        let broken = Letter { text: "{".into() };
        assert!(serde_json::to_string(&broken).is_err());
    }
}
