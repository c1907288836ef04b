//! TLS of both ends: whom a witness's certificate has to lead to, and what a witness shows.

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why nobody can be spoken to so.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{} cannot be read as PEM", file.display())]
    Pem { file: PathBuf, source: pem::Error },
    #[error("{} has no certificate in it", .0.display())]
    Empty(PathBuf),
    #[error("{} has a certificate in it that is none", file.display())]
    Root { file: PathBuf, source: rustls::Error },
    #[error("{} and {} are not a certificate and its key", certificate.display(), key.display())]
    Pair {
        certificate: PathBuf,
        key: PathBuf,
        source: rustls::Error,
    },
    #[error("TLS cannot be spoken here")]
    Unable(#[source] rustls::Error),
}

/// Believes certificates of these authorities, and of those that the machine believes.
pub fn believing(own: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = own {
        let wrong = |source| {
            let file = file.to_owned();
            TlsError::Root { file, source }
        };
        for certificate in certificates(file)? {
            roots.add(certificate).map_err(wrong)?;
        }
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unable)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Shows this certificate, behind which those between may stand.
pub fn showing(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let chain = certificates(certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|source| unreadable(key, source))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unable)?;
    let shown = config.with_no_client_auth().with_single_cert(chain, secret);
    let mut shown = shown.map_err(|source| TlsError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })?;
    shown.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(shown)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|source| unreadable(file, source))?;
    match found.is_empty() {
        true => Err(TlsError::Empty(file.to_owned())),
        false => Ok(found),
    }
}

fn unreadable(file: &Path, source: pem::Error) -> TlsError {
    let file = file.to_owned();
    TlsError::Pem { file, source }
}
