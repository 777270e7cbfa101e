//! The platform in front of a scripted server.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;
use platform::table::{Condition, Item, Key, Write};
use platform_aws::{Accounting, Aws, Settings};
use wiremock::MockServer;

/// The platform as it calls a server of ours.
pub(crate) async fn platform(server: &MockServer) -> Aws {
    let settings = Settings {
        table: "table".to_owned(),
        dispatch_queue: format!("{}/0/dispatch", server.uri()),
        dispatch_urgent_queue: format!("{}/0/urgent", server.uri()),
        flow_queue: format!("{}/0/flow", server.uri()),
        pacing_queue: format!("{}/0/pacing", server.uri()),
        webhook_delivery_queue: format!("{}/0/webhooks", server.uri()),
        bus: Some("bus".to_owned()),
        uploads: "uploads".to_owned(),
        secrets_prefix: "/test".to_owned(),
        accounting: Accounting::On,
    };
    let credentials = Credentials::new("key", "secret", None, None, "test");
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(std::time::Duration::from_millis(1));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-2"))
        .endpoint_url(server.uri())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(retries)
        .build();
    Aws::with_config(settings, config)
}

/// A put of one item at the first version.
pub(crate) fn put(sort: &str) -> Write {
    Write::Put {
        item: Item {
            key: Key::new("p", sort),
            version: 2,
            due: None,
            expires: None,
            announced: false,
            body: "{}".to_owned(),
        },
        condition: Condition::Version(1),
    }
}

/// A check that no item is there.
pub(crate) fn check(sort: &str) -> Write {
    Write::Check {
        key: Key::new("p", sort),
        condition: Condition::Absent,
    }
}
