//! Checks that several resources share.

use application::error::FieldError;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use url::Url;

use crate::extract::token;

/// Longest address of an endpoint, in bytes.
const MAX_URL: usize = 2_048;

/// An address that the service may call: http or https, without user name.
pub(crate) fn callback_url(url: &Url, pointer: &str) -> Result<(), FieldError> {
    let detail = if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        "must start with http:// or https://"
    } else if !url.username().is_empty() || url.password().is_some() {
        "must not hold a user name or password"
    } else if url.as_str().len() > MAX_URL {
        "may have at most 2048 bytes"
    } else {
        return Ok(());
    };
    Err(FieldError::new(pointer, detail))
}

/// A text of 1 to `max` characters.
pub(crate) fn short(text: &str, max: usize, pointer: &str) -> Result<(), FieldError> {
    if (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(FieldError::new(
            pointer,
            format!("must have 1 to {max} characters, none of them a control character"),
        ))
    }
}

/// Tells a member that is null (`Some(None)`) from one that is absent (`None`, by default).
pub(crate) fn cleared<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// A document in which each member of `patch` replaces what stands under its name; null removes it.
pub(crate) fn replaced(document: Value, patch: &Map<String, Value>) -> Value {
    let mut members = match document {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, value) in patch {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    Value::Object(members)
}

/// Members of a bounded map of short texts.
pub(crate) fn short_entries<'a>(
    entries: impl ExactSizeIterator<Item = (&'a String, &'a str)>,
    (most, longest_name, longest_value): (usize, usize, usize),
    pointer: &str,
) -> Vec<FieldError> {
    if entries.len() > most {
        return vec![FieldError::new(
            pointer,
            format!("may have at most {most} entries"),
        )];
    }
    let outside = |(name, value): (&String, &str)| {
        let fits = (1..=longest_name).contains(&name.len()) && (1..=longest_value).contains(&value.len());
        let is_plain = !value.chars().chain(name.chars()).any(char::is_control);
        let shown: String = name.chars().take(64).collect();
        let detail = format!(
            "must have a name of 1 to {longest_name} bytes and a value of 1 to {longest_value}, without control characters"
        );
        (!(fits && is_plain)).then(|| FieldError::new(format!("{pointer}/{}", token(&shown)), detail))
    };
    entries.filter_map(outside).collect()
}
