//! Whose keys sign the requests.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider};
use platform::connector::SettingError;
use platform::world::Clock;

use crate::settings::Settings;

/// What the factory gives to AWS's connectors.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// Signatures carry the time, and certificates end.
    pub(crate) clock: Arc<dyn Clock>,
    /// The machine's own credentials, for connectors without secrets.
    pub(crate) credentials: Option<SharedCredentialsProvider>,
}

impl Surroundings {
    /// The connector's own keys, or else the machine's.
    pub(super) fn credentials(
        &self,
        settings: &Settings<'_>,
    ) -> Result<SharedCredentialsProvider, SettingError> {
        let own = ["accessKeyId", "secretAccessKey", "sessionToken"]
            .into_iter()
            .any(|name| settings.optional_secret(name).is_some());
        match &self.credentials {
            Some(machine) if !own => Ok(machine.clone()),
            _ => {
                let id = settings.secret("accessKeyId")?;
                let secret = settings.secret("secretAccessKey")?;
                let token = settings.optional_secret("sessionToken");
                let token = token.map(|token| token.expose().to_owned());
                let keys = Credentials::new(id.expose(), secret.expose(), token, None, "connector");
                Ok(SharedCredentialsProvider::new(keys))
            }
        }
    }
}

/// Credentials of the standard environment variables, as Lambda sets them for a function's role:
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. They are read at every request.
pub fn from_environment() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Environment(|name| std::env::var(name).ok()))
}

/// Reads variables.
struct Environment<F>(F);

impl<F> std::fmt::Debug for Environment<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}

impl<F: Fn(&'static str) -> Option<String>> Environment<F> {
    fn read(&self) -> provider::Result {
        let variable = |name| (self.0)(name).filter(|text| !text.is_empty());
        let needed =
            |name| variable(name).ok_or_else(|| CredentialsError::not_loaded(format!("{name} is not set")));
        Ok(Credentials::new(
            needed("AWS_ACCESS_KEY_ID")?,
            needed("AWS_SECRET_ACCESS_KEY")?,
            variable("AWS_SESSION_TOKEN"),
            None,
            "environment",
        ))
    }
}

impl<F: Fn(&'static str) -> Option<String> + Send + Sync> ProvideCredentials for Environment<F> {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::ready(self.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_environment_is_read_as_lambda_sets_it() {
        let all = Environment(|name| Some(format!("<{name}>")));
        let keys = all.provide_credentials().await.unwrap();
        assert_eq!(
            (
                keys.access_key_id(),
                keys.secret_access_key(),
                keys.session_token()
            ),
            (
                "<AWS_ACCESS_KEY_ID>",
                "<AWS_SECRET_ACCESS_KEY>",
                Some("<AWS_SESSION_TOKEN>")
            )
        );
        let empty = Environment(|_| Some(String::new()));
        assert!(empty.provide_credentials().await.is_err());
        let long_lived = Environment(|name| (name != "AWS_SESSION_TOKEN").then(|| "x".into()));
        let keys = long_lived.provide_credentials().await.unwrap();
        assert_eq!(keys.session_token(), None);
    }
}
