//! What the tests of all connectors share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_credential_types::provider::SharedCredentialsProvider;
use connectors::Factory;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::{Body, Message};
use domain::id::{ActivityId, ConnectorId, TenantId};
use domain::time::Timestamp;
use domain::trace::TraceId;
use futures::FutureExt as _;
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, ConnectorFactory, ConnectorKind,
    Echo, Inbound, SendRequest, SettingError,
};
use platform::secrets::Secret;
use platform::world::Clock;
use serde_json::{Value, json};

pub(crate) const PHONE: &str = "+442079460958";

/// The time of all tests.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
}

/// A clock that stands.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Reads a callback that needs nobody to be asked.
pub(crate) fn read_callback(
    connector: &dyn Connector,
    callback: &Callback,
) -> Result<CallbackOutcome, CallbackError> {
    connector.read_callback(callback).now_or_never().unwrap()
}

/// A request for the first attempt of an activity.
pub(crate) fn request(channel: Channel, body: Value) -> SendRequest {
    numbered(channel, body, 1)
}

/// A request for the n-th attempt of an activity.
pub(crate) fn numbered(channel: Channel, body: Value, attempt: u32) -> SendRequest {
    let tenant = TenantId::parse("ten_1").unwrap();
    let activity = ActivityId::parse("act_1").unwrap();
    let to = if channel == Channel::Email {
        "ann@example.org"
    } else {
        PHONE
    };
    let message = json!({
        "id": "msg_1",
        "header": {
            "sender": {"type": "APP", "senderName": "campaigns"},
            "channelData": {"channelCustomerIdentifier": to},
            "schedulingMetaData": {"activityId": "act_1", "metadata": {"order": "7"}}
        },
        "body": body
    });
    SendRequest {
        tenant: tenant.clone(),
        activity: activity.clone(),
        attempt,
        idempotency_key: format!("{activity}.{attempt}"),
        echo: Echo {
            tenant,
            activity,
            attempt,
        },
        channel,
        to: Address::parse(channel, to).unwrap(),
        service_identifier: None,
        message: serde_json::from_value::<Message>(message).unwrap(),
        trace: TraceId::parse("1-67891233-abcdef012345678912345678"),
    }
}

/// A PLAIN body.
pub(crate) fn plain(text: &str) -> Value {
    serde_json::to_value(Body::plain(text)).unwrap()
}

/// Builds a connector.
pub(crate) fn build(
    kind: ConnectorKind,
    channels: &[Channel],
    settings: &[(&str, &str)],
    secrets: &[(&str, &str)],
) -> Result<Arc<dyn Connector>, SettingError> {
    build_with(kind, channels, settings, secrets, 4)
}

/// Builds a connector with a concurrency.
pub(crate) fn build_with(
    kind: ConnectorKind,
    channels: &[Channel],
    settings: &[(&str, &str)],
    secrets: &[(&str, &str)],
    concurrency: u32,
) -> Result<Arc<dyn Connector>, SettingError> {
    let config = ConnectorConfig {
        concurrency,
        ..config(kind, channels, settings)
    };
    let secrets: BTreeMap<_, _> = secrets
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
        .collect();
    factory().build(&config, &secrets)
}

/// Builds a connector without secrets, on a machine with AWS credentials.
pub(crate) fn build_machine(
    credentials: SharedCredentialsProvider,
    kind: ConnectorKind,
    channel: Channel,
    settings: &[(&str, &str)],
) -> Result<Arc<dyn Connector>, SettingError> {
    factory()
        .with_aws_credentials(credentials)
        .build(&config(kind, &[channel], settings), &BTreeMap::new())
}

fn factory() -> Factory {
    Factory::new(Arc::new(At(now()))).unwrap()
}

fn config(kind: ConnectorKind, channels: &[Channel], settings: &[(&str, &str)]) -> ConnectorConfig {
    ConnectorConfig {
        id: ConnectorId::parse("cnn_1").unwrap(),
        kind,
        channels: channels.to_vec(),
        settings: settings
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        rate_per_second: 100,
        concurrency: 4,
    }
}

/// Why a connector could not be built.
pub(crate) fn build_error(
    kind: ConnectorKind,
    channels: &[Channel],
    settings: &[(&str, &str)],
    secrets: &[(&str, &str)],
) -> String {
    match build(kind, channels, settings, secrets) {
        Ok(_) => panic!("it was built"),
        Err(error) => error.to_string(),
    }
}

/// Waits until something holds, at most 10 s.
pub(crate) async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not come about within 10 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A port on loopback on which nobody listens.
pub(crate) fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A server that reads a request and closes the connection without an answer.
pub(crate) async fn server_that_hangs_up() -> String {
    use tokio::io::AsyncReadExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer).await;
        }
    });
    url
}

/// From which number the one event answers a message of ours, if that is known.
#[track_caller]
pub(crate) fn answers_from(events: &[Inbound]) -> Option<&str> {
    let [
        Inbound::Reply {
            from,
            in_reply_to: Some(_),
            ..
        },
    ] = events
    else {
        panic!("expected a reply to ours: {events:?}");
    };
    from.as_ref().map(Address::as_str)
}
