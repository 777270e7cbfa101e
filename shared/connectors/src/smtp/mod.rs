//! `smtp`: e-mail to a relay or mail server (RFC 5321).
//!
//! SMTP knows no idempotency key, so an unclear attempt is never repeated. What is unclear is known
//! exactly: until the content is on its way nothing was taken, whatever breaks; from then on only the
//! server's reply tells. The `Message-ID` is made of the echo, `<tenant.activity.attempt@domain>`, so
//! that a reply's `In-Reply-To` names the attempt. SMTP has no callbacks.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `host` | the mail server; private addresses are allowed | required |
//! | `port` | its port | 587 with `starttls`, 465 with `tls`, 25 with `none` |
//! | `tls` | `starttls`, `tls` (from the first byte), or `none` | `starttls` |
//! | `from` | the sender, `a@example.org` or `Name <a@example.org>`; the activity's service identifier comes before it | required |
//! | `replyTo` | where replies go | |
//! | `defaultSubject` | the subject of bodies without one | |
//! | `username` | for authentication; with `none` only to a loopback address | |
//! | `caCertificate` | a further certificate authority to trust, as PEM | |
//! | `helloName` | the name for `EHLO` | the machine's name |
//! | `timeoutMs` | how long one message may take, connecting included | `15000` |
//!
//! | secret | meaning |
//! |---|---|
//! | `password` | needed with `username` |
//!
//! | CIM body | becomes |
//! |---|---|
//! | `EMAIL` | `subject`, `htmlBody` and `markdownText` as the plain text; both as alternatives |
//! | `PLAIN` | the text, with `defaultSubject` |
//!
//! Of `EMAIL` (class `EmailMessage` of `expertflow/object-model`), `recipientsTo`, `from` and `replyTo`
//! are not read: the activity and the settings name the people. A body with `recipientsCc`,
//! `recipientsBcc` or `attachments` is refused: further recipients would pass by the compliance gate.

pub(crate) mod letter;
mod session;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use domain::channel::Channel;
use domain::time::Millis;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, EnquiryOutcome, Repeat,
    SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::time::Instant;

use crate::http::failure;
use crate::settings::Settings;
use crate::tls;
use crate::turns::{LONGEST_WAIT, Turns};
use session::{Security, Sessions};

/// The secrets that this kind takes.
pub(crate) const SECRETS: &[&str] = &["password"];

const SETTINGS: &[&str] = &[
    "host",
    "port",
    "tls",
    "from",
    "replyTo",
    "defaultSubject",
    "username",
    "caCertificate",
    "helloName",
    "timeoutMs",
];

struct Smtp {
    sessions: Sessions,
    turns: Turns,
    timeout: Millis,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    default_subject: Option<String>,
}

/// Makes a connector of this kind.
pub(crate) fn build(
    config: &ConnectorConfig,
    secrets: &BTreeMap<String, Secret>,
) -> Result<Arc<dyn Connector>, SettingError> {
    let settings = Settings::new(config, secrets, &[Channel::Email], SETTINGS)?;
    let host = settings.required("host")?;
    let (security, default_port) = match settings.optional("tls").unwrap_or("starttls") {
        "starttls" => (Security::StartTls(tls_parameters(&settings, host)?), 587),
        "tls" => (Security::Tls(tls_parameters(&settings, host)?), 465),
        "none" => (Security::None, 25),
        _ => {
            return Err(Settings::problem("tls", "must be `starttls`, `tls` or `none`"));
        }
    };
    let credentials = match settings.optional("username") {
        None => None,
        Some(_) if matches!(security, Security::None) && !is_loopback(host) => {
            return Err(Settings::problem(
                "username",
                "is not sent without TLS, except to a loopback address",
            ));
        }
        Some(name) => Some(Credentials::new(
            name.into(),
            settings.secret("password")?.expose().into(),
        )),
    };
    Ok(Arc::new(Smtp {
        sessions: Sessions::new(
            host.into(),
            settings.number("port", 1..=u16::MAX, default_port)?,
            security,
            credentials,
            settings
                .optional("helloName")
                .map_or_else(ClientId::default, |name| ClientId::Domain(name.into())),
        ),
        turns: Turns::new(settings.concurrency()),
        timeout: settings.timeout()?,
        from: mailbox("from", settings.required("from")?)?,
        reply_to: settings
            .optional("replyTo")
            .map(|text| mailbox("replyTo", text))
            .transpose()?,
        default_subject: settings.optional("defaultSubject").map(Into::into),
    }))
}

/// An e-mail address of the settings.
pub(crate) fn mailbox(setting: &str, text: &str) -> Result<Mailbox, SettingError> {
    text.parse().map_err(|_| {
        Settings::problem(
            setting,
            "must be an e-mail address, such as a@example.org or Name <a@example.org>",
        )
    })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Trusted are Mozilla's certificate authorities, those of the machine, and the one of the settings.
fn tls_parameters(settings: &Settings<'_>, host: &str) -> Result<TlsParameters, SettingError> {
    let mut builder = TlsParameters::builder(host.into());
    for certificate in tls::machine_certificates() {
        if let Ok(certificate) = Certificate::from_der(certificate.to_vec()) {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if let Some(pem) = settings.optional("caCertificate") {
        let wrong = || Settings::problem("caCertificate", "is not a certificate in PEM form");
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| wrong())?;
        let certificate = Certificate::from_der(certificate.to_vec()).map_err(|_| wrong())?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build()
        .map_err(|_| Settings::problem("host", "cannot be used for TLS"))
}

#[async_trait]
impl Connector for Smtp {
    fn repeat(&self) -> Repeat {
        Repeat::Never
    }

    fn timeout(&self) -> Millis {
        self.timeout + LONGEST_WAIT
    }

    fn names_by_provider_id(&self) -> bool {
        false
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        let letter = match letter::write(
            request,
            &self.from,
            self.reply_to.as_ref(),
            self.default_subject.as_deref(),
        ) {
            Ok(letter) => letter,
            Err(failure) => return SendOutcome::Rejected(failure),
        };
        let _turn = match self.turns.take().await {
            Ok(turn) => turn,
            Err(outcome) => return outcome,
        };
        let deadline = Instant::now() + self.timeout.duration();
        match self.sessions.deliver(&letter.message, deadline).await {
            Ok(()) => SendOutcome::Accepted {
                provider_message_id: Some(letter.id),
            },
            Err(outcome) => outcome,
        }
    }

    async fn enquire(&self, _request: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(failure("unsupported", "a mail server cannot be asked"))
    }

    async fn read_callback(&self, _callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        Err(CallbackError::Unsupported)
    }
}
