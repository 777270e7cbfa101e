//! What the authorizer found, as API Gateway carries it from the authorizer's function to the API's.
//!
//! Of itself API Gateway answers a denial with a body of its own, whatever the API promises. So the
//! authorizer lets every request pass, with its verdict in the context, and the API refuses. The API
//! takes nothing for granted: without a verdict that reads it checks the credential by itself.

use application::api_keys::Role;
use domain::id::TenantId;
use serde_json::{Map, Value};

use crate::Identity;

const TENANT: &str = "tenant";
const ROLE: &str = "role";
const SUBJECT: &str = "subject";
/// There only when nobody knows the credential.
const UNKNOWN: &str = "unknown";

/// Whether somebody knows a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this caller's.
    Known(Identity),
    /// Nobody's: unknown, revoked, expired, or not meant for this API.
    Unknown,
}

impl Verdict {
    /// The context to pass on: texts only, as API Gateway asks.
    pub fn to_context(&self) -> Map<String, Value> {
        let mut context = Map::new();
        match self {
            Self::Known(Identity {
                tenant,
                role,
                subject,
            }) => {
                context.insert(TENANT.into(), tenant.as_str().into());
                context.insert(ROLE.into(), name(*role).into());
                context.insert(SUBJECT.into(), subject.as_str().into());
            }
            Self::Unknown => {
                context.insert(UNKNOWN.into(), "true".into());
            }
        }
        context
    }

    /// Reads [`Verdict::to_context`]; nothing where the context is incomplete.
    pub fn of_context<'a>(get: impl Fn(&str) -> Option<&'a Value>) -> Option<Self> {
        let text = |name| get(name).and_then(Value::as_str);
        if text(UNKNOWN).is_some() {
            return Some(Self::Unknown);
        }
        Some(Self::Known(Identity {
            tenant: TenantId::parse(text(TENANT)?).ok()?,
            role: role(text(ROLE)?)?,
            subject: text(SUBJECT)?.to_owned(),
        }))
    }
}

/// The name of a role, in contexts and in claims of tokens.
pub(crate) const fn name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Reader => "reader",
        Role::Connector => "connector",
    }
}

/// Reads [`name`].
pub(crate) fn role(text: &str) -> Option<Role> {
    [Role::Admin, Role::Reader, Role::Connector]
        .into_iter()
        .find(|role| name(*role) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(context: &Map<String, Value>) -> Option<Verdict> {
        Verdict::of_context(|name| context.get(name))
    }

    #[test]
    fn a_verdict_survives_the_way() {
        for role in [Role::Admin, Role::Reader, Role::Connector] {
            let known = Verdict::Known(Identity {
                tenant: TenantId::parse("acme").unwrap(),
                role,
                subject: "key_1".into(),
            });
            assert_eq!(of(&known.to_context()), Some(known));
        }
        assert_eq!(of(&Verdict::Unknown.to_context()), Some(Verdict::Unknown));
    }

    #[test]
    fn half_a_verdict_is_none() {
        let whole = Verdict::Known(Identity {
            tenant: TenantId::parse("acme").unwrap(),
            role: Role::Admin,
            subject: "key_1".into(),
        })
        .to_context();
        for missing in [TENANT, ROLE, SUBJECT] {
            let mut half = whole.clone();
            half.remove(missing);
            assert_eq!(of(&half), None, "without {missing}");
        }
        let mut stranger = whole;
        stranger.insert(ROLE.into(), "root".into());
        assert_eq!(of(&stranger), None);
        assert_eq!(of(&Map::new()), None);
    }
}
