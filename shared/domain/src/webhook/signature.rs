//! Signatures: HMAC-SHA256 over `{id}.{timestamp}.{body}`, version `v1` of Standard Webhooks.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::time::Timestamp;

const PREFIX: &str = "whsec_";
/// Fewest and most bytes of a key, as the specification sets them.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the prefix and base64.
    #[error("must be 'whsec_' followed by base64")]
    Syntax,
    /// Too few or too many bytes.
    #[error("must hold 24 to 64 bytes")]
    Length,
}

/// A key that sender and receiver share. It does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(signing key)")
    }
}

impl SigningKey {
    /// A key of 256 random bits.
    pub fn generate(random: [u128; 2]) -> Self {
        Self(random.into_iter().flat_map(u128::to_be_bytes).collect())
    }

    /// Reads `whsec_<base64>`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(KeyError::Syntax)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::Syntax)?;
        if KEY_BYTES.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(KeyError::Length)
        }
    }

    /// The text that the receiver is given.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The signature of one call.
    pub fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The three headers of a call. While a key is being replaced, the new and the old one both sign:
/// the receiver takes either.
pub fn headers<'a>(
    keys: impl IntoIterator<Item = &'a SigningKey>,
    id: &str,
    at: Timestamp,
    body: &str,
) -> [(String, String); 3] {
    let seconds = at.millis() / 1_000;
    let signatures: Vec<String> = keys.into_iter().map(|key| key.sign(id, seconds, body)).collect();
    [
        ("webhook-id".into(), id.into()),
        ("webhook-timestamp".into(), seconds.to_string()),
        ("webhook-signature".into(), signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification's reference libraries.
    const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const BODY: &str = r#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    #[test]
    fn signs_as_the_reference_libraries_do() {
        let key = SigningKey::parse(KEY).unwrap();
        assert_eq!(key.sign(ID, 1_649_367_553, BODY), SIGNATURE);
        let longer = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = longer.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_key_is_replaced_both_sign() {
        let old = SigningKey::parse(KEY).unwrap();
        let new = SigningKey::generate([1, 2]);
        let at = Timestamp::from_millis(1_649_367_553_999);
        let [id, timestamp, signature] = headers([&new, &old], ID, at, BODY);
        assert_eq!((id.1.as_str(), timestamp.1.as_str()), (ID, "1649367553"));
        assert_eq!(
            signature.1,
            format!("{} {SIGNATURE}", new.sign(ID, 1_649_367_553, BODY))
        );
    }

    #[test]
    fn keys_are_read_and_written() {
        let key = SigningKey::generate([u128::MAX, 7]);
        assert_eq!(SigningKey::parse(&key.text()), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "(signing key)");
        assert_eq!(
            SigningKey::parse("C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
            Err(KeyError::Syntax)
        );
        assert_eq!(SigningKey::parse("whsec_?"), Err(KeyError::Syntax));
        for (bytes, fits) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![0; bytes]));
            assert_eq!(SigningKey::parse(&text).is_ok(), fits, "{bytes}");
        }
    }
}
