//! `campaigns key`.

use application::api_keys::{self, Role};
use clap::{Args, Subcommand, ValueEnum};
use domain::id::ApiKeyId;

use super::{Data, own_tenant};
use crate::engine::Engine;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Key {
    #[command(flatten)]
    data: Data,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the keys.
    List,
    /// Create a key and show it, once.
    Create {
        /// What people call it.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value_t = KeyRole::Admin)]
        role: KeyRole,
    },
    /// Revoke a key.
    Revoke {
        /// Its id.
        id: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum KeyRole {
    /// Everything.
    Admin,
    /// Read.
    Reader,
    /// Deliver receipts and customers' messages, nothing else.
    Connector,
}

impl From<Role> for KeyRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Reader => Self::Reader,
            Role::Connector => Self::Connector,
        }
    }
}

impl KeyRole {
    /// As `--role` takes it.
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

impl Key {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        // Only a first key makes the data that it opens.
        if !matches!(self.action, Action::Create { .. }) {
            self.data.must_stand()?;
        }
        let engine = Engine::open(&self.data.data, Vec::new())?;
        let done = act(&engine, self.action).await;
        engine.drain().await;
        done
    }
}

async fn act(engine: &Engine, action: Action) -> Result<(), Failure> {
    let (context, tenant) = (&engine.context, own_tenant()?);
    match action {
        Action::List => {
            let mut cursor = None;
            loop {
                let page = api_keys::list(context, &tenant, cursor.as_deref(), 100).await?;
                for key in page.data {
                    let state = key
                        .revoked_at
                        .map_or("valid".to_owned(), |at| format!("revoked {at}"));
                    let role = KeyRole::from(key.role).name();
                    println!("{}  {role}  {}  {state}  {}", key.id, key.created_at, key.name);
                }
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => return Ok(()),
                }
            }
        }
        Action::Create { name, role } => {
            let role = match role {
                KeyRole::Admin => Role::Admin,
                KeyRole::Reader => Role::Reader,
                KeyRole::Connector => Role::Connector,
            };
            let (key, text) = api_keys::create(context, &tenant, &name, role).await?;
            println!("{}\n\n    {text}\n\nThe key is shown this once.", key.id);
        }
        Action::Revoke { id } => {
            let id = ApiKeyId::parse(&id).map_err(|error| Failure::Told(format!("the id {error}")))?;
            api_keys::revoke(context, &tenant, &id).await?;
            println!("{id} is revoked.");
        }
    }
    Ok(())
}
