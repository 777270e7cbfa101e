//! Which tokens are taken. Read from the environment, by the API and by the authorizer alike:
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `JWT_ISSUER` | the issuer (`iss`) whose tokens are taken | none are taken |
//! | `JWT_AUDIENCE` | whom they must be meant for (`aud`) | required with an issuer |
//! | `JWT_KEYS_URL` | where the issuer's keys (JWKS, RFC 7517) stand; `https`, or `http` on this machine | `<issuer>/.well-known/jwks.json` |
//! | `JWT_TENANT_CLAIM` | the claim that holds the tenant: a name, or a JSON pointer | `tenant` |
//! | `JWT_ROLE_CLAIM` | the claim that holds `admin`, `reader` or `connector`, or a list with one of them | `role` |

use url::{Host, Url};

/// A wrong setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {problem}")]
pub struct SettingError {
    name: &'static str,
    problem: &'static str,
}

/// An issuer whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Its name.
    pub issuer: String,
    /// Whom its tokens must be meant for.
    pub audience: String,
    /// Where its keys stand.
    pub keys_url: Url,
    /// The claim with the tenant.
    pub tenant_claim: Claim,
    /// The claim with the role.
    pub role_claim: Claim,
}

/// Where a claim stands in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim(String);

impl Claim {
    /// A claim by its name, or by a JSON pointer (RFC 6901).
    pub fn new(text: &str) -> Self {
        if text.starts_with('/') {
            Self(text.to_owned())
        } else {
            Self(format!("/{}", text.replace('~', "~0").replace('/', "~1")))
        }
    }

    /// The JSON pointer.
    pub fn pointer(&self) -> &str {
        &self.0
    }
}

impl Issuer {
    /// Reads the settings; none where no issuer is set.
    ///
    /// # Errors
    /// A setting that is missing or wrong.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, SettingError> {
        let set = |name| {
            get(name)
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        let Some(issuer) = set("JWT_ISSUER") else {
            return Ok(None);
        };
        let audience = set("JWT_AUDIENCE").ok_or(SettingError {
            name: "JWT_AUDIENCE",
            problem: "must be set where JWT_ISSUER is: tokens for others would be taken",
        })?;
        let keys_url = set("JWT_KEYS_URL")
            .unwrap_or_else(|| format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')));
        Ok(Some(Self {
            issuer,
            audience,
            keys_url: keys_address(&keys_url)?,
            tenant_claim: Claim::new(&set("JWT_TENANT_CLAIM").unwrap_or_else(|| "tenant".into())),
            role_claim: Claim::new(&set("JWT_ROLE_CLAIM").unwrap_or_else(|| "role".into())),
        }))
    }
}

/// Whoever can change the keys on their way can be anybody: they come by `https`.
fn keys_address(text: &str) -> Result<Url, SettingError> {
    let wrong = SettingError {
        name: "JWT_KEYS_URL",
        problem: "must be an https address (http on this machine only)",
    };
    let url = Url::parse(text).map_err(|_| wrong.clone())?;
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Option<Issuer>, SettingError> {
        Issuer::read(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_an_issuer_no_tokens_are_taken() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("JWT_ISSUER", " "), ("JWT_AUDIENCE", "api")]), Ok(None));
    }

    #[test]
    fn an_issuer_needs_an_audience() {
        let error = read(&[("JWT_ISSUER", "https://id.example.com")]).unwrap_err();
        assert!(
            error.to_string().starts_with("JWT_AUDIENCE must be set"),
            "{error}"
        );
    }

    #[test]
    fn keys_stand_where_issuers_put_them() {
        let set = [("JWT_ISSUER", "https://id.example.com/"), ("JWT_AUDIENCE", "api")];
        let issuer = read(&set).unwrap().unwrap();
        assert_eq!(
            issuer.keys_url.as_str(),
            "https://id.example.com/.well-known/jwks.json"
        );
        assert_eq!(issuer.tenant_claim.pointer(), "/tenant");
        assert_eq!(
            Claim::new("https://example.com/tenant").pointer(),
            "/https:~1~1example.com~1tenant"
        );
        assert_eq!(Claim::new("/realm_access/roles").pointer(), "/realm_access/roles");
    }

    #[test]
    fn keys_come_by_https() {
        let with = |url| {
            let set = [
                ("JWT_ISSUER", "https://id.example.com"),
                ("JWT_AUDIENCE", "api"),
                ("JWT_KEYS_URL", url),
            ];
            read(&set).is_ok()
        };
        assert!(with("https://keys.example.com/jwks"));
        assert!(with("http://127.0.0.1:9000/jwks"));
        for wrong in [
            "http://keys.example.com/jwks",
            "http://127.0.0.1.example.com/",
            "file:///etc/keys",
            "keys",
        ] {
            assert!(!with(wrong), "{wrong}");
        }
    }
}
