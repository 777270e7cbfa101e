//! The `smtp` connector against a real SMTP server on loopback, and against scripted ones where a real
//! server would have to break.

use std::sync::Arc;

use crate::common::{build, build_error, closed_port, plain, request};
use crate::mailbox::{Certificate, Mailbox, Security};
use domain::activity::settle::Trouble;
use domain::channel::Channel;
use domain::time::Millis;
use mailin::{Response, response};
use platform::connector::{Connector, ConnectorKind, Repeat, SendOutcome};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

fn smtp(port: u16, more: &[(&str, &str)], secrets: &[(&str, &str)]) -> Arc<dyn Connector> {
    let port = port.to_string();
    let mut settings = vec![
        ("host", "localhost"),
        ("port", port.as_str()),
        ("from", "Example Ltd <campaigns@example.com>"),
        ("helloName", "client.example.com"),
    ];
    settings.extend(more);
    build(ConnectorKind::Smtp, &[Channel::Email], &settings, secrets).unwrap()
}

const PLAIN: [(&str, &str); 1] = [("tls", "none")];

fn email() -> Value {
    json!({
        "type": "EMAIL",
        "subject": "Your order, Zoë\r\nBcc: everyone@example.org",
        "markdownText": "Hello\n.\nBye",
        "htmlBody": "<p>Hello</p>",
        "attachments": []
    })
}

fn accepted(outcome: &SendOutcome) -> &str {
    match outcome {
        SendOutcome::Accepted {
            provider_message_id: Some(id),
        } => id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_email_arrives_with_its_headers() {
    let mailbox = Mailbox::new(response::OK, response::OK);
    let connector = smtp(
        mailbox.serve(Security::None).await,
        &[("tls", "none"), ("replyTo", "help@example.com")],
        &[],
    );
    let outcome = connector.send(&request(Channel::Email, email())).await;
    assert_eq!(accepted(&outcome), "ten_1.act_1.1@example.com");
    let [mail] = mailbox.arrived().try_into().unwrap();
    assert_eq!(
        (mail.from.as_str(), mail.to),
        ("campaigns@example.com", vec!["ann@example.org".to_owned()])
    );
    let lines: Vec<_> = mail
        .content
        .lines()
        .map(|line| match line {
            _ if line.starts_with("Date: ") => "Date: (now)",
            _ if line.contains("boundary=") => " boundary=(random)",
            _ if line.starts_with("--") => "--(boundary)",
            _ => line,
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(connector.repeat(), Repeat::Never);
    assert_eq!(connector.timeout(), Millis::seconds(20));
}

#[tokio::test]
async fn plain_bodies_take_the_default_subject_and_connections_are_used_again() {
    let mailbox = Mailbox::new(response::OK, response::OK);
    let connector = smtp(
        mailbox.serve(Security::None).await,
        &[("tls", "none"), ("defaultSubject", "News")],
        &[],
    );
    let mut request = request(Channel::Email, plain("Hello"));
    request.service_identifier = Some("shop@example.net".into());
    for _ in 0..3 {
        accepted(&connector.send(&request).await);
    }
    let arrived = mailbox.arrived();
    assert_eq!(arrived.len(), 3);
    assert!(arrived.iter().all(|mail| mail.from == "shop@example.net"
        && mail.content.contains("Subject: News")
        && mail.content.contains("Hello")));
    assert_eq!(mailbox.sessions(), 1);
}

#[tokio::test]
async fn bodies_that_cannot_be_sent_are_refused_without_a_connection() {
    let connector = smtp(closed_port(), &PLAIN, &[]);
    for (body, code) in [
        (plain("Hello"), "no-subject"),
        (json!({"type": "IMAGE"}), "unsupported-body"),
        (json!({"type": "EMAIL", "subject": "Hi"}), "no-text"),
        (
            json!({"type": "EMAIL", "subject": "Hi", "htmlBody": "x", "recipientsCc": ["b@example.org"]}),
            "unsupported-body",
        ),
        (
            json!({"type": "EMAIL", "subject": "Hi", "htmlBody": "x", "attachments": [{"fileName": "a"}]}),
            "unsupported-body",
        ),
    ] {
        let SendOutcome::Rejected(failure) = connector.send(&request(Channel::Email, body)).await else {
            panic!("expected a refusal");
        };
        assert_eq!(failure.code, code);
    }
}

/// `accepted`, or the kind of outcome with the failure's code; `held` where the trouble is the message's own.
fn kind(outcome: &SendOutcome) -> String {
    match outcome {
        SendOutcome::Accepted { .. } => "accepted".into(),
        SendOutcome::Rejected(failure) => format!("rejected {}", failure.code),
        SendOutcome::Deferred {
            failure,
            trouble: Trouble::Message,
            ..
        } => format!("held {}", failure.code),
        SendOutcome::Deferred { failure, .. } => format!("deferred {}", failure.code),
        SendOutcome::Unclear(failure) => format!("unclear {}", failure.code),
        SendOutcome::OptedOut(failure) => format!("opted out {}", failure.code),
        SendOutcome::Busy => "busy".into(),
    }
}

#[tokio::test]
async fn permanent_and_passing_replies_are_told_apart() {
    let ok = || response::OK;
    let reply = |code: u16| Response::custom(code, "no, ann@example.org".into());
    for (to_recipient, to_content, expected) in [
        (reply(550), ok(), "rejected smtp-550"),
        (reply(451), ok(), "held smtp-451"),
        (reply(421), ok(), "deferred smtp-421"),
        (reply(530), ok(), "deferred smtp-530"),
        (ok(), reply(554), "rejected smtp-554"),
        (ok(), reply(452), "held smtp-452"),
    ] {
        let mailbox = Mailbox::new(to_recipient, to_content);
        let connector = smtp(mailbox.serve(Security::None).await, &PLAIN, &[]);
        let outcome = connector.send(&request(Channel::Email, email())).await;
        assert_eq!(kind(&outcome), expected);
        assert!(!format!("{outcome:?}").contains("ann@"), "{outcome:?}");
        assert!(mailbox.arrived().is_empty());
    }
}

#[tokio::test]
async fn starttls_encrypts_before_logging_in() {
    let certificate = Certificate::new();
    let mailbox = Mailbox::new(response::OK, response::OK);
    let port = mailbox.serve(Security::StartTls(&certificate)).await;
    let settings = [
        ("caCertificate", certificate.pem.as_str()),
        ("username", "campaigns"),
    ];
    let connector = smtp(port, &settings, &[("password", "s3cret")]);
    accepted(&connector.send(&request(Channel::Email, email())).await);
    assert_eq!(mailbox.arrived()[0].login.as_deref(), Some("campaigns"));

    let send = async |settings: &[(&str, &str)], password| {
        let connector = smtp(port, settings, &[("password", password)]);
        kind(&connector.send(&request(Channel::Email, email())).await)
    };
    // The operator's to repair: no message is lost.
    assert_eq!(send(&settings, "wrong").await, "deferred smtp-535");
    // A certificate that nobody vouches for, and a server without STARTTLS.
    assert_eq!(send(&settings[1..], "s3cret").await, "deferred connection");
    let without = Mailbox::new(response::OK, response::OK);
    let connector = smtp(without.serve(Security::None).await, &[], &[]);
    assert_eq!(
        kind(&connector.send(&request(Channel::Email, email())).await),
        "deferred client"
    );
    assert!(without.arrived().is_empty());
}

#[tokio::test]
async fn tls_from_the_first_byte() {
    let certificate = Certificate::new();
    let mailbox = Mailbox::new(response::OK, response::OK);
    let port = mailbox.serve(Security::Tls(&certificate)).await;
    let connector = smtp(port, &[("tls", "tls"), ("caCertificate", &certificate.pem)], &[]);
    accepted(&connector.send(&request(Channel::Email, email())).await);
    assert_eq!(mailbox.arrived().len(), 1);
}

/// Where a scripted server breaks.
#[derive(Clone, Copy, PartialEq)]
enum Break {
    AtGreeting,
    AtRecipient,
    AtData,
    AfterContent,
    SilentAtRecipient,
    SilentAfterContent,
}

async fn breaking_server(at: Break) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if at == Break::AtGreeting {
            return;
        }
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 ready\r\n").await.unwrap();
        let mut in_content = false;
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
            let verb = line.split_whitespace().next().unwrap_or_default();
            match (at, verb, in_content) {
                (Break::AtRecipient, "RCPT", _) | (Break::AtData, "DATA", _) => return,
                (Break::AfterContent, ".", true) => return,
                (Break::SilentAtRecipient, "RCPT", _) | (Break::SilentAfterContent, ".", true) => {}
                (_, "DATA", _) => {
                    in_content = true;
                    stream.write_all(b"354 go on\r\n").await.unwrap();
                }
                (_, _, true) => {}
                _ => stream.write_all(b"250 8BITMIME\r\n").await.unwrap(),
            }
            line.clear();
        }
    });
    port
}

#[tokio::test]
async fn only_a_break_after_the_content_is_unclear() {
    for (at, expected) in [
        (Break::AtGreeting, "deferred connection"),
        (Break::AtRecipient, "deferred connection"),
        (Break::AtData, "deferred connection"),
        (Break::AfterContent, "unclear connection"),
        (Break::SilentAtRecipient, "deferred timeout"),
        (Break::SilentAfterContent, "unclear timeout"),
    ] {
        let settings = [("tls", "none"), ("timeoutMs", "400")];
        let connector = smtp(breaking_server(at).await, &settings, &[]);
        let outcome = connector.send(&request(Channel::Email, email())).await;
        assert_eq!(kind(&outcome), expected);
    }
    let nobody = smtp(closed_port(), &PLAIN, &[]);
    let outcome = nobody.send(&request(Channel::Email, email())).await;
    assert_eq!(kind(&outcome), "deferred connection");
}

#[test]
fn wrong_settings_are_named() {
    let error = |settings: &[(&str, &str)], secrets: &[(&str, &str)]| {
        build_error(ConnectorKind::Smtp, &[Channel::Email], settings, secrets)
    };
    let host = ("host", "mail.example.org");
    let from = ("from", "a@example.org");
    let name = ("username", "campaigns");
    let problems = [
        error(&[], &[]),
        error(&[host], &[]),
        error(&[host, ("from", "not an address")], &[]),
        error(&[host, from, ("tls", "maybe")], &[]),
        error(&[host, from, ("port", "70000")], &[]),
        error(&[host, from, ("caCertificate", "x")], &[]),
        error(&[host, from, name], &[]),
        error(&[host, from, name, ("tls", "none")], &[("password", "x")]),
    ];
    insta::assert_snapshot!(problems.join("\n"));
}
