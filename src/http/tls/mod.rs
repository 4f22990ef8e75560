//! TLS: whom we trust, how we show who we are, and what its errors mean.

mod validity;
mod verifier;
mod words;

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, InconsistentKeys, RootCertStore,
    client::danger::ServerCertVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use self::verifier::{Unchecked, Verifier};
use super::settings::{ClientError, ClientSettings};
use crate::secret::Secret;

pub(super) use self::words::words;

/// Chooses ring as the provider of TLS for the whole process. Whoever came first keeps its choice.
pub fn use_ring() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster, which is as good.
        let _ = ring::default_provider().install_default();
    }
}

/// The CA certificates of this system, also by `SSL_CERT_FILE` and `SSL_CERT_DIR`; none when there are none.
///
/// They are read once: reading costs milliseconds, and a client is built per way to speak to a registry.
pub(super) fn system_roots() -> Arc<RootCertStore> {
    static FOUND: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Arc::clone(found);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let roots = Arc::new(roots);
    if roots.is_empty() {
        // They may still be mounted.
        return roots;
    }
    Arc::clone(FOUND.get_or_init(|| roots))
}

/// The TLS half of `settings`.
pub(super) fn config(
    settings: &ClientSettings,
    system_roots: &Arc<RootCertStore>,
) -> Result<ClientConfig, ClientError> {
    let failed = |error: rustls::Error| ClientError::Tls(error.to_string());
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if settings.insecure {
        Arc::new(Unchecked::new(&provider))
    } else {
        let pinned = certificates(&settings.extra_roots)?;
        let roots = with(system_roots, &pinned)?;
        Arc::new(Verifier::new(&roots, pinned, &provider).map_err(|error| ClientError::Tls(error.to_string()))?)
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &settings.client_identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = client_identity(identity)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => ClientError::ClientKeyMismatch,
                rustls::Error::InvalidCertificate(_) => ClientError::ClientCertificate,
                // What the key's own parser says of it.
                rustls::Error::General(_) => ClientError::ClientKey,
                error => failed(error),
            })?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn with(system: &Arc<RootCertStore>, extra: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, ClientError> {
    if extra.is_empty() {
        return Ok(Arc::clone(system));
    }
    let mut roots = RootCertStore::clone(system);
    for certificate in extra {
        roots.add(certificate.clone()).map_err(|_| ClientError::NoCertificate)?;
    }
    Ok(Arc::new(roots))
}

fn certificates(bundles: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let mut all = Vec::new();
    for pem in bundles {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match found {
            Ok(found) if !found.is_empty() => all.extend(found),
            _ => return Err(ClientError::NoCertificate),
        }
    }
    Ok(all)
}

fn client_identity(pem: &Secret) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ClientError> {
    let pem = pem.expose().as_bytes();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| ClientError::ClientKey)?;
    Ok((chain.ok_or(ClientError::ClientCertificate)?, key))
}
