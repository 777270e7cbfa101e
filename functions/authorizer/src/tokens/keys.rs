//! The issuer's keys (JWKS, RFC 7517): fetched when needed, and kept for a while.

use std::sync::Arc;
use std::time::Duration;

use application::error::Error;
use domain::time::{Millis, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::Client;
use tokio::sync::Mutex;
use url::Url;

/// How old keys may be.
const FRESH: Millis = Millis::minutes(10);
/// How old they may be while the issuer does not answer.
const USABLE: Millis = Millis::hours(24);
/// The least time between two fetches: strangers' tokens must not make us call the issuer.
const PAUSE: Millis = Millis::seconds(30);
/// How long a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const MAX_BYTES: usize = 256 * 1024;
/// The most keys that are taken.
const MAX_KEYS: usize = 100;

/// The keys of an issuer.
pub(super) struct Keys {
    client: Client,
    url: Url,
    /// Locked while fetching: who comes meanwhile waits for the same answer.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: Arc<Vec<Jwk>>,
    /// When they were fetched.
    fetched: Option<Timestamp>,
    /// When it was tried last.
    tried: Option<Timestamp>,
}

impl Keys {
    pub(super) fn new(url: Url, client: Client) -> Self {
        Self {
            client,
            url,
            known: Mutex::default(),
        }
    }

    /// The key with this name for an algorithm. One that is not known yet may be new, so that the
    /// issuer is asked again, now and then.
    pub(super) async fn find(
        &self,
        name: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Option<DecodingKey>, Error> {
        let mut known = self.known.lock().await;
        let found = fitting(&known.keys, name, algorithm);
        if found.is_some() && known.is_younger(FRESH, now) {
            return Ok(found);
        }
        if known.tried.is_none_or(|tried| now.since(tried) >= PAUSE) {
            known.tried = Some(now);
            match self.fetch().await {
                Ok(keys) => {
                    known.keys = Arc::new(keys);
                    known.fetched = Some(now);
                }
                Err(error) => tracing::warn!(error, "the issuer's keys were not fetched"),
            }
        }
        if known.is_younger(USABLE, now) {
            Ok(fitting(&known.keys, name, algorithm))
        } else {
            Err(Error::Platform(
                "the issuer of tokens does not tell its keys".into(),
            ))
        }
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, String> {
        let fetching = async {
            let answer = self.client.get(self.url.clone()).send().await;
            let mut answer = answer
                .and_then(reqwest::Response::error_for_status)
                .map_err(|error| error.to_string())?;
            let mut body = Vec::new();
            while let Some(part) = answer.chunk().await.map_err(|error| error.to_string())? {
                if body.len() + part.len() > MAX_BYTES {
                    return Err(format!("more than {MAX_BYTES} bytes"));
                }
                body.extend_from_slice(&part);
            }
            let set: JwkSet = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
            Ok(set.keys.into_iter().take(MAX_KEYS).collect())
        };
        tokio::time::timeout(TIMEOUT, fetching)
            .await
            .unwrap_or_else(|_| Err("no answer in time".into()))
    }
}

impl Known {
    fn is_younger(&self, age: Millis, now: Timestamp) -> bool {
        self.fetched.is_some_and(|fetched| now.since(fetched) < age)
    }
}

/// The key for a token. A token that names none fits only where there is no choice.
fn fitting(keys: &[Jwk], name: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    let mut fit = keys
        .iter()
        .filter(|key| fits(key, algorithm))
        .filter(|key| match name {
            Some(name) => key.common.key_id.as_deref() == Some(name),
            None => true,
        });
    let key = fit.next()?;
    if name.is_none() && fit.next().is_some() {
        return None;
    }
    DecodingKey::from_jwk(key).ok()
}

/// Whether a key is one for signatures by this algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let signs = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let named = |wanted| key.common.key_algorithm.is_none_or(|named| named == wanted);
    signs
        && match (algorithm, &key.algorithm) {
            (Algorithm::RS256, AlgorithmParameters::RSA(_)) => named(KeyAlgorithm::RS256),
            (Algorithm::ES256, AlgorithmParameters::EllipticCurve(curve)) => {
                curve.curve == EllipticCurve::P256 && named(KeyAlgorithm::ES256)
            }
            _ => false,
        }
}
