use std::collections::BTreeMap;

use domain::channel::Channel;
use domain::id::ConnectorId;
use platform::connector::{ConnectorConfig, ConnectorKind};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn topic_of(arn: &str) -> Result<Topic, SettingError> {
    let config = ConnectorConfig {
        id: ConnectorId::parse("cnn_1").unwrap(),
        kind: ConnectorKind::AwsSms,
        channels: vec![Channel::Sms],
        settings: BTreeMap::new(),
        rate_per_second: 1,
        concurrency: 1,
    };
    let secrets = BTreeMap::new();
    topic(
        arn,
        &Settings::new(&config, &secrets, &[Channel::Sms], &[]).unwrap(),
    )
}

/// A message whose certificate is said to be there.
fn naming(certificate: &str) -> Envelope {
    serde_json::from_value(json!({
        "Type": "Notification", "MessageId": "1", "TopicArn": "x", "Message": "x", "Timestamp": "x",
        "SignatureVersion": "2", "Signature": "x", "SigningCertURL": certificate
    }))
    .unwrap()
}

const NAME: &str = "SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem";

#[test]
fn certificates_come_from_sns_in_the_topics_region_only() {
    for (arn, host) in [
        (
            "arn:aws:sns:eu-west-1:123456789012:x",
            "sns.eu-west-1.amazonaws.com",
        ),
        (
            "arn:aws-us-gov:sns:us-gov-west-1:123456789012:x",
            "sns.us-gov-west-1.amazonaws.com",
        ),
        (
            "arn:aws-cn:sns:cn-north-1:123456789012:x",
            "sns.cn-north-1.amazonaws.com.cn",
        ),
    ] {
        let topic = topic_of(arn).unwrap();
        let fits = |url: &str| topic.certificate(&naming(url)).is_some();
        assert!(fits(&format!("https://{host}/{NAME}")), "{arn}");
        for url in [
            format!("http://{host}/{NAME}"),
            format!("https://{host}:8443/{NAME}"),
            format!("https://{host}.example.org/{NAME}"),
            format!("https://{host}@example.org/{NAME}"),
            format!("https://user@{host}/{NAME}"),
            format!("https://sns.us-east-1.amazonaws.com/{NAME}"),
            format!("https://s3.amazonaws.com/sns.eu-west-1.amazonaws.com/{NAME}"),
            format!("https://{host}/{NAME}?x"),
            format!("https://{host}/{NAME}#x"),
            format!("https://{host}/?Action=ListTopics&x=/{NAME}"),
            format!("https://{host}/{NAME}.txt"),
        ] {
            assert!(!fits(&url), "{url}");
        }
    }
}

#[test]
fn other_arns_are_no_topics() {
    for arn in [
        "",
        "receipts",
        "arn:aws:sqs:eu-west-1:123456789012:x",
        "arn:aws:sns:eu-west-1:123456789012:",
        "arn:aws:sns:eu-west-1:12345678901:x",
        "arn:aws:sns:eu-west-1:123456789012:x:subscription",
        "arn:aws:sns:example.org/:123456789012:x",
        "arn:aws:sns::123456789012:x",
    ] {
        assert!(topic_of(arn).is_err(), "{arn}");
    }
}

proptest! {
    /// Whatever a stranger writes as an address, nobody but SNS is called.
    #[test]
    fn no_address_leads_elsewhere(text in "(https?:)?//?[a-z@:.#?/\\\\]{0,12}(sns\\.eu-west-1\\.amazonaws\\.com)?[a-z@:.#?/\\\\]{0,12}") {
        let topic = topic_of("arn:aws:sns:eu-west-1:123456789012:x").unwrap();
        if let Some(url) = topic.address(&text) {
            prop_assert_eq!(url.scheme(), "https");
            prop_assert_eq!(url.host_str(), Some("sns.eu-west-1.amazonaws.com"));
            prop_assert_eq!(url.port_or_known_default(), Some(443));
        }
    }
}
