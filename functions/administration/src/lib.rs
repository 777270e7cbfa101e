//! The administration function: API keys of any tenant, for whoever may invoke it by IAM. It is the way
//! to a tenant's first key, and the way back in when all of them are lost. No route of the API leads here.
//!
//! It is invoked with one action and answers with what came of it:
//!
//! | event | answer |
//! |---|---|
//! | `{"create": {"tenant": "main", "name": "administrator", "role": "admin"}}` | the key with its text, this once |
//! | `{"list": {"tenant": "main", "cursor": "..."}}` | a page of keys, newest first, and the cursor of the next |
//! | `{"revoke": {"tenant": "main", "id": "key_..."}}` | the id |

use application::api_keys::{self, ApiKey, Role};
use application::context::Context;
use application::error::Error;
use domain::id::{ApiKeyId, TenantId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Keys per page.
const PAGE: usize = 100;

/// What is to be done.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// Make a key.
    Create {
        /// Whose.
        tenant: TenantId,
        /// What people call it, 1 to 100 characters.
        name: String,
        /// What it may do.
        role: Role,
    },
    /// Tell which there are.
    List {
        /// Whose.
        tenant: TenantId,
        /// Where to go on.
        cursor: Option<String>,
    },
    /// Take a key back.
    Revoke {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: ApiKeyId,
    },
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// A key was made.
    Created {
        /// Its id.
        id: ApiKeyId,
        /// Its text: never to be had again.
        key: String,
    },
    /// A page of keys.
    Listed {
        /// The keys.
        keys: Vec<Shown>,
        /// Where the next page begins, if there is one.
        next: Option<String>,
    },
    /// A key was taken back.
    Revoked {
        /// Its id.
        id: ApiKeyId,
    },
}

/// A key as it is listed: without text and hash.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    id: ApiKeyId,
    name: String,
    role: Role,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

impl From<ApiKey> for Shown {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            role: key.role,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// Does what is asked.
///
/// # Errors
/// Those of the use cases: a name that is no name, a key that is not there, a table that does not answer.
pub async fn handle(context: &Context, action: Action) -> Result<Outcome, Error> {
    match action {
        Action::Create { tenant, name, role } => {
            let (key, text) = api_keys::create(context, &tenant, &name, role).await?;
            Ok(Outcome::Created {
                id: key.id,
                key: text,
            })
        }
        Action::List { tenant, cursor } => {
            let page = api_keys::list(context, &tenant, cursor.as_deref(), PAGE).await?;
            Ok(Outcome::Listed {
                keys: page.data.into_iter().map(Shown::from).collect(),
                next: page.next,
            })
        }
        Action::Revoke { tenant, id } => {
            api_keys::revoke(context, &tenant, &id).await?;
            Ok(Outcome::Revoked { id })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &str) -> Result<Action, serde_json::Error> {
        serde_json::from_str(event)
    }

    #[test]
    fn the_documented_events_read() {
        let create = r#"{"create": {"tenant": "main", "name": "administrator", "role": "admin"}}"#;
        assert!(matches!(
            read(create).unwrap(),
            Action::Create {
                role: Role::Admin,
                ..
            }
        ));
        assert!(matches!(
            read(r#"{"list": {"tenant": "main"}}"#).unwrap(),
            Action::List { cursor: None, .. }
        ));
        let id = "key_00000000000000000000000001";
        let revoke = format!(r#"{{"revoke": {{"tenant": "main", "id": "{id}"}}}}"#);
        assert!(matches!(read(&revoke).unwrap(), Action::Revoke { id: of, .. } if of.as_str() == id));
    }

    #[test]
    fn what_is_no_action_does_not_read() {
        for event in [
            "{}",
            r#"{"create": {"tenant": "main", "name": "a", "role": "root"}}"#,
            r#"{"create": {"tenant": "a#b", "name": "a", "role": "admin"}}"#,
            r#"{"create": {"tenant": "main", "name": "a", "role": "admin", "hash": "0"}}"#,
            r#"{"list": {}}"#,
        ] {
            assert!(read(event).is_err(), "{event}");
        }
    }

    #[test]
    fn a_list_shows_no_hash() {
        let key = ApiKey {
            id: ApiKeyId::parse("key_00000000000000000000000001").unwrap(),
            tenant: TenantId::parse("main").unwrap(),
            name: "administrator".into(),
            role: Role::Admin,
            created_at: Timestamp::from_millis(0),
            hash: "secret".into(),
            revoked_at: None,
        };
        let listed = Outcome::Listed {
            keys: vec![key.into()],
            next: None,
        };
        let text = serde_json::to_string(&listed).unwrap();
        assert!(text.contains(r#""name":"administrator""#), "{text}");
        assert!(!text.contains("secret") && !text.contains("hash"), "{text}");
    }
}
