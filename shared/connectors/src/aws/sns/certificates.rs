//! The certificates with whose keys SNS signs.
//!
//! Each has an address of its own, so that what was once fetched stays right until it expires. It is
//! trusted because it came from SNS's host over TLS; its issuer's certificate does not come with it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::connector::CallbackError;
use ring::signature::UnparsedPublicKey;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::envelope::Envelope;
use super::{WITHIN, Web};

/// Certificates kept. SNS has one per region, and changes it now and then.
const KEPT: usize = 8;

/// What is needed of a certificate.
pub(super) struct Certificate {
    /// The RSA public key (RFC 8017, appendix A.1.1).
    key: Vec<u8>,
    /// When it is valid, in seconds since the epoch.
    valid: RangeInclusive<i64>,
}

impl Certificate {
    pub(super) fn parse(pem: &[u8]) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem).ok()?;
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let validity = certificate.validity();
        Some(Self {
            key: certificate.public_key().subject_public_key.data.to_vec(),
            valid: validity.not_before.timestamp()..=validity.not_after.timestamp(),
        })
    }

    /// Whether it is valid now (in seconds since the epoch) and its key made the signature.
    pub(super) fn verifies(&self, envelope: &Envelope, now: i64) -> bool {
        let Some((algorithm, signature)) = envelope.signature() else {
            return false;
        };
        self.valid.contains(&now)
            && UnparsedPublicKey::new(algorithm, &self.key)
                .verify(envelope.signed_text().as_bytes(), &signature)
                .is_ok()
    }
}

/// Certificates by their address.
#[derive(Default)]
pub(super) struct Certificates {
    kept: Mutex<BTreeMap<Url, Arc<Certificate>>>,
    /// One fetch at a time: strangers may call as well, and one fetch serves all who wait.
    fetching: tokio::sync::Mutex<()>,
}

impl Certificates {
    /// A certificate, fetched if it is not known yet.
    pub(super) async fn get(&self, url: &Url, web: &Web) -> Result<Arc<Certificate>, CallbackError> {
        if let Some(known) = self.known(url) {
            return Ok(known);
        }
        let _turn = tokio::time::timeout(WITHIN, self.fetching.lock())
            .await
            .map_err(|_| CallbackError::Unavailable("other certificates are being fetched".into()))?;
        if let Some(known) = self.known(url) {
            return Ok(known);
        }
        let pem = web.get(url.clone()).await?;
        let certificate = Certificate::parse(&pem)
            .map(Arc::new)
            .ok_or_else(|| CallbackError::Malformed("the SigningCertURL leads to no certificate".into()))?;
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(url.clone(), certificate.clone());
        Ok(certificate)
    }

    fn known(&self, url: &Url) -> Option<Arc<Certificate>> {
        self.kept().get(url).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Url, Arc<Certificate>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
