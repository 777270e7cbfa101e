//! Tokens (JWT, RFC 7519) of the configured issuer, signed with RS256 or ES256.

mod keys;
mod signatures;

use application::api_keys::Role;
use application::error::Error;
use domain::id::TenantId;
use domain::time::{Millis, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::Client;
use serde_json::Value;

use crate::Identity;
use crate::settings::Issuer;
use crate::verdict::role;
use keys::Keys;

/// Longest token. API Gateway takes no larger headers in all.
const MAX_BYTES: usize = 8 * 1024;
/// How far the issuer's clock may be off ours.
const CLOCKS_APART: Millis = Millis::seconds(60);

/// Whether a credential has a token's form: three parts. An API key has one.
pub fn looks_like_one(credential: &str) -> bool {
    credential.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Knows the tokens of an issuer.
pub struct Tokens {
    issuer: Issuer,
    keys: Keys,
}

impl Tokens {
    /// Takes tokens of this issuer. Its keys are fetched by `client` when the first token comes.
    pub fn new(issuer: Issuer, client: Client) -> Self {
        signatures::install();
        let keys = Keys::new(issuer.keys_url.clone(), client);
        Self { issuer, keys }
    }

    /// Whose token this is; nobody's, if it is not signed by the issuer, not meant for us, not valid
    /// now, or without the claims that it needs.
    ///
    /// # Errors
    /// When the issuer's keys cannot be had.
    pub async fn identify(&self, token: &str, now: Timestamp) -> Result<Option<Identity>, Error> {
        if token.len() > MAX_BYTES {
            return Ok(None);
        }
        let Ok(header) = decode_header(token) else {
            return Ok(None);
        };
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256) {
            return Ok(None);
        }
        let Some(key) = self.keys.find(header.kid.as_deref(), header.alg, now).await? else {
            tracing::info!("a token names a key that its issuer does not have");
            return Ok(None);
        };
        Ok(self
            .claims(token, header.alg, &key, now)
            .and_then(|claims| self.identity(&claims)))
    }

    /// The claims of a token that is genuine, ours and valid now.
    fn claims(&self, token: &str, algorithm: Algorithm, key: &DecodingKey, now: Timestamp) -> Option<Value> {
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&self.issuer.issuer]);
        rules.set_audience(&[&self.issuer.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The library asks the machine's clock; ours is an argument.
        rules.validate_exp = false;
        match decode::<Value>(token, key, &rules) {
            Ok(token) => valid_at(&token.claims, now).then_some(token.claims),
            Err(error) => {
                tracing::info!(%error, "a token is not taken");
                None
            }
        }
    }

    fn identity(&self, claims: &Value) -> Option<Identity> {
        let tenant = claims.pointer(self.issuer.tenant_claim.pointer())?.as_str()?;
        let role = strongest(claims.pointer(self.issuer.role_claim.pointer())?)?;
        Some(Identity {
            tenant: TenantId::parse(tenant).ok()?,
            role,
            subject: claims.get("sub")?.as_str()?.chars().take(100).collect(),
        })
    }
}

/// Whether a token's time has come and is not over (RFC 7519, sections 4.1.4 and 4.1.5).
fn valid_at(claims: &Value, now: Timestamp) -> bool {
    let second = |name| claims.get(name).and_then(Value::as_f64);
    let now = now.millis() as f64 / 1_000.0;
    let apart = CLOCKS_APART.get() as f64 / 1_000.0;
    let ended = second("exp").is_none_or(|end| end + apart <= now);
    let begun = claims.get("nbf").is_none() || second("nbf").is_some_and(|begin| begin - apart <= now);
    begun && !ended
}

/// The role in a claim: a name, or a list of names of which the strongest counts.
fn strongest(claim: &Value) -> Option<Role> {
    let known: Vec<Role> = match claim {
        Value::String(name) => role(name).into_iter().collect(),
        Value::Array(names) => names.iter().filter_map(|name| role(name.as_str()?)).collect(),
        _ => Vec::new(),
    };
    [Role::Admin, Role::Reader, Role::Connector]
        .into_iter()
        .find(|role| known.contains(role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_valid_between_its_times() {
        let at = |second: i64| Timestamp::from_millis(second * 1_000);
        let claims = json!({"nbf": 1_000, "exp": 2_000});
        assert!(valid_at(&claims, at(1_000)));
        assert!(valid_at(&claims, at(2_059)));
        assert!(!valid_at(&claims, at(2_060)));
        assert!(!valid_at(&claims, at(939)));
        assert!(!valid_at(&json!({"exp": "2000"}), at(1_000)), "no number");
        assert!(
            !valid_at(&json!({"exp": 2_000, "nbf": "x"}), at(1_000)),
            "no number"
        );
        assert!(!valid_at(&json!({}), at(1_000)));
    }

    #[test]
    fn the_strongest_role_counts() {
        assert_eq!(strongest(&json!("reader")), Some(Role::Reader));
        assert_eq!(strongest(&json!(["x", "connector", "admin"])), Some(Role::Admin));
        for none in [json!("root"), json!([]), json!(1), json!({"admin": true})] {
            assert_eq!(strongest(&none), None, "{none}");
        }
    }
}
