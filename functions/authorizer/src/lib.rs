//! Who calls the API: whose credential it is, and what it may do.
//!
//! A credential is an API key, whose hash stands in the table, or a token (JWT) of one configured
//! issuer. The API asks here for itself; behind API Gateway the function of this crate asks first, and
//! passes on what it found ([`Verdict`]).

#[cfg(feature = "lambda")]
pub mod gateway;
pub mod settings;
pub mod tokens;
mod verdict;

use application::api_keys::{self, Role};
use application::context::Context;
use application::error::Error;
use domain::id::TenantId;

pub use tokens::Tokens;
pub use verdict::Verdict;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whose data are read and written.
    pub tenant: TenantId,
    /// What the credential allows.
    pub role: Role,
    /// The API key's id, or the token's subject: for logs.
    pub subject: String,
}

/// Whose credential this is: an API key, or a token where an issuer is configured.
///
/// # Errors
/// Those of reading keys. That nobody knows the credential is no error.
pub async fn identify(
    context: &Context,
    tokens: Option<&Tokens>,
    credential: &str,
) -> Result<Verdict, Error> {
    let identity = match tokens {
        Some(tokens) if tokens::looks_like_one(credential) => {
            tokens.identify(credential, context.now()).await?
        }
        _ => api_keys::authenticate(context, credential)
            .await?
            .map(|key| Identity {
                tenant: key.tenant,
                role: key.role,
                subject: key.id.to_string(),
            }),
    };
    Ok(identity.map_or(Verdict::Unknown, Verdict::Known))
}

/// The credential in an `Authorization` header (RFC 6750, section 2.1).
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, credential) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}
