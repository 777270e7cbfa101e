//! One service in one region: where it is, and calls of it.

use std::sync::Arc;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use domain::activity::settle::Trouble;
use domain::time::Millis;
use http::Method;
use platform::connector::{SendFailure, SendOutcome, SettingError};
use platform::world::Clock;
use reqwest::Client;
use serde_json::Value;
use url::Url;

use super::credentials::Surroundings;
use super::signing::{Scope, Unsigned};
use super::{domain, is_region};
use crate::http::{Answer, Caller, failure, scrub};
use crate::settings::Settings;

/// The longest that credentials may take: a role's are kept by their provider, and seldom fetched.
const CREDENTIALS_WITHIN: Millis = Millis::seconds(3);

/// How an operation is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Post,
    Put,
}

impl Verb {
    /// The method.
    pub(super) const fn method(self) -> Method {
        match self {
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
        }
    }
}

/// One operation of a service.
pub(crate) struct Endpoint {
    /// How it is called.
    pub(crate) verb: Verb,
    /// The first part of the service's host names.
    pub(crate) host: &'static str,
    /// The service's name in signatures.
    pub(crate) service: &'static str,
    /// The operation's path.
    pub(crate) path: &'static [&'static str],
    /// The content type, and the operation's name where the protocol wants it.
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

/// An operation, ready to be called.
pub(crate) struct Service {
    verb: Verb,
    url: Url,
    headers: &'static [(&'static str, &'static str)],
    scope: Scope,
    credentials: SharedCredentialsProvider,
    clock: Arc<dyn Clock>,
    caller: Caller,
}

impl Service {
    /// Reads the settings that all services share.
    pub(crate) fn new(
        endpoint: &Endpoint,
        client: Client,
        settings: &Settings<'_>,
        surroundings: &Surroundings,
    ) -> Result<Self, SettingError> {
        let region = settings.required("region")?;
        if !is_region(region) {
            return Err(Settings::problem("region", "is no region, such as `eu-west-1`"));
        }
        // What the machine's own credentials sign goes to AWS alone.
        if settings.optional("baseUrl").is_some() && settings.optional_secret("accessKeyId").is_none() {
            return Err(Settings::problem(
                "baseUrl",
                "may be set only together with the secret `accessKeyId`",
            ));
        }
        let default = format!("https://{}.{region}.{}", endpoint.host, domain(region));
        let base = settings.url_or("baseUrl", &default)?;
        Ok(Self {
            verb: endpoint.verb,
            url: Settings::under("baseUrl", &base, endpoint.path)?,
            headers: endpoint.headers,
            scope: Scope {
                service: endpoint.service,
                region: region.into(),
            },
            credentials: surroundings.credentials(settings)?,
            clock: surroundings.clock.clone(),
            caller: Caller::new(client, settings.concurrency(), settings.timeout()?),
        })
    }

    /// The longest that [`Service::call`] takes.
    pub(crate) fn longest(&self) -> Millis {
        self.caller.longest() + CREDENTIALS_WITHIN
    }

    /// Makes one signed call. Where there is no answer, the error is already the outcome.
    pub(crate) async fn call(&self, body: &Value) -> Result<Answer, SendOutcome> {
        let body = body.to_string().into_bytes();
        let signature = self
            .signature(&body)
            .await
            .map_err(|failure| SendOutcome::Deferred {
                failure,
                retry_after: None,
                trouble: Trouble::Connector,
            })?;
        let mut call = self.caller.client().request(self.verb.method(), self.url.clone());
        for (name, value) in self.headers {
            call = call.header(*name, *value);
        }
        for (name, value) in signature {
            call = call.header(name, value);
        }
        self.caller.call(call.body(body)).await
    }

    async fn signature(&self, body: &[u8]) -> Result<Vec<(String, String)>, SendFailure> {
        let within = CREDENTIALS_WITHIN.duration();
        let keys = match tokio::time::timeout(within, self.credentials.provide_credentials()).await {
            Ok(Ok(keys)) => keys,
            Ok(Err(error)) => {
                return Err(failure(
                    "credentials",
                    format!("no credentials: {}", scrub(&error.to_string())),
                ));
            }
            Err(_) => return Err(failure("credentials", "the credentials did not come in time")),
        };
        let request = Unsigned {
            method: self.verb.method(),
            url: self.url.as_str(),
            headers: self.headers,
            body,
        };
        self.scope.sign(keys, self.clock.now(), &request)
    }
}
