//! TLS for every client of this crate: rustls with ring, no C build, no system packages.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// The client configuration. Trusted are the certificate authorities of the machine's own store, where
/// a company puts its internal ones, and Mozilla's, compiled in, so that a bare container works too.
pub(crate) fn client_config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots())
        .with_no_client_auth();
    config.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    Ok(config)
}

fn roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut store = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        store.add_parsable_certificates(machine_certificates().iter().cloned());
        Arc::new(store)
    });
    roots.clone()
}

/// The usable certificates of the machine's own store; read once, for there may be hundreds of files.
pub(crate) fn machine_certificates() -> &'static [CertificateDer<'static>] {
    static CERTIFICATES: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let mut certificates = rustls_native_certs::load_native_certs().certs;
        certificates.retain(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
        certificates
    })
}
