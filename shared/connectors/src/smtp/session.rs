//! SMTP sessions: driven command by command, so that what was taken and what was not are told apart.

use std::error::Error as _;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::activity::settle::Trouble;
use lettre::Message;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use platform::connector::{SendFailure, SendOutcome};
use tokio::time::{Instant, timeout_at};

use crate::http::{failure, scrub};

/// How long an idle connection is kept. Servers close them after minutes; postfix after 300 s.
const IDLE: Duration = Duration::from_secs(30);

/// How a connection is made safe.
pub(super) enum Security {
    StartTls(TlsParameters),
    Tls(TlsParameters),
    None,
}

/// Connections to one server.
pub(super) struct Sessions {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    hello: ClientId,
    /// As many as were under way at once, at most; each with the time since which it is idle.
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// Refused because of the session, not because of the message: the server is going down (421),
/// commands come in the wrong order, as without a login that is wanted (503), or the login is at
/// fault (RFC 4954: 530, 534, 535, 538).
const OF_THE_SESSION: [&str; 6] = ["421", "503", "530", "534", "535", "538"];

impl Sessions {
    pub(super) fn new(
        host: String,
        port: u16,
        security: Security,
        credentials: Option<Credentials>,
        hello: ClientId,
    ) -> Self {
        Self {
            host,
            port,
            security,
            credentials,
            hello,
            idle: Mutex::default(),
        }
    }

    /// Hands one message over. An error is already the outcome.
    pub(super) async fn deliver(&self, message: &Message, deadline: Instant) -> Result<(), SendOutcome> {
        let mut connection = timeout_at(deadline, self.connection())
            .await
            .map_err(|_| deferred(failure("timeout", "the mail server did not greet in time")))?
            .map_err(|error| deferred(describe(&error)))?;
        let content = message.formatted();
        let envelope = timeout_at(
            deadline,
            introduce(&mut connection, message.envelope(), content.is_ascii()),
        );
        match envelope.await {
            Ok(Ok(())) => {}
            // The transaction is half open; the connection is dropped with it.
            Ok(Err(outcome)) => return Err(outcome),
            Err(_) => {
                return Err(deferred(failure(
                    "timeout",
                    "the mail server did not reply before the content was sent",
                )));
            }
        }
        // From here on the message may have been taken.
        match timeout_at(deadline, connection.message(&content)).await {
            Ok(Ok(_)) => {
                self.idle().push((connection, Instant::now()));
                Ok(())
            }
            Ok(Err(error)) if error.status().is_some() => Err(refused(&error)),
            Ok(Err(error)) => Err(SendOutcome::Unclear(describe(&error))),
            Err(_) => Err(SendOutcome::Unclear(failure(
                "timeout",
                "the mail server did not reply after the content was sent",
            ))),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle connection that still answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        loop {
            let idle = self.idle().pop();
            match idle {
                None => return self.connect().await,
                Some((_, since)) if since.elapsed() > IDLE => {}
                Some((mut connection, _)) => {
                    if connection.test_connected().await {
                        return Ok(connection);
                    }
                }
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let tls = match &self.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::StartTls(_) | Security::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, tls, None).await?;
        if let Security::StartTls(parameters) = &self.security {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

/// Names sender and recipient, and asks to send the content. Nothing was taken when it fails.
async fn introduce(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    is_ascii: bool,
) -> Result<(), SendOutcome> {
    let mut options = Vec::new();
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    if !addresses.all(|address| address.user().is_ascii() && address.domain().is_ascii()) {
        let extension = Extension::SmtpUtfEight;
        if !connection.server_info().supports_feature(extension) {
            let detail = "the mail server takes no addresses beyond ASCII";
            return Err(SendOutcome::Rejected(failure("no-smtputf8", detail)));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !is_ascii {
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    command(connection, Mail::new(envelope.from().cloned(), options)).await?;
    for recipient in envelope.to() {
        command(connection, Rcpt::new(recipient.clone(), Vec::new())).await?;
    }
    command(connection, Data).await
}

async fn command(connection: &mut AsyncSmtpConnection, command: impl Display) -> Result<(), SendOutcome> {
    match connection.command(command).await {
        Ok(_) => Ok(()),
        Err(error) if error.status().is_some() => Err(refused(&error)),
        Err(error) => Err(deferred(describe(&error))),
    }
}

/// A reply of 4xx or 5xx.
fn refused(error: &Error) -> SendOutcome {
    let of_the_session = error
        .status()
        .is_some_and(|code| OF_THE_SESSION.contains(&code.to_string().as_str()));
    if of_the_session {
        deferred(describe(error))
    } else if error.is_permanent() {
        SendOutcome::Rejected(describe(error))
    } else {
        // Of this mail: a mailbox that is full, a receiver that wants to be asked twice.
        SendOutcome::Deferred {
            failure: describe(error),
            retry_after: None,
            trouble: Trouble::Message,
        }
    }
}

/// Of the session: any other mail would have met it.
fn deferred(failure: SendFailure) -> SendOutcome {
    SendOutcome::Deferred {
        failure,
        retry_after: None,
        trouble: Trouble::Connector,
    }
}

/// An error in the server's words, without addresses.
fn describe(error: &Error) -> SendFailure {
    let code = match error.status() {
        Some(code) => format!("smtp-{code}"),
        None if error.is_tls() => "tls".into(),
        None if error.is_client() => "client".into(),
        None => "connection".into(),
    };
    let words = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    failure(code, scrub(&words))
}
