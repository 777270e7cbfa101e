//! How the SDK calls: one HTTP client for all services, time-outs, retries.
//!
//! TLS is rustls with ring. The certificate authorities are the system's, read once per process when the
//! first connection is made: Lambda's and container images have them, and a company's own endpoints and
//! proxies are trusted where the system trusts them.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Longest wait for one try of a call that answers at once.
const TRY: Duration = Duration::from_secs(4);
/// Tries of a call, the first included. The pauses between them are random up to a bound that doubles.
const TRIES: u32 = 3;
/// The bound of the first pause.
const PAUSE: Duration = Duration::from_millis(50);
/// The bound of any pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

fn tls() -> Provider {
    Provider::Rustls(CryptoMode::Ring)
}

/// Region, credentials (environment, profile, container, instance) and endpoint as the environment says.
pub(crate) async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(Builder::new().tls_provider(tls()).build_https())
        .retry_config(retries())
        .timeout_config(time_out(TRY))
        .load()
        .await
}

/// The same where region, credentials and endpoint are variables of the environment or nowhere, as Lambda sets them.
pub(crate) fn config_of_function() -> SdkConfig {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_true = |name| set(name).map(|value| value.eq_ignore_ascii_case("true"));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .http_client(Builder::new().tls_provider(tls()).build_https())
        .retry_config(retries())
        .timeout_config(time_out(TRY))
        .region(
            set("AWS_REGION")
                .or_else(|| set("AWS_DEFAULT_REGION"))
                .map(Region::new),
        );
    config.set_endpoint_url(set("AWS_ENDPOINT_URL"));
    config.set_use_fips(is_true("AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(is_true("AWS_USE_DUALSTACK_ENDPOINT"));
    config.build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(TRIES)
        .with_initial_backoff(PAUSE)
        .with_max_backoff(LONGEST_PAUSE)
}

/// Time-outs where one try may take this long.
pub(crate) fn time_out(one_try: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(one_try)
        .build()
}

/// The same way to call, for what is signed here.
pub(crate) fn connector() -> Connector {
    Connector::builder().tls_provider(tls()).build()
}
