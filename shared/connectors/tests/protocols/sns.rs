//! Which messages of SNS are believed, and what becomes of subscriptions; by the `aws-sms` connector.

use std::sync::Arc;

use crate::common::build;
use crate::topic::{ARN, CERTIFICATE, Topic, bring, call, certificate};
use domain::channel::Channel;
use platform::connector::{CallbackError, Connector, ConnectorKind};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

fn listening(topics: &str, sns: &str) -> Arc<dyn Connector> {
    build(
        ConnectorKind::AwsSms,
        &[Channel::Sms],
        &[("region", "eu-west-1"), ("topicArns", topics), ("snsUrl", sns)],
        &[("accessKeyId", "AKIDEXAMPLE"), ("secretAccessKey", "secret")],
    )
    .unwrap()
}

fn delivered() -> String {
    json!({"eventType": "TEXT_DELIVERED", "messageId": "m1"}).to_string()
}

#[tokio::test]
async fn genuine_messages_are_believed_and_the_certificate_is_fetched_once() {
    let topic = Topic::new().await;
    let two = format!("arn:aws:sns:eu-west-1:123456789012:replies, {ARN}");
    let connector = listening(&two, &topic.server.uri());
    let mut without_subject = topic.notification(&delivered());
    without_subject.as_object_mut().unwrap().remove("Subject");
    for envelope in [
        topic.notification(&delivered()),
        topic.notification(&delivered()),
        topic.signed(without_subject),
    ] {
        assert_eq!(bring(connector.as_ref(), &envelope).await.unwrap().len(), 1);
    }
    assert_eq!(topic.asked().await, [CERTIFICATE]);
}

/// Signed by `openssl dgst -sha1`, for `ring` makes no such signatures.
#[tokio::test]
async fn the_older_signature_is_believed() {
    let topic = Topic::new().await;
    let connector = listening(ARN, &topic.server.uri());
    let mut envelope = topic.signed(json!({
        "Type": "Notification",
        "MessageId": "sha1",
        "TopicArn": ARN,
        "Subject": "A subject",
        "Message": "hello",
        "Timestamp": "2026-11-24T11:59:00.000Z",
    }));
    envelope["SignatureVersion"] = "1".into();
    assert_eq!(
        bring(connector.as_ref(), &envelope).await,
        Err(CallbackError::Signature)
    );
    envelope["Signature"] = include_str!("sns_sha1_signature.txt").trim().into();
    assert_eq!(bring(connector.as_ref(), &envelope).await, Ok(Vec::new()));
    envelope["SignatureVersion"] = "2".into();
    assert_eq!(
        bring(connector.as_ref(), &envelope).await,
        Err(CallbackError::Signature)
    );
}

#[tokio::test]
async fn what_was_changed_on_the_way_is_not_believed() {
    let topic = Topic::new().await;
    let connector = listening(ARN, &topic.server.uri());
    let genuine = topic.notification(&delivered());
    for (field, value) in [
        ("Message", "{}"),
        ("MessageId", "other"),
        ("Subject", "other"),
        ("Timestamp", "2026-11-24T11:59:00.124Z"),
        ("Type", "UnsubscribeConfirmation"),
        ("SignatureVersion", "3"),
        ("Signature", ""),
        ("Signature", "AAAA"),
        ("Signature", "no base64"),
    ] {
        let mut changed = genuine.clone();
        changed[field] = value.into();
        assert_eq!(
            bring(connector.as_ref(), &changed).await,
            Err(CallbackError::Signature),
            "{field}"
        );
    }
    let mut moved = genuine.clone();
    moved.as_object_mut().unwrap().remove("Subject");
    moved["Message"] = format!("{}\nSubject\nother", delivered()).into();
    assert_eq!(
        bring(connector.as_ref(), &moved).await,
        Err(CallbackError::Signature)
    );
    for body in [
        json!("text"),
        json!({}),
        json!({"Type": "Gossip", "TopicArn": ARN}),
    ] {
        assert!(matches!(
            bring(connector.as_ref(), &body).await,
            Err(CallbackError::Malformed(_))
        ));
    }
}

#[tokio::test]
async fn strangers_make_nobody_fetch_anything() {
    let topic = Topic::new().await;
    let elsewhere = Topic::new().await;
    let connector = listening(ARN, &topic.server.uri());
    let genuine = topic.notification(&delivered());
    let mut others = genuine.clone();
    others["TopicArn"] = "arn:aws:sns:eu-west-1:123456789012:other".into();
    let mut refused = vec![topic.signed(others)];
    let own = topic.server.uri();
    for address in [
        format!("{}{CERTIFICATE}", elsewhere.server.uri()),
        format!("{own}{CERTIFICATE}?x=.pem"),
        format!("{own}/SimpleNotificationService-1.txt"),
        format!("{own}/other.pem"),
        format!("{own}/?Action=x&y=/SimpleNotificationService-1.pem"),
        format!("{}@{}{CERTIFICATE}", own, "127.0.0.1"),
        format!("{}{CERTIFICATE}", own.replace("http:", "https:")),
        "file:///SimpleNotificationService-1.pem".into(),
        "no address".into(),
    ] {
        let mut envelope = genuine.clone();
        envelope["SigningCertURL"] = address.into();
        refused.push(envelope);
    }
    for envelope in refused {
        assert_eq!(
            bring(connector.as_ref(), &envelope).await,
            Err(CallbackError::Signature),
            "{envelope}"
        );
    }
    assert!(topic.asked().await.is_empty() && elsewhere.asked().await.is_empty());
}

#[tokio::test]
async fn a_certificate_out_of_date_proves_nothing() {
    for (until, believed) in [(2026, false), (2027, true)] {
        let topic = Topic::without_certificate().await;
        topic.serve(CERTIFICATE, &certificate(until)).await;
        let connector = listening(ARN, &topic.server.uri());
        let outcome = bring(connector.as_ref(), &topic.notification(&delivered())).await;
        assert_eq!(outcome.is_ok(), believed, "{until}: {outcome:?}");
    }
}

#[tokio::test]
async fn without_the_certificate_sns_is_asked_to_come_again() {
    let topic = Topic::without_certificate().await;
    Mock::given(method("GET"))
        .and(path(CERTIFICATE))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&topic.server)
        .await;
    let connector = listening(ARN, &topic.server.uri());
    let envelope = topic.notification(&delivered());
    assert!(matches!(
        bring(connector.as_ref(), &envelope).await,
        Err(CallbackError::Unavailable(_))
    ));
    // Then it is not there, then it is none, and then it is.
    assert!(matches!(
        bring(connector.as_ref(), &envelope).await,
        Err(CallbackError::Malformed(_))
    ));
    topic.server.reset().await;
    topic.serve(CERTIFICATE, "no certificate").await;
    assert!(matches!(
        bring(connector.as_ref(), &envelope).await,
        Err(CallbackError::Malformed(_))
    ));
    topic.server.reset().await;
    topic.serve(CERTIFICATE, &certificate(4096)).await;
    assert_eq!(bring(connector.as_ref(), &envelope).await.unwrap().len(), 1);
}

fn confirmation(topic: &Topic, url: &str) -> Value {
    topic.signed(json!({
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": ARN,
        "Message": "You have chosen to subscribe to the topic.",
        "SubscribeURL": url,
        "Timestamp": "2026-11-24T11:59:00.123Z",
    }))
}

#[tokio::test]
async fn the_subscription_is_confirmed() {
    let topic = Topic::new().await;
    topic.serve("/", "<ConfirmSubscriptionResponse/>").await;
    let connector = listening(ARN, &topic.server.uri());
    let query = format!("/?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37");
    let url = format!("{}{query}", topic.server.uri());
    let envelope = confirmation(&topic, &url);
    assert_eq!(bring(connector.as_ref(), &envelope).await, Ok(Vec::new()));
    assert_eq!(topic.asked().await, [CERTIFICATE.to_owned(), query]);
    let mut ended = envelope.clone();
    ended["Type"] = "UnsubscribeConfirmation".into();
    assert_eq!(
        bring(connector.as_ref(), &topic.signed(ended)).await,
        Ok(Vec::new())
    );
    assert_eq!(topic.asked().await.len(), 2);
}

#[tokio::test]
async fn a_confirmation_that_fails_is_tried_when_sns_comes_again() {
    for (status, again) in [(503, true), (429, true), (400, false)] {
        let topic = Topic::new().await;
        Mock::given(method("GET"))
            .and(path("/"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&topic.server)
            .await;
        let connector = listening(ARN, &topic.server.uri());
        let own = topic.server.uri();
        let url = format!("{own}/?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37");
        let outcome = bring(connector.as_ref(), &confirmation(&topic, &url)).await;
        let unavailable = matches!(outcome, Err(CallbackError::Unavailable(_)));
        assert!(outcome.is_err() && unavailable == again, "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn only_this_subscription_is_confirmed() {
    let topic = Topic::new().await;
    let elsewhere = Topic::new().await;
    let connector = listening(ARN, &topic.server.uri());
    let own = topic.server.uri();
    for url in [
        format!(
            "{}/?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37",
            elsewhere.server.uri()
        ),
        format!("{own}/?Action=DeleteTopic&TopicArn={ARN}&Token=2336412f37"),
        format!("{own}/?Action=ConfirmSubscription&Action=DeleteTopic&TopicArn={ARN}&Token=2336412f37"),
        format!("{own}/?Action=ConfirmSubscription&TopicArn={ARN}x&Token=2336412f37"),
        format!("{own}/?Action=ConfirmSubscription&TopicArn={ARN}&Token=other"),
        format!("{own}/?Action=ConfirmSubscription&TopicArn={ARN}"),
    ] {
        let outcome = bring(connector.as_ref(), &confirmation(&topic, &url)).await;
        assert!(
            matches!(outcome, Err(CallbackError::Malformed(_))),
            "{url}: {outcome:?}"
        );
    }
    assert_eq!(topic.asked().await, [CERTIFICATE]);
    assert!(elsewhere.asked().await.is_empty());
}

#[tokio::test]
async fn other_texts_of_the_topic_are_passed_over() {
    let topic = Topic::new().await;
    let connector = listening(ARN, &topic.server.uri());
    for message in [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "{\"eventType\": \"TEXT_QUEUED\", \"messageId\": \"m1\"}",
        "{\"some\": \"thing\"}",
        "[]",
    ] {
        let envelope = topic.notification(message);
        assert_eq!(
            bring(connector.as_ref(), &envelope).await,
            Ok(Vec::new()),
            "{message}"
        );
    }
}

#[tokio::test]
async fn without_topics_there_are_no_callbacks() {
    let topic = Topic::new().await;
    let connector = listening("", &topic.server.uri());
    let callback = call(&topic.notification(&delivered()));
    assert_eq!(
        connector.read_callback(&callback).await,
        Err(CallbackError::Unsupported)
    );
}
