//! The `aws-ses` connector against scripted answers of the documented shapes.

use std::sync::Arc;

use crate::common::{build, build_machine, numbered, plain, request};
use crate::topic::{ARN, Topic, bring};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::activity::receipt::DeliveryStatus;
use domain::address::Address;
use domain::channel::Channel;
use domain::time::Timestamp;
use platform::connector::{Connector, ConnectorKind, Inbound, Repeat, ReplyTarget, SendOutcome};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRETS: [(&str, &str); 2] = [("accessKeyId", "AKIDEXAMPLE"), ("secretAccessKey", "secret")];
const SETTINGS: [(&str, &str); 2] = [
    ("region", "eu-central-1"),
    ("from", "Example Ltd <campaigns@example.com>"),
];

fn ses(more: &[(&str, &str)]) -> Arc<dyn Connector> {
    let settings = [&SETTINGS[..], more].concat();
    build(ConnectorKind::AwsSes, &[Channel::Email], &settings, &SECRETS).unwrap()
}

async fn scripted(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v2/email/outbound-emails"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn an_email_is_sent_raw_with_its_tags() {
    let accepted = ResponseTemplate::new(200).set_body_json(json!({"MessageId": "0107-id"}));
    let server = scripted(accepted).await;
    let connector = ses(&[
        ("baseUrl", &server.uri()),
        ("configurationSet", "campaigns"),
        ("replyTo", "help@example.com"),
    ]);
    let email = json!({
        "type": "EMAIL", "subject": "Your order\r\nBcc: everyone@example.org",
        "markdownText": "Hello", "htmlBody": "<p>Hello</p>"
    });
    assert_eq!(
        connector.send(&numbered(Channel::Email, email, 3)).await,
        SendOutcome::Accepted {
            provider_message_id: Some("0107-id".into())
        }
    );
    let [sent] = server.received_requests().await.unwrap().try_into().unwrap();
    let mut body: Value = serde_json::from_slice(&sent.body).unwrap();
    let raw = body["Content"]["Raw"]["Data"].take();
    assert_eq!(
        body,
        json!({
            "Destination": {"ToAddresses": ["ann@example.org"]},
            "Content": {"Raw": {"Data": null}},
            "EmailTags": [
                {"Name": "tenant", "Value": "ten_1"},
                {"Name": "activity", "Value": "act_1"},
                {"Name": "attempt", "Value": "3"},
            ],
            "ConfigurationSetName": "campaigns",
        })
    );
    let mail = String::from_utf8(STANDARD.decode(raw.as_str().unwrap()).unwrap()).unwrap();
    for line in [
        "From: \"Example Ltd\" <campaigns@example.com>\r\n",
        "To: ann@example.org\r\n",
        "Subject: Your order  Bcc: everyone@example.org\r\n",
        "Reply-To: help@example.com\r\n",
        "X-Campaign-Activity: act_1\r\n",
        "Content-Type: multipart/alternative;",
        "<p>Hello</p>",
    ] {
        assert!(mail.contains(line), "{line} in {mail}");
    }
    assert!(!mail.contains("\nBcc:"), "{mail}");
    let authorization = sent.headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("/20261124/eu-central-1/ses/aws4_request"));
}

#[tokio::test]
async fn errors_are_told_apart() {
    for (status, name, outcome) in [
        (429, "TooManyRequestsException", "deferred"),
        (400, "LimitExceededException", "deferred"),
        (400, "AccountSuspendedException", "deferred"),
        (400, "SendingPausedException", "deferred"),
        (400, "MailFromDomainNotVerifiedException", "deferred"),
        (403, "SignatureDoesNotMatch", "deferred"),
        (400, "MessageRejected", "rejected"),
        (400, "BadRequestException", "rejected"),
        (404, "NotFoundException", "rejected"),
        (500, "InternalFailure", "unclear"),
    ] {
        let answer = ResponseTemplate::new(status)
            .insert_header("x-amzn-errortype", name)
            .set_body_json(json!({"message": "words of ann@example.org"}));
        let server = scripted(answer).await;
        let connector = ses(&[("baseUrl", &server.uri()), ("defaultSubject", "News")]);
        let (told, failure) = match connector.send(&request(Channel::Email, plain("Hello"))).await {
            SendOutcome::Deferred { failure, .. } => ("deferred", failure),
            SendOutcome::Rejected(failure) => ("rejected", failure),
            SendOutcome::Unclear(failure) => ("unclear", failure),
            other => panic!("{other:?}"),
        };
        assert_eq!((told, failure.code.as_str()), (outcome, name));
        assert!(!failure.detail.contains("words"), "{}", failure.detail);
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_without_a_request() {
    let connector = ses(&[("baseUrl", "http://127.0.0.1:1")]);
    let copies =
        json!({"type": "EMAIL", "subject": "x", "markdownText": "y", "recipientsCc": ["a@example.org"]});
    for (body, code) in [(plain("Hello"), "no-subject"), (copies, "unsupported-body")] {
        let outcome = connector.send(&request(Channel::Email, body)).await;
        assert!(
            matches!(&outcome, SendOutcome::Rejected(failure) if failure.code == code),
            "{outcome:?}"
        );
    }
    assert_eq!(connector.repeat(), Repeat::Never);
}

/// A record of the developer guide, with our tags.
fn record(kind: &str, part: &Value) -> String {
    let mut record = json!({
        "eventType": kind,
        "mail": {
            "timestamp": "2017-08-05T00:40:02.012Z", "source": "Example Ltd <campaigns@example.com>",
            "sendingAccountId": "123456789012", "messageId": "EXAMPLE7c191be45",
            "destination": ["ann@example.org"], "headersTruncated": false,
            "tags": {
                "ses:configuration-set": ["campaigns"], "ses:source-ip": ["192.0.2.0"],
                "tenant": ["ten_1"], "activity": ["act_1"], "attempt": ["1"]
            }
        }
    });
    let (name, part) = part.as_object().unwrap().iter().next().unwrap();
    record[name] = part.clone();
    record.to_string()
}

fn receipt(status: DeliveryStatus, reason: Option<&str>, at: Option<&str>) -> Inbound {
    Inbound::Receipt {
        echo: Some(request(Channel::Email, plain("Hello")).echo),
        provider_message_id: Some("EXAMPLE7c191be45".into()),
        status,
        reason_code: reason.map(Into::into),
        opted_out: false,
        at: at.map(|text| Timestamp::parse(text).unwrap()),
    }
}

const AT: &str = "2017-08-05T00:41:02.669Z";

#[tokio::test]
async fn records_become_receipts() {
    let topic = Topic::new().await;
    let connector = ses(&[("topicArns", ARN), ("snsUrl", &topic.server.uri())]);
    let bounce = |kind: &str, sub: &str| {
        json!({"bounce": {
            "bounceType": kind, "bounceSubType": sub, "timestamp": AT, "feedbackId": "f1",
            "bouncedRecipients": [{"emailAddress": "ann@example.org", "action": "failed", "status": "5.1.1"}]
        }})
    };
    let failed = |reason, at| vec![receipt(DeliveryStatus::Failed, Some(reason), at)];
    let moment = |name: &str| json!({name: {"timestamp": AT}});
    for (kind, part, expected) in [
        ("Send", json!({"send": {}}), vec![]),
        (
            "Delivery",
            json!({"delivery": {"timestamp": AT, "recipients": ["ann@example.org"],
                "smtpResponse": "250 2.6.0 Message received", "processingTimeMillis": 11893}}),
            vec![receipt(DeliveryStatus::Delivered, None, Some(AT))],
        ),
        (
            "Bounce",
            bounce("Permanent", "General"),
            failed("Bounce/Permanent/General", Some(AT)),
        ),
        (
            "Bounce",
            bounce("Transient", "General"),
            failed("Bounce/Transient/General", Some(AT)),
        ),
        // Out of office.
        (
            "Bounce",
            json!({"bounce": {
                "bounceType": "Transient", "bounceSubType": "General", "timestamp": AT, "feedbackId": "f1",
                "bouncedRecipients": [{"emailAddress": "ann@example.org"}]
            }}),
            vec![],
        ),
        (
            "Bounce",
            bounce("Transient", "MailboxFull"),
            failed("Bounce/Transient/MailboxFull", Some(AT)),
        ),
        (
            "Reject",
            json!({"reject": {"reason": "Bad content"}}),
            failed("Reject", None),
        ),
        (
            "Rendering Failure",
            json!({"failure": {"errorMessage": "x"}}),
            failed("RenderingFailure", None),
        ),
        ("DeliveryDelay", moment("deliveryDelay"), vec![]),
        (
            "Open",
            moment("open"),
            vec![receipt(DeliveryStatus::Read, None, Some(AT))],
        ),
        (
            "Click",
            moment("click"),
            vec![receipt(DeliveryStatus::Read, None, Some(AT))],
        ),
        ("Subscription", moment("subscription"), vec![]),
    ] {
        let envelope = topic.notification(&record(kind, &part));
        assert_eq!(bring(connector.as_ref(), &envelope).await, Ok(expected), "{kind}");
    }
}

#[tokio::test]
async fn who_complains_has_opted_out() {
    let topic = Topic::new().await;
    let connector = ses(&[("topicArns", ARN), ("snsUrl", &topic.server.uri())]);
    let complaint = |sub: Value, kind: &str| {
        json!({"complaint": {
            "complainedRecipients": [{"emailAddress": "ann@example.org"}], "timestamp": AT,
            "feedbackId": "feedback-1", "complaintSubType": sub, "complaintFeedbackType": kind
        }})
    };
    let told = async |part: &Value| {
        let envelope = topic.notification(&record("Complaint", part));
        bring(connector.as_ref(), &envelope).await.unwrap()
    };
    let delivered = receipt(DeliveryStatus::Delivered, None, Some(AT));
    let events = told(&complaint(Value::Null, "abuse")).await;
    assert_eq!(events[0], delivered);
    let Inbound::Reply {
        id,
        in_reply_to,
        channel,
        from,
        body,
        at,
    } = &events[1]
    else {
        panic!("{events:?}");
    };
    let echo = request(Channel::Email, plain("Hello")).echo;
    assert_eq!(
        (
            id.as_str(),
            in_reply_to,
            *channel,
            from.as_ref().map(Address::as_str),
            body.kind(),
            *at
        ),
        (
            "feedback-1",
            &Some(ReplyTarget::Echo(echo)),
            Channel::Email,
            Some("ann@example.org"),
            "CUSTOM",
            Some(Timestamp::parse(AT).unwrap())
        )
    );
    assert!(compliance::optout::find(body.readable().unwrap(), &[]).is_some());
    assert_eq!(
        told(&complaint(Value::Null, "not-spam")).await,
        std::slice::from_ref(&delivered)
    );
    let suppressed = complaint("OnAccountSuppressionList".into(), "abuse");
    let reason = Some("Complaint/OnAccountSuppressionList");
    let mut refused = receipt(DeliveryStatus::Failed, reason, Some(AT));
    if let Inbound::Receipt { opted_out, .. } = &mut refused {
        *opted_out = true;
    }
    assert_eq!(told(&suppressed).await, [refused]);
}

/// Credentials that do not come.
#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::ready(Err(CredentialsError::not_loaded("the role is gone")))
    }
}

#[tokio::test]
async fn without_secrets_the_machines_credentials_sign() {
    let machine = SharedCredentialsProvider::new(Credentials::for_tests());
    let built = build_machine(machine.clone(), ConnectorKind::AwsSes, Channel::Email, &SETTINGS);
    assert!(built.is_ok());
    let elsewhere = [&SETTINGS[..], &[("baseUrl", "http://127.0.0.1:1")]].concat();
    let refused = build_machine(machine, ConnectorKind::AwsSes, Channel::Email, &elsewhere).err();
    assert_eq!(refused.unwrap().setting, "baseUrl");

    let gone = SharedCredentialsProvider::new(Nothing);
    let settings = [&SETTINGS[..], &[("defaultSubject", "News")]].concat();
    let connector = build_machine(gone, ConnectorKind::AwsSes, Channel::Email, &settings).unwrap();
    let outcome = connector.send(&request(Channel::Email, plain("Hello"))).await;
    assert!(
        matches!(&outcome, SendOutcome::Deferred { failure, .. } if failure.code == "credentials"),
        "{outcome:?}"
    );
}
