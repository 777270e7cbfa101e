//! A real SMTP server on loopback: `mailin` speaks the protocol, this module moves the bytes.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder, response};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a session handed over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) content: String,
    pub(crate) login: Option<String>,
}

/// A mailbox that replies as it is told. Clones share what arrived.
#[derive(Clone)]
pub(crate) struct Mailbox {
    arrived: Arc<Mutex<Vec<Mail>>>,
    sessions: Arc<Mutex<u32>>,
    to_recipient: Response,
    to_content: Response,
    current: Mail,
}

/// How connections are made safe.
pub(crate) enum Security<'a> {
    None,
    StartTls(&'a Certificate),
    Tls(&'a Certificate),
}

impl Mailbox {
    pub(crate) fn new(to_recipient: Response, to_content: Response) -> Self {
        Self {
            arrived: Arc::default(),
            sessions: Arc::default(),
            to_recipient,
            to_content,
            current: Mail::default(),
        }
    }

    /// All mail so far.
    pub(crate) fn arrived(&self) -> Vec<Mail> {
        self.arrived.lock().unwrap().clone()
    }

    /// How many connections there were.
    pub(crate) fn sessions(&self) -> u32 {
        *self.sessions.lock().unwrap()
    }

    /// Starts a server; it runs until the test ends. Returns its port.
    pub(crate) async fn serve(&self, security: Security<'_>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut builder = SessionBuilder::new("mail.example.org");
        let (start_tls, tls) = match security {
            Security::None => (None, None),
            Security::StartTls(certificate) => (Some(certificate.acceptor()), None),
            Security::Tls(certificate) => (None, Some(certificate.acceptor())),
        };
        if start_tls.is_some() {
            // A session with authentication takes no mail without it.
            builder.enable_start_tls().enable_auth(AuthMechanism::Plain);
        }
        let mailbox = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *mailbox.sessions.lock().unwrap() += 1;
                let session = builder.build(IpAddr::V4(Ipv4Addr::LOCALHOST), mailbox.clone());
                let (start_tls, tls) = (start_tls.clone(), tls.clone());
                // A client that breaks off ends its session, not the server.
                tokio::spawn(async move {
                    match tls {
                        Some(acceptor) => converse(session, acceptor.accept(stream).await?, None).await,
                        None => converse(session, stream, start_tls).await,
                    }
                });
            }
        });
        port
    }
}

/// Moves lines and replies, and upgrades where the session says so.
async fn converse<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    mut session: Session<Mailbox>,
    stream: S,
    start_tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(&session.greeting().buffer()?).await?;
    if let Some(acceptor) = exchange(&mut session, &mut stream)
        .await?
        .then_some(start_tls)
        .flatten()
    {
        let mut stream = BufReader::new(acceptor.accept(stream.into_inner()).await?);
        session.tls_active();
        exchange(&mut session, &mut stream).await?;
    }
    Ok(())
}

/// Answers lines until the end; true if the connection is to be upgraded.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<Mailbox>,
    stream: &mut BufReader<S>,
) -> io::Result<bool> {
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await? > 0 {
        let reply = session.process(&line);
        stream.write_all(&reply.buffer()?).await?;
        stream.flush().await?;
        match reply.action {
            Action::Close => return Ok(false),
            Action::UpgradeTls => return Ok(true),
            Action::NoReply | Action::Reply => line.clear(),
        }
    }
    Ok(false)
}

impl Handler for Mailbox {
    fn mail(&mut self, _ip: IpAddr, _domain: &str, from: &str) -> Response {
        self.current.from = from.into();
        self.current.content.clear();
        response::OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        self.current.to = vec![to.into()];
        self.to_recipient.clone()
    }

    fn data(&mut self, buffer: &[u8]) -> io::Result<()> {
        self.current.content += &String::from_utf8_lossy(buffer);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        if !self.to_content.is_error {
            self.arrived.lock().unwrap().push(self.current.clone());
        }
        self.to_content.clone()
    }

    fn auth_plain(&mut self, _authorization: &str, name: &str, password: &str) -> Response {
        if password != "s3cret" {
            return response::INVALID_CREDENTIALS;
        }
        self.current.login = Some(name.into());
        response::AUTH_OK
    }
}

/// A certificate for `localhost` that signs itself.
pub(crate) struct Certificate {
    key: CertifiedKey<rcgen::KeyPair>,
    pub(crate) pem: String,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let key = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let pem = key.cert.pem();
        Self { key, pem }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.key.cert.der().clone()], key)
            .unwrap();
        Arc::new(config).into()
    }
}
